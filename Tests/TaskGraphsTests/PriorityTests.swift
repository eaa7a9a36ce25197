import TestSupport
import Testing

@testable import TaskGraphs

@Suite("Priorities that are handed on")
struct PriorityTests {
    /// An oracle: each node visits all its dependents.
    private func visited(_ graph: TaskGraph) -> [Int] {
        graph.nodes.indices.map { node in
            var seen: Set<Int> = [node]
            var unvisited = [node]
            while let next = unvisited.popLast() {
                for dependent in graph.nodes[next].dependents where seen.insert(dependent).inserted {
                    unvisited.append(dependent)
                }
            }
            return seen.reduce(0) { $0 + graph.nodes[$1].priority }
        }
    }

    @Test(arguments: 0..<200)
    func theyAreThoseOfAllDependentsEachOnce(seed: Int) throws {
        var random = SeededGenerator(seed: UInt64(seed))
        let size = Int.random(in: 1...150, using: &random)
        var graph = TaskGraph()
        var nodes: [TaskGraph.Node<Void>] = []
        for index in 0..<size {
            let priority = seed % 3 == 0 ? 1 : Int.random(in: -5...5, using: &random)
            nodes.append(graph.add("\(index)", priority: priority) {})
        }
        // Chains, trees of either direction, and anything; some edges lead from a later node to an earlier one.
        for index in 1..<max(size, 1) {
            let near = max(0, index - 2)..<index
            switch seed % 5 {
            case 0: try graph.order(nodes[index - 1], before: nodes[index])
            case 1: try graph.order(nodes[index / 2], before: nodes[index])
            case 2: try graph.order(nodes[index], before: nodes[index / 2])
            case 3: for need in near { try graph.order(nodes[need], before: nodes[index]) }
            default:
                for _ in 0..<Int.random(in: 0...3, using: &random) {
                    try? graph.order(nodes[Int.random(in: 0..<size, using: &random)], before: nodes[index])
                }
            }
        }
        #expect(Plan(graph).priorities == visited(graph))
    }

    /// Visiting all from each took 7.8 s for a third of that in a release build, and here takes longer than the limit.
    @Test(.timeLimit(.minutes(patience)), arguments: [false, true])
    func aLongChainIsLinear(hasReports: Bool) {
        var graph = TaskGraph()
        var last = graph.add("0", priority: 1) {}
        for number in 1..<100_000 {
            if hasReports { graph.add("report", priority: 1, after: last) { _ in } }
            last = graph.add("\(number)", priority: 1, after: last) { _ in }
        }
        let priorities = Plan(graph).priorities
        #expect(priorities[0] == graph.nodes.count)
        #expect(priorities[last.index] == 1)
    }
}
