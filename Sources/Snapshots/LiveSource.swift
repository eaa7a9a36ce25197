package import Entries
import ExternalSort
package import Formats
package import ScanEngine
import Synchronization

/// A tree that is scanned now, as a source: everything is stat'ed (and read, if digests are wanted), sorted, and then given
/// out.
package enum LiveSource {
    /// Scans, blocking the caller.
    ///
    /// - Parameters:
    ///   - baseline: what need not be read.
    ///   - leftOut: what is passed over.
    ///   - rules: what is left out.
    ///   - choice: which files are read; nil: all, if digests are wanted.
    ///   - other: gets the entries, too.
    ///   - isCancelled: as in `Scan`. Then it throws, soon, and the process must end: see `Scan.runUntilDeadline()`.
    ///   - willRun: gets the scan before it runs, for a progress display.
    ///   - onError: told each error when it happens, by any worker.
    /// - Throws: `ScanUnavailable`, `SnapshotFailure`.
    package static func scan(
        _ options: ScanOptions, baseline: ContentBaseline? = nil, leftOut: LeftOut? = nil,
        rules: RuleSet? = nil, choice: (any ContentChoice)? = nil, other: (any EntryOutput)? = nil,
        willRun: (Scan) -> Void = { _ in }, isCancelled: @escaping @Sendable () -> Bool,
        onError: (@Sendable (ScanError) -> Void)? = nil,
        onContradiction: (@Sendable (_ path: [UInt8]) -> Void)? = nil
    ) throws -> (source: SortedSource, report: ScanReport) {
        let (sources, report) = try scan(
            options, times: 1, baseline: baseline, leftOut: leftOut, rules: rules, choice: choice, other: other,
            willRun: willRun, isCancelled: isCancelled, onError: onError, onContradiction: onContradiction)
        return (sources[0], report)
    }

    /// The same, to be gone through as often as there are sources: the tree is read once.
    package static func scan(
        _ options: ScanOptions, times: Int, baseline: ContentBaseline? = nil, leftOut: LeftOut? = nil,
        rules: RuleSet? = nil, choice: (any ContentChoice)? = nil, other: (any EntryOutput)? = nil,
        willRun: (Scan) -> Void = { _ in }, isCancelled: @escaping @Sendable () -> Bool,
        onError: (@Sendable (ScanError) -> Void)? = nil,
        onContradiction: (@Sendable (_ path: [UInt8]) -> Void)? = nil
    ) throws -> (sources: [SortedSource], report: ScanReport) {
        let output = SortingOutput(options, rules)
        try output.prepare()
        var environment = ScanEnvironment()
        environment.outputs = [output]
        if let other { environment.outputs.append(other) }
        environment.choice = choice
        (environment.baseline, environment.isCancelled, environment.onError) = (baseline, isCancelled, onError)
        (environment.leftOut, environment.onContradiction) = (leftOut, onContradiction)
        // A file system may not answer: whoever sends a stop signal does not wait for it.
        var scanned = options
        if let rules { scanned.exclude = rules.scanPatterns(before: options) }
        let scan = try Scan(scanned, environment)
        willRun(scan)
        let report = scan.runUntilDeadline()
        if isCancelled() { throw SnapshotFailure(path: nil, "stopped") }
        var description = description(of: options, report)
        description.namesLeftOut = output.leftOut
        return (try output.finish(times: times).map { [description] in SortedSource(description, $0) }, report)
    }

    /// Lists a tree without reading any file.
    ///
    /// - Throws: `ScanUnavailable`, `SnapshotFailure`.
    package static func sizes(
        _ options: ScanOptions, rules: RuleSet?, isCancelled: @escaping @Sendable () -> Bool
    ) throws -> SizedFiles {
        var options = options
        options.hash = []
        options.asked = []
        if let rules { options.exclude = rules.scanPatterns(before: options) }
        let output = SizedFiles.Output(options.paths, rules)
        var environment = ScanEnvironment()
        environment.outputs = [output]
        environment.isCancelled = isCancelled
        _ = try Scan(options, environment).runUntilDeadline()
        if isCancelled() { throw SnapshotFailure(path: nil, "stopped") }
        return output.finish()
    }

    private static func description(of options: ScanOptions, _ report: ScanReport) -> SnapshotDescription {
        var description = SnapshotDescription(
            format: "live", roots: options.paths, fields: FieldSet(of: options),
            algorithms: DigestSet(options.hash).algorithms)
        description.options = options
        description.isComplete = report.complete
        description.baseline = report.baseline
        return description
    }
}

/// Takes the entries of a scan and brings them into order.
final class SortingOutput: EntryOutput {
    private let sorter: RecordSorter
    private let digests: DigestSet
    private let roots: [[UInt8]]
    private let rules: RuleSet?
    /// Names that rules left out. Relaxed: it is read when the scan has ended.
    private let leftOutNames = Atomic<Int64>(0)
    /// Set once, with `failure`. Relaxed: it only ends the scan early.
    private let isFailed = Atomic<Bool>(false)
    private let failure = Mutex<TemporaryFileError?>(nil)

    private static let memoryLimit = 64 << 20

    init(_ options: ScanOptions, _ rules: RuleSet?) {
        sorter = RecordSorter(memoryLimit: Self.memoryLimit, temporaryDirectory: nil)
        digests = DigestSet(options.hash)
        roots = options.paths
        self.rules = rules
    }

    var leftOut: Int64 { leftOutNames.load(ordering: .relaxed) }
    var sortsAtFlush: Bool { true }

    /// A scan of hours is not to end for want of a directory.
    func prepare() throws(SnapshotFailure) {
        do throws(TemporaryFileError) {
            try sorter.prepare()
        } catch {
            throw SnapshotFailure(error)
        }
    }

    var failed: Bool { isFailed.load(ordering: .relaxed) }
    var wantsState: Bool { false }

    func makeStream() -> any EntryStream {
        sorter.addStream()
        let batchSize = { [sorter] in max(32 << 10, sorter.share) }
        let onExcluded = { [self] (root: Int, path: UnsafeRawBufferPointer) in
            guard let rules, rules.leavesOut(root: root, path: path, below: roots[root]) else { return }
            leftOutNames.add(1, ordering: .relaxed)
        }
        return BatchStream(
            digests: digests, roots: roots, batchSize: batchSize, onExcluded: onExcluded
        ) { [self] batch in
            do throws(TemporaryFileError) {
                try sorter.keep(batch)
            } catch {
                failure.withLock { if $0 == nil { $0 = error } }
                isFailed.store(true, ordering: .relaxed)
            }
        }
    }

    /// To be called once, after the scan.
    func finish() throws(SnapshotFailure) -> SortedEntries { try finish(times: 1)[0] }

    /// To be called once, after the scan.
    func finish(times: Int) throws(SnapshotFailure) -> [SortedEntries] {
        if let failure = failure.withLock({ $0 }) { throw SnapshotFailure(failure) }
        do throws(TemporaryFileError) {
            return try sorter.takeMerges(times).map { SortedEntries($0) }
        } catch {
            throw SnapshotFailure(error)
        }
    }
}
