#if INTERLEAVING

import Synchronization
import TestSupport
import Testing

@testable import WorkStealing

/// The real main loop of two workers, on lanes instead of threads of the scheduler's own. All orders would be too many:
/// the number of preemptions is bounded.
@Suite("Interleavings of whole runs, by number of preemptions")
struct SchedulerWorlds {
    private func explore(
        _ name: String, preemptions: Int, sentryLooks: Int = 0, foreign: ((RunWorld) -> Void)? = nil,
        prepare: (RunWorld) -> Void, verdict: @escaping (RunWorld) -> String?
    ) -> Explorer.Result {
        let result = Explorer.explore(preemptions: preemptions) {
            let world = RunWorld(sentryLooks: sentryLooks)
            prepare(world)
            world.scheduler.beginRun()
            let foreignLane = foreign.map { foreign in { foreign(world) } }
            let workers = world.scheduler.workers.map { worker in { worker.run() } }
            return World(workers + [foreignLane].compactMap(\.self)) { world.verdict() ?? verdict(world) }
        }
        report("whole runs, at most \(preemptions) preemptions: \(name)", result)
        return result
    }

    @Test(.timeLimit(.minutes(patience)))
    func aRunOfNothingEnds() {
        let result = explore("nothing to do", preemptions: 3, prepare: { _ in }, verdict: { _ in nil })
        #expect(result.failure == nil)
        #expect(result.isComplete)
    }

    /// A root sends to two actors whose messages wait for each other: both workers must be awake.
    @Test(.timeLimit(.minutes(patience)))
    func aFanOutOfTwoKeepsBothWorkersAwake() {
        let result = explore(
            "fan-out of two that wait for each other", preemptions: 2,
            prepare: { world in
                world.actor().send { _ in
                    for _ in 0..<2 {
                        world.actor().send { _ in
                            world.note()
                            wait(for: world) { world.delivered == 2 }
                        }
                    }
                }
            },
            verdict: { $0.delivered == 2 ? nil : "delivered: \($0.delivered)" })
        #expect(result.failure == nil)
        #expect(result.isComplete)
    }

    /// The only runnable of a worker that does not return from its message, while the other one sleeps, stands sentry,
    /// or is about to.
    @Test(.timeLimit(.minutes(patience)))
    func theOnlyMessageIsNotLeftToAWorkerThatIsBusy() {
        let result = explore(
            "one message to whom the sender waits for, with a sentry", preemptions: 2, sentryLooks: 1,
            prepare: { world in
                world.actor().send { _ in
                    world.actor().send { _ in world.note() }
                    wait(for: world) { world.delivered == 1 }
                }
            },
            verdict: { $0.delivered == 1 ? nil : "delivered: \($0.delivered)" })
        #expect(result.failure == nil)
        #expect(result.isComplete)
    }

    /// A message from outside that comes when the last worker falls asleep is delivered in this run, before its end, or
    /// waits for the next: never by a worker of a finished run.
    @Test(.timeLimit(.minutes(patience)))
    func aLateMessageIsDeliveredBeforeTheEndOrInTheNextRun() {
        var inThisRun = 0
        var inTheNext = 0
        let result = explore(
            "a message from outside at the end", preemptions: 2,
            foreign: { world in world.actor().send { _ in world.note() } },
            prepare: { _ in },
            verdict: { world in
                if world.delivered == 1 {
                    inThisRun += 1
                    return nil
                }
                try? world.scheduler.run()
                inTheNext += 1
                return world.delivered == 1 ? nil : "the next run delivers \(world.delivered)"
            })
        #expect(result.failure == nil)
        #expect(result.isComplete)
        #expect(inThisRun > 0)
        #expect(inTheNext > 0)
    }

    /// The same for a message that any worker may take first.
    @Test(.timeLimit(.minutes(patience)))
    func anUrgentMessageIsNotLeftBehind() {
        let result = explore(
            "an urgent message to the worker that sleeps", preemptions: 2,
            prepare: { world in
                world.actor().send { _ in
                    world.actor().send(.high) { _ in world.note() }
                    wait(for: world) { world.delivered == 1 }
                }
            },
            verdict: { $0.delivered == 1 ? nil : "delivered: \($0.delivered)" })
        #expect(result.failure == nil)
        #expect(result.isComplete)
    }

