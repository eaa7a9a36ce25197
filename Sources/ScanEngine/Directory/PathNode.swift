// A path, shared with all paths that begin alike: one node for each directory, with its name and a reference to the
// parent's. Paths become bytes only where a person or a report reads them.

import CLinux

/// The name of a directory, or of a PATH, and where it is. A reference of one word.
///
/// `@unchecked Sendable`: what it refers to never changes, but in `deinit`, which nobody else can see.
struct PathNode: @unchecked Sendable {
    private let storage: Storage

    struct Header {
        var parent: Storage?
        let length: Int
        let level: Int
        let parentIdentity: DeviceInode
    }

    /// One allocation holds the header and the name, followed by a NUL.
    final class Storage: ManagedBuffer<Header, UInt8> {
        /// Takes a chain of nodes apart without recursion: a leaf of a tree 20,000 levels deep may hold the last
        /// reference to all of them.
        deinit {
            var next = header.parent
            header.parent = nil
            while next != nil, isKnownUniquelyReferenced(&next) {
                let parent = next.unsafelyUnwrapped.header.parent
                next.unsafelyUnwrapped.header.parent = nil
                next = parent
            }
        }
    }

    /// A PATH of the command line.
    static func root(_ path: [UInt8]) -> PathNode {
        path.withUnsafeBytes {
            PathNode($0, parent: nil, level: 0, parentIdentity: DeviceInode(device: 0, inode: 0))
        }
    }

    static func child(_ name: UnsafeRawBufferPointer, of parent: PathNode, parentIdentity: DeviceInode) -> PathNode {
        PathNode(name, parent: parent.storage, level: parent.level + 1, parentIdentity: parentIdentity)
    }

    private init(_ name: UnsafeRawBufferPointer, parent: Storage?, level: Int, parentIdentity: DeviceInode) {
        let buffer = Storage.create(minimumCapacity: name.count + 1) { _ in
            Header(parent: parent, length: name.count, level: level, parentIdentity: parentIdentity)
        }
        buffer.withUnsafeMutablePointerToElements { bytes in
            UnsafeMutableRawBufferPointer(start: bytes, count: name.count).copyMemory(from: name)
            bytes[name.count] = 0
        }
        // `create` is declared to return the superclass, and returns an instance of the class it was called on.
        storage = unsafeDowncast(buffer, to: Storage.self)
    }

    private init(_ storage: Storage) { self.storage = storage }

    static func === (left: PathNode, right: PathNode) -> Bool { left.storage === right.storage }
    static func !== (left: PathNode, right: PathNode) -> Bool { left.storage !== right.storage }

    var parent: PathNode? { storage.header.parent.map { PathNode($0) } }
    /// Directories above, up to the PATH: 0 for the PATH itself.
    var level: Int { storage.header.level }
    /// What the directory above is: meaningless where `level` is 0.
    var parentIdentity: DeviceInode { storage.header.parentIdentity }

    /// The name's bytes, followed by a NUL in memory. Valid inside `body` only.
    func withName<Result: ~Copyable, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let length = storage.header.length
        return try storage.withUnsafeMutablePointerToElements { (bytes) throws(Failure) in
            try body(UnsafeRawBufferPointer(start: bytes, count: length))
        }
    }

    /// The same as a C string.
    func withCString<Result: ~Copyable, Failure: Error>(
        _ body: (UnsafePointer<CChar>) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try withName { (name) throws(Failure) in
            try body(name.baseAddress!.assumingMemoryBound(to: CChar.self))
        }
    }

    var name: [UInt8] { withName { Array($0) } }

    /// The bytes of the path as `find PATH` prints it, with `name` (if any) as a last component.
    func path(appending name: [UInt8]? = nil) -> [UInt8] {
        var components: [PathNode] = []
        var node: PathNode? = self
        while let current = node {
            components.append(current)
            node = current.parent
        }
        var path: [UInt8] = []
        for component in components.reversed() {
            Self.separate(&path)
            component.withName { path.append(contentsOf: $0) }
        }
        if let name {
            Self.separate(&path)
            path.append(contentsOf: name)
        }
        return path
    }

    /// A PATH that ends in a slash gets no second one.
    private static func separate(_ path: inout [UInt8]) {
        if let last = path.last, last != UInt8(ascii: "/") { path.append(UInt8(ascii: "/")) }
    }
}

/// A name in a directory: what the report's lists keep until the end of the scan.
struct EntryPath: Sendable {
    let directory: PathNode
    /// Nil for the directory itself.
    let name: [UInt8]?

    var bytes: [UInt8] { directory.path(appending: name) }

    /// Whether the path's bytes come first. Builds neither path: goes up to where the two part.
    static func < (left: EntryPath, right: EntryPath) -> Bool {
        var left = Position(left)
        var right = Position(right)
        while left.level > right.level { left.ascend() }
        while right.level > left.level { right.ascend() }
        while let leftParent = left.parent, let rightParent = right.parent, leftParent !== rightParent {
            left.ascend()
            right.ascend()
        }
        if left.parent == nil || right.parent == nil, !left.isSameNode(as: right) {
            // Two PATHs: their bytes may overlap in any way ("a" and "a/b"), so the components do not compare alone.
            return left.path.lexicographicallyPrecedes(right.path)
        }
        let (leftName, rightName) = (left.component, right.component)
        if leftName == rightName { return !left.continues && right.continues }
        return compare(leftName, continues: left.continues, rightName, continues: right.continues)
    }

    /// Compares as if a component that is not the last were followed by its slash.
    private static func compare(
        _ left: [UInt8], continues leftContinues: Bool, _ right: [UInt8], continues rightContinues: Bool
    ) -> Bool {
        let slash = CollectionOfOne(UInt8(ascii: "/"))
        let left = leftContinues ? left + slash : left
        let right = rightContinues ? right + slash : right
        return left.lexicographicallyPrecedes(right)
    }

    /// A place on the way from an entry up to its PATH.
    private struct Position {
        /// The entry itself, while `atEntry`, is `name` in `node`; afterwards the place is `node`.
        private let entry: EntryPath
        private var atEntry: Bool
        private var node: PathNode
        /// Whether the path goes on below this place.
        private(set) var continues = false

        init(_ entry: EntryPath) {
            self.entry = entry
            atEntry = entry.name != nil
            node = entry.directory
        }

        var level: Int { node.level + (atEntry ? 1 : 0) }
        var parent: PathNode? { atEntry ? node : node.parent }
        var component: [UInt8] { atEntry ? entry.name.unsafelyUnwrapped : node.name }
        var path: [UInt8] { entry.bytes }

        func isSameNode(as other: Position) -> Bool { !atEntry && !other.atEntry && node === other.node }

        mutating func ascend() {
            if atEntry {
                atEntry = false
            } else {
                node = node.parent.unsafelyUnwrapped
            }
            continues = true
        }
    }
}

/// Patterns with a slash inside ask for the names of the directories above, below the PATH.
extension PathNode: IgnoreDirectory {
    var ignoreParent: PathNode? { level == 0 ? nil : parent }

    func withIgnoreName<R>(_ body: (Span<UInt8>) -> R) -> R {
        withName { body($0.bindMemory(to: UInt8.self).span) }
    }
}
