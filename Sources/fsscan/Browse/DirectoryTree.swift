// The directories of a tree with their sums, while the scan goes on.
//
// A node is 64 bytes, and its name. Nodes are numbered in the order in which they were met: a parent's number is less
// than its children's. So one pass over what has changed, from the highest number down, brings all sums up to date:
// when a node is looked at, everything below it has been added to it.
//
//   number      0     1     2     3     4     5
//            ┌─────┬─────┬─────┬─────┬─────┬─────┬─ ─ ─
//   nodes    │ /srv│ vm  │ www │ log │ a   │ b   │         a child has the number of its parent, a parent that of the
//            └─────┴─────┴─────┴─────┴─────┴─────┴─ ─ ─    last child that was met, a child that of the one before it
//   names    /srv vm www log a b
//
// The sums of a directory are those of `du` for it alone: an inode with several names counts once within each
// directory. The scan says what they are when the directory is done; until then they are the sum of what is known, in
// which an inode may count once for each directory that it has a name in.

import ScanEngine

/// The number of a directory in its tree.
typealias DirectoryNumber = UInt32

/// A tree of directories, filled by the events of a scan. Used by one thread.
struct DirectoryTree {
    struct Node {
        var parent: UInt32
        var lastChild: UInt32
        /// The child of the same parent that was met before.
        var sibling: UInt32
        var nameLength: UInt16 = 0
        var flags: NodeFlags = []
        var nameStart: UInt32 = 0
        /// The newest time of itself and of what is no directory in it, as near as 32 bits have it: from 1970 to 2106.
        var ownNewest: UInt32 = 0
        var sums = DirectorySums()
        /// Seconds since 1970; of it and everything below.
        var newest = Int64.min

        static let empty = Node(parent: none, lastChild: none, sibling: none)
    }

    /// Stands for no directory.
    static let none = DirectoryNumber.max

    var nodes: [Node] = []
    private var names: [UInt8] = []
    /// How many directories are not done.
    private(set) var unfinished = 0
    /// The names of inodes that have several: 32 bytes each.
    var links = LinkTable()

    /// What this pass has found out: `touched` are numbers, `marks` for each number 1 + its place among them, or 0.
    private var touched: [UInt32] = []
    private var marks: [UInt32] = []
    private var changes: [Change] = []

    private struct Change {
        var added = DirectorySums()
        var total: DirectorySums?
        var newest = Int64.min
    }

    /// - Parameter path: of the tree.
    init(path: [UInt8]) {
        nodes.append(.empty)
        place(0, name: path[...], parent: Self.none)
    }

    static let root: DirectoryNumber = 0

    /// The number of the next directory that is met.
    var count: Int { nodes.count }

    // MARK: Asking

    func sums(of number: DirectoryNumber) -> DirectorySums { nodes[Int(number)].sums }
    func newest(in number: DirectoryNumber) -> Int64 { nodes[Int(number)].newest }
    func flags(of number: DirectoryNumber) -> NodeFlags { nodes[Int(number)].flags }

    /// Nil for the root.
    func parent(of number: DirectoryNumber) -> DirectoryNumber? {
        let parent = nodes[Int(number)].parent
        return parent == Self.none ? nil : parent
    }

    func name(of number: DirectoryNumber) -> ArraySlice<UInt8> {
        let node = nodes[Int(number)]
        return names[Int(node.nameStart)..<Int(node.nameStart) + Int(node.nameLength)]
    }

    /// From the root, whose own is left out, down to the directory.
    func namesFromRoot(to number: DirectoryNumber) -> [[UInt8]] {
        var list: [[UInt8]] = []
        var place = number
        while let parent = parent(of: place) {
            list.append(Array(name(of: place)))
            place = parent
        }
        return list.reversed()
    }

    /// As `find PATH` prints it.
    func path(of number: DirectoryNumber) -> [UInt8] {
        var path = Array(name(of: Self.root))
        for name in namesFromRoot(to: number) {
            if path.last != UInt8(ascii: "/") { path.append(UInt8(ascii: "/")) }
            path += name
        }
        return path
    }

    /// Whether a directory, or one below it, has one of these flags.
    func has(_ flags: NodeFlags, atOrBelow number: DirectoryNumber) -> Bool {
        var pending = [number]
        while let place = pending.popLast() {
            if !self.flags(of: place).isDisjoint(with: flags) { return true }
            forEachChild(of: place) { pending.append($0) }
        }
        return false
    }

    /// Those that are there, the last one met first.
    func forEachChild(of number: DirectoryNumber, _ body: (DirectoryNumber) -> Void) {
        var child = nodes[Int(number)].lastChild
        while child != Self.none {
            let node = nodes[Int(child)]
            if !node.flags.contains(.gone), node.flags.contains(.placed) { body(child) }
            child = node.sibling
        }
    }

    // MARK: Events

