import Bytes
import CLinux
import Entries
import ExternalSort
import Formats
import Glibc
import LinuxKernel
import ScanEngine
import Snapshots
import Synchronization
import WorkStealing

/// `fsscan duplicates`: from checked settings to an exit status.
struct DuplicatesProgram {
    private let settings: DuplicatesSettings

    init(_ settings: DuplicatesSettings) { self.settings = settings }

    /// - Throws: errors that `FSScan` turns into a line and an exit status.
    func run() throws -> ExitStatus {
        // From here on a signal must not end the process without its report.
        clinux_install_stop_handler()
        let output = try OutputFile(settings.output, mode: settings.mode)
        let progress = ProgressDisplay(settings.progress)
        if let saved = try savedScan(progress) { return try report(saved, output, progress) }
        if settings.baseline == nil, !settings.expected.isEmpty {
            throw UsageError("--expect is for a saved scan: SAVED, or that of --baseline")
        }
        // A misspelt rule would be taken for a path.
        if case .below(let path) = settings.options.keep, withCString(path, { access($0, F_OK) }) != 0 {
            let name = CarriedArgument(bytes: path)
            throw UsageError("--keep", name, "is not oldest, newest, shortest or an existing PATH")
        }
        var scan = settings.scan
        (scan.paths, scan.threads) = (settings.paths, settings.threads ?? Scheduler.defaultThreads)
        scan.exclude =
            try settings.patternLists.flatMap { list throws(UsageError) in try list.patterns() } + scan.exclude
        var environment = ScanEnvironment()
        environment.isCancelled = { clinux_stop_signal() != 0 }
        if let baseline = settings.baseline {
            var options = scan
            options.hash = [settings.options.algorithm]
            environment.baseline = try ContentBaseline.saved(
                baseline.argument, baseline.trust, expected: settings.expected, for: options)
        }
        if settings.format != .json, settings.format != .ndjson {
            environment.onError = { error in StandardStreams.complain(error.path, error.message) }
        }
        do {
            let finder = try DuplicateFinder(scan, settings.options, environment)
            progress.begin(.scanning(finder.progress, ProgressDisplay.Expected(nil, scan, isQuick: false)))
            let report = try finder.run { progress.begin(.reading(finder.reading)) }
            progress.stop()
            // The kernel takes all memory at once when the process ends. To release a million paths takes longer.
            Self.lastReport.withLock { $0 = report }
            return try finish(report, finder.unique, output, below: scan.paths)
        } catch let error as TemporaryFileError {
            throw outputError(of: error)
        }
    }

    private static let lastReport = Mutex<DuplicateReport?>(nil)

    private func report(
        _ saved: SavedDuplicates, _ output: OutputFile, _ progress: ProgressDisplay
    ) throws -> ExitStatus {
        var saved = saved
        do {
            let report = try saved.run { clinux_stop_signal() != 0 }
            progress.stop()
            return try finish(report, saved.unique, output, below: saved.roots)
        } catch let error as TemporaryFileError {
            throw outputError(of: error)
        }
    }

    private func finish(
        _ report: DuplicateReport, _ unique: UniqueFiles?, _ output: OutputFile, below roots: [[UInt8]]
    ) throws -> ExitStatus {
        try DuplicatesWriter(settings, report, unique, below: roots).write(to: output)
        try output.finish()
        if let stopped = ExitStatus.stopSignal { return stopped }
        if report.totals.errors > 0 || !report.isComplete { return .trouble }
        return report.totals.groups > 0 ? .different : .success
    }

    private func outputError(of error: TemporaryFileError) -> OutputError {
        OutputError(path: error.directory, cause: PlaceError(Errno(error.number), "temporary file for sorting"))
    }

    // MARK: Saved scans

    /// If the only PATH is a file of saved scans, or FILE#3.
    private func savedScan(_ progress: ProgressDisplay) throws -> SavedDuplicates? {
        guard settings.paths.count == 1, let argument = try? SnapshotArgument(settings.paths[0]),
            case .file(let file, let scan) = argument, scan != nil || Self.isDatabase(file)
        else { return nil }
        let expected = ExpectedEvidence(values: settings.expected)
        let opened = try OpenedSnapshot(
            file, selector: scan, otherRoots: [], isToBeHashed: settings.baseline == nil && !expected.isEmpty)
        guard opened.saved != nil else { throw SnapshotFailure(path: file, "is not a file of saved scans") }
        if let option = settings.scanOption {
            throw UsageError("\(option) is for a scan, and \(String(decoding: file, as: UTF8.self)) is a saved one")
        }
        _ = try expected.confirm(opened, file)
        let selected = settings.scan.selection
        let selector = selected.isEmpty ? nil : EntrySelector(selected, now: settings.now)
        return try SavedDuplicates(
            progress.counting(opened.source), settings.options, selector, asked: settings.hash, file: file)
    }

