// Parts of a graph: the nodes that some results need.
//
// A subgraph keeps the places of all nodes, so that handles stay valid, and removes the other nodes from every edge.

extension TaskGraph {
    /// The part of the graph that these results need: the nodes and all that they wait for, directly or not, whether
    /// for its result or by `order(_:before:)`.
    ///
    /// ```swift
    /// let report = try graph.subgraph(for: index).run(threads: 2)
    /// let words = try report.result(of: index)
    /// ```
    ///
    /// Handles are those of the whole graph. The priority of a node counts only what depends on it in the subgraph.
    public func subgraph<each Output: Sendable>(for results: repeat Node<each Output>) -> TaskGraph {
        var needed = [Bool](repeating: false, count: nodes.count)
        var unvisited: [Int] = []
        for result in repeat each results { unvisited.append(checked(result)) }
        while let node = unvisited.popLast() {
            if needed[node] { continue }
            needed[node] = true
            unvisited += nodes[node].needs
        }
        var part = self
        for node in nodes.indices {
            part.nodes[node].isIncluded = needed[node]
            if needed[node] {
                part.nodes[node].dependents.removeAll { !needed[$0] }
            } else {
                (part.nodes[node].needs, part.nodes[node].dependents) = ([], [])
            }
        }
        return part
    }
}

/// A node did not run, because the subgraph does not need it.
public struct TaskNotNeeded: Error, Equatable, CustomStringConvertible {
    /// The node.
    public let name: String

    public var description: String { "\(name) did not run, because the subgraph does not need it" }
}
