import TestSupport
import Testing
import WorkStealing

@testable import TaskGraphs

/// The graphs of the article about Tawazi, played in virtual time: all nodes take one unit unless noted otherwise.
@Suite("The article's graphs, in virtual time")
struct ArticleTests {
    /// a → (b, c) → d → e.
    private func simple(maxConcurrency: Int) -> TaskGraph {
        var graph = TaskGraph(maxConcurrency: maxConcurrency)
        let a = graph.add("a") {}
        let b = graph.add("b", after: a) { _ in }
        let c = graph.add("c", after: a) { _ in }
        let d = graph.add("d", after: b, c) { _, _ in }
        graph.add("e", after: d) { _ in }
        return graph
    }

    @Test func theSimpleGraphTakesFiveUnitsAloneAndFourOnTwo() {
        #expect(VirtualRun(of: simple(maxConcurrency: 1)).steps == [["a"], ["b"], ["c"], ["d"], ["e"]])
        #expect(VirtualRun(of: simple(maxConcurrency: 2)).steps == [["a"], ["b", "c"], ["d"], ["e"]])
    }

    /// A → (B, C, D), and E after C and D.
    private func prioritised(e: Int = 0, cAndD: Int = 0) -> TaskGraph {
        var graph = TaskGraph(maxConcurrency: 2)
        let a = graph.add("A") {}
        graph.add("B", after: a) { _ in }
        let c = graph.add("C", priority: cAndD, after: a) { _ in }
        let d = graph.add("D", priority: cAndD, after: a) { _ in }
        graph.add("E", priority: e, after: c, d) { _, _ in }
        return graph
    }

    @Test func withTwoWorkersPrioritiesTurnFourUnitsIntoThree() {
        let without = VirtualRun(of: prioritised())
        #expect(without.steps == [["A"], ["B", "C"], ["D"], ["E"]])
        #expect(without.duration == 4)
        // More weight on C and D, as the article has it; or on E, from where C and D inherit it.
        for graph in [prioritised(cAndD: 1), prioritised(e: 1)] {
            let run = VirtualRun(of: graph)
            #expect(run.steps.map { $0.sorted() } == [["A"], ["C", "D"], ["B", "E"]])
            #expect(run.duration == 3)
        }
    }

    @Test func aPriorityCountsOnceForEachNodeThatItReaches() {
        var graph = TaskGraph()
        let top = graph.add("top", priority: 1) {}
        let left = graph.add("left", priority: 2, after: top) { _ in }
        let right = graph.add("right", priority: 4, after: top) { _ in }
        graph.add("bottom", priority: 8, after: left, right) { _, _ in }
        #expect(Plan(graph).priorities == [15, 10, 12, 8])
    }

    /// A fetches (two units), B and C calculate (one each), D combines (none).
    private func mixed(maxConcurrency: Int, interpreter: LimitedResource? = nil) -> TaskGraph {
        var graph = TaskGraph(maxConcurrency: maxConcurrency)
        let held = interpreter.map { [$0] } ?? []
        let a = graph.add("A", priority: 10) { 1 }
        let b = graph.add("B", using: held) { 2 }
        let c = graph.add("C", using: held) { 4 }
        graph.add("D", after: a, b, c) { a, b, c in a + b + c }
        return graph
    }

    private let durations = ["A": 2, "D": 0]

    @Test func withTwoAtATimeTheCalculationsFollowEachOtherBesideTheFetch() {
        let run = VirtualRun(of: mixed(maxConcurrency: 2), durations: durations)
        #expect(run.steps == [["A", "B"], ["C"], ["D"]])
        #expect(run.duration == 2)
    }

    @Test func withThreeAtATimeEverythingRunsAtOnce() {
        let run = VirtualRun(of: mixed(maxConcurrency: 3), durations: durations)
        #expect(run.steps == [["A", "B", "C"], ["D"]])
        #expect(run.duration == 2)
    }

