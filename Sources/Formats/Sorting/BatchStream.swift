import Bytes
package import Entries
package import ExternalSort
package import LinuxKernel
import ScanEngine

/// One worker's entries, packed and gathered in batches.
package final class BatchStream: EntryStream {
    private var encoder: EntryEncoder
    private var arena = RecordArena()
    private let roots: [[UInt8]]
    private let batchSize: () -> Int
    private let onExcluded: (_ root: Int, _ path: UnsafeRawBufferPointer) -> Void
    private let handOver: (RecordArena) -> Void

    /// - Parameters:
    ///   - roots: the PATHs of the scan.
    ///   - batchSize: bytes, about; asked at each entry, because workers may be added.
    ///   - onExcluded: told of what patterns leave out.
    ///   - handOver: gets batches in the order in which the entries came, and keeps them.
    package init(
        digests: DigestSet, roots: [[UInt8]], batchSize: @escaping () -> Int,
        onExcluded: @escaping (_ root: Int, _ path: UnsafeRawBufferPointer) -> Void = { _, _ in },
        handOver: @escaping (RecordArena) -> Void
    ) {
        self.onExcluded = onExcluded
        encoder = EntryEncoder(digests: digests)
        self.roots = roots
        self.batchSize = batchSize
        self.handOver = handOver
    }

    package func entry(
        root: Int, path: UnsafeRawBufferPointer, kind: EntryKind, status: borrowing FileStatus, content: EntryContent
    ) {
        encoder.append(kind, status, content)
        ended(root, path)
    }

    package func unknownEntry(root: Int, path: UnsafeRawBufferPointer, kind: EntryKind) {
        encoder.append(unknown: kind)
        ended(root, path)
    }

    package func error(root: Int, _ error: ScanError) {
        encoder.append(error)
        error.path.withUnsafeBytes { ended(root, $0) }
    }

    package func excluded(root: Int, path: UnsafeRawBufferPointer) { onExcluded(root, path) }

    package func flush() {
        if arena.isEmpty { return }
        handOver(arena)
        arena = RecordArena()
    }

    private func ended(_ root: Int, _ path: UnsafeRawBufferPointer) {
        let relative = self.relative(path, to: roots[root])
        encoder.buffer.drain { arena.append(root: root, path: relative, line: $0) }
        if arena.size >= batchSize() { flush() }
    }

    /// What follows the PATH, and the slash behind it, unless it ends in one.
    private func relative(_ path: UnsafeRawBufferPointer, to root: [UInt8]) -> UnsafeRawBufferPointer {
        var rest = path[root.count...]
        if rest.first == UInt8(ascii: "/") { rest = rest.dropFirst() }
        return UnsafeRawBufferPointer(rebasing: rest)
    }
}
