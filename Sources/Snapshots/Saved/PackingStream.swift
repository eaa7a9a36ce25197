import Entries
import Formats
import LinuxKernel
import ScanEngine

/// One worker's entries on their way into a saved scan, and what is known of the content of files, packed beside them.
final class PackingStream: EntryStream {
    private let entries: BatchStream
    private var packer: ContentPacker
    private let handOver: (ContentPack) -> Void

    /// - Parameter handOver: gets packs, and keeps them.
    init(_ entries: BatchStream, _ packer: ContentPacker, handOver: @escaping (ContentPack) -> Void) {
        self.entries = entries
        self.packer = packer
        self.handOver = handOver
    }

    func entry(
        root: Int, path: UnsafeRawBufferPointer, kind: EntryKind, status: borrowing FileStatus, content: EntryContent
    ) {
        entries.entry(root: root, path: path, kind: kind, status: status, content: content)
        if kind == .file || kind == .symlink {
            packer.add(status, row: content.digests, type: content.mime)
            if packer.isFull { handOverPack() }
        }
    }

    func unknownEntry(root: Int, path: UnsafeRawBufferPointer, kind: EntryKind) {
        entries.unknownEntry(root: root, path: path, kind: kind)
    }

    func error(root: Int, _ error: ScanError) { entries.error(root: root, error) }

    func flush() {
        entries.flush()
        handOverPack()
    }

    private func handOverPack() {
        if let pack = packer.take() { handOver(pack) }
    }
}
