/// The outcome of each node of a run: its result, its error, or why it did not run.
public struct Report: Sendable {
    var results: Results
    /// When each node ran. Nil if it did not run.
    var spans: [Span?]
    var startOrder: [Int] = []
    let graph: TaskGraph
    let priorities: [Int]

    struct Span: Sendable {
        let worker: Int?
        let started: Duration
        let ended: Duration
    }

    init(of graph: TaskGraph, priorities: [Int]) {
        self.graph = graph
        self.priorities = priorities
        results = Results(outcomes: Array(repeating: nil, count: graph.nodes.count))
        spans = Array(repeating: nil, count: graph.nodes.count)
    }

    /// The value that a node returned.
    ///
    /// - Throws: the node's own error. `TaskNotNeeded` if the graph is a subgraph without it. `TaskSkipped` if the node
    ///   did not run because a dependency failed. `CancellationError` if it did not run because the run or a dependency
    ///   was cancelled.
    public func result<Output>(of node: TaskGraph.Node<Output>) throws -> Output {
        let position = graph.position(of: node)
        guard graph.nodes[position].isIncluded else { throw TaskNotNeeded(name: graph.nodes[position].name) }
        switch results.outcomes[position] {
        case .succeeded: return results.value(of: node)
        case .failed(let error): throw error
        case .skipped(let cause):
            guard case .failed(let error) = results.outcomes[cause] else {
                preconditionFailure("a node was skipped, and nothing that it needs has failed")
            }
            if error is CancellationError { throw error }
            throw TaskSkipped(name: graph.nodes[node.index].name, cause: graph.nodes[cause].name, error: error)
        case nil: preconditionFailure("a run has ended before its nodes")
        }
    }

    // MARK: Profile

    /// One line of the profile. Times count from the start of the run.
    public struct Timing: Sendable {
        public let name: String
        /// The node's own priority plus those of everything that depends on it.
        public let priority: Int
        /// The number of the worker that started it. Nil outside of a pool.
        public let worker: Int?
        /// When the last of its dependencies ended.
        public let ready: Duration
        public let started: Duration
        public let ended: Duration
    }

    /// The nodes that ran, in the order in which the plan chose them.
    public var timings: [Timing] { startOrder.map(timing) }

    /// The chain of dependencies that ends with the node that ended last. To shorten the run, shorten these nodes
    /// first.
    public var criticalPath: [String] {
        var path: [Int] = []
        var next = spans.indices.filter { spans[$0] != nil }.max { lastEnd($0) < lastEnd($1) }
        while let node = next {
            path.append(node)
            next = graph.nodes[node].needs.max { lastEnd($0) < lastEnd($1) }
        }
        return path.reversed().map { graph.nodes[$0].name }
    }

    private func lastEnd(_ node: Int) -> Duration { spans[node]?.ended ?? .zero }

    private func timing(_ node: Int) -> Timing {
        let span = spans[node]!
        return Timing(
            name: graph.nodes[node].name, priority: priorities[node], worker: span.worker,
            ready: graph.nodes[node].needs.map(lastEnd).max() ?? .zero, started: span.started, ended: span.ended)
    }
}

/// A node did not run, because a node that it depends on failed.
public struct TaskSkipped: Error, CustomStringConvertible {
    /// The node that did not run.
    public let name: String
    /// The node that failed.
    public let cause: String
    /// The error of the failed node.
    public let error: any Error

    public var description: String { "\(name) did not run, because \(cause) failed: \(error)" }
}

/// The outcomes so far, by node.
struct Results: Sendable {
    enum Outcome: Sendable {
        case succeeded(any Sendable)
        case failed(any Error)
        case skipped(because: Int)
    }

    /// Nil until the node has an outcome.
    var outcomes: [Outcome?]

    func value<Output>(of node: TaskGraph.Node<Output>) -> Output {
        guard case .succeeded(let value) = outcomes[node.index], let output = value as? Output else {
            preconditionFailure("a node was started before what it needs, or the handle is of another graph")
        }
        return output
    }
}
