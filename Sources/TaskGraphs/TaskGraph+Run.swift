// One run of a graph: a loop that asks the plan what may start, and waits for what ends.
//
// Nodes are child tasks of one group, and so is the wait for a token of a resource: cancelling the run reaches all of them, and
// none outlives it. The loop alone touches the plan, the results and the tokens in reserve; there is no lock.

import Synchronization
public import WorkStealing

extension TaskGraph {
    /// Runs the graph on a pool of its own, with the calling thread as worker 0.
    ///
    /// - Throws: nothing but what `Scheduler.run()` would. What nodes threw is in the report.
    public func run(threads: Int) throws -> Report { try run(on: Scheduler(threads: threads)) }

    /// The same on a scheduler that is not running, together with whatever is pending there.
    ///
    /// - Throws: the first error of a message or task that does not belong to the graph. What nodes threw is in the report.
    public func run(on scheduler: Scheduler) throws -> Report {
        let outcome = Outcome()
        scheduler.spawn { outcome.set(await run()) }
        try scheduler.run()
        return outcome.report
    }

    private final class Outcome: Sendable {
        private let value = Mutex<Report?>(nil)
        func set(_ report: Report) { value.withLock { $0 = report } }
        var report: Report { value.withLock { $0! } }
    }

    private enum Event: Sendable {
        case ended(Int, Result<any Sendable, any Error>, Report.Span)
        /// A token of that resource was counted out; or not, because the run is over.
        case granted(Int, Bool)
    }

    /// Runs the graph where the calling task runs: on its scheduler, if `Scheduler.spawn` started it; else on Swift's own
    /// executor, where a graph without `maxConcurrency` has no limit.
    ///
    /// Nodes that depend on one that failed are skipped, the others run. If the task or the scheduler's run is cancelled, no further node
    /// starts, those that run are cancelled, and the report says so.
    public func run() async -> Report {
        await withTaskGroup(of: Event.self) { group in
            var execution = Execution(of: self)
            while true {
                if Task.isCancelled || Scheduler.isCurrentRunCancelled {
                    execution.cancel()
                    group.cancelAll()
                }
                // A worker takes the newest first: the best is added last.
                for node in execution.start().reversed() {
                    let (work, clock) = (nodes[node].bind(execution.report.results), execution.clock)
                    group.addTask { await Self.perform(node, work, clock) }
                }
                for resource in execution.newlyLacking() {
                    let waited = execution.plan.resources[resource]
                    group.addTask { .granted(resource, await waited.waitAndCountOut()) }
                }
                // What is left when the nodes have ended waits for tokens that nobody needs any more.
                if execution.plan.unfinished == 0 { group.cancelAll() }
                guard let event = await group.next() else { return execution.report }
                execution.take(event)
            }
        }
    }

    private static func perform(_ node: Int, _ work: Work, _ clock: RunClock) async -> Event {
        let (started, worker) = (clock.now, Scheduler.currentWorkerIndex)
        let result: Result<any Sendable, any Error>
        do { result = .success(try await work()) } catch { result = .failure(error) }
        return .ended(node, result, Report.Span(worker: worker, started: started, ended: clock.now))
    }

    /// The loop's own state.
    private struct Execution {
        var plan: Plan
        var report: Report
        let clock = RunClock()
        /// Tokens that were waited for and have no node yet, by resource.
        private var reserve: [Int: Int] = [:]
        private var waitedFor: Set<Int> = []

        init(of graph: TaskGraph) {
            plan = Plan(graph, threads: Scheduler.currentThreads ?? .max)
            report = Report(of: graph, priorities: plan.priorities)
        }

        mutating func start() -> [Int] {
            var reserve = self.reserve
            let resources = plan.resources
            func take(_ resource: Int) -> Bool {
                if let spare = reserve[resource], spare > 0 {
                    reserve[resource] = spare - 1
                    return true
                }
                return resources[resource].countOut()
            }
            let starting = plan.start(take: take, giveBack: { reserve[$0, default: 0] += 1 })
            // What no node could use now goes to others at once: nothing is hoarded while something else is lacking.
            for (resource, spare) in reserve { for _ in 0..<spare { resources[resource].giveBack() } }
            self.reserve = [:]
            report.startOrder += starting
            return starting
        }

        mutating func newlyLacking() -> Set<Int> {
            let new = plan.lacking.subtracting(waitedFor)
            waitedFor.formUnion(new)
            return new
        }

        mutating func take(_ event: Event) {
            switch event {
            case .granted(let resource, let isGranted):
                waitedFor.remove(resource)
                if isGranted { reserve[resource, default: 0] += 1 }
            case .ended(let node, let result, let span):
                for resource in plan.resources(of: node) { plan.resources[resource].giveBack() }
                report.spans[node] = span
                switch result {
                case .success(let value):
                    report.results.outcomes[node] = .succeeded(value)
                    plan.succeeded(node)
                case .failure(let error):
                    report.results.outcomes[node] = .failed(error)
                    for skipped in plan.failed(node) { report.results.outcomes[skipped] = .skipped(because: node) }
                }
            }
        }

        mutating func cancel() {
            for node in plan.cancel() { report.results.outcomes[node] = .failed(CancellationError()) }
        }
    }
}

/// Time since the run began.
struct RunClock: Sendable {
    private let began = ContinuousClock.now
    var now: Duration { ContinuousClock.now - began }
}