    /// Whether a regular file begins like an SQLite database.
    private static func isDatabase(_ path: [UInt8]) -> Bool {
        guard let hold = try? FileHold.hold(path) else { return false }
        var status = FileStatus()
        guard (try? Kernel.status(of: hold.number, .basic, into: &status)) != nil, status.kind == .file,
            let file = try? Kernel.open(held: hold.number),
            let beginning = try? Kernel.contents(of: file.number, limit: SavedScans.magic.count)
        else { return false }
        return beginning == SavedScans.magic
    }
}

/// Writes the result in the requested format.
struct DuplicatesWriter {
    private let settings: DuplicatesSettings
    private let report: DuplicateReport
    private let unique: UniqueFiles?
    /// Nil: nothing is changed.
    private let reclaimer: Reclaimer?

    /// Bytes buffered before they are written.
    private static let pieceSize = 1 << 16

    /// - Parameter roots: the PATHs.
    init(
        _ settings: DuplicatesSettings, _ report: DuplicateReport, _ unique: UniqueFiles?, below roots: [[UInt8]]
    ) {
        (self.settings, self.report, self.unique) = (settings, report, unique)
        reclaimer = settings.manner.map { manner in
            Reclaimer(manner, isDryRun: settings.isDryRun, keep: settings.options.keep, roots: roots) {
                clinux_stop_signal() != 0
            }
        }
    }

    func write(to output: OutputFile) throws {
        switch settings.format {
        case .text: try writeText(to: output)
        case .nulSeparated: try writePaths(to: output)
        case .json, .ndjson:
            var json = DuplicatesJSON(
                settings.options, settings.scan.selection.resolved(settings.now),
                isLines: settings.format == .ndjson, takesBack: settings.manner != nil)
            try json.write(report, unique, to: output) { tell throws(OutputError) in
                try reclaim(tell)
            }
        }
    }

    /// Reports each action after it is done.
    ///
    /// - Returns: the bytes gained, and the number of files left alone.
    private func reclaim(_ tell: (ReclaimAction) throws(OutputError) -> Void) throws(OutputError) -> Reclaimed? {
        guard let reclaimer else { return nil }
        var sum = Reclaimed(manner: settings.manner?.rawValue ?? "", isDryRun: settings.isDryRun)
        for group in report.groups {
            try reclaimer.reclaim(group) { action throws(OutputError) in
                sum.count(action)
                try tell(action)
            }
        }
        return sum
    }

    private func writePaths(to output: OutputFile) throws {
        var buffer = ByteBuffer(capacity: 2 * Self.pieceSize)
        func drain(_ buffer: inout ByteBuffer, atLeast size: Int) throws(OutputError) {
            if buffer.count >= size { try buffer.drain { bytes throws(OutputError) in try output.write(bytes) } }
        }
        if let unique {
            try unique.forEach { path, _, _ in
                buffer.append(path)
                buffer.append(0)
                try drain(&buffer, atLeast: Self.pieceSize)
            }
        } else {
            for group in report.groups {
                for path in group.inodes.lazy.flatMap(\.paths) {
                    buffer.append(path)
                    buffer.append(0)
                }
                buffer.append(0)
                try drain(&buffer, atLeast: Self.pieceSize)
            }
        }
        try drain(&buffer, atLeast: 1)
    }

    // MARK: Text

