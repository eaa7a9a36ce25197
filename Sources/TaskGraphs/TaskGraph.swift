// Tasks that need each other's results, on the pool.
//
//   TaskGraph (what is to be done) ──▶ Plan (what may start now: a value) ──▶ child tasks ──▶ Report (what happened)
//
// A handle comes from `add`, and only a handle can be waited for: what a node needs is there before the node is, so that data
// cannot go round in circles. `order(_:before:)`, which adds to nodes that exist, can close a circle, and refuses.

import Synchronization
public import WorkStealing

/// Nodes with dependencies and typed results, which run as early as what they need and their limits allow.
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
/// Of the nodes that could start, the one goes first whose own priority and those of everything that depends on it add up to
/// the most; of equals, the one that was added first. A node that waits for input or output without blocking still counts as running:
/// graphs with many such nodes want a `maxConcurrency` of their own.
public struct TaskGraph: Sendable {
    /// How many nodes may run at a time, suspended ones included; nil: as many as the pool has threads. With more than there
    /// are threads, it is the pool that decides which of the nodes that run goes on first, and priorities mean less.
    public let maxConcurrency: Int?

    var nodes: [Definition] = []
    private let identity: Int

    /// A node, and the type of its result.
    public struct Node<Output: Sendable>: Hashable, Sendable {
        let index: Int
        let graph: Int
    }

    /// What runs when the node has started.
    typealias Work = @Sendable () async throws -> any Sendable

    struct Definition: Sendable {
        let name: String
        let priority: Int
        let isExclusive: Bool
        let resources: [Resource]
        var needs: [Int]
        var dependents: [Int] = []
        /// Given the results so far, takes from them what the node is called with.
        let bind: @Sendable (Results) -> Work
    }

    /// An empty graph.
    ///
    /// - Parameter maxConcurrency: 1 or more, or nil.
    public init(maxConcurrency: Int? = nil) {
        precondition(maxConcurrency.map { $0 >= 1 } ?? true, "a graph of which nothing may run")
        self.maxConcurrency = maxConcurrency
        identity = Self.identities.add(1, ordering: .relaxed).newValue
    }

    private static let identities = Atomic<Int>(0)

    // MARK: Building

    /// Adds a node.
    ///
    /// - Parameters:
    ///   - name: for people: profiles, drawings, errors. Need not be unique.
    ///   - priority: its own; see above.
    ///   - exclusive: runs while no other node of this graph does. When it is its turn, nothing else starts before it has run.
    ///   - resources: what it holds while it runs, each once. Shared with other graphs, actors and `async` functions.
    ///   - inputs: nodes whose results it is called with.
    ///   - work: what it does; synchronous or `async`, on the pool that the graph runs on.
    @discardableResult
    public mutating func add<each Input: Sendable, Output: Sendable>(
        _ name: String, priority: Int = 0, exclusive: Bool = false, using resources: [Resource] = [],
        after inputs: repeat Node<each Input>,
        // @concurrent: a node is a task of its own, isolated to nobody. Without it the compiler (6.3) crashes on a caller's
        // closure with a pack of parameters, where functions are nonsending by default.
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

    /// Lets `second` wait for `first`, whose result it does not need.
    ///
    /// - Throws: `TaskGraphCycle` if `first` waits for `second` already. The graph is unchanged then.
    public mutating func order<A, B>(_ first: Node<A>, before second: Node<B>) throws(TaskGraphCycle) {
        let (first, second) = (checked(first), checked(second))
        if let path = path(from: second, to: first) { throw TaskGraphCycle(names: path.map { nodes[$0].name }) }
        guard !nodes[second].needs.contains(first) else { return }
        nodes[second].needs.append(first)
        nodes[first].dependents.append(second)
    }

    /// A chain of nodes that wait for each other, both ends included.
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

    private static func distinct(_ resources: [Resource]) -> [Resource] {
        var distinct: [Resource] = []
        for resource in resources where !distinct.contains(where: { $0 === resource }) { distinct.append(resource) }
        return distinct
    }

    func checked<Output>(_ node: Node<Output>) -> Int {
        precondition(node.graph == identity && node.index < nodes.count, "a node of another graph")
        return node.index
    }
}

/// The edge that was asked for would make nodes wait for each other.
public struct TaskGraphCycle: Error, Equatable, CustomStringConvertible {
    /// The nodes on the way round, each before the one that waits for it.
    public let names: [String]

    public var description: String {
        "nodes wait for each other: " + (names + names.prefix(1)).joined(separator: " → ")
    }
}
