import Glibc
import Synchronization
import TestSupport
import Testing
import WorkStealing

/// A pool whose threads stay between one batch of messages and the next.
@Suite("Pools that stay", .timeLimit(.minutes(patience)))
struct PoolTests {
    @Test(arguments: threadCounts)
    func batchAfterBatchIsDelivered(threads: Int) async throws {
        let scheduler = Scheduler(threads: threads)
        let counter = Counter(on: scheduler)
        try scheduler.start()
        for batch in 1...200 {
            for _ in 0..<10 { counter.send { $0.increment() } }
            scheduler.spawn { await counter.increment() }
            try await scheduler.drained()
            #expect(try await counter.ask { $0.count } == batch * 11)
        }
        try await scheduler.stop()
        #expect(scheduler.statistics.messages >= 200 * 11)
    }

    @Test(arguments: threadCounts)
    func aStoppedPoolCanBeStartedAndRunAgain(threads: Int) async throws {
        let scheduler = Scheduler(threads: threads)
        let received = Tally()
        for _ in 0..<20 {
            try scheduler.start()
            Counter(on: scheduler).send { _ in received.add() }
            try await scheduler.stop()
            Counter(on: scheduler).send { _ in received.add() }
            try await scheduler.run()
            _ = try Self.runHere(scheduler) { received.add() }
        }
        #expect(received.value == 60)
    }

    private static func runHere<Value>(_ scheduler: Scheduler, _ body: () throws -> Value) throws -> Value {
        try scheduler.run(body)
    }

    /// Messages that each of many threads sends before it asks are delivered before it is answered.
    @Test(arguments: threadCounts)
    func aWaiterContinuesWhenItsMessagesAreDelivered(threads: Int) async throws {
        let scheduler = Scheduler(threads: threads)
        try scheduler.start()
        try await withThrowingTaskGroup { group in
            for _ in 0..<8 {
                group.addTask {
                    for _ in 0..<50 {
                        let received = Tally()
                        for _ in 0..<5 { Counter(on: scheduler).send { _ in received.add() } }
                        try await scheduler.drained()
                        #expect(received.value == 5)
                    }
                }
            }
            try await group.waitForAll()
        }
        try await scheduler.stop()
    }

    @Test
    func suspendedTasksAndTheirTasksAreWaitedFor() async throws {
        let scheduler = Scheduler(threads: 2)
        let ended = Tally()
        try scheduler.start()
        scheduler.spawn {
            try await Task.sleep(for: .milliseconds(20))
            Task {
                await Scheduler.yield()
                ended.add()
            }
            ended.add()
        }
        try await scheduler.drained()
        #expect(ended.value == 2)
        try await scheduler.stop()
    }

    // MARK: Errors

    private struct Failed: Error, Equatable { let number: Int }

    /// The waiter gets the error; the pool continues.
    @Test(arguments: threadCounts)
    func afterAnErrorThePoolGoesOn(threads: Int) async throws {
        let scheduler = Scheduler(threads: threads)
        try scheduler.start()
        for number in 0..<20 {
            Counter(on: scheduler).send { _ in throw Failed(number: number) }
            await #expect(throws: Failed(number: number)) { try await scheduler.drained() }
            let received = Tally()
            Counter(on: scheduler).send { _ in received.add() }
            try await scheduler.drained()
            #expect(received.value == 1)
            #expect(!scheduler.isCancelled)
        }
        Counter(on: scheduler).send { _ in throw Failed(number: 100) }
        await #expect(throws: Failed(number: 100)) { try await scheduler.stop() }
        try await scheduler.run()
    }

    @Test(arguments: threadCounts)
    func cancellingEndsPendingWorkButNotThePool(threads: Int) async throws {
        let scheduler = Scheduler(threads: threads)
        try scheduler.start()
        for _ in 0..<20 {
            let task = scheduler.spawn { try await Task.sleep(for: .seconds(3600)) }
            scheduler.cancel()
            try await scheduler.drained()
            await #expect(throws: CancellationError.self) { try await task.value }
            let received = Tally()
            Counter(on: scheduler).send { _ in received.add() }
            try await scheduler.drained()
            #expect(received.value == 1)
        }
        try await scheduler.stop()
    }

    // MARK: Statistics

    @Test
    func statisticsAreReadWhileMessagesAreDelivered() async throws {
        let scheduler = Scheduler(threads: 2)
        let counter = Counter(on: scheduler)
        try scheduler.start()
        var last = 0
        for batch in 1...50 {
            for _ in 0..<20 { counter.send { $0.increment() } }
            let now = scheduler.statistics.messages
            #expect(now >= last)
            last = now
            try await scheduler.drained()
            #expect(scheduler.statistics.messages == batch * 20)
        }
        try await scheduler.stop()
    }

    /// The threads stay: otherwise each batch would have new threads.
    @Test
    func theThreadsAreTheSame() async throws {
        let scheduler = Scheduler(threads: 1)
        let threads = Mutex<Set<Int>>([])
        try scheduler.start()
        for _ in 0..<20 {
            Counter(on: scheduler).send { _ in _ = threads.withLock { $0.insert(ForeignThread.currentID) } }
            try await scheduler.drained()
        }
        try await scheduler.stop()
        #expect(threads.withLock { $0.count } == 1)
    }

    @Test
    func aPoolWithSparesIsStoppedToo() async throws {
        let scheduler = Scheduler(threads: 1, maximumThreads: 4)
        let received = Tally()
        try scheduler.start()
        for _ in 0..<30 {
            Counter(on: scheduler).send { _ in
                usleep(2000)
                received.add()
            }
        }
        try await scheduler.drained()
        #expect(received.value == 30)
        try await scheduler.stop()
    }

    /// Each message wakes the only worker, and the monitor with it. A look for each would be one in every 0.5 to 1 ms.
    @Test
    func theMonitorSeldomLooksAtWorkersThatComeAndGo() async throws {
        let scheduler = Scheduler(threads: 1, maximumThreads: 2)
        let counter = Counter(on: scheduler)
        try scheduler.start()
        let began = ContinuousClock.now
        for _ in 0..<1000 {
            counter.send { $0.increment() }
            usleep(300)
        }
        try await scheduler.stop()
        let milliseconds = (ContinuousClock.now - began) / .milliseconds(1)
        // At most four in the 3.75 ms after a sleep of more than 4 ms; on a slower machine there are fewer.
        #expect(Double(scheduler.statistics.monitorLooks) <= milliseconds * 0.6 + 10)
    }
}
