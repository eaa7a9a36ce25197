// A path that shares its prefix with other paths: one node for each directory, with its name and a reference to the
// parent's. Paths become bytes only for people and reports.

import CLinux
import Ignore
import LinuxKernel

/// The name of a directory, or of a PATH, and its parent. A reference of one word.
///
/// `@unchecked Sendable`: its referent never changes, except in `deinit`, when it has no other user.
struct PathNode: @unchecked Sendable {
    private let storage: Storage

    struct Header {
        /// Retained; released in `deinit`. Unmanaged, so that going up a path counts no references.
        var parent: Unmanaged<Storage>?
        let length: Int32
        /// Its number in a `DirectoryWatch`; otherwise 0.
        let number: UInt32
        let level: Int32
        let root: Int32
        let parentIdentity: DeviceInode
    }

    /// One allocation holds the header and the name, followed by a NUL.
    final class Storage: ManagedBuffer<Header, UInt8> {
        /// Frees a chain of nodes without recursion: a leaf of a tree 20,000 levels deep may hold the last reference to
        /// all of them.
        deinit {
            var next = takeParent()
            while next != nil, isKnownUniquelyReferenced(&next) { next = next.unsafelyUnwrapped.takeParent() }
        }

        private func takeParent() -> Storage? {
            withUnsafeMutablePointerToHeader { header in
                defer { header.pointee.parent = nil }
                return header.pointee.parent?.takeRetainedValue()
            }
        }
    }

    /// A PATH of the command line.
    ///
    /// - Parameters:
    ///   - index: its place among the PATHs.
    ///   - isFollowed: it is a directory, or a symlink to one that is followed: as a C string it ends in a slash.
    static func root(_ path: [UInt8], index: Int, number: UInt32 = 0, isFollowed: Bool = false) -> PathNode {
        path.withUnsafeBytes {
            PathNode(
                $0, number, parent: nil, level: 0, root: Int32(index), parentIdentity: DeviceInode(device: 0, inode: 0),
                isFollowed: isFollowed)
        }
    }

    static func child(
        _ name: UnsafeRawBufferPointer, of parent: PathNode, parentIdentity: DeviceInode, number: UInt32 = 0
    ) -> PathNode {
        PathNode(
            name, number, parent: parent.storage, level: Int32(parent.level + 1), root: Int32(parent.root),
            parentIdentity: parentIdentity)
    }

    private init(
        _ name: UnsafeRawBufferPointer, _ number: UInt32, parent: Storage?, level: Int32, root: Int32,
        parentIdentity: DeviceInode, isFollowed: Bool = false
    ) {
        let buffer = Storage.create(minimumCapacity: name.count + (isFollowed ? 2 : 1)) { _ in
            Header(
                parent: parent.map { Unmanaged.passRetained($0) }, length: Int32(name.count), number: number,
                level: level,
                root: root, parentIdentity: parentIdentity)
        }
        buffer.withUnsafeMutablePointerToElements { bytes in
            UnsafeMutableRawBufferPointer(start: bytes, count: name.count).copyMemory(from: name)
            if isFollowed { bytes[name.count] = UInt8(ascii: "/") }
            bytes[name.count + (isFollowed ? 1 : 0)] = 0
        }
        // `create` is declared to return the superclass, and returns an instance of the class it was called on.
        storage = unsafeDowncast(buffer, to: Storage.self)
    }

    private init(_ storage: Storage) { self.storage = storage }

    /// The same for nodes that are `===`.
    var identifier: ObjectIdentifier { ObjectIdentifier(storage) }

    static func === (left: PathNode, right: PathNode) -> Bool { left.storage === right.storage }
    static func !== (left: PathNode, right: PathNode) -> Bool { left.storage !== right.storage }

