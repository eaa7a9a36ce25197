import CLinux
import Entries
import ExternalSort
import Formats
import Glibc
import LinuxKernel
import ScanEngine
import Snapshots
import WorkStealing

/// `fsscan scan`: from checked settings to an exit status.
struct ScanProgram {
    private let settings: ScanSettings

    init(_ settings: ScanSettings) { self.settings = settings }

    /// Throws errors for which `FSScan` has a line and a status.
    func run() throws -> ExitStatus {
        if let shard = settings.shard { return try ShardProgram(settings, shard).run() }
        let paths = try allPaths()
        if let format = settings.format.records, format.isTree, paths.count != 1 {
            throw UsageError("--format \(settings.format): takes one PATH, because the format has one root")
        }
        warnOfOverlaps(paths)
        for line in ExcludeAdvice(settings.options.exclude, paths: paths, quoting: .forErrors).lines {
            StandardStreams.complain(line)
        }
        let options = settings.scanOptions(
            paths: paths, patterns: try settings.patternLists.flatMap { try $0.patterns() },
            threads: settings.threads ?? Scheduler.defaultThreads)

        NameLocale.use(for: options.selection)

        // From here on a signal must not end the process without its report.
        clinux_install_stop_handler()
        let output = try OutputFile(settings.output, mode: settings.mode)
        let records = try settings.format.records.map { format throws(OutputError) in
            try Self.makeRecords(format, options, settings, output)
        }
        var environment = ScanEnvironment()
        environment.baseline = try makeBaseline(options)
        let earlier = settings.save.flatMap { ProgressDisplay.Expected.earlier(in: $0, of: paths) }
        let expected = ProgressDisplay.Expected(earlier, options, isQuick: settings.baseline != nil)
        let saved = try settings.save.map { path throws(SaveFailure) in
            try SavedScanWriter(path, options, label: settings.label, version: Program.version, mode: settings.mode)
        }
        // Files that the scan itself writes do not belong to the tree: otherwise every verify would find them changed.
        environment.leftOut = settings.save.flatMap { LeftOut($0, suffixes: LeftOut.ofDatabases) }
        environment.onContradiction = { StandardStreams.complain($0, ContentBaseline.contradiction) }
        let trace = try settings.trace.map { path throws(OutputError) in try TraceFile(path, mode: settings.mode) }
        if let records { environment.outputs.append(records) }
        if let saved { environment.outputs.append(saved) }
        if let trace { environment.trace = { trace.write($0) } }
        environment.isCancelled = { clinux_stop_signal() != 0 }
        environment.deadline = settings.deadline.map { Deadline(seconds: $0) }
        // Errors that the output does not contain are reported when they happen, as in find.
        if !settings.format.tellsAll {
            environment.onError = { error in StandardStreams.complain(error.path, error.message) }
        }
        let scan: Scan
        do throws(ScanUnavailable) {
            scan = try Scan(options, environment)
        } catch {
            saved?.abandon()
            throw error
        }
        MIMEHelp.warn(scan)
        records?.begin(scan.options, version: Program.version, scan.start)
        let progress = ProgressDisplay(settings.progress)
        progress.begin(.scanning(scan, expected))
        var report = environment.deadline == nil ? scan.run() : scan.runUntilDeadline()
        progress.stop()
        let isLate = !report.complete && environment.deadline?.hasPassed == true
        if isLate { StandardStreams.complain("stopped by --deadline: the report is not complete") }
        // The scan is saved before its report is written, because a reader of the report may close the pipe.
        var proof: SavedProof?
        if let saved {
            if report.complete || saved.failed { proof = try saved.finish(report) } else { saved.abandon() }
        }
        if let path = settings.save {
            Self.warn(ofSaved: path, environment.leftOut)
            if let proof { Self.keep(proof, of: path, in: &report) }
        }

        guard try write(report, scan.options, records, to: output) else { return .late }
        try output.finish()
        try trace?.finish()
        if let stopped = ExitStatus.stopSignal { return stopped }
        if isLate { return .late }
        return report.totals.errors > 0 ? .unreadable : .success
    }

    /// - Returns: false if a deadline has cut the output short.
    private func write(
        _ report: ScanReport, _ options: ScanOptions, _ records: RecordOutput?, to output: OutputFile
    ) throws -> Bool {
        guard settings.format.records != nil else {
            // JSON contains them.
            if settings.format != .json { printStatistics(report) }
            let file = ReportFile(settings: settings)
            try file.write(report, options, includesStatistics: settings.statistics, to: output)
            return true
        }
        if !settings.format.tellsAll { printStatistics(report) }
        if !report.hasAllRecords {
            StandardStreams.complain("the output was not read in time, so it is incomplete")
            return false
        }
        records?.finish(report, includesStatistics: settings.statistics)
        if let failure = records?.failure { throw Self.outputError(of: failure, settings) }
        return true
    }

