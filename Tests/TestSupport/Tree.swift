// A tree is a literal:
//
//     let directory = try TemporaryDirectory([
//         .file("a.txt", "content"),
//         .directory("d", [
//             .file("big", size: 1 << 40),
//             .hardLink("same", to: "a.txt"),
//             .symlink([0xff], to: "nowhere"),
//         ], mode: 0o500),
//         .chain("deep", depth: 5_000, [.fifo("at the bottom")]),
//     ])

/// The entries of a directory.
package struct Tree: ExpressibleByArrayLiteral, Sendable {
    package var nodes: [Node]

    package init(_ nodes: [Node]) { self.nodes = nodes }
    package init(arrayLiteral elements: Node...) { nodes = elements }

    package static func + (left: Tree, right: Tree) -> Tree { Tree(left.nodes + right.nodes) }
}

/// An entry of a tree literal. Modes, times and owners are set when everything exists, so an unreadable directory may
/// have children.
package struct Node: Sendable {
    indirect enum Kind: Sendable {
        case directory(Tree)
        /// `size`: the file is extended to it with a hole.
        case file(content: [UInt8], size: Int64?)
        case symlink(ByteString)
        /// A path from the tree's root.
        case hardLink(ByteString)
        /// The mode's type bits and the device's numbers.
        case special(type: UInt32, major: UInt32, minor: UInt32)
        /// `depth` nested directories, each with this node's name, and a tree in the innermost.
        case chain(depth: Int, bottom: Tree)
    }

    let name: ByteString
    let kind: Kind
    var mode: UInt32?
    /// Seconds since the epoch.
    var mtime: Int?
    var owner: UInt32?
    var group: UInt32?

    private init(
        _ name: ByteString, _ kind: Kind, mode: UInt32? = nil, mtime: Int? = nil, owner: UInt32? = nil,
        group: UInt32? = nil
    ) {
        self.name = name
        self.kind = kind
        self.mode = mode
        self.mtime = mtime
        self.owner = owner
        self.group = group
    }

    package static func directory(
        _ name: ByteString, _ tree: Tree = [], mode: UInt32 = 0o755, mtime: Int? = nil, owner: UInt32? = nil,
        group: UInt32? = nil
    ) -> Node {
        Node(name, .directory(tree), mode: mode, mtime: mtime, owner: owner, group: group)
    }

    package static func file(
        _ name: ByteString, _ content: ByteString = "", size: Int64? = nil, mode: UInt32 = 0o644, mtime: Int? = nil,
        owner: UInt32? = nil, group: UInt32? = nil
    ) -> Node {
        Node(
            name, .file(content: content.bytes, size: size), mode: mode, mtime: mtime, owner: owner, group: group)
    }

    package static func symlink(
        _ name: ByteString, to target: ByteString, mtime: Int? = nil, owner: UInt32? = nil, group: UInt32? = nil
    ) -> Node {
        Node(name, .symlink(target), mtime: mtime, owner: owner, group: group)
    }

    /// Another name of the entry at `path`, relative to the root of the tree; works for a symlink itself, too.
    package static func hardLink(_ name: ByteString, to path: ByteString) -> Node { Node(name, .hardLink(path)) }

    package static func fifo(_ name: ByteString, mode: UInt32 = 0o644, mtime: Int? = nil) -> Node {
        Node(name, .special(type: 0o010000, major: 0, minor: 0), mode: mode, mtime: mtime)
    }

    package static func socket(_ name: ByteString, mode: UInt32 = 0o644, mtime: Int? = nil) -> Node {
        Node(name, .special(type: 0o140000, major: 0, minor: 0), mode: mode, mtime: mtime)
    }

    /// Needs root.
    package static func characterDevice(
        _ name: ByteString, major: UInt32, minor: UInt32, mode: UInt32 = 0o644, mtime: Int? = nil
    ) -> Node {
        Node(name, .special(type: 0o020000, major: major, minor: minor), mode: mode, mtime: mtime)
    }

    /// Needs root.
    package static func blockDevice(
        _ name: ByteString, major: UInt32, minor: UInt32, mode: UInt32 = 0o644, mtime: Int? = nil
    ) -> Node {
        Node(name, .special(type: 0o060000, major: major, minor: minor), mode: mode, mtime: mtime)
    }

    package static func chain(_ name: ByteString, depth: Int, _ bottom: Tree = []) -> Node {
        precondition(depth > 0)
        return Node(name, .chain(depth: depth, bottom: bottom))
    }
}
