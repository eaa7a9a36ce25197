// A graph of tasks with dependencies and typed results, on the pool.
//
//   TaskGraph (the tasks) ──▶ Plan (a value: which may start now) ──▶ child tasks ──▶ Report (the outcomes)
//
// `add` returns a handle, and a node can depend only on handles. A node's dependencies thus exist before it does, so
// results cannot flow in a cycle. `order(_:before:)` adds edges between existing nodes. It could close a cycle, and
// refuses to.

import Synchronization
public import WorkStealing

/// A graph of nodes with dependencies and typed results. Each node runs as early as its dependencies and limits allow.
///
/// ```swift
/// var graph = TaskGraph(maxConcurrency: 2)
/// let page = graph.add("page", priority: 10) { try await fetch() }
/// let index = graph.add("index") { try buildIndex() }
/// let found = graph.add("found", after: page, index) { page, index in index.matches(in: page) }
/// let report = try graph.run(threads: 2)
/// print(try report.result(of: found))
/// ```
///
/// Ready nodes start in order of their compound priority: a node's own priority plus those of everything that depends
/// on it. Of equals, the node added first goes first. A node suspended for input or output still counts as running. A
/// graph with many such nodes needs its own `maxConcurrency`.
public struct TaskGraph: Sendable {
    /// How many nodes may run at a time, suspended ones included. Nil means as many as the pool has threads. If the
    /// limit is above the number of threads, the pool decides which running node continues first, and priorities mean
    /// less.
    public let maxConcurrency: Int?

    var nodes: [Definition] = []
    private let identity: Int

    /// A handle to a node, typed by its result.
    public struct Node<Output: Sendable>: Hashable, Sendable {
        let index: Int
        let graph: Int
    }

    /// The body of a node, with its arguments bound.
    typealias Work = @Sendable () async throws -> any Sendable

    /// A node as the graph stores it.
    struct Definition: Sendable {
        let name: String
        let priority: Int
        let isExclusive: Bool
        let resources: [LimitedResource]
        var needs: [Int]
        var dependents: [Int] = []
        /// Takes the node's arguments from the results so far, and returns its body.
        let bind: @Sendable (Results) -> Work
        /// False in a subgraph that does not need it.
        var isIncluded = true
    }

    /// An empty graph.
    ///
    /// - Parameter maxConcurrency: 1 or more, or nil.
    public init(maxConcurrency: Int? = nil) {
        require(maxConcurrency.map { $0 >= 1 } ?? true, "`maxConcurrency` is 1 or more: nothing of the graph could run")
        self.maxConcurrency = maxConcurrency
        identity = Self.identities.add(1, ordering: .relaxed).newValue
    }

    private static let identities = Atomic<Int>(0)

    // MARK: Building

    /// Adds a node.
    ///
    /// - Parameters:
    ///   - name: the name in profiles, drawings and errors. It need not be unique.
    ///   - priority: the node's own priority. See `TaskGraph` for how priorities add up.
    ///   - exclusive: the node runs alone in this graph. When it is next, nothing else starts before it has run.
    ///   - resources: the node holds a token of each while it runs. Other graphs, actors and `async` functions may
    ///     share them.
    ///   - inputs: nodes whose results become the arguments of `work`.
    ///   - work: the body, synchronous or `async`. It runs on the graph's pool.
    @discardableResult
    public mutating func add<each Input: Sendable, Output: Sendable>(
        _ name: String, priority: Int = 0, exclusive: Bool = false, using resources: [LimitedResource] = [],
        after inputs: repeat Node<each Input>,
        // @concurrent: a node is its own task without isolation. Without the attribute, where functions are nonsending
        // by default, the compiler (6.3) crashes on a caller's closure with a parameter pack.
        work: @escaping @concurrent @Sendable (repeat each Input) async throws -> Output
    ) -> Node<Output> {
        var needs: [Int] = []
        for input in repeat each inputs {
            let index = checked(input)
            if !needs.contains(index) { needs.append(index) }
        }
        let index = nodes.count
        for need in needs { nodes[need].dependents.append(index) }
        nodes.append(
            Definition(
                name: name, priority: priority, isExclusive: exclusive, resources: Self.distinct(resources),
                needs: needs,
                bind: { results in
                    let arguments = (repeat results.value(of: each inputs))
                    return { try await work(repeat each arguments) }
                }))
        return Node(index: index, graph: identity)
    }

    /// Makes `second` wait for `first` without using its result.
    ///
    /// - Throws: `TaskGraphCycle` if `first` already waits for `second`. The graph then stays unchanged.
    public mutating func order<A, B>(_ first: Node<A>, before second: Node<B>) throws(TaskGraphCycle) {
        let (first, second) = (checked(first), checked(second))
        if let path = path(from: second, to: first) { throw TaskGraphCycle(names: path.map { nodes[$0].name }) }
        guard !nodes[second].needs.contains(first) else { return }
        nodes[second].needs.append(first)
        nodes[first].dependents.append(second)
    }

    /// A path along dependents from `start` to `end`, both included. Nil if there is none.
    private func path(from start: Int, to end: Int) -> [Int]? {
        var cameFrom = [Int: Int]()
        var unvisited = [start]
        while let node = unvisited.popLast() {
            if node == end {
                var path = [end]
                while let last = path.last, last != start, let previous = cameFrom[last] { path.append(previous) }
                return path.reversed()
            }
            for dependent in nodes[node].dependents where cameFrom[dependent] == nil {
                cameFrom[dependent] = node
                unvisited.append(dependent)
            }
        }
        return nil
    }

    private static func distinct(_ resources: [LimitedResource]) -> [LimitedResource] {
        var distinct: [LimitedResource] = []
        for resource in resources where !distinct.contains(where: { $0 === resource }) { distinct.append(resource) }
        return distinct
    }

    func checked<Output>(_ node: Node<Output>) -> Int {
        let index = position(of: node)
        require(nodes[index].isIncluded, "the node is not a part of this subgraph")
        return index
    }

    /// The same for nodes that a subgraph does not need.
    func position<Output>(of node: Node<Output>) -> Int {
        require(node.graph == identity && node.index < nodes.count, "the node is one of another graph")
        return node.index
    }
}

/// The requested edge would close a cycle.
public struct TaskGraphCycle: Error, Equatable, CustomStringConvertible {
    /// The nodes of the cycle. Each precedes the node that waits for it.
    public let names: [String]

    public var description: String {
        "nodes wait for each other: " + (names + names.prefix(1)).joined(separator: " → ")
    }
}
