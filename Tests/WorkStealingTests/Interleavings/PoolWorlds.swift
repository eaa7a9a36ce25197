#if INTERLEAVING

import TestSupport
import Testing

@testable import WorkStealing

/// A pool that stays, from the first message to the end of its threads.
@Suite("Interleavings of pools that stay, by number of preemptions")
struct PoolWorlds {
    private func explore(
        _ name: String, workers: Int, preemptions: Int, foreign: @escaping (PoolWorld) -> Void,
        verdict: @escaping (PoolWorld) -> String?
    ) -> Explorer.Result {
        let result = Explorer.explore(preemptions: preemptions) {
            let world = PoolWorld(workers: workers)
            let lanes = world.scheduler.workers.map { worker in { worker.run() } }
            return World(lanes + [{ foreign(world) }]) { world.verdict() ?? verdict(world) }
        }
        report("pools that stay, \(workers) workers, at most \(preemptions) preemptions: \(name)", result)
        return result
    }

    /// A message that comes when the workers fall asleep, a question whether it was delivered, and the end: no worker
    /// sleeps in spite of any.
    @Test(.timeLimit(.minutes(patience)), arguments: [(1, 3), (2, 1)])
    func earlierMessagesAreDeliveredBeforeTheDrain(workers: Int, preemptions: Int) {
        let result = explore(
            "a message, a drain, the end", workers: workers, preemptions: preemptions,
            foreign: { world in
                world.send()
                world.scheduler.whenDrained { _ in world.drained() }
                wait(for: world) { world.drains.count == 1 }
                world.scheduler.whenStopped { _ in }
            },
            verdict: { $0.drains == [1] ? nil : "delivered at the drains: \($0.drains)" })
        #expect(result.failure == nil)
        #expect(result.isComplete)
    }

    /// Messages sent after a cancellation has been handled are delivered.
    @Test(.timeLimit(.minutes(patience)))
    func aCancellationEndsWithTheDrain() {
        let result = explore(
            "a cancellation, a drain, a message, the end", workers: 1, preemptions: 2,
            foreign: { world in
                world.scheduler.cancel()
                world.scheduler.whenDrained { _ in world.drained() }
                wait(for: world) { world.drains.count == 1 }
                world.send()
                world.scheduler.whenStopped { _ in }
            },
            verdict: { $0.delivered == 1 ? nil : "delivered: \($0.delivered)" })
        #expect(result.failure == nil)
        #expect(result.isComplete)
    }
}

/// `@unchecked Sendable`: one lane runs at a time.
private final class PoolWorld: @unchecked Sendable {
    let scheduler: Scheduler
    private(set) var delivered = 0
    /// The number of messages delivered at each drain.
    private(set) var drains: [Int] = []

    init(workers: Int) {
        scheduler = Scheduler(threads: workers)
        for worker in scheduler.workers {
            worker.searchRounds = 1
            worker.sentryLooks = 0
        }
        scheduler.beginRun()
        scheduler.pool.enter()
    }

    func send() {
        Recorder(on: scheduler, log: Log()).send { _ in
            step(.write, on: self)
            self.delivered += 1
        }
    }

    func drained() {
        step(.write, on: self)
        drains.append(delivered)
    }

    func verdict() -> String? {
        try? scheduler.endRun()
        let now = scheduler.idle.now
        return now.sleeping != 0 || scheduler.idle.unclaimedTokens != 0 ? "somebody still sleeps" : nil
    }
}

#endif
