import ScanEngine

/// The largest directories as the lines of a tree.
///
/// They come as a list, the largest first, with a directory before its contents. So the tree of the first N contains
/// the N largest, and for everything in it the directories above it.
struct SummaryTree {
    /// A directory; or a chain of directories, each the only content of the one before; or the rest of a directory.
    struct Line {
        var isPath = false
        /// For each level above except the PATH's: whether more follows there, so that a vertical line passes this one.
        var continues: [Bool]
        /// Nothing in the same directory follows.
        var isLast: Bool
        /// For a PATH all of it; for a chain with slashes. Nil for the rest of a directory.
        var name: [UInt8]?
        var entries: Int64
        var amount: Int64
    }

    private(set) var lines: [Line] = []

    /// A line before its place is known.
    private struct Branch {
        var name: [UInt8]
        var entries: Int64
        var amount: Int64
        /// The index of the last directory of the chain.
        var end: Int
        var below: [Int] = []
    }

    /// - Parameters:
    ///   - nodes: directories, by the amount.
    ///   - top: the maximum number of lines besides the first PATH and the rest of each.
    ///   - amount: the quantity that the tree shows.
    init(_ nodes: [MapNode], top: Int, _ amount: (MapNode) -> Int64) {
        var branches: [Branch] = []
        /// The branch of a node, by the node's index.
        var place: [Int: Int] = [:]
        for (number, node) in nodes.enumerated() {
            if let parent = node.parent {
                guard let above = place[parent] else { continue }
                // A PATH keeps its line, so that it appears as given.
                if nodes[parent].parent != nil, nodes[parent].entries == node.entries + 1 {
                    branches[above].name += [UInt8(ascii: "/")] + node.name
                    branches[above].end = number
                    place[number] = above
                    continue
                }
                if branches.count > top { continue }
                branches[above].below.append(branches.count)
            } else if branches.count > top {
                continue
            }
            place[number] = branches.count
            branches.append(
                Branch(name: node.name, entries: node.entries, amount: amount(node), end: number))
        }
        let paths = branches.indices.filter { nodes[branches[$0].end].parent == nil }
        for path in paths { addLines(path, branches, nodes, amount) }
    }

    /// Adds a PATH's line and those below it, with a stack.
    private mutating func addLines(
        _ path: Int, _ branches: [Branch], _ nodes: [MapNode], _ amount: (MapNode) -> Int64
    ) {
        func line(_ branch: Branch, _ continues: [Bool], isLast: Bool) -> Line {
            Line(
                continues: continues, isLast: isLast, name: branch.name, entries: branch.entries,
                amount: branch.amount)
        }
        var open: [(rest: ArraySlice<Int>, others: Line?)] = []
        func enter(_ branch: Branch, _ continues: [Bool]) {
            guard !branch.below.isEmpty else { return }
            let below = branch.below.map { branches[$0] }
            let end = nodes[branch.end]
            // A file with several names counts in each directory: they may add up to more than the one above.
            let others = Line(
                continues: continues, isLast: true, name: nil,
                entries: end.entries - 1 - below.reduce(0) { $0 + $1.entries },
                amount: max(0, below.reduce(amount(end)) { $0 &- $1.amount }))
            open.append((branch.below[...], others.entries > 0 ? others : nil))
        }
        var first = line(branches[path], [], isLast: true)
        first.isPath = true
        lines.append(first)
        // Which levels continue, below the PATH.
        var continues: [Bool] = []
        enter(branches[path], continues)
        while let last = open.last {
            guard let next = last.rest.first else {
                if let others = last.others { lines.append(others) }
                open.removeLast()
                if !continues.isEmpty { continues.removeLast() }
                continue
            }
            open[open.count - 1].rest.removeFirst()
            let isLast = last.rest.count == 1 && last.others == nil
            lines.append(line(branches[next], continues, isLast: isLast))
            if branches[next].below.isEmpty { continue }
            continues.append(!isLast)
            enter(branches[next], continues)
        }
    }
}
