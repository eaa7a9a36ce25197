import CLinux
import Glibc
import ScanEngine
import Snapshots

/// `fsscan scan`: from checked settings to an exit status.
struct ScanProgram {
    private let settings: ScanSettings

    init(_ settings: ScanSettings) { self.settings = settings }

    /// Throws `UsageError` and `OutputError`.
    func run() throws -> ExitStatus {
        let paths = try allPaths()
        if let format = settings.format.records, format.isTree, paths.count != 1 {
            throw UsageError("--format \(settings.format): takes one PATH, as the format has one root")
        }
        warnOfOverlaps(paths)
        let options = settings.scanOptions(paths: paths, threads: settings.threads ?? DefaultThreads.count())

        // From here on a signal must not end the process without its report.
        clinux_install_stop_handler()
        let output = try OutputFile(settings.output)
        let records = settings.format.records.map { makeRecords($0, options, output) }
        var environment = ScanEnvironment()
        environment.baseline = try makeBaseline(options)
        let saved = try settings.save.map { path throws(SaveFailure) in
            try SavedScanWriter(path, options, label: settings.label, version: Invocation.version)
        }
        let trace = try settings.trace.map { path throws(OutputError) in try TraceFile(path) }
        if let records { environment.outputs.append(records) }
        if let saved { environment.outputs.append(saved) }
        if let trace { environment.trace = { trace.write($0) } }
        environment.isCancelled = { clinux_stop_signal() != 0 }
        // Where the output itself does not tell of errors, they are told when they happen, as find does.
        if settings.format != .json && settings.format != .ndjson {
            environment.onError = { error in StandardStreams.complain(error.path, error.message) }
        }
        let scan = try makeScan(options, environment)
        MIMEHelp.warn(scan)
        records?.begin(options, version: Invocation.version, scan.start)
        let progress = settings.progress ?? (isatty(2) == 1) ? ProgressDisplay(scan) : nil
        let report = scan.run()
        progress?.stop()
        // The scan is kept before its report is written: a reader of the report may go away.
        try saved.map { saved throws(SaveFailure) in
            if report.complete || saved.failed { try saved.finish(report) } else { saved.abandon() }
        }
        if let saved, let path = settings.save, report.complete { try printEvidence(report, saved.scan, path) }

        switch settings.format {
        case .json:
            let json = ReportJSON(
                report, options: options, version: Invocation.version, includesStatistics: settings.statistics)
            try json.write { try output.write($0) }
        case .text:
            printStatistics(report)
            var summary = TextSummary(report, options: options, style: TextStyle(for: output.descriptor))
            try summary.bytes().withUnsafeBytes { try output.write($0) }
        case .ndjson, .ncdu, .mtree, .csv, .mca, .sha256sum, .sha1sum, .sha512sum, .md5sum, .b2sum:
            if settings.format != .ndjson { printStatistics(report) }
            records?.finish(report, includesStatistics: settings.statistics)
            if let failure = records?.failure { throw OutputError(of: failure) }
        }
        try output.finish()
        try trace?.finish()
        if let stopped = ExitStatus.stopSignal { return stopped }
        return report.totals.errors > 0 ? .unreadable : .success
    }

    private func makeRecords(_ format: RecordFormat, _ options: ScanOptions, _ output: OutputFile) -> RecordOutput {
        let sink = RecordSink(output: output)
        return RecordOutput(format, digests: DigestSet(options.hash), sorted: settings.sorted) {
            try sink.output.write($0)
        }
    }

    private func makeScan(
        _ options: ScanOptions, _ environment: ScanEnvironment
    ) throws(UsageError) -> Scan {
        do throws(ScanUnavailable) {
            return try Scan(options, environment)
        } catch {
            throw UsageError("\(error.option): \(error.message)")
        }
    }

    private func makeBaseline(_ options: ScanOptions) throws(UsageError) -> ContentBaseline? {
        guard let argument = settings.baseline else { return nil }
        do throws(SnapshotFailure) {
            guard case .file(let file, let selector) = try SnapshotArgument(argument) else {
                throw SnapshotFailure(path: argument, "is a directory, not a saved scan")
            }
            let scans = try SavedScans(file)
            let scan = try scans.scan(selector)
            let missing = ContentBaseline.missing(DigestSet(options.hash), in: DigestSet(scan.options.hash))
            if !missing.isEmpty {
                let names = missing.map(\.rawValue).joined(separator: ", ")
                StandardStreams.complain("warning: --baseline: no \(names) was saved, so every file is read")
            }
            return try scans.baseline(scan, for: options)
        } catch {
            throw UsageError(
                "--baseline", CarriedArgument(bytes: error.path ?? argument), "cannot be used: \(error.message)")
        }
    }

    private func allPaths() throws(UsageError) -> [[UInt8]] {
        guard let list = settings.filesFrom else { return settings.paths }
        do throws(SystemError) {
            return settings.paths + (try FilesFrom.read(list))
        } catch {
            throw UsageError("--files-from", CarriedArgument(bytes: list), "cannot be read: \(error.message)")
        }
    }

    /// The warnings that are printed one by one; a list of PATHs made by find has as many as it has lines.
    private static let overlapLimit = 10

    private func warnOfOverlaps(_ paths: [[UInt8]]) {
        let pairs = Overlaps(paths).pairs
        let quoting = Quoting.forErrors
        for (outer, inner, isSame) in pairs.prefix(Self.overlapLimit) {
            let line =
                Array("warning: ".utf8) + quoting.quoted(paths[inner])
                + Array((isSame ? " is the same as " : " lies in ").utf8)
                + quoting.quoted(paths[outer]) + Array(", its entries count twice in the totals".utf8)
            StandardStreams.complain(line)
        }
        if pairs.count > Self.overlapLimit {
            let count = Int64(pairs.count - Self.overlapLimit)
            StandardStreams.complain("warning: \(HumanUnits.count(count, "more PATH", "more PATHs")) in other PATHs")
        }
    }

    /// What to keep elsewhere, so that nobody can put another scan in the place of this one unnoticed.
    private func printEvidence(_ report: ScanReport, _ scan: Int64, _ path: [UInt8]) throws(SaveFailure) {
        let quoting = Quoting.forErrors
        for root in report.roots {
            for digest in root.digests ?? [] {
                StandardStreams.complain(
                    quoting.quoted(path + Array("#\(scan)".utf8)) + Array(": \(digest.algorithm) of the root ".utf8)
                        + quoting.quoted(root.path) + Array(": \(digest.hex)".utf8))
            }
        }
        do throws(SnapshotFailure) {
            StandardStreams.complain(path, "sha256 of the file: \(try FileDigest.sha256(path))")
        } catch {
            throw SaveFailure(path: path, message: error.message)
        }
    }

    /// Where the output has no place for them, counters go to standard error, a line each.
    private func printStatistics(_ report: ScanReport) {
        guard settings.statistics else { return }
        for (name, value) in report.statistics { StandardStreams.complain("\(name): \(value)") }
    }
}

/// The output, as the records' sink.
///
/// `@unchecked Sendable`: `RecordOutput` calls its sink by one thread at a time, under a lock, and nobody else writes
/// until it has finished.
private struct RecordSink: @unchecked Sendable {
    let output: OutputFile
}

extension OutputError {
    /// What made records fail: the output itself, or the temporary file of `--sorted`.
    fileprivate init(of failure: any Error) {
        switch failure {
        case let failure as OutputError: self = failure
        case let failure as TemporaryFileError: self.init(path: failure.directory, error: SystemError(failure.number))
        default: preconditionFailure("records failed for an unknown reason: \(failure)")
        }
    }
}
