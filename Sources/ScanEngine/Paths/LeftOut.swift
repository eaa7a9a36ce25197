import Glibc
import LinuxKernel
import Synchronization

/// A file that a scan passes over, with those beside it whose names begin like its own: what the scan itself writes.
///
/// Told by the directory that it is in and its name, because the others come and go: a journal is another inode each time.
package final class LeftOut: Sendable {
    /// A place where something was passed over.
    package struct Place: Hashable, Sendable {
        /// The number of the PATH.
        package var root: Int
        /// As the scan would have shown it.
        package var path: [UInt8]
    }

    /// Beside an SQLite database.
    package static let ofDatabases = ["-journal"]

    let directory: DeviceInode
    /// Of the file itself, where it is there: it may be a PATH.
    let file: DeviceInode?
    private let names: [[UInt8]]
    private let met = Mutex<Set<Place>>([])

    /// - Parameters:
    ///   - path: symlinks are followed.
    ///   - suffixes: of the names beside it.
    /// - Returns: nil where there is no such directory.
    package init?(_ path: [UInt8], suffixes: [String]) {
        let cString = path.map { CChar(bitPattern: $0) } + [0]
        guard let resolved = realpath(cString, nil) else { return nil }
        defer { free(resolved) }
        let whole = (0..<strlen(resolved)).map { UInt8(bitPattern: resolved[$0]) }
        guard let slash = whole.lastIndex(of: UInt8(ascii: "/")) else { return nil }
        let name = Array(whole[(slash + 1)...])
        guard let file = Self.identity(whole), let directory = Self.identity(Array(whole[...slash])) else { return nil }
        self.file = file
        self.directory = directory
        names = [name] + suffixes.map { name + Array($0.utf8) }
    }

    private static func identity(_ path: [UInt8]) -> DeviceInode? {
        var status = FileStatus()
        let cString = path.map { CChar(bitPattern: $0) } + [0]
        guard (try? Kernel.status(of: cString, in: Kernel.workingDirectory, into: &status)) != nil else { return nil }
        return status.identity
    }

    /// Whether a name in `directory` is one of them.
    func contains(_ name: UnsafeRawBufferPointer) -> Bool { names.contains { $0.elementsEqual(name) } }

    /// They are passed over in a directory: those that are there, and those that may have been there when it was saved.
    func note(in node: PathNode) {
        for name in names { note(EntryPath(directory: node, name: name)) }
    }

    func note(_ path: EntryPath) {
        let place = Place(root: path.directory.root, path: path.bytes)
        met.withLock { _ = $0.insert(place) }
    }

    /// What was passed over; complete when the scan has ended.
    package var places: Set<Place> { met.withLock { $0 } }
}
