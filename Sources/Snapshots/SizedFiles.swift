// Two trees are compared by reading what may be equal: files of one size at the same place. Which these are is known only
// when both trees have been listed, so one of them is listed twice:
//
//   OLD  listed ──▶ places and sizes ─┐                      ┌──▶ read: what NEW has, too
//   NEW                               └──▶ read: those alone ─┘ places and sizes
//
// What a rule lets grow has no size in this: OLD is read wherever NEW has such a file, and then its beginning in NEW.
//
// A file that changes its size in between may be read on one side alone: then it is not known whether it differs.

package import Entries
import LinuxKernel
package import ScanEngine
import Synchronization

/// Regular files by their place below their PATH and their size, as hashes of 8 bytes: two that share one are read for
/// nothing.
package final class SizedFiles: ContentChoice {
    private let hashes: PlaceHashes
    private let roots: [[UInt8]]
    private let rules: RuleSet?
    /// What has to agree.
    private let other: (any ContentChoice)?

    fileprivate init(
        _ hashes: PlaceHashes, _ roots: [[UInt8]], _ rules: RuleSet?, _ other: (any ContentChoice)? = nil
    ) {
        (self.hashes, self.roots, self.rules, self.other) = (hashes, roots, rules, other)
    }

    /// The same for a scan of other PATHs, as far as `other` agrees.
    package func below(_ roots: [[UInt8]], and other: (any ContentChoice)? = nil) -> SizedFiles {
        SizedFiles(hashes, roots, rules, other)
    }

    package func isRead(root: Int, path: UnsafeRawBufferPointer, size: Int64) -> Bool {
        if let other, !other.isRead(root: root, path: path, size: size) { return false }
        return hashes.contains(Self.hash(root, path, size, roots, rules))
    }

    private static func hash(
        _ root: Int, _ path: UnsafeRawBufferPointer, _ size: Int64, _ roots: [[UInt8]], _ rules: RuleSet?
    ) -> UInt64 {
        let mayGrow = rules?.mayGrow(root: root, path: path, below: roots[root]) ?? false
        return PlaceHashes.hash(root, path, below: roots[root], mayGrow ? -1 : size)
    }

    /// Gathers the files of a scan.
    package final class Output: EntryOutput {
        private let roots: [[UInt8]]
        private let rules: RuleSet?
        private let hashes = Mutex<[UInt64]>([])

        package init(_ roots: [[UInt8]], _ rules: RuleSet?) { (self.roots, self.rules) = (roots, rules) }

        package var failed: Bool { false }
        package var wantsState: Bool { false }

        package func makeStream() -> any EntryStream {
            Stream(roots, rules) { [self] batch in hashes.withLock { $0 += batch } }
        }

        /// To be called once, after the scan.
        package func finish() -> SizedFiles {
            hashes.withLock { hashes in
                defer { hashes = [] }
                return SizedFiles(PlaceHashes(hashes), roots, rules)
            }
        }
    }

    private final class Stream: EntryStream {
        private var batch: [UInt64] = []
        private let roots: [[UInt8]]
        private let rules: RuleSet?
        private let handOver: ([UInt64]) -> Void

        init(_ roots: [[UInt8]], _ rules: RuleSet?, _ handOver: @escaping ([UInt64]) -> Void) {
            (self.roots, self.rules, self.handOver) = (roots, rules, handOver)
        }

        func entry(
            root: Int, path: UnsafeRawBufferPointer, kind: EntryKind, status: borrowing FileStatus,
            content: EntryContent
        ) {
            guard kind == .file else { return }
            batch.append(SizedFiles.hash(root, path, status.size, roots, rules))
        }

        func unknownEntry(root: Int, path: UnsafeRawBufferPointer, kind: EntryKind) {}
        func error(root: Int, _ error: ScanError) {}

        func flush() {
            handOver(batch)
            batch = []
        }
    }
}
