import CLinux
import Entries
import LinuxKernel

/// An entry by its name in an open directory, during the message that lists it.
///
/// It borrows the data of the loop over entries. `StatedEntry` goes with messages and owns its status: as one type, each
/// entry would cost an allocation and a copy of 256 bytes, or a message would contain pointers into a listing that no
/// longer exists.
struct NamedEntry: ~Copyable {
    /// The directory that contains it; nil for a PATH, and if `node` is the entry itself.
    let directory: OpenedDirectory?
    /// The descriptor of that directory, borrowed by the caller; or the working directory.
    let descriptor: Int32
    /// The name, followed by a NUL in memory; the whole of a PATH.
    let name: UnsafeRawBufferPointer
    let kind: EntryKind
    /// The directory that contains it; without `directory`, the entry itself.
    let node: PathNode

    /// Created on demand: a file that need not be read takes less time than an allocation or two.
    var path: EntryPath {
        EntryPath(directory: node, name: directory == nil ? nil : Array(name))
    }

    var cString: UnsafePointer<CChar> { name.baseAddress!.assumingMemoryBound(to: CChar.self) }
}
