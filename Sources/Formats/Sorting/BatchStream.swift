import Bytes
package import Entries
package import ExternalSort
package import LinuxKernel
import ScanEngine

/// One worker's entries, packed and gathered in batches.
package final class BatchStream: MergingStream {
    private var encoder: EntryEncoder
    private var arena = RecordArena()
    private let roots: [[UInt8]]
    private let batchSize: () -> Int
    private let onExcluded: (_ root: Int, _ path: UnsafeRawBufferPointer) -> Void
    private let handOver: (RecordArena) -> Void

    /// - Parameters:
    ///   - roots: the PATHs of the scan.
    ///   - batchSize: approximate, in bytes; read at each entry, because workers may be added.
    ///   - onExcluded: called for entries that patterns exclude.
    ///   - handOver: gets batches in the order of the entries, and keeps them.
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

    package func take(_ piece: UnsafeRawBufferPointer) -> Bool {
        guard arena.append(records: piece) else { return false }
        if arena.size >= batchSize() { flush() }
        return true
    }

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

    /// The part after the PATH, and after the slash that follows it, unless the PATH ends in one.
    private func relative(_ path: UnsafeRawBufferPointer, to root: [UInt8]) -> UnsafeRawBufferPointer {
        var rest = path[root.count...]
        if rest.first == UInt8(ascii: "/") { rest = rest.dropFirst() }
        return UnsafeRawBufferPointer(rebasing: rest)
    }
}
