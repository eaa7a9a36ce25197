import TestSupport
import Testing

@testable import TaskGraphs

/// Parts of graphs: the nodes that some results need.
@Suite("Subgraphs")
struct SubgraphTests {
    private struct Oops: Error, Equatable {}

    @Test(.timeLimit(.minutes(patience)), arguments: [1, 2, 8])
    func aSubgraphRunsOnlyTheNodesThatItsResultsNeed(threads: Int) throws {
        var graph = TaskGraph()
        let (a, b) = (graph.add("a") { 1 }, graph.add("b") { 2 })
        let setUp = graph.add("set up") {}
        let ab = graph.add("ab", after: a, b) { $0 + $1 }
        try graph.order(setUp, before: ab)
        let late = graph.add("late", priority: 100, after: ab) { $0 * 10 }
        let other = graph.add("other") { Issue.record("nobody needs this") }
        let both = graph.add("both", after: late, other) { _, _ in }

        let report = try graph.subgraph(for: ab, b).run(threads: threads)
        #expect(report.timings.map(\.name).sorted() == ["a", "ab", "b", "set up"])
        #expect(try report.result(of: ab) == 3 && report.result(of: b) == 2)
        #expect(throws: TaskNotNeeded(name: "late")) { try report.result(of: late) }
        #expect(throws: TaskNotNeeded(name: "both")) { try report.result(of: both) }
        // Omitted nodes add no priority.
        #expect(report.timings.allSatisfy { $0.priority == 0 })
        #expect(!report.graphviz.contains("late") && report.graphviz.contains("set up"))
        #expect(try graph.subgraph(for: late).run(threads: threads).result(of: late) == 30)
    }

    @Test(.timeLimit(.minutes(patience)))
    func aSubgraphOfASubgraphAndOfAllIsAsExpected() throws {
        var graph = TaskGraph()
        let a = graph.add("a") { 1 }
        let b = graph.add("b", after: a) { $0 + 1 }
        let c = graph.add("c", after: b) { $0 + 1 }
        #expect(try graph.subgraph(for: c).subgraph(for: b).run(threads: 1).timings.map(\.name) == ["a", "b"])
        #expect(try graph.subgraph(for: a, b, c).run(threads: 1).timings.map(\.name) == ["a", "b", "c"])
        #expect(try graph.subgraph().run(threads: 1).timings.isEmpty)
        var more = graph.subgraph(for: a)
        let d = more.add("d", after: a) { $0 + 10 }
        #expect(try more.run(threads: 1).result(of: d) == 11)
    }

    @Test(.timeLimit(.minutes(patience)))
    func aFailureInASubgraphIsReported() throws {
        var graph = TaskGraph()
        let bad = graph.add("bad") { () throws -> Int in throw Oops() }
        let next = graph.add("next", after: bad) { $0 + 1 }
        let last = graph.add("last", after: next) { $0 + 1 }
        let report = try graph.subgraph(for: next).run(threads: 2)
        #expect(throws: TaskSkipped.self) { try report.result(of: next) }
        #expect(throws: TaskNotNeeded.self) { try report.result(of: last) }
    }
}
