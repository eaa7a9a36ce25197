import Glibc
import TestSupport
import Testing
import WorkStealing

/// The handle that `spawn` returns.
@Suite("Handles of spawned tasks")
struct HandleTests {
    private struct Oops: Error, Equatable { let number: Int }

    @Test(.timeLimit(.minutes(patience)), arguments: threadCounts)
    func aHandleHasTheValue(threads: Int) async throws {
        let scheduler = Scheduler(threads: threads)
        let handles = (0..<100).map { number in
            scheduler.spawn {
                await Scheduler.yield()
                return number * number
            }
        }
        let sum = scheduler.spawn {
            var sum = 0
            for handle in handles { sum += try await handle.value }
            return sum
        }
        try await run(scheduler)
        #expect(try await sum.value == 328_350)
        #expect(try await handles[9].value == 81)
    }

    @Test(.timeLimit(.minutes(patience)), arguments: threadCounts)
    func aHandleHasTheErrorAsTheRunHas(threads: Int) async throws {
        let scheduler = Scheduler(threads: threads)
        let handle = scheduler.spawn { () async throws -> Int in throw Oops(number: 7) }
        await #expect(throws: Oops(number: 7)) { try await run(scheduler) }
        await #expect(throws: Oops(number: 7)) { try await handle.value }
    }

    /// The cancelled task ends; the run and the other tasks continue.
    @Test(.timeLimit(.minutes(patience)), arguments: threadCounts)
    func aHandleCancelsItsTaskAndNoOther(threads: Int) async throws {
        let scheduler = Scheduler(threads: threads)
        let (empty, gate) = (Channel<Int>(capacity: 0), Channel<Int>(capacity: 0))
        let sleeper = scheduler.spawn { try await Task.sleep(for: .seconds(1_000_000)) }
        let sender = scheduler.spawn { try await gate.send(1) }
        let receiver = scheduler.spawn { await empty.receive() }
        let other = scheduler.spawn {
            for handle in [sleeper, sender] { handle.cancel() }
            receiver.cancel()
            await #expect(throws: CancellationError.self) { try await sleeper.value }
            await #expect(throws: ChannelError.cancelled) { try await sender.value }
            #expect(try await receiver.value == nil)
            try await Task.sleep(for: .milliseconds(1))
            return 5
        }
        try await run(scheduler)
        #expect(try await other.value == 5)
    }

    /// It was not cancelled, so it is an error like any other.
    @Test(.timeLimit(.minutes(patience)))
    func anUnrequestedCancellationErrorEndsTheRun() async throws {
        let scheduler = Scheduler(threads: 1)
        scheduler.spawn { throw CancellationError() }
        await #expect(throws: CancellationError.self) { try await run(scheduler) }
    }

    /// Cancelled before its first step.
    @Test(.timeLimit(.minutes(patience)))
    func aTaskIsCancelledBeforeTheRun() async throws {
        let scheduler = Scheduler(threads: 2)
        let handle = scheduler.spawn { Task.isCancelled }
        handle.cancel()
        try await run(scheduler)
        #expect(try await handle.value)
    }

    /// `run()` blocks its thread, so it must not be one of Swift's own executor, on which others are awaited.
    private func run(_ scheduler: Scheduler) async throws {
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
            ForeignThread { continuation.resume(with: Result { try scheduler.run() }) }.detach()
        }
    }
}