    /// The continuation is resumed from outside while the workers fall asleep.
    @Test(.timeLimit(.minutes(patience)))
    func aSuspendedTaskKeepsTheRunGoing() {
        let result = explore(
            "a task resumed from outside", preemptions: 2,
            foreign: { world in
                wait(for: world) { world.continuation != nil }
                world.continuation?.resume()
            },
            prepare: { world in
                world.scheduler.spawn {
                    await withUnsafeContinuation { continuation in
                        step(.write, on: world)
                        world.continuation = continuation
                    }
                    world.note()
                }
            },
            verdict: { $0.delivered == 1 ? nil : "the run ended without the task" })
        #expect(result.failure == nil)
        #expect(result.isComplete)
    }

    /// A `Task { }` of a message returns on a separate thread while the workers fall asleep: it holds its membership,
    /// and releases it.
    @Test(.timeLimit(.minutes(patience)))
    func aGuestKeepsTheRunGoing() {
        let result = explore(
            "a guest that returns outside", preemptions: 2,
            foreign: { world in
                wait(for: world) { world.inherited != nil }
                world.note()
                interleavingPoint(.write, world.inherited?.identity ?? 0)
                world.inherited = nil
            },
            prepare: { world in
                world.actor().send { _ in
                    step(.write, on: world)
                    world.inherited = Membership.current
                }
            },
            verdict: { $0.delivered == 1 ? nil : "the guest has not returned" })
        #expect(result.failure == nil)
        #expect(result.isComplete)
    }

    /// The last reference is a worker's or the other thread's, and the run may be over then.
    @Test(.timeLimit(.minutes(patience)))
    func anIsolatedDeinitRunsOnce() {
        var (inThisRun, inTheNext) = (0, 0)
        let result = explore(
            "an isolated deinit", preemptions: 2,
            foreign: { world in
                step(.write, on: world)
                world.ending = nil
            },
            prepare: { world in
                let ending = Ending(in: world)
                world.ending = ending
                ending.sendConsuming { $0.touch() }
            },
            verdict: { world in
                if world.delivered == 1 {
                    inThisRun += 1
                    return nil
                }
                try? world.scheduler.run()
                inTheNext += 1
                return world.delivered == 1 ? nil : "ended \(world.delivered) times"
            })
        #expect(result.failure == nil)
        #expect(result.isComplete)
        #expect(inThisRun > 0)
        #expect(inTheNext > 0)
    }
}

private actor Ending: MailboxActor {
    nonisolated let mailbox: Mailbox
    nonisolated var unownedExecutor: UnownedSerialExecutor { UnownedSerialExecutor(ordinary: self) }
    private let world: RunWorld

    init(in world: RunWorld) {
        mailbox = Mailbox(world.scheduler)
        self.world = world
    }

    isolated deinit { world.note() }

    func touch() { step(.write, on: world) }
}

/// `@unchecked Sendable`: one lane runs at a time.
private final class RunWorld: @unchecked Sendable {
    let scheduler = Scheduler(threads: 2)
    private(set) var delivered = 0
    private var afterTheEnd = 0
    var continuation: UnsafeContinuation<Void, Never>?
    var inherited: Membership?
    var ending: Ending?

    init(sentryLooks: Int) {
        for worker in scheduler.workers {
            worker.searchRounds = 1
            worker.sentryLooks = sentryLooks
        }
    }

    func actor() -> Recorder { Recorder(on: scheduler, log: Log()) }

    func note() {
        step(.write, on: self)
        delivered += 1
        if scheduler.isFinished { afterTheEnd += 1 }
    }

    func verdict() -> String? {
        try? scheduler.endRun()
        if afterTheEnd > 0 { return "delivered by a run that was over" }
        let now = scheduler.idle.now
        if now.sleeping != 0 || scheduler.idle.unclaimedTokens != 0 { return "somebody still sleeps" }
        return nil
    }
}

#endif