    var parent: PathNode? { withHeader { $0.parent.map { PathNode($0.takeUnretainedValue()) } } }
    /// Directories above, up to the PATH: 0 for the PATH itself.
    var level: Int { withHeader { Int($0.level) } }
    /// Which PATH it is below, counted from 0.
    var root: Int { withHeader { Int($0.root) } }
    /// Its number for a `DirectoryWatch`.
    var number: UInt32 { withHeader { $0.number } }
    /// The identity of the directory above: meaningless if `level` is 0.
    var parentIdentity: DeviceInode { withHeader { $0.parentIdentity } }

    /// An unowned reference: for walks up a path that the caller keeps alive.
    fileprivate var unretained: Unretained { Unretained(storage: Unmanaged.passUnretained(storage)) }

    fileprivate struct Unretained: Equatable {
        let storage: Unmanaged<Storage>

        var parent: Unretained? { withHeader { $0.parent.map { Unretained(storage: $0) } } }
        var level: Int { withHeader { Int($0.level) } }

        func withName<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
            storage._withUnsafeGuaranteedRef { storage in
                storage.withUnsafeMutablePointers { header, bytes in
                    body(UnsafeRawBufferPointer(start: bytes, count: Int(header.pointee.length)))
                }
            }
        }

        private func withHeader<Result>(_ body: (borrowing Header) -> Result) -> Result {
            storage._withUnsafeGuaranteedRef { $0.withUnsafeMutablePointerToHeader { body($0.pointee) } }
        }

        static func == (left: Unretained, right: Unretained) -> Bool {
            left.storage.toOpaque() == right.storage.toOpaque()
        }
    }

    /// A loop of directories can only come from a mount of a device that also occurs above the mount point: at the
    /// mount point, or anywhere below it. So nothing else has to check all directories above.
    func hasAncestor(_ isSought: (DeviceInode) -> Bool) -> Bool {
        var place = self
        while let parent = place.parent {
            if isSought(place.parentIdentity) { return true }
            place = parent
        }
        return false
    }

    /// A node for a directory below that has not been scanned.
    func descending(_ names: [[UInt8]]) -> PathNode {
        let unknown = DeviceInode(device: 0, inode: 0)
        return names.reduce(self) { node, name in
            name.withUnsafeBytes { PathNode.child($0, of: node, parentIdentity: unknown) }
        }
    }

    /// Whether this is the other directory, or lies somewhere below it.
    func isIn(_ other: PathNode) -> Bool {
        var place = unretained
        while place.level > other.level, let parent = place.parent { place = parent }
        return place == other.unretained
    }

    /// The highest directory at or above this one that the other is not in; nil if the other is in this one.
    func highest(apartFrom other: PathNode) -> PathNode? {
        var (place, below) = (unretained, Unretained?.none)
        var otherPlace = other.unretained
        while place.level > otherPlace.level, let parent = place.parent { (place, below) = (parent, place) }
        while otherPlace.level > place.level, let parent = otherPlace.parent { otherPlace = parent }
        if place == otherPlace { return below.map { PathNode($0) } }
        while let parent = place.parent, let otherParent = otherPlace.parent, parent != otherParent {
            (place, otherPlace) = (parent, otherParent)
        }
        return PathNode(place)
    }

    /// Retains it again: for a node that is known to be alive.
    private init(_ unretained: Unretained) { storage = unretained.storage.takeUnretainedValue() }

    /// By address: `ManagedBuffer.header` is a class property, and the runtime would check each use for overlapping
    /// accesses, although nothing here is written to.
    private func withHeader<Result>(_ body: (borrowing Header) -> Result) -> Result {
        storage.withUnsafeMutablePointerToHeader { body($0.pointee) }
    }

    /// The name's bytes, followed by a NUL in memory (of a followed PATH, by a slash and a NUL). Valid only inside
    /// `body`.
    func withName<Result: ~Copyable, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let length = withHeader { Int($0.length) }
        return try storage.withUnsafeMutablePointerToElements { (bytes) throws(Failure) in
            try body(UnsafeRawBufferPointer(start: bytes, count: length))
        }
    }

    /// The same as a C string, for the kernel.
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

