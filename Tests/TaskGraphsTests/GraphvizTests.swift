import TaskGraphs
import TestSupport
import Testing
import WorkStealing

/// The drawings as read by `dot`, an independent program. Debian's package is graphviz.
@Suite("Drawings of graphs")
struct GraphvizTests {
    /// Names, and pairs of names, as `dot -Tplain` prints them.
    private func read(_ drawing: String) throws -> (nodes: [String], edges: [[String]]) {
        let outcome = try run(["dot", "-Tplain"], ProcessOptions { $0.input = Array(drawing.utf8) })
        #expect(outcome.status == 0, "\(outcome.errorText)")
        let lines = outcome.outputText.split(separator: "\n")
        return (
            lines.filter { $0.hasPrefix("node ") }.map { String($0.split(separator: " ")[1]) }.sorted(),
            lines.filter { $0.hasPrefix("edge ") }.map { $0.split(separator: " ")[1...2].map(String.init) }
        )
    }

    private func graph() throws -> TaskGraph {
        var graph = TaskGraph()
        let a = graph.add("a \"quoted\" name\\n\nof two lines") { 1 }
        let b = graph.add("b", exclusive: true, after: a) { $0 }
        let c = graph.add("größe → 文", using: [LimitedResource("disk", limit: 4)], after: a, b) { $0 + $1 }
        let d = graph.add("d") {}
        try graph.order(c, before: d)
        return graph
    }

    @Test func dotReadsEveryNodeAndEdge() throws {
        let (nodes, edges) = try read(graph().graphviz)
        #expect(nodes == ["n0", "n1", "n2", "n3"])
        #expect(Set(edges) == [["n0", "n1"], ["n0", "n2"], ["n1", "n2"], ["n2", "n3"]])
        #expect(edges.count == 4)
    }

    @Test func aDrawingOfARunShowsTheOutcomeOfEachNode() throws {
        struct Oops: Error {}
        var graph = TaskGraph()
        let a = graph.add("a") { () throws -> Int in throw Oops() }
        graph.add("b", after: a) { $0 }
        let drawing = try graph.run(threads: 1).graphviz
        #expect(try read(drawing).nodes == ["n0", "n1"])
        #expect(drawing.contains("failed") && drawing.contains("skipped"))
    }

    /// Labels show the names unchanged.
    @Test func namesAreDrawnAsTheyAre() throws {
        let outcome = try run(
            ["dot", "-Tsvg"], ProcessOptions { [graph = try graph()] in $0.input = Array(graph.graphviz.utf8) })
        #expect(outcome.status == 0)
        for text in ["a &quot;quoted&quot; name\\n", "of two lines", "größe → 文", "disk"] {
            #expect(outcome.outputText.contains(text))
        }
    }
}
