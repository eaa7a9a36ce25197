import CLinux
import Entries
import Formats
import ScanEngine
import Snapshots

/// What one rank writes besides the report, or passes on to the first rank: records, a saved scan.
///
///   -o DIR/       each rank has a part of the records
///   -o FILE       the first rank writes the records of all
///   --save FILE   the first rank saves the entries of all
struct RankOutputs {
    /// Records that this rank writes.
    let records: RecordPart?
    let saved: SavedScanWriter?
    /// For entries that one rank passes to another.
    let queue: PieceQueue?
    /// Of the first rank, if others pass entries to it.
    let writer: PieceWriter?
    /// Those that pass on to the first rank.
    private let passing: [any EntryOutput]

    /// A full queue holds back the workers of its rank.
    private static let queueLimit = 1 << 20

    /// For the first rank, before the others begin. Errors end the job before it scans.
    ///
    /// - Parameter output: where `-o FILE` goes.
    init(first settings: RankSettings, _ options: ScanOptions, _ output: OutputFile?) throws {
        let scan = settings.scan
        records = try scan.format.records.map { (format) throws(OutputError) in
            if let directory = settings.recordDirectory {
                try OutputDirectory.make(directory, mode: scan.mode)
                return try RecordPart(rank: 0, in: directory, options, scan)
            }
            guard let output else { preconditionFailure("records have a file or a directory") }
            return try RecordPart(output, format, options, scan)
        }
        saved = try scan.save.map { path throws(SaveFailure) in
            try SavedScanWriter(path, options, label: scan.label, version: Program.version, mode: scan.mode)
        }
        var outputs: [Piece.Output: any MergingOutput] = [:]
        if settings.recordDirectory == nil, let records { outputs[.records] = records.records }
        if let saved { outputs[.saved] = saved }
        // Full when the others have sent what they may.
        queue = outputs.isEmpty ? nil : PieceQueue(limit: .max)
        writer = queue.map { PieceWriter($0, outputs) }
        passing = []
    }

    /// For another rank.
    init(_ settings: RankSettings, rank: Int, _ options: ScanOptions) throws(OutputError) {
        let scan = settings.scan
        records = try settings.recordDirectory.map { (directory) throws(OutputError) in
            try RecordPart(rank: rank, in: directory, options, scan)
        }
        (saved, writer) = (nil, nil)
        let queue = PieceQueue(limit: Self.queueLimit)
        var passing: [any EntryOutput] = []
        if records == nil, let format = scan.format.records {
            let format = scan.withLines(format, areForTerminal: false)
            passing.append(
                RecordOutput.passing(format, for: options, sorted: scan.sorted) {
                    queue.put(Piece(output: .records, rank: rank, bytes: Array($0)))
                })
        }
        if scan.save != nil {
            passing.append(
                SavedScanWriter.output(options) { queue.put(Piece(output: .saved, rank: rank, bytes: Array($0))) })
        }
        self.passing = passing
        self.queue = passing.isEmpty ? nil : queue
    }

    var all: [any EntryOutput] {
        var all = passing
        if let records { all.append(records.records) }
        if let saved { all.append(saved) }
        return all
    }

    /// Reports why an output of the first rank cannot be written.
    func failure(_ settings: ScanSettings) -> ExitStatus {
        do {
            if let failure = records?.records.failure { throw ScanProgram.outputError(of: failure, settings) }
            try saved?.finish(ScanReport())
            preconditionFailure("called without a failed output")
        } catch {
            return ExitStatus(reporting: error)
        }
    }

    /// Saves a complete scan.
    func save(_ report: inout ScanReport, _ settings: ScanSettings) throws(SaveFailure) {
        guard let saved, let path = settings.save else { return }
        if !report.complete && !saved.failed { return saved.abandon() }
        ScanProgram.keep(try saved.finish(report), of: path, in: &report)
    }
}