/// A name in a directory: the form in which the report's lists keep paths until the end of the scan.
struct EntryPath: Sendable {
    let directory: PathNode
    /// Nil for the directory itself.
    let name: [UInt8]?

    var bytes: [UInt8] { directory.path(appending: name) }

    /// Whether the path's bytes sort first. Builds neither path: goes up to where the two diverge.
    static func < (left: EntryPath, right: EntryPath) -> Bool { PathOrder.compare(left, right) == .before }
}

/// The order of paths by their bytes, found without building them.
///
/// Both places are taken up to the same level, then together until they have the same parent; there the two components
/// decide. A component that is not the last is followed by a slash.
enum PathOrder: Equatable {
    case before, same, after

    static func compare(_ leftPath: EntryPath, _ rightPath: EntryPath) -> PathOrder {
        var left = Place(leftPath)
        var right = Place(rightPath)
        while left.level > right.level { left.ascend() }
        while right.level > left.level { right.ascend() }
        while let leftParent = left.parent, let rightParent = right.parent, leftParent != rightParent {
            left.ascend()
            right.ascend()
        }
        if left.parent == nil || right.parent == nil, !left.isNode(of: right) {
            // Two PATHs: one may be a prefix of the other ("a" and "a/b"), so comparing the components alone is not
            // enough.
            return compare(leftPath.bytes, rightPath.bytes)
        }
        return left.withComponent(of: leftPath) { leftName in
            right.withComponent(of: rightPath) { rightName in
                compare(leftName, left.continues, rightName, right.continues)
            }
        }
    }

    private static func compare(_ left: [UInt8], _ right: [UInt8]) -> PathOrder {
        left.withUnsafeBytes { left in right.withUnsafeBytes { compare(left, false, $0, false) } }
    }

    private static func compare(
        _ left: UnsafeRawBufferPointer, _ leftContinues: Bool, _ right: UnsafeRawBufferPointer, _ rightContinues: Bool
    ) -> PathOrder {
        let common = min(left.count, right.count)
        if common > 0 {
            let order = memcmp(left.baseAddress!, right.baseAddress!, common)
            if order != 0 { return order < 0 ? .before : .after }
        }
        // The next byte, the slash, or the end, which sorts before any byte.
        let leftNext = left.count > common ? Int(left[common]) : leftContinues ? Int(UInt8(ascii: "/")) : -1
        let rightNext = right.count > common ? Int(right[common]) : rightContinues ? Int(UInt8(ascii: "/")) : -1
        return leftNext == rightNext ? .same : leftNext < rightNext ? .before : .after
    }

    /// A place on the way from an entry up to its PATH. The caller keeps the entry, and so the whole way, alive.
    private struct Place {
        /// While true the place is the entry's name in `node`; afterwards it is `node`.
        private var isAtName: Bool
        private var node: PathNode.Unretained
        /// Whether the path continues below this place.
        private(set) var continues = false

        init(_ entry: EntryPath) {
            isAtName = entry.name != nil
            node = entry.directory.unretained
        }

        var level: Int { node.level + (isAtName ? 1 : 0) }
        var parent: PathNode.Unretained? { isAtName ? node : node.parent }

        func isNode(of other: Place) -> Bool { !isAtName && !other.isAtName && node == other.node }

        func withComponent<Result>(of entry: EntryPath, _ body: (UnsafeRawBufferPointer) -> Result) -> Result {
            if isAtName, let name = entry.name { return name.withUnsafeBytes(body) }
            return node.withName(body)
        }

        mutating func ascend() {
            if isAtName {
                isAtName = false
            } else {
                node = node.parent.unsafelyUnwrapped
            }
            continues = true
        }
    }
}

/// Patterns with an inner slash need the names of the directories above, below the PATH.
extension PathNode: IgnoreDirectory {
    var ignoreParent: PathNode? { level == 0 ? nil : parent }

    func withIgnoreName<R>(_ body: (Span<UInt8>) -> R) -> R {
        withName { body($0.bindMemory(to: UInt8.self).span) }
    }
}
