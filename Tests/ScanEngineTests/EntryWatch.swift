import Entries
import LinuxKernel
import TestSupport

@testable import ScanEngine

/// Reports each entry when it is recorded, on the worker that handles its message.
final class EntryWatch: EntryOutput, EntryStream {
    private let met: @Sendable (_ path: ByteString, EntryKind, EntryContent) -> Void

    init(_ met: @escaping @Sendable (ByteString, EntryKind, EntryContent) -> Void) { self.met = met }

    func makeStream() -> any EntryStream { self }
    var failed: Bool { false }
    var wantsState: Bool { false }
    func entry(
        root: Int, path: UnsafeRawBufferPointer, kind: EntryKind, status: borrowing FileStatus, content: EntryContent
    ) { met(ByteString(path), kind, content) }
    func unknownEntry(root: Int, path: UnsafeRawBufferPointer, kind: EntryKind) {}
    func error(root: Int, _ error: ScanError) {}
    func flush() {}
}
