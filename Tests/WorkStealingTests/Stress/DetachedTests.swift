import Synchronization
import TestSupport
import Testing
import WorkStealing

/// Tasks that are made when a worker takes them.
@Suite("Detached tasks")
struct DetachedTests {
    private struct Oops: Error, Equatable { let number: Int }

    private enum Local {
        @TaskLocal static var number = 0
    }

    @Test(.timeLimit(.minutes(patience)), arguments: threadCounts)
    func everyFunctionRunsOnceAndTheRunWaitsForIt(threads: Int) async throws {
        let scheduler = Scheduler(threads: threads)
        let calls = (0..<10_000).map { _ in Tally() }
        let (ended, closures) = (Tally(), Tally())
        for call in calls {
            let canary = Canary(closures)
            scheduler.spawnDetached {
                call.add()
                await Scheduler.yield()
                withExtendedLifetime(canary) { _ = ended.add() }
            }
        }
        try await scheduler.run()
        #expect(calls.allSatisfy { $0.value == 1 })
        #expect(ended.value == 10_000)
        #expect(closures.value == 10_000, "nothing keeps a function that has returned")
    }

    @Test(.timeLimit(.minutes(patience)), arguments: threadCounts)
    func theySpawnOthersAndTheRunWaitsForThoseToo(threads: Int) async throws {
        let scheduler = Scheduler(threads: threads)
        let ended = Tally()
        @Sendable func grow(_ depth: Int) async {
            await Scheduler.yield()
            if depth > 0 { for _ in 0..<2 { scheduler.spawnDetached { await grow(depth - 1) } } }
            Task {
                await Scheduler.yield()
                ended.add()
            }
        }
        scheduler.spawnDetached { await grow(8) }
        try await scheduler.run()
        #expect(ended.value == 511)
    }

    @Test(.timeLimit(.minutes(patience)), arguments: threadCounts)
    func anErrorEndsTheRun(threads: Int) async throws {
        let scheduler = Scheduler(threads: threads)
        let empty = Channel<Int>(capacity: 0)
        for _ in 0..<100 { scheduler.spawnDetached { _ = await empty.receive() } }
        scheduler.spawnDetached { throw Oops(number: 7) }
        await #expect(throws: Oops(number: 7)) { try await scheduler.run() }
    }

    /// `spawn` would have begun all of them, cancelled.
    @Test func cancelDropsThoseThatHaveNotBegun() throws {
        let scheduler = Scheduler(threads: 1)
        let (begun, closures) = (Tally(), Tally())
        for _ in 0..<100 {
            let canary = Canary(closures)
            scheduler.spawnDetached { withExtendedLifetime(canary) { _ = begun.add() } }
        }
        scheduler.cancel()
        try scheduler.run()
        #expect(begun.value == 0)
        #expect(closures.value == 100)
        // The next run is not cancelled.
        scheduler.spawnDetached { begun.add() }
        try scheduler.run()
        #expect(begun.value == 1)
    }

    @Test(.timeLimit(.minutes(patience)), arguments: threadCounts)
    func cancelReachesThoseThatHaveBegun(threads: Int) async throws {
        let scheduler = Scheduler(threads: threads)
        let (empty, gate) = (Channel<Int>(capacity: 0), Channel<Int>(capacity: 0))
        let cancelled = Tally()
        for _ in 0..<100 {
            scheduler.spawnDetached {
                try await gate.send(1)
                _ = await empty.receive()
                if Task.isCancelled { cancelled.add() }
            }
        }
        scheduler.spawn {
            for _ in 0..<100 { _ = await gate.receive() }
            scheduler.cancel()
        }
        try await scheduler.run()
        #expect(cancelled.value == 100)
    }

    @Test func theyInheritNeitherTaskLocalsNorPriority() throws {
        let scheduler = Scheduler(threads: 1)
        let seen = Mutex<[Int]>([])
        let priorities = Mutex<[TaskPriority]>([])
        @Sendable func note() {
            seen.withLock { $0.append(Local.number) }
            priorities.withLock { $0.append(Task.currentPriority) }
        }
        scheduler.spawn(priority: .low) {
            Local.$number.withValue(7) { scheduler.spawnDetached { note() } }
        }
        try scheduler.run()
        Local.$number.withValue(7) { scheduler.spawnDetached(priority: .low) { note() } }
        try scheduler.run()
        #expect(seen.withLock { $0 } == [0, 0])
        #expect(priorities.withLock { $0 } == [.medium, .low])
    }

    @Test func urgentOnesComeFirst() throws {
        let scheduler = Scheduler(threads: 1)
        let order = Mutex<[Int]>([])
        Counter(on: scheduler).send { _ in
            for (number, priority) in [(1, TaskPriority.medium), (2, .high), (3, .low)] {
                scheduler.spawnDetached(priority: priority) { order.withLock { $0.append(number) } }
            }
        }
        try scheduler.run()
        #expect(order.withLock { $0 } == [2, 3, 1])
    }
}
