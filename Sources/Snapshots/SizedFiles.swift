// A comparison of two trees reads only files that may be equal: those with the same size at the same place. To know
// them, it must list both trees first, so it lists one of them twice:
//
//   OLD  listed ──▶ places and sizes ─┐                      ┌──▶ read: files that NEW also has
//   NEW                               └──▶ read: only those ──┘ places and sizes
//
// For files that a rule lets grow, sizes do not count: such a file is read in OLD if NEW has it, then its beginning in
// NEW.
//
// A file whose size changes in between may be read on only one side. Then the comparison reports it as unknown.

package import Entries
import LinuxKernel
package import ScanEngine
import Synchronization

/// Regular files by their place below their PATH and their size, as hashes of 8 bytes. If two files share a hash, they
/// are read needlessly.
package final class SizedFiles: ContentChoice {
    private let hashes: PlaceHashes
    private let roots: [[UInt8]]
    private let rules: RuleSet?
    /// A second choice, which must agree.
    private let other: (any ContentChoice)?

    fileprivate init(
        _ hashes: PlaceHashes, _ roots: [[UInt8]], _ rules: RuleSet?, _ other: (any ContentChoice)? = nil
    ) {
        (self.hashes, self.roots, self.rules, self.other) = (hashes, roots, rules, other)
    }

    /// The same for a scan of other PATHs; a file is read if `other` agrees.
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

        /// Call it once, after the scan.
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