    private func writeText(to output: OutputFile) throws {
        let style = TextStyle(for: output.descriptor)
        var buffer = ByteBuffer(capacity: 2 * Self.pieceSize)
        func line(_ text: [UInt8]) throws(OutputError) {
            buffer.append(text)
            buffer.append(UInt8(ascii: "\n"))
            if buffer.count >= Self.pieceSize {
                try buffer.drain { bytes throws(OutputError) in try output.write(bytes) }
            }
        }
        if let unique {
            try unique.forEach { path, _, _ in try line(style.quoting.escaped(path)) }
        } else {
            for directory in report.directories {
                try line(style.title(Array(Self.heading(directory).utf8)))
                for path in directory.paths { try line(style.quoting.escaped(path)) }
                try line([])
            }
            for (index, group) in report.groups.enumerated() where !report.covered.contains(index) {
                try line(style.title(Array(Self.heading(group).utf8)))
                for path in group.inodes.lazy.flatMap(\.paths) { try line(style.quoting.escaped(path)) }
                try line([])
            }
            try line(Array(summary.utf8))
            try writeActions(style.quoting, &buffer, to: output)
        }
        if !report.isComplete {
            try line(style.warning(Array("Stopped before the end: this list is incomplete.".utf8)))
        }
        if report.totals.errors > 0 {
            let count = HumanUnits.count(report.totals.errors, "error", "errors")
            try line(style.warning(Array("\(count): not everything could be read, see standard error.".utf8)))
        }
        try buffer.drain { bytes throws(OutputError) in try output.write(bytes) }
    }

    /// Writes a line per file at once, so that the log of a killed process misses only the last.
    private func writeActions(_ quoting: Quoting, _ buffer: inout ByteBuffer, to output: OutputFile) throws {
        try buffer.drain { bytes throws(OutputError) in try output.write(bytes) }
        let verb = settings.manner == .reflink ? "shared" : "linked"
        let sum = try reclaim { action throws(OutputError) in
            var line: [UInt8]
            switch action.outcome {
            case .done:
                line = Array((settings.isDryRun ? "would be \(verb) " : "\(verb) ").utf8)
                line += quoting.quoted(action.path) + Array(" with ".utf8) + quoting.quoted(action.kept)
            case .left(let reason):
                line = Array("left ".utf8) + quoting.quoted(action.path) + Array(": \(reason)".utf8)
            }
            buffer.append(line)
            buffer.append(UInt8(ascii: "\n"))
            try buffer.drain { bytes throws(OutputError) in try output.write(bytes) }
        }
        guard let sum else { return }
        let (done, left) = (HumanUnits.count(sum.done, "name", "names"), HumanUnits.count(sum.left, "name", "names"))
        let how = settings.isDryRun ? "would be \(verb)" : verb
        buffer.append("\(done) \(how), \(HumanUnits.bytes(sum.bytes)) in all; \(left) left as they are.\n")
    }

    /// `12.0 KiB each, 3 files (4 names): 24.0 KiB to be gained`
    private static func heading(_ group: DuplicateGroup) -> String {
        let inodes = group.inodes.count
        var text = "\(HumanUnits.bytes(group.size)) each, \(HumanUnits.count(Int64(inodes), "file", "files"))"
        if group.fileCount > inodes { text += " (\(HumanUnits.count(Int64(group.fileCount), "name", "names")))" }
        text += ": \(HumanUnits.bytes(group.reclaimableBytes)) to be gained"
        if group.sharedBytes > 0 { text += ", \(HumanUnits.bytes(group.sharedBytes)) shared already" }
        return text
    }

    /// `1.2 MiB each, 2 equal directories of 12 files: 1.2 MiB on disk each`
    private static func heading(_ group: DirectoryGroup) -> String {
        "\(HumanUnits.bytes(group.size)) each, \(HumanUnits.count(Int64(group.paths.count))) equal directories of "
            + "\(HumanUnits.count(group.files, "file", "files")): \(HumanUnits.bytes(group.diskBytes)) on disk each"
    }

    private var summary: String {
        let totals = report.totals
        if totals.groups == 0 {
            return "No duplicates among \(HumanUnits.count(totals.inodes, "file", "files"))."
        }
        let files = HumanUnits.count(totals.duplicateInodes, "file", "files")
        return "\(files) in \(HumanUnits.count(totals.groups, "group", "groups")): "
            + "\(HumanUnits.bytes(totals.reclaimableBytes)) to be gained."
    }
}

/// Sums of the actions.
struct Reclaimed {
    let manner: String
    let isDryRun: Bool
    /// Names.
    private(set) var done: Int64 = 0
    private(set) var left: Int64 = 0
    private(set) var bytes: Int64 = 0

    init(manner: String, isDryRun: Bool) { (self.manner, self.isDryRun) = (manner, isDryRun) }

    mutating func count(_ action: ReclaimAction) {
        switch action.outcome {
        case .done(let bytes):
            done += 1
            self.bytes.addSaturating(bytes)
        case .left: left += 1
        }
    }
}
