/// The bytes of one path after the other: a worker's scratch memory.
///
/// Entries come a directory at a time, so the directory's part is kept, and a path costs only a copy of its last name.
struct RecordPath: ~Copyable {
    private var directory: PathNode?
    private var bytes: UnsafeMutableRawBufferPointer
    /// Length of the directory's path.
    private var prefixLength = 0

    init() { bytes = .allocate(byteCount: 512, alignment: 1) }

    deinit { bytes.deallocate() }

    /// Calls `body` with the path of `name` in `node` (nil: of the node itself), like `EntryPath.bytes`; the bytes are
    /// valid only inside `body`.
    ///
    /// Keeps a reference to `node` until it is called with another.
    mutating func with<Result>(
        _ name: UnsafeRawBufferPointer?, in node: PathNode, _ body: (UnsafeRawBufferPointer) -> Result
    ) -> Result {
        setDirectory(node)
        guard let name else { return body(UnsafeRawBufferPointer(rebasing: bytes[..<prefixLength])) }
        reserve(prefixLength + 1 + name.count)
        var length = prefixLength
        // A PATH that ends in a slash gets no second one.
        if length > 0, bytes[length - 1] != UInt8(ascii: "/") {
            bytes[length] = UInt8(ascii: "/")
            length += 1
        }
        UnsafeMutableRawBufferPointer(rebasing: bytes[length...]).copyMemory(from: name)
        return body(UnsafeRawBufferPointer(rebasing: bytes[..<(length + name.count)]))
    }

    private mutating func setDirectory(_ node: PathNode) {
        if let directory, directory === node { return }
        directory = node
        // Up to the PATH for the length, and once more to fill it in from the end.
        var length = 0
        var isTop = true
        Self.forEachComponent(from: node) { name, isRoot in
            length += name.count
            if isRoot {
                if !isTop, name.last != UInt8(ascii: "/"), !name.isEmpty { length += 1 }
            } else if !isTop {
                length += 1
            }
            isTop = false
        }
        reserve(length)
        prefixLength = length
        var end = length
        isTop = true
        Self.forEachComponent(from: node) { name, isRoot in
            if !isTop, !isRoot || (name.last != UInt8(ascii: "/") && !name.isEmpty) {
                end -= 1
                bytes[end] = UInt8(ascii: "/")
            }
            end -= name.count
            UnsafeMutableRawBufferPointer(rebasing: bytes[end...]).copyMemory(from: name)
            isTop = false
        }
        precondition(end == 0, "the two walks up the tree met different names")
    }

    private static func forEachComponent(
        from node: PathNode, _ body: (_ name: UnsafeRawBufferPointer, _ isRoot: Bool) -> Void
    ) {
        var next: PathNode? = node
        while let current = next {
            next = current.parent
            current.withName { body($0, next == nil) }
        }
    }

    private mutating func reserve(_ count: Int) {
        guard bytes.count < count else { return }
        let larger = UnsafeMutableRawBufferPointer.allocate(byteCount: max(count, 2 * bytes.count), alignment: 1)
        larger.copyMemory(from: UnsafeRawBufferPointer(bytes))
        bytes.deallocate()
        bytes = larger
    }
}
