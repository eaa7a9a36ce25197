import Glibc

extension Tree {
    /// Creates the entries in an open directory. Only single names are passed to the kernel, so paths may have any
    /// length.
    package func create(in root: CInt) throws {
        var creation = TreeCreation(root: root)
        try creation.create(self)
        try creation.link()
        try creation.setAttributes()
    }
}

/// Creates a tree in three steps: entries, hard links, then attributes of directories from the inside out (a directory
/// that will be unreadable, or must keep its time, needs its contents first).
private struct TreeCreation {
    /// A place in the tree: the names of the directories from its root, run-length encoded because of chains.
    typealias Location = [(name: ByteString, count: Int)]

    let root: CInt
    private var links: [(location: Location, name: ByteString, target: ByteString)] = []
    private var directories: [(location: Location, node: Node)] = []

    init(root: CInt) { self.root = root }

    mutating func create(_ tree: Tree) throws {
        var pending: [(location: Location, tree: Tree)] = [([], tree)]
        while let (location, tree) = pending.popLast() {
            let parent = try open(location)
            defer { close(parent) }
            for node in tree.nodes {
                switch node.kind {
                case .directory(let contents):
                    try check("mkdirat", node.name) { node.name.withCString { mkdirat(parent, $0, 0o755) } }
                    pending.append((location + [(node.name, 1)], contents))
                    directories.append((location, node))
                case .chain(let depth, let bottom):
                    try createChain(node.name, depth, in: parent)
                    pending.append((location + [(node.name, depth)], bottom))
                case .hardLink(let target):
                    links.append((location, node.name, target))
                default:
                    try createLeaf(node, in: parent)
                    try node.applyAttributes(in: parent)
                }
            }
        }
    }

    func link() throws {
        for (location, name, target) in links {
            let components = target.bytes.split(separator: UInt8(ascii: "/")).map { ByteString($0) }
            let source = try open(components.dropLast().map { ($0, 1) })
            defer { close(source) }
            let parent = try open(location)
            defer { close(parent) }
            try check("linkat", name) {
                components.last!.withCString { old in name.withCString { linkat(source, old, parent, $0, 0) } }
            }
        }
    }

    func setAttributes() throws {
        // A parent is always noted before its children.
        for (location, node) in directories.reversed() {
            let parent = try open(location)
            defer { close(parent) }
            try node.applyAttributes(in: parent)
        }
    }

    private func createChain(_ name: ByteString, _ depth: Int, in parent: CInt) throws {
        var current = try check("fcntl", name) { fcntl(parent, F_DUPFD_CLOEXEC, 0) }
        defer { close(current) }
        for _ in 0..<depth {
            try check("mkdirat", name) { name.withCString { mkdirat(current, $0, 0o755) } }
            try step(&current, into: name)
        }
    }

    private func createLeaf(_ node: Node, in parent: CInt) throws {
        switch node.kind {
        case .file(let content, let size):
            let file = try check("openat", node.name) {
                node.name.withCString { openat(parent, $0, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600) }
            }
            defer { close(file) }
            var written = 0
            while written < content.count {
                written += try content[written...].withUnsafeBytes { rest in
                    try check("write", node.name) { write(file, rest.baseAddress!, rest.count) }
                }
            }
            if let size { try check("ftruncate", node.name) { ftruncate(file, Int(size)) } }
        case .symlink(let target):
            try check("symlinkat", node.name) {
                target.withCString { target in node.name.withCString { symlinkat(target, parent, $0) } }
            }
        case .special(let type, let major, let minor):
            // makedev(3) of numbers below 256.
            let device = dev_t(major << 8 | minor)
            try check("mknodat", node.name) { node.name.withCString { mknodat(parent, $0, type | 0o600, device) } }
        case .directory, .chain, .hardLink:
            fatalError("not a leaf")
        }
    }

    private func open(_ location: Location) throws -> CInt {
        var current = try check("fcntl", "") { fcntl(root, F_DUPFD_CLOEXEC, 0) }
        for (name, count) in location {
            for _ in 0..<count { try step(&current, into: name) }
        }
        return current
    }

    private func step(_ current: inout CInt, into name: ByteString) throws {
        let parent = current
        defer { close(parent) }
        current = try check("openat", name) {
            name.withCString { openat(parent, $0, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) }
        }
    }
}

extension Node {
    fileprivate func applyAttributes(in parent: CInt) throws {
        if owner != nil || group != nil {
            let (owner, group) = (owner ?? .max, group ?? .max)  // −1 keeps what is there
            try check("fchownat", name) {
                name.withCString { fchownat(parent, $0, owner, group, AT_SYMLINK_NOFOLLOW) }
            }
        }
        if let mode { try check("fchmodat", name) { name.withCString { fchmodat(parent, $0, mode, 0) } } }
        if let mtime {
            let times = [timespec(tv_sec: mtime, tv_nsec: 0), timespec(tv_sec: mtime, tv_nsec: 0)]
            try check("utimensat", name) { name.withCString { utimensat(parent, $0, times, AT_SYMLINK_NOFOLLOW) } }
        }
    }
}
