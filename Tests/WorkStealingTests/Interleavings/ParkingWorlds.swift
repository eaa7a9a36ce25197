#if INTERLEAVING

import Synchronization
import TestSupport
import Testing

@testable import WorkStealing

@Suite("Every interleaving of parking")
struct ParkingWorlds {
    private func explore(
        workers: Int, pushers: Int, items: Int, preemptions: Int? = nil, barrier: Int = 0, looksAgain: Bool = true,
        endsInOneStep: Bool = true, sentryLooks: Int = 0
    ) -> Explorer.Result {
        let result = Explorer.explore(preemptions: preemptions) {
            let pool = ParkingPool(
                workers: workers, pushers: pushers, barrier: barrier, looksAgain: looksAgain,
                endsInOneStep: endsInOneStep, sentryLooks: sentryLooks)
            let push = { pool.push(items) }
            let lanes = Array(repeating: pool.work, count: workers) + Array(repeating: push, count: pushers)
            return World(lanes) { pool.verdict(items * pushers) }
        }
        if result.failure == nil {
            let sentry = sentryLooks > 0 ? ", with a sentry" : ""
            report(
                "parking: workers \(workers), pushers \(pushers), items \(items), barrier \(barrier)\(sentry)", result)
        }
        return result
    }

    @Test(.timeLimit(.minutes(patience)))
    func aPushIsTakenByTheOnlyWorker() {
        let result = explore(workers: 1, pushers: 1, items: 1)
        #expect(result.failure == nil)
        #expect(result.isComplete)
    }

    @Test(.timeLimit(.minutes(patience)), arguments: [(1, 1, 2, 3), (1, 2, 1, 2), (2, 1, 1, 2)])
    func everyPushIsTakenBeforeTheRunEnds(workers: Int, pushers: Int, items: Int, preemptions: Int) {
        let result = explore(workers: workers, pushers: pushers, items: items, preemptions: preemptions)
        #expect(result.failure == nil)
        #expect(result.isComplete)
    }

    /// The worker with the first item waits until the other is taken too: a second worker must be awake for it.
    @Test(.timeLimit(.minutes(patience)))
    func aSecondItemIsNotLeftToAWorkerThatIsBusyWithTheFirst() {
        let result = explore(workers: 2, pushers: 1, items: 2, preemptions: 2, barrier: 2)
        #expect(result.failure == nil)
    }

    /// Pushers wake nobody while there is a sentry, which sees nothing until its last look.
    @Test(.timeLimit(.minutes(patience)), arguments: [(1, 1, 1, 3), (1, 1, 2, 2), (1, 2, 1, 2), (2, 1, 1, 2)])
    func aRunnableLeftToTheSentryIsTaken(workers: Int, pushers: Int, items: Int, preemptions: Int) {
        let result = explore(
            workers: workers, pushers: pushers, items: items, preemptions: preemptions, sentryLooks: 1)
        #expect(result.failure == nil)
        #expect(result.isComplete)
    }

    @Test(.timeLimit(.minutes(patience)))
    func theExplorerFindsTheWakeUpThatIsLostIfTheSentryDoesNotLookForTheLastTime() throws {
        let failure = try #require(
            explore(workers: 1, pushers: 1, items: 1, barrier: 1, looksAgain: false, sentryLooks: 1).failure)
        #expect(failure.hasPrefix("nobody can go on"))
        #expect(failure.contains("leaveSentry"))
    }

    /// The pusher sees a worker that still searches and wakes nobody; the worker goes to sleep in spite of the item.
    @Test(.timeLimit(.minutes(patience)))
    func theExplorerFindsTheWakeUpThatIsLostWithoutASecondLook() throws {
        let failure = try #require(explore(workers: 1, pushers: 1, items: 1, barrier: 1, looksAgain: false).failure)
        #expect(failure.hasPrefix("nobody can go on"))
        #expect(failure.contains("announceSleep"))
    }

    /// The last worker to fall asleep looks at the queue, then at the number of sleepers: in between the pusher can
    /// wake another worker, which takes the item and continues when the run has been declared over.
    @Test(.timeLimit(.minutes(patience)))
    func theExplorerFindsWorkInAFinishedRunIfTheEndIsNotOneStep() throws {
        let failure = try #require(
            explore(workers: 2, pushers: 1, items: 1, preemptions: 3, endsInOneStep: false).failure)
        #expect(failure.hasPrefix("an item was taken after the end"))
    }
}