    /// Takes in what one worker has to tell. Sums are brought up to date by `settle()`.
    mutating func apply(_ events: borrowing DirectoryEvents) {
        var nameStart = 0
        for met in events.met {
            let nameEnd = nameStart + met.nameLength
            makeRoom(for: met.number)
            place(met.number, name: events.names[nameStart..<nameEnd], parent: met.parent)
            nameStart = nameEnd
        }
        for link in events.linked { links.append(link) }
        for event in events.counted {
            makeRoom(for: event.number)
            let index = Int(event.number)
            switch event.what {
            case .excluded:
                nodes[index].flags.insert(.excludes)
                continue
            case .addedMount: nodes[index].flags.insert(.mount)
            case .gone: nodes[index].flags.insert(.gone)
            case .added, .done: break
            }
            if event.newest > 0, event.what != .done {
                nodes[index].ownNewest = max(nodes[index].ownNewest, UInt32(clamping: event.newest))
            }
            change(event.number) { change in
                change.newest = max(change.newest, event.newest)
                switch event.what {
                case .added, .addedMount: change.added = change.added &+ event.sums
                case .done: change.total = event.sums
                case .gone: change.total = DirectorySums()
                case .excluded: break
                }
            }
        }
    }

    private mutating func makeRoom(for number: UInt32) {
        while nodes.count <= Int(number) { nodes.append(.empty) }
    }

    private mutating func place(_ number: UInt32, name: ArraySlice<UInt8>, parent: UInt32) {
        let index = Int(number)
        nodes[index].parent = parent
        precondition(names.count < Int(UInt32.max), "the names of the directories have less than 4 GiB")
        nodes[index].nameStart = UInt32(names.count)
        nodes[index].nameLength = UInt16(clamping: name.count)
        names.append(contentsOf: name.prefix(Int(UInt16.max)))
        nodes[index].flags.insert(.placed)
        unfinished += 1
        guard parent != Self.none else { return }
        makeRoom(for: parent)
        nodes[index].sibling = nodes[Int(parent)].lastChild
        nodes[Int(parent)].lastChild = number
        // What is known of it already has gone no higher.
        let (sums, newest) = (nodes[index].sums, nodes[index].newest)
        change(parent) { change in
            change.added = change.added &+ sums
            change.newest = max(change.newest, newest)
        }
    }

    private mutating func change(_ number: UInt32, _ body: (inout Change) -> Void) {
        if marks.count < nodes.count { marks += repeatElement(0, count: nodes.count - marks.count) }
        if marks[Int(number)] == 0 {
            touched.append(number)
            changes.append(Change())
            marks[Int(number)] = UInt32(touched.count)
        }
        body(&changes[Int(marks[Int(number)]) - 1])
    }

    /// Brings all sums up to date.
    mutating func settle() {
        // All directories above what was touched: each once.
        var next = 0
        while next < touched.count {
            let parent = nodes[Int(touched[next])].parent
            if parent != Self.none { change(parent) { _ in } }
            next += 1
        }
        for number in touched.sorted(by: >) { settle(number) }
        for number in touched { marks[Int(number)] = 0 }
        touched.removeAll(keepingCapacity: true)
        changes.removeAll(keepingCapacity: true)
    }

    private mutating func settle(_ number: UInt32) {
        let index = Int(number)
        let change = changes[Int(marks[index]) - 1]
        var difference = change.added
        let isDone = nodes[index].flags.contains(.done)
        if let total = change.total {
            difference = total &- nodes[index].sums
            nodes[index].sums = total
            if !isDone {
                nodes[index].flags.insert(.done)
                unfinished -= 1
            }
        } else if isDone {
            // A total is final: this part of it was read late.
            difference = DirectorySums()
        } else {
            nodes[index].sums = nodes[index].sums &+ difference
        }
        nodes[index].newest = max(nodes[index].newest, change.newest)
        let parent = nodes[index].parent
        guard parent != Self.none else { return }
        let newest = nodes[index].flags.contains(.gone) ? .min : nodes[index].newest
        self.change(parent) { change in
            change.added = change.added &+ difference
            change.newest = max(change.newest, newest)
        }
    }
}

extension DirectoryTree {
    /// Makes a directory as if nothing were known of what is in it. Those above keep what they have.
    mutating func forget(_ number: DirectoryNumber) {
        let index = Int(number)
        if nodes[index].flags.contains(.done) { unfinished += 1 }
        nodes[index].flags.subtract([.done, .excludes, .gone])
        nodes[index].lastChild = Self.none
        nodes[index].sums = DirectorySums()
        (nodes[index].newest, nodes[index].ownNewest) = (.min, 0)
    }

    /// Whether a directory is the other one or lies in it.
    func isIn(_ number: DirectoryNumber, _ other: DirectoryNumber) -> Bool {
        var place = number
        // Numbers grow on the way down.
        while place > other, let parent = parent(of: place) { place = parent }
        return place == other
    }
}

/// What is known of a directory beside its sums.
struct NodeFlags: OptionSet, Sendable {
    let rawValue: UInt16

    init(rawValue: UInt16) { self.rawValue = rawValue }

    /// It has its name and its place.
    static let placed = NodeFlags(rawValue: 1 << 0)
    /// Everything below was counted.
    static let done = NodeFlags(rawValue: 1 << 1)
    /// It is no directory (any more).
    static let gone = NodeFlags(rawValue: 1 << 2)
    /// It is on another device than the directory above.
    static let mount = NodeFlags(rawValue: 1 << 3)
    /// Patterns left out some of its entries.
    static let excludes = NodeFlags(rawValue: 1 << 4)
}