    static func makeRecords(
        _ format: RecordFormat, _ options: ScanOptions, _ settings: ScanSettings, _ output: OutputFile
    ) throws(OutputError) -> RecordOutput {
        let sink = RecordSink(output: output)
        // Some formats have raw names, which programs want but a terminal would obey.
        let quoting = isatty(output.descriptor) == 1 ? Quoting(for: output.descriptor) : nil
        let end = settings.endsLinesInNUL ? 0 : UInt8(ascii: "\n")
        let format = settings.withLines(format, areForTerminal: quoting != nil)
        let records = RecordOutput(
            format, for: options, sorted: settings.sorted, isCancelled: { clinux_stop_signal() != 0 }
        ) { lines in
            guard let quoting else { return try sink.output.write(lines) }
            try quoting.escapedLines(Array(lines), end: end).withUnsafeBytes { try sink.output.write($0) }
        }
        do throws(TemporaryFileError) {
            try records.prepare()
        } catch {
            throw outputError(of: error, settings)
        }
        return records
    }

    /// The reason why records failed: the output itself, or the temporary file, whose use may surprise the user.
    static func outputError(of failure: any Error, _ settings: ScanSettings) -> OutputError {
        switch failure {
        case let failure as OutputError: return failure
        case let failure as TemporaryFileError:
            let option = settings.sorted ? "--sorted" : "--format \(settings.format)"
            return OutputError(
                path: failure.directory,
                cause: PlaceError(Errno(failure.number), "temporary file for \(option)"))
        default: preconditionFailure("records failed for an unknown reason: \(failure)")
        }
    }

    private func makeBaseline(_ options: ScanOptions) throws(UsageError) -> ContentBaseline? {
        guard let argument = settings.baseline else { return nil }
        return try ContentBaseline.saved(argument, settings.trust, expected: settings.expected, for: options)
    }

    private func allPaths() throws(UsageError) -> [[UInt8]] {
        var paths = settings.paths
        if let lines = paths.first(where: { FilesFrom.isListOfLines($0, alone: false) }) {
            throw UsageError(
                "PATH", CarriedArgument(bytes: lines), "is too long; for one PATH per line use --files-from-lines")
        }
        for list in settings.pathLists { paths += try list.paths() }
        return paths
    }

    /// The number of warnings that are printed; a list of PATHs made by find may cause one per line.
    private static let overlapLimit = 10

    private func warnOfOverlaps(_ paths: [[UInt8]]) {
        let pairs = Overlaps(paths, areFollowed: settings.options.followRoots).pairs
        let quoting = Quoting.forErrors
        for (outer, inner, isSame) in pairs.prefix(Self.overlapLimit) {
            let line =
                Array("warning: ".utf8) + quoting.quoted(paths[inner])
                + Array((isSame ? " is the same as " : " lies in ").utf8)
                + quoting.quoted(paths[outer]) + Array(", its entries count more than once in the totals".utf8)
            StandardStreams.complain(line)
        }
        if pairs.count > Self.overlapLimit {
            let count = Int64(pairs.count - Self.overlapLimit)
            StandardStreams.complain("warning: \(HumanUnits.count(count, "more PATH", "more PATHs")) in other PATHs")
        }
    }

    /// The scan does not see the file that it is saved in.
    static func warn(ofSaved path: [UInt8], _ leftOut: LeftOut?) {
        if leftOut?.places.isEmpty != false { return }
        StandardStreams.complain(path, "warning: is inside the saved tree, and is left out")
    }

    /// Prints the evidence of a saved scan, and adds it to the report.
    static func keep(_ proof: SavedProof, of path: [UInt8], in report: inout ScanReport) {
        let kept = KeptScan(path: path, scan: proof.scan, evidence: proof.evidence.hex, sha256: proof.sha256)
        printEvidence(report, kept)
        report.kept = kept
    }

    /// The evidence to keep elsewhere, so that a replaced scan is detected.
    private static func printEvidence(_ report: ScanReport, _ kept: KeptScan) {
        let scan = kept.path + Array("#\(kept.scan)".utf8)
        let quoting = Quoting.forErrors
        for root in report.roots {
            for digest in root.digests ?? [] {
                StandardStreams.complain(
                    quoting.quoted(scan) + Array(": \(digest.algorithm) of the root ".utf8)
                        + quoting.quoted(root.path) + Array(": \(digest.hex)".utf8))
            }
        }
        if let use = report.baseline {
            let count = HumanUnits.count(use.reused, "file was", "files were")
            StandardStreams.complain(scan, "\(count) not read: the digests are those of the baseline")
        }
        StandardStreams.complain(scan, "evidence: \(kept.evidence)")
        StandardStreams.complain(kept.path, "sha256 of the file: \(kept.sha256)")
    }

    /// Prints counters to standard error, one per line, if the output has no place for them.
    private func printStatistics(_ report: ScanReport) {
        guard settings.statistics else { return }
        for (name, value) in report.statistics { StandardStreams.complain("\(name): \(value)") }
    }
}

extension ScanSettings {
    /// A format with the requested lines.
    func withLines(_ format: RecordFormat, areForTerminal: Bool) -> RecordFormat {
        var form = RecordLines()
        form.endInNUL = endsLinesInNUL
        form.areForTerminal = areForTerminal
        return format.withLines?(form) ?? format
    }
}

/// The output, as the records' sink.
///
/// `@unchecked Sendable`: `RecordOutput` calls its sink from one thread at a time, under a lock, and nothing else
/// writes until it has finished.
struct RecordSink: @unchecked Sendable {
    let output: OutputFile
}
