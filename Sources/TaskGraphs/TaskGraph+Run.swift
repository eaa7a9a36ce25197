// Runs a graph. One loop asks the plan which nodes may start, starts them, and waits for the next event.
//
// Nodes are child tasks of one group. So are the waits for a token of a resource. Cancelling the run therefore reaches
// all of them, and none outlives it. Only the loop touches the plan, the results and the tokens in reserve, so there is
// no lock.

import Synchronization
public import WorkStealing

extension TaskGraph {
    /// Runs the graph on a pool of its own, with the calling thread as worker 0.
    ///
    /// - Throws: only what `Scheduler.run()` throws. Errors of nodes are in the report.
    public func run(threads: Int) throws -> Report { try run(on: Scheduler(threads: threads)) }

    /// Runs the graph on a scheduler that is not running yet, together with everything pending there.
    ///
    /// - Throws: the first error of a message or task outside of the graph. Errors of nodes are in the report.
    public func run(on scheduler: Scheduler) throws -> Report {
        let outcome = Outcome()
        scheduler.spawn { outcome.set(await run()) }
        try scheduler.run()
        return outcome.report
    }

    /// Carries the report from the pool to the caller.
    private final class Outcome: Sendable {
        private let value = Mutex<Report?>(nil)
        func set(_ report: Report) { value.withLock { $0 = report } }
        var report: Report { value.withLock { $0! } }
    }

    /// The events that the loop waits for.
    private enum Event: Sendable {
        case ended(Int, Result<any Sendable, any Error>, Report.Span)
        /// The wait for a token of that resource has ended, with the token or (the run is over) without.
        case granted(Int, Bool)
    }

    /// Runs the graph where the calling task runs. If `Scheduler.spawn` started the task, that is its scheduler.
    /// Otherwise it is Swift's own executor, where a graph without `maxConcurrency` has no limit.
    ///
    /// If a node fails, its dependents are skipped and the others run. If the task or the scheduler's run is cancelled,
    /// no more nodes start, running nodes are cancelled, and the report says so.
    public func run() async -> Report {
        await withTaskGroup(of: Event.self) { group in
            var execution = Execution(of: self)
            while true {
                if Task.isCancelled || Scheduler.isCurrentRunCancelled {
                    execution.cancel()
                    group.cancelAll()
                }
                // A worker takes the newest task first, so the best node is added last.
                for node in execution.start().reversed() {
                    let (work, clock) = (nodes[node].bind(execution.report.results), execution.clock)
                    group.addTask { await Self.perform(node, work, clock) }
                }
                for resource in execution.newlyLacking() {
                    let waited = execution.plan.resources[resource]
                    group.addTask { .granted(resource, await waited.waitAndCountOut()) }
                }
                // When all nodes have ended, only waits for unneeded tokens are left.
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

    /// The state of the loop.
    private struct Execution {
        var plan: Plan
        var report: Report
        let clock = RunClock()
        /// Tokens that the loop has waited for and no node holds yet, by resource.
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
            // Returns at once the tokens that no node could use: the graph hoards none while another resource is
            // missing.
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

/// Measures time since the start of the run.
struct RunClock: Sendable {
    private let began = ContinuousClock.now
    var now: Duration { ContinuousClock.now - began }
}