/// The worker's loop on the real `Idle` and `Injector`, without mailboxes: `Worker.search()` in miniature.
///
/// `@unchecked Sendable`: one lane runs at a time.
private final class ParkingPool: @unchecked Sendable {
    private let queue = Injector()
    private let idle = Idle()
    /// Pushers that may still push, like tasks started by `spawn`.
    private let pending: Atomic<Int>
    private let workers: Int
    private let barrier: Int
    private let looksAgain: Bool
    private let endsInOneStep: Bool
    private let sentryLooks: Int
    private var taken = 0
    private var takenAfterTheEnd = 0
    private var isFinished = false

    init(workers: Int, pushers: Int, barrier: Int, looksAgain: Bool, endsInOneStep: Bool, sentryLooks: Int) {
        pending = Atomic(endsInOneStep ? pushers : 0)
        self.workers = workers
        self.barrier = barrier
        self.looksAgain = looksAgain
        self.endsInOneStep = endsInOneStep
        self.sentryLooks = sentryLooks
    }

    func push(_ items: Int) {
        for number in 1...items {
            queue.push(Runnable(bits: UInt(number) * 8))
            idle.notify(mayWait: true)
        }
        guard endsInOneStep else { return }
        // The last push must not be the one that wakes a worker which slept in spite of an earlier one.
        wait(for: self) { [unowned self] in taken >= barrier }
        step(.write, on: self)
        if pending.subtract(1, ordering: .sequentiallyConsistent).newValue == 0 { idle.notify() }
    }

    func work() {
        repeat {
            while take() {}
        } while search()
    }

    private func search() -> Bool {
        idle.searchBegan()
        while true {
            if take(whenSearching: true) { return true }
            let isSentry = sentryLooks > 0 && idle.standSentry()
            let announced = idle.announceSleep()
            if announced.sleeping == workers, !pushersWork, !seesWork, nothingPending, declareTheEnd(announced) {
                if isSentry { idle.leaveSentry() }
                idle.sleep()
            } else {
                idle.sleep(
                    sentryLooks: isSentry ? sentryLooks : nil, seesWork: { seesWork }, seesNeglectedWork: { false })
            }
            if isFinished { return false }
        }
    }

    /// Only workers leave work to a sentry, so here the pushers act as workers; an awake one keeps the others from
    /// asking whether the run is over.
    private var pushersWork: Bool { sentryLooks > 0 && !nothingPending }

    private var seesWork: Bool { looksAgain && queue.count > 0 }

    private var nothingPending: Bool {
        step(.read, on: self)
        return pending.load(ordering: .sequentiallyConsistent) == 0
    }

    private func declareTheEnd(_ announced: Idle.Counts) -> Bool {
        if endsInOneStep {
            guard idle.endRun(announced) else { return false }
        } else {
            step(.read, on: self)
            guard idle.now.sleeping == workers, queue.count == 0 else { return false }
        }
        step(.write, on: self)
        isFinished = true
        idle.releaseAll(announced)
        return true
    }

    private func take(whenSearching isSearching: Bool = false) -> Bool {
        var loot = Ring()
        guard queue.count > 0 else { return false }
        queue.take(into: &loot, share: workers, limit: 1)
        guard loot.count > 0 else { return false }
        if isSearching, idle.searchEnded(), queue.count > 0 { idle.notify() }
        step(.write, on: self)
        taken += 1
        if isFinished { takenAfterTheEnd += 1 }
        if taken <= barrier { wait(for: self) { [unowned self] in taken >= barrier } }
        return true
    }

    func verdict(_ expected: Int) -> String? {
        if takenAfterTheEnd > 0 { return "an item was taken after the end" }
        guard endsInOneStep else { return nil }
        if taken != expected { return "\(taken) of \(expected) items were taken" }
        if idle.now.sleeping != 0 || idle.unclaimedTokens != 0 { return "somebody still sleeps: \(idle.now)" }
        return nil
    }
}

#endif
