// The compound priority of a node: its own priority and those of all nodes that depend on it, directly or not, each
// once.
//
// "Each once" is the hard part: two paths from one node to another must not count twice. If there cannot be two paths,
// sums of sums suffice, in one pass from the last nodes to the first:
//
//   one dependent                       its sum, and the own priority           chains, and trees that end in one node
//   several, and below them no node     their sums, and the own priority        trees that begin in one node
//   needs two
//
// In other graphs, forks meet again. There each node learns, as one word, which of 64 nodes with a priority depend on
// it; then of the next 64, and so on. That is still quadratic, divided by 64.

struct CompoundPriorities {
    private(set) var sums: [Int]

    init(_ nodes: [TaskGraph.Definition]) {
        sums = nodes.map(\.priority)
        guard nodes.contains(where: { $0.priority != 0 }) else { return }
        let order = Self.lastFirst(nodes)
        var isTree = [Bool](repeating: true, count: nodes.count)
        var meeting = [Bool](repeating: false, count: nodes.count)
        for node in order {
            let dependents = nodes[node].dependents
            isTree[node] = dependents.allSatisfy { isTree[$0] && nodes[$0].needs.count == 1 }
            meeting[node] = dependents.count > 1 && !isTree[node]
        }
        if meeting.contains(true) { addReached(nodes, order, to: meeting) }
        for node in order where !meeting[node] {
            for dependent in nodes[node].dependents { sums[node] += sums[dependent] }
        }
    }

    /// The nodes, each after all that depend on it.
    private static func lastFirst(_ nodes: [TaskGraph.Definition]) -> [Int] {
        var open = nodes.map(\.dependents.count)
        var order = nodes.indices.filter { open[$0] == 0 }
        var next = 0
        while next < order.count {
            for need in nodes[order[next]].needs {
                open[need] -= 1
                if open[need] == 0 { order.append(need) }
            }
            next += 1
        }
        return order
    }

    /// Adds to the nodes of `meeting` the priorities of their dependents.
    private mutating func addReached(_ nodes: [TaskGraph.Definition], _ order: [Int], to meeting: [Bool]) {
        // In this order, so that the nodes that reach a node do not come before it.
        let sources = order.filter { nodes[$0].priority != 0 }
        var bit = [UInt64](repeating: 0, count: nodes.count)
        for start in stride(from: 0, to: sources.count, by: UInt64.bitWidth) {
            let block = sources[start..<min(start + UInt64.bitWidth, sources.count)]
            for (position, source) in block.enumerated() { bit[source] = 1 << UInt64(position) }
            let sumOf = SumsOfBits(block.map { nodes[$0].priority })
            // Which of the block depend on a node, or are that node.
            var reached = bit
            for node in order {
                var below: UInt64 = 0
                for dependent in nodes[node].dependents { below |= reached[dependent] }
                reached[node] |= below
                if below != 0, meeting[node] { sums[node] += sumOf[below] }
            }
            for source in block { bit[source] = 0 }
        }
    }
}

/// The sum of those of up to 64 numbers whose bits are set: one table look-up for every eight.
private struct SumsOfBits {
    private var tables: [Int] = []

    init(_ numbers: [Int]) {
        for group in stride(from: 0, to: UInt64.bitWidth, by: 8) {
            tables.append(0)
            for byte in 1..<256 {
                let last = byte.trailingZeroBitCount
                let number = group + last < numbers.count ? numbers[group + last] : 0
                tables.append(tables[group * 32 + (byte & (byte - 1))] + number)
            }
        }
    }

    subscript(bits: UInt64) -> Int {
        var sum = 0
        for group in 0..<8 { sum += tables[group * 256 + Int(bits >> UInt64(group * 8) & 0xFF)] }
        return sum
    }
}
