import Synchronization
import TestSupport
import Testing
import WorkStealing

@testable import TaskGraphs

@Suite("Task graphs")
struct GraphTests {
    private struct Oops: Error, Equatable {}

    @Test(.timeLimit(.minutes(patience)), arguments: [1, 2, 3, 8])
    func resultsGoToWhoeverNeedsThem(threads: Int) throws {
        var graph = TaskGraph()
        let number = graph.add("number") { 20 }
        let text = graph.add("text") { "twenty-two" }
        let sum = graph.add("sum", after: number, text) { number, text in number + text.utf8.count }
        let twice = graph.add("twice", after: sum, sum) { $0 + $1 }
        let report = try graph.run(threads: threads)
        #expect(try report.result(of: twice) == 60)
        #expect(try report.result(of: text) == "twenty-two")
    }

    @Test(.timeLimit(.minutes(patience)), arguments: [1, 2, 3, 8])
    func everyNodeOfAWideAndDeepGraphRunsOnceAfterItsDependencies(threads: Int) throws {
        var graph = TaskGraph(maxConcurrency: 5)
        var layer = (0..<50).map { index in graph.add("0.\(index)") { 1 } }
        for depth in 1..<20 {
            layer = (0..<50).map { index in
                graph.add("\(depth).\(index)", after: layer[index], layer[(index * 7 + 1) % 50]) { $0 + $1 }
            }
        }
        let report = try graph.run(threads: threads)
        for node in layer { #expect(try report.result(of: node) == 1 << 19) }
        #expect(report.timings.count == 1000)
        #expect(report.criticalPath.count == 20)
        for timing in report.timings { #expect(timing.ready <= timing.started && timing.started <= timing.ended) }
    }

    @Test(.timeLimit(.minutes(patience)), arguments: [1, 2, 8])
    func aFailureReachesOnlyDependentNodes(threads: Int) throws {
        var graph = TaskGraph()
        let bad = graph.add("bad") { () throws -> Int in throw Oops() }
        let next = graph.add("next", after: bad) { $0 + 1 }
        let last = graph.add("last", after: next) { "\($0)" }
        let other = graph.add("other") { 7 }
        let both = graph.add("both", after: other, last) { _, _ in }
        let report = try graph.run(threads: threads)
        #expect(throws: Oops.self) { try report.result(of: bad) }
        #expect(try report.result(of: other) == 7)
        #expect(throws: TaskSkipped.self) { try report.result(of: next) }
        #expect(throws: TaskSkipped.self) { try report.result(of: both) }
        let error = #expect(throws: TaskSkipped.self) { try report.result(of: last) }
        #expect(error?.description == "last did not run, because bad failed: Oops()")
        #expect(report.timings.map(\.name).sorted() == ["bad", "other"])
    }

    @Test(.timeLimit(.minutes(patience)), arguments: [1, 2, 8])
    func cancellationReachesRunningAndWaitingNodes(threads: Int) throws {
        let scheduler = Scheduler(threads: threads)
        let started = Channel<Void>(capacity: 1)
        let library = LimitedResource("library", limit: 1)
        var graph = TaskGraph()
        let running = graph.add("running", using: [library]) { try await neverEnds(after: started) }
        let waiting = graph.add("waiting", using: [library]) {}
        let dependent = graph.add("dependent", after: running) { _ in }
        let outcome = Mutex<[Bool]>([])
        let box = Box(outcome)
        scheduler.spawn { [graph] in
            await withTaskGroup(of: Void.self) { group in
                group.addTask {
                    let report = await graph.run()
                    let cancelled = [
                        isCancelled { try report.result(of: running) }, isCancelled { try report.result(of: waiting) },
                        isCancelled { try report.result(of: dependent) },
                    ]
                    box.value.withLock { $0 = cancelled }
                }
                _ = await started.receive()
                group.cancelAll()
            }
        }
        try scheduler.run()
        #expect(box.value.withLock(\.self) == [true, true, true])
        let isFree = library.tryTake() != nil
        #expect(isFree, "the token must have come back")
    }

    @Test(.timeLimit(.minutes(patience)), arguments: [1, 2, 8])
    func aCancelledNodeCancelsOnlyDependentNodes(threads: Int) throws {
        var graph = TaskGraph()
        let first = graph.add("first") { () async throws -> Int in throw CancellationError() }
        let second = graph.add("second", after: first) { $0 }
        let other = graph.add("other") { 1 }
        let report = try graph.run(threads: threads)
        #expect(throws: CancellationError.self) { try report.result(of: second) }
        #expect(try report.result(of: other) == 1)
    }

    @Test(.timeLimit(.minutes(patience)), arguments: [1, 2, 8])
    func aCancelledSchedulerStartsNoFurtherNode(threads: Int) throws {
        let scheduler = Scheduler(threads: threads)
        var graph = TaskGraph()
        let first = graph.add("first") { scheduler.cancel() }
        let second = graph.add("second", after: first) { _ in }
        let report = try graph.run(on: scheduler)
        try report.result(of: first)
        #expect(throws: CancellationError.self) { try report.result(of: second) }
    }

    @Test func aCircleIsRefusedAndNamed() throws {
        var graph = TaskGraph()
        let a = graph.add("a") { 1 }
        let b = graph.add("b", after: a) { $0 }
        let c = graph.add("c", after: b) { $0 }
        let other = graph.add("other") {}
        try graph.order(other, before: a)
        let error = #expect(throws: TaskGraphCycle.self) { try graph.order(c, before: a) }
        #expect(error?.names == ["a", "b", "c"])
        #expect(error?.description == "nodes wait for each other: a → b → c → a")
        #expect(throws: TaskGraphCycle(names: ["a"])) { try graph.order(a, before: a) }
        #expect(throws: TaskGraphCycle(names: ["other", "a", "b"])) { try graph.order(b, before: other) }
        // A refused edge has left no trace.
        let report = try graph.run(threads: 2)
        #expect(try report.result(of: c) == 1)
        #expect(report.timings.map(\.name) == ["other", "a", "b", "c"])
    }

    @Test(.timeLimit(.minutes(patience)), arguments: [1, 2, 3, 8])
    func anExclusiveNodeRunsAlone(threads: Int) throws {
        let running = Atomic<Int>(0)
        let company = Atomic<Int>(0)
        let counts = Counts(running, company)
        var graph = TaskGraph()
        for number in 0..<200 {
            let isExclusive = number % 10 == 3
            graph.add("\(number)", priority: number % 7, exclusive: isExclusive) {
                counts.running.add(1, ordering: .sequentiallyConsistent)
                await Scheduler.yield()
                if isExclusive, counts.running.load(ordering: .sequentiallyConsistent) != 1 {
                    counts.company.add(1, ordering: .relaxed)
                }
                counts.running.subtract(1, ordering: .sequentiallyConsistent)
            }
        }
        let report = try graph.run(threads: threads)
        #expect(report.timings.count == 200)
        #expect(counts.company.load(ordering: .relaxed) == 0)
    }

    @Test(.timeLimit(.minutes(patience)), arguments: [1, 2, 3, 8])
    func resourcesAreSharedBetweenGraphsAndWithOthers(threads: Int) throws {
        let scheduler = Scheduler(threads: threads)
        let (library, disk) = (LimitedResource("library", limit: 1), LimitedResource("disk", limit: 4))
        let counts = Counts(Atomic(0), Atomic(0))
        @Sendable func use() async {
            if counts.running.add(1, ordering: .sequentiallyConsistent).newValue > 1 {
                counts.company.add(1, ordering: .relaxed)
            }
            await Scheduler.yield()
            counts.running.subtract(1, ordering: .sequentiallyConsistent)
        }
        let done = Atomic<Int>(0)
        let graphs = Counts(done, Atomic(0))
        for _ in 0..<3 {
            var graph = TaskGraph(maxConcurrency: 8)
            for number in 0..<50 {
                graph.add("both \(number)", using: [library, disk]) { await use() }
                graph.add("disk \(number)", using: [disk, disk]) { await Scheduler.yield() }
            }
            scheduler.spawn { [graph] in
                graphs.running.add(await graph.run().timings.count, ordering: .relaxed)
            }
        }
        for _ in 0..<50 { scheduler.spawn { try await library.withToken { await use() } } }
        try scheduler.run()
        #expect(graphs.running.load(ordering: .relaxed) == 300)
        #expect(counts.company.load(ordering: .relaxed) == 0)
    }

    @Test(.timeLimit(.minutes(patience)))
    func noMoreRunThanMayRunAtATime() throws {
        let counts = Counts(Atomic(0), Atomic(0))
        var graph = TaskGraph(maxConcurrency: 3)
        for number in 0..<300 {
            graph.add("\(number)") {
                let now = counts.running.add(1, ordering: .sequentiallyConsistent).newValue
                counts.company.max(now, ordering: .relaxed)
                await Scheduler.yield()
                counts.running.subtract(1, ordering: .sequentiallyConsistent)
            }
        }
        _ = try graph.run(threads: 8)
        #expect(counts.company.load(ordering: .relaxed) <= 3)
        #expect(counts.company.load(ordering: .relaxed) > 1)
    }

    @Test func anEmptyGraphHasRun() throws {
        #expect(try TaskGraph().run(threads: 2).timings.isEmpty)
    }
}

private func isCancelled<Value>(_ body: () throws -> Value) -> Bool {
    do { _ = try body() } catch is CancellationError { return true } catch {}
    return false
}

/// Until the task is cancelled.
private func neverEnds(after started: Channel<Void>) async throws {
    try await started.send(())
    try await Task.sleep(for: .seconds(1_000_000))
}

private final class Box<Value>: Sendable {
    let value: Mutex<Value>
    init(_ value: consuming sending Mutex<Value>) { self.value = value }
}

private final class Counts: Sendable {
    let running: Atomic<Int>
    let company: Atomic<Int>
    init(_ running: consuming Atomic<Int>, _ company: consuming Atomic<Int>) {
        self.running = running
        self.company = company
    }
}
