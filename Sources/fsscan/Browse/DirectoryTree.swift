// The directories of a tree with their sums, updated during a scan.
//
// A node is 64 bytes, and its name. Nodes are numbered in the order in which they were found: a parent's number is less
// than its children's. So one pass over the changed nodes, from the highest number down, updates all sums: when the
// pass reaches a node, everything below it has been added to it.
//
//   number      0     1     2     3     4     5
//            ┌─────┬─────┬─────┬─────┬─────┬─────┬─ ─ ─
//   nodes    │ /srv│ vm  │ www │ log │ a   │ b   │         a child has its parent's number; a parent that of its
//            └─────┴─────┴─────┴─────┴─────┴─────┴─ ─ ─    last child, each child that of the one before it
//   names    /srv vm www log a b
//
// The sums of a directory are those of `du` for it alone: an inode with several names counts once within each
// directory. The scan reports the final sums when the directory is done. Until then the sums add up what is known;
// there an inode may count once for each directory that contains one of its names.

import ScanEngine

/// The number of a directory in its tree.
typealias DirectoryNumber = UInt32

/// A tree of directories, filled by the events of a scan. Used by one thread.
struct DirectoryTree {
    struct Node {
        var parent: UInt32
        var lastChild: UInt32
        /// The previous child of the same parent.
        var sibling: UInt32
        var nameLength: UInt16 = 0
        var flags: NodeFlags = []
        var nameStart: UInt32 = 0
        /// The newest time of itself and of its entries that are not directories, in 32 bits: from 1970 to 2106.
        var ownNewest: UInt32 = 0
        var sums = DirectorySums()
        /// Seconds since 1970; for itself and everything below.
        var newest = Int64.min

        static let empty = Node(parent: none, lastChild: none, sibling: none)
    }

    /// Means no directory.
    static let none = DirectoryNumber.max

    var nodes = BlockArray<Node>()
    private var names = NameBlocks()
    /// How many directories are not done.
    private(set) var unfinished = 0
    /// The names of inodes with several names: 32 bytes each.
    var links = LinkTable()

    /// The state of this pass: `touched` are numbers, `marks` for each number 1 + its index in `touched`, or 0.
    private var touched: [UInt32] = []
    private var marks = BlockArray<UInt32>()
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

    /// The number of the next new directory.
    var count: Int { nodes.count }

    // MARK: Queries

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
        return names[node.nameStart, node.nameLength]
    }

    /// From the root (its own name excluded) down to the directory.
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

    /// The existing ones, the last one found first.
    func forEachChild(of number: DirectoryNumber, _ body: (DirectoryNumber) -> Void) {
        var child = nodes[Int(number)].lastChild
        while child != Self.none {
            let node = nodes[Int(child)]
            if !node.flags.contains(.gone), node.flags.contains(.placed) { body(child) }
            child = node.sibling
        }
    }

    // MARK: Events

    /// Applies one worker's events. `settle()` then updates the sums.
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
        let name = name.prefix(Int(UInt16.max))
        nodes[index].nameStart = names.append(name)
        nodes[index].nameLength = UInt16(name.count)
        nodes[index].flags.insert(.placed)
        unfinished += 1
        guard parent != Self.none else { return }
        makeRoom(for: parent)
        nodes[index].sibling = nodes[Int(parent)].lastChild
        nodes[Int(parent)].lastChild = number
        // Its earlier sums have not been added to the directories above.
        let (sums, newest) = (nodes[index].sums, nodes[index].newest)
        change(parent) { change in
            change.added = change.added &+ sums
            change.newest = max(change.newest, newest)
        }
    }

    private mutating func change(_ number: UInt32, _ body: (inout Change) -> Void) {
        while marks.count < nodes.count { marks.append(0) }
        if marks[Int(number)] == 0 {
            touched.append(number)
            changes.append(Change())
            marks[Int(number)] = UInt32(touched.count)
        }
        body(&changes[Int(marks[Int(number)]) - 1])
    }

    /// Updates all sums.
    mutating func settle() {
        // All directories above the touched ones: each once.
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
    /// Resets a directory to the state before its contents were found. Those above keep their sums.
    mutating func forget(_ number: DirectoryNumber) {
        let index = Int(number)
        if nodes[index].flags.contains(.done) { unfinished += 1 }
        nodes[index].flags.subtract([.done, .excludes, .gone])
        nodes[index].lastChild = Self.none
        nodes[index].sums = DirectorySums()
        (nodes[index].newest, nodes[index].ownNewest) = (.min, 0)
    }

    /// Whether a directory is the other one or is inside it.
    func isIn(_ number: DirectoryNumber, _ other: DirectoryNumber) -> Bool {
        var place = number
        // Numbers grow on the way down.
        while place > other, let parent = parent(of: place) { place = parent }
        return place == other
    }
}

/// Facts about a directory besides its sums.
struct NodeFlags: OptionSet, Sendable {
    let rawValue: UInt16

    init(rawValue: UInt16) { self.rawValue = rawValue }

    /// Its name and its parent are known.
    static let placed = NodeFlags(rawValue: 1 << 0)
    /// Everything below has been counted.
    static let done = NodeFlags(rawValue: 1 << 1)
    /// It is not a directory (any more).
    static let gone = NodeFlags(rawValue: 1 << 2)
    /// It is on another device than the directory above.
    static let mount = NodeFlags(rawValue: 1 << 3)
    /// Patterns excluded some of its entries.
    static let excludes = NodeFlags(rawValue: 1 << 4)
}
