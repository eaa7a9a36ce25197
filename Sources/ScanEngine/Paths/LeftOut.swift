import Glibc
import LinuxKernel
import Synchronization

/// A file that a scan skips, together with files beside it whose names begin with its name: the scan's own outputs.
///
/// Identified by directory and name, because the others come and go: a journal is a different inode each time.
package final class LeftOut: Sendable {
    /// A place where something was skipped.
    package struct Place: Hashable, Sendable {
        /// The number of the PATH.
        package var root: Int
        /// The path that the scan would have shown.
        package var path: [UInt8]
    }

    /// Files beside an SQLite database.
    package static let ofDatabases = ["-journal"]

    let directory: DeviceInode
    /// The file itself, if it exists: it may be a PATH.
    let file: DeviceInode?
    private let names: [[UInt8]]
    private let met = Mutex<Set<Place>>([])

    /// - Parameters:
    ///   - path: symlinks are followed.
    ///   - suffixes: of the names beside it.
    /// - Returns: nil if there is no such directory.
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

    /// Records that they are skipped in a directory: those that exist, and those that may have existed when it was
    /// saved.
    func note(in node: PathNode) {
        for name in names { note(EntryPath(directory: node, name: name)) }
    }

    func note(_ path: EntryPath) {
        let place = Place(root: path.directory.root, path: path.bytes)
        met.withLock { _ = $0.insert(place) }
    }

    /// Everything that was skipped; complete when the scan has ended.
    package var places: Set<Place> { met.withLock { $0 } }
}
