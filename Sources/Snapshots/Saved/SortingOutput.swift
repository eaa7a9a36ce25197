import CLinux
import Entries
import ExternalSort
import Formats
import ScanEngine
import Synchronization

/// Sorts the entries of a scan.
final class SortingOutput: MergingOutput {
    private let sorter: RecordSorter
    private let digests: DigestSet
    private let roots: [[UInt8]]
    private let rules: RuleSet?
    /// Names that rules left out. Relaxed: read after the scan.
    private let leftOutNames = Atomic<Int64>(0)
    /// Set once, with `failure`. Relaxed: it only ends the scan early.
    private let isFailed = Atomic<Bool>(false)
    private let failure = Mutex<TemporaryFileError?>(nil)

    /// Less than `--sorted` has: SQLite's cache and the entries of a comparison come on top.
    private static let memoryLimit = 36 << 20

    init(_ options: ScanOptions, _ rules: RuleSet?, _ sorter: RecordSorter? = nil) {
        self.sorter = sorter ?? RecordSorter(memoryLimit: Self.memoryLimit, temporaryDirectory: nil)
        digests = DigestSet(options.hash)
        roots = options.paths
        self.rules = rules
    }

    var leftOut: Int64 { leftOutNames.load(ordering: .relaxed) }
    var sortsAtFlush: Bool { true }

    /// Called before the scan, so that a missing temporary directory does not end a scan of hours.
    func prepare() throws(SnapshotFailure) {
        do throws(TemporaryFileError) {
            try sorter.prepare()
        } catch {
            throw SnapshotFailure(error)
        }
    }

    var failed: Bool { isFailed.load(ordering: .relaxed) }
    var wantsState: Bool { false }

    func makeStream() -> any EntryStream { makeMergingStream() }

    func makeMergingStream() -> any MergingStream {
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

    /// Call it once, after the scan.
    func finish() throws(SnapshotFailure) -> SortedEntries { try finish(times: 1)[0] }

    /// Call it once, after the scan.
    func finish(times: Int) throws(SnapshotFailure) -> [SortedEntries] {
        if let failure = failure.withLock({ $0 }) { throw SnapshotFailure(failure) }
        do throws(TemporaryFileError) {
            let merges = try sorter.takeMerges(times, unless: { clinux_stop_signal() != 0 })
            if let merges { return merges.map { SortedEntries($0) } }
        } catch {
            throw SnapshotFailure(error)
        }
        throw SnapshotFailure(path: nil, "stopped")
    }
}
