import CLinux
import TestSupport
import Testing

@testable import WorkStealing

/// The messages about misuse of the library, before the program ends.
@Suite("Misuse")
struct MisuseTests {
    /// Without the declaration that makes its mailbox its executor.
    private actor Forgetful: MailboxActor {
        nonisolated let mailbox: Mailbox
        private(set) var count = 0

        init(on scheduler: Scheduler) { mailbox = Mailbox(scheduler) }

        func increment() { count += 1 }
    }

    private static func said(_ result: ExitTest.Result?, _ sentence: String) -> Bool {
        String(decoding: result?.standardErrorContent ?? [UInt8](), as: UTF8.self).contains(sentence)
    }

    @Test(.timeLimit(.minutes(patience)))
    func aForgottenExecutorTrapsAtTheFirstSend() async {
        let results = [
            await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
                Forgetful(on: Scheduler(threads: 1)).send { $0.increment() }
            },
            await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
                Forgetful(on: Scheduler(threads: 1)).send(1) { actor, _ in actor.increment() }
            },
            await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
                Forgetful(on: Scheduler(threads: 1)).send(.high) { $0.increment() }
            },
            await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
                Forgetful(on: Scheduler(threads: 1)).sendConsuming { $0.increment() }
            },
            await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
                Forgetful(on: Scheduler(threads: 1)).sendConsuming(1) { actor, _ in actor.increment() }
            },
            await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
                Forgetful(on: Scheduler(threads: 1)).send(holding: LimitedResource("one", limit: 1)) { actor, _ in
                    actor.increment()
                }
            },
            await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
                _ = try await Forgetful(on: Scheduler(threads: 1)).ask { $0.count }
            },
        ]
        for result in results {
            #expect(Self.said(result, "Forgetful lacks the line `nonisolated var unownedExecutor"))
        }
    }

    @Test(.timeLimit(.minutes(patience)))
    func aSchedulerOfNoThreadsIsRefused() async {
        let none = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            _ = Scheduler(threads: 0)
        }
        #expect(Self.said(none, "a scheduler has 1 thread or more, not 0"))
        let fewer = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            _ = Scheduler(threads: 3, maximumThreads: 2)
        }
        #expect(Self.said(fewer, "`maximumThreads`, 2, is fewer than `threads`, 3"))
        let stack = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            _ = Scheduler(threads: 1, stackSize: 1)
        }
        #expect(Self.said(stack, "a stack has 131072 bytes or more, not 1"))
    }

    @Test(.timeLimit(.minutes(patience)))
    func aMessageToASchedulerThatIsGoneTraps() async {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            let counter = Counter(on: Scheduler(threads: 1))
            counter.send { $0.increment() }
        }
        #expect(Self.said(result, "a message was sent to an actor whose scheduler is gone"))
    }

    @Test(.timeLimit(.minutes(patience)))
    func runDoesNotNest() async {
        let inside = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            let scheduler = Scheduler(threads: 1)
            Counter(on: scheduler).send { _ in try Scheduler(threads: 1).run() }
            try scheduler.run()
        }
        #expect(Self.said(inside, "`run()` was called by a message or a task on a scheduler"))
        let beside = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            let scheduler = Scheduler(threads: 1)
            Counter(on: scheduler).send { _ in
                ForeignThread { try? scheduler.run() }.join()
            }
            try scheduler.run()
        }
        #expect(Self.said(beside, "`run()` or `start()` was called while this scheduler runs"))
    }

    @Test(.timeLimit(.minutes(patience)))
    func aPoolIsStartedOnceAndNotWaitedForFromInside() async {
        let twice = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            let scheduler = Scheduler(threads: 1)
            try scheduler.start()
            try scheduler.start()
        }
        #expect(Self.said(twice, "`run()` or `start()` was called while this scheduler runs"))
        let stopped = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            try await Scheduler(threads: 1).drained()
        }
        #expect(Self.said(stopped, "`drained()` was called on a scheduler that is not started"))
        let inside = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            let scheduler = Scheduler(threads: 1)
            try scheduler.start()
            scheduler.spawn { try await scheduler.stop() }
            try await scheduler.drained()
        }
        #expect(Self.said(inside, "`stop()` was called on the pool that it ends"))
    }

    @Test(.timeLimit(.minutes(patience)))
    func aForkInAWorkersOwnValueTraps() async {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            let scheduler = Scheduler(threads: 1, workerLocal: { $0 })
            try scheduler.run {
                Scheduler.withWorkerLocal(as: Int.self) { _ in Scheduler.parallelFor(0..<4, grain: 1) { _ in } }
            }
        }
        #expect(Self.said(result, "a fork was made in `withWorkerLocal`"))
    }

    @Test(.timeLimit(.minutes(patience)))
    func workerLocalValuesAreForWorkersOfTheirScheduler() async {
        let outside = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            Scheduler.withWorkerLocal(as: Int.self) { $0 += 1 }
        }
        #expect(Self.said(outside, "a worker's own value was requested outside a worker"))
        let another = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            let scheduler = Scheduler(threads: 1, workerLocal: { $0 })
            Counter(on: scheduler).send { _ in Scheduler.withWorkerLocal(as: UInt.self) { $0 += 1 } }
            try scheduler.run()
        }
        #expect(Self.said(another, "`withWorkerLocal` was asked for a type other than"))
        let nested = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            let scheduler = Scheduler(threads: 1, workerLocal: { $0 })
            Counter(on: scheduler).send { _ in
                Scheduler.withWorkerLocal(as: Int.self) { _ in Scheduler.withWorkerLocal(as: Int.self) { $0 += 1 } }
            }
            try scheduler.run()
        }
        #expect(Self.said(nested, "`withWorkerLocal` was called by its own body"))
    }

    @Test(.timeLimit(.minutes(patience)))
    func limitsBelowOneAreRefused() async {
        let channel = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            _ = Channel<Int>(capacity: -1)
        }
        #expect(Self.said(channel, "the capacity of a channel is 0 or more, not -1"))
        let resource = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            _ = LimitedResource("disk", limit: 0)
        }
        #expect(Self.said(resource, "the limit of a resource is 1 or more, not 0"))
    }

    @Test(.timeLimit(.minutes(patience)))
    func aFalseClaimToBeInAnActorTraps() async {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            Counter(on: Scheduler(threads: 1)).preconditionIsolated()
        }
        #expect(Self.said(result, "not in this actor"))
    }
}
