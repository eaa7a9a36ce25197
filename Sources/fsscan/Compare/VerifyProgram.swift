import CLinux
import ScanEngine
import Snapshots

/// `fsscan verify`: a live side, scanned as the other side was, and the comparison that `diff` makes.
struct VerifyProgram {
    private let settings: VerifySettings

    init(_ settings: VerifySettings) { self.settings = settings }

    func run() throws -> ExitStatus {
        guard case .file(let file, let selector) = try SnapshotArgument(settings.saved) else {
            throw SnapshotFailure(path: settings.saved, "is a directory, not a saved scan")
        }
        clinux_install_stop_handler()
        let output = try OutputFile(settings.comparison.output, mode: settings.comparison.mode)
        let old = try open(file, selector)
        try confirmExpected(file, selector)
        try settings.comparison.confirmIgnored([old.description])
        var options = old.description.options ?? ScanOptions(paths: [], threads: 1)
        if old.description.options == nil { options.hash = old.description.algorithms }
        let paths = try settings.path.map { [$0] } ?? roots(of: old.description, file)
        let baseline = try settings.isQuick ? quickBaseline(file, selector, options) : nil
        let new = try LiveSide.scan(paths, options, settings.comparison.threads, baseline)
        if let stopped = ExitStatus.stopSignal { return stopped }
        return try ComparisonProgram(settings.comparison).run(old, new, output)
    }

    private func open(_ file: [UInt8], _ selector: [UInt8]?) throws(SnapshotFailure) -> any SnapshotSource {
        try SnapshotArgument.open(
            file, selector: selector, otherRoots: settings.path.map { [$0] } ?? [],
            algorithm: settings.comparison.algorithm)
    }

    private func roots(of saved: SnapshotDescription, _ file: [UInt8]) throws(SnapshotFailure) -> [[UInt8]] {
        guard !saved.roots.contains([]) else {
            throw SnapshotFailure(path: file, "does not say which PATH it is of: name it")
        }
        return saved.roots
    }

    private func quickBaseline(
        _ file: [UInt8], _ selector: [UInt8]?, _ options: ScanOptions
    ) throws(SnapshotFailure) -> ContentBaseline? {
        if options.hash.isEmpty, !options.mime { return nil }
        let scans = try SavedScans(file)
        return try scans.baseline(try scans.scan(selector), for: options)
    }

    /// - Throws: `SnapshotFailure` where SAVED is not what `--expect` says.
    private func confirmExpected(_ file: [UInt8], _ selector: [UInt8]?) throws {
        if settings.expected.isEmpty { return }
        // SAVED was opened before: if a killed process had left something to roll back, that is done.
        let digest = try FileDigest.sha256(file)
        if settings.expected.contains(digest) { return }
        // What --quick takes over is packed beside the rows, and in no root's digest.
        let rows = settings.isQuick ? nil : try open(file, selector)
        let roots = try rows.map { try RootDigests.compute($0) } ?? []
        let isExpected =
            !roots.isEmpty
            && roots.allSatisfy { root in
                root?.contains { settings.expected.contains($0.hex) } ?? false
            }
        if isExpected { return }
        throw SnapshotFailure(path: file, "is not what --expect says: the SHA-256 of the file is \(digest)")
    }
}