    /// The intention of the article's limit of two, expressed directly: one interpreter, used by one node at a time.
    @Test func withAResourceOfOneTheCalculationsFollowEachOtherAtAnyConcurrency() {
        let run = VirtualRun(
            of: mixed(maxConcurrency: 3, interpreter: LimitedResource("interpreter", limit: 1)), durations: durations)
        #expect(run.steps == [["A", "B"], ["C"], ["D"]])
        #expect(run.duration == 2)
    }

    /// Nodes that must run together wait for each other: the run ends only if they do.
    @Test(.timeLimit(.minutes(patience)), arguments: [2, 3])
    func theMixedGraphRunsOnThePool(maxConcurrency: Int) throws {
        var graph = TaskGraph(maxConcurrency: maxConcurrency)
        let meeting = Meeting()
        let a = graph.add("A", priority: 10) {
            await meeting.come(with: maxConcurrency)
            return 1
        }
        let b = graph.add("B") {
            await meeting.come(with: maxConcurrency)
            return 2
        }
        let c = graph.add("C") {
            if maxConcurrency == 3 { await meeting.come(with: 3) }
            return 4
        }
        let d = graph.add("D", after: a, b, c) { a, b, c in a + b + c }
        let report = try graph.run(threads: 2)
        #expect(try report.result(of: d) == 7)
        #expect(report.timings.last?.name == "D")
        #expect(report.timings.count == 4)
    }

    /// As many nodes as there are workers, by default.
    @Test(.timeLimit(.minutes(patience)), arguments: [nil, 2])
    func thePrioritisedGraphRunsInThreeStepsOnThePool(maxConcurrency: Int?) throws {
        var graph = TaskGraph(maxConcurrency: maxConcurrency)
        let (first, second) = (Meeting(), Meeting())
        let a = graph.add("A") {}
        let b = graph.add("B", after: a) { _ in await second.come(with: 2) }
        let c = graph.add("C", after: a) { _ in await first.come(with: 2) }
        let d = graph.add("D", after: a) { _ in await first.come(with: 2) }
        let e = graph.add("E", priority: 1, after: c, d) { _, _ in await second.come(with: 2) }
        let report = try graph.run(threads: 2)
        for node in [a, b, c, d, e] { try report.result(of: node) }
        #expect(Set(report.timings.suffix(2).map(\.name)) == ["B", "E"])
    }
}

/// Plays a plan with a clock that jumps from one end of a node to the next.
struct VirtualRun {
    /// The nodes that start at the same moment, moment by moment.
    private(set) var steps: [[String]] = []
    private(set) var duration = 0

    init(of graph: TaskGraph, durations: [String: Int] = [:]) {
        var plan = Plan(graph)
        var free = plan.resources.map(\.limit)
        var running: [(end: Int, node: Int)] = []
        while plan.unfinished > 0 {
            let starting = plan.start(
                take: { resource in
                    guard free[resource] > 0 else { return false }
                    free[resource] -= 1
                    return true
                }, giveBack: { free[$0] += 1 })
            if !starting.isEmpty { steps.append(starting.map { graph.nodes[$0].name }) }
            running += starting.map { (duration + durations[graph.nodes[$0].name, default: 1], $0) }
            guard let next = running.map(\.end).min() else { return }
            duration = next
            for (end, node) in running where end == next {
                for resource in plan.resources(of: node) { free[resource] += 1 }
                plan.succeeded(node)
                _ = end
            }
            running.removeAll { $0.end == next }
        }
    }
}

/// Where several nodes wait until all of them are there.
actor Meeting {
    private var waiting: [CheckedContinuation<Void, Never>] = []

    func come(with count: Int) async {
        guard waiting.count + 1 < count else {
            for continuation in waiting { continuation.resume() }
            waiting = []
            return
        }
        await withCheckedContinuation { waiting.append($0) }
    }
}
