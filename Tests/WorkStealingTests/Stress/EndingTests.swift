import TestSupport
import Testing

@testable import WorkStealing

@Suite("How runs end")
struct EndingTests {
    private struct Oops: Error, Equatable { let number: Int }

    @Test(.timeLimit(.minutes(patience)), arguments: threadCounts)
    func theFirstErrorEndsTheRunAndDropsTheRest(threads: Int) throws {
        let scheduler = Scheduler(threads: threads)
        let (made, freed) = (Tally(), Tally())
        for number in 0..<1000 {
            let canary = Canary(freed)
            made.add()
            Counter(on: scheduler).send { _ in
                _ = canary
                throw Oops(number: number)
            }
        }
        #expect(throws: Oops.self) { try scheduler.run() }
        #expect(freed.value == made.value, "dropped messages must release what they captured")
        #expect(scheduler.statistics.messages <= 1000)
        // The next run starts afresh.
        let delivered = Tally()
        Counter(on: scheduler).send { _ in delivered.add() }
        try scheduler.run()
        #expect(delivered.value == 1)
    }

    @Test(.timeLimit(.minutes(patience)), arguments: threadCounts)
    func noThreadIsLeftBehind(threads: Int) throws {
        let scheduler = Scheduler(threads: threads)
        let seen = Seen()
        for number in 0..<500 {
            Counter(on: scheduler).send { _ in
                seen.noteCurrent()
                if number == 400 { throw Oops(number: number) }
            }
        }
        #expect(throws: Oops.self) { try scheduler.run() }
        for thread in seen.all where thread != ForeignThread.currentID { #expect(!ForeignThread.isAlive(thread)) }
    }

    @Test(.timeLimit(.minutes(patience)), arguments: threadCounts)
    func cancelEndsAnEndlessRunAndFreesPendingMessages(threads: Int) throws {
        let scheduler = Scheduler(threads: threads)
        let (freed, deaths) = (Tally(), Tally())
        @Sendable func again(_ counter: Counter, _ canary: Canary) {
            counter.send { _ in
                if !scheduler.isCancelled { again(counter, canary) }
            }
        }
        for _ in 0..<10 { again(Counter(on: scheduler, deaths: deaths), Canary(freed)) }
        let canceller = ForeignThread { scheduler.cancel() }
        try scheduler.run()
        canceller.join()
        #expect(freed.value == 10)
        #expect(deaths.value == 10)
    }

    @Test(.timeLimit(.minutes(patience)))
    func aSchedulerThatNeverRanFreesItsMessages() {
        let (freed, deaths) = (Tally(), Tally())
        do {
            let scheduler = Scheduler(threads: 2)
            for _ in 0..<100 {
                let counter = Counter(on: scheduler, deaths: deaths)
                for _ in 0..<100 {
                    let canary = Canary(freed)
                    counter.send { _ in _ = canary }
                }
            }
        }
        #expect(freed.value == 10_000)
        #expect(deaths.value == 100)
    }

    /// The call waits in a mailbox of a scheduler that is freed: dropping it would leave its task suspended forever.
    @Test(.timeLimit(.minutes(patience)))
    func anAwaitingCallerIsResumedWhenTheSchedulerGoesAway() async {
        var scheduler: Scheduler? = Scheduler(threads: 1)
        let counter = Counter(on: scheduler!)
        let caller = Task.detached {
            await counter.increment()
            return true
        }
        while counter.mailbox.isIdle { await Task.yield() }
        // The mailbox is queued a moment after it has left the idle state.
        try? await Task.sleep(for: .milliseconds(20))
        scheduler = nil
        #expect(await caller.value)
    }

    /// More messages than a turn has room for, without end, beside an actor that ends them.
    @Test(.timeLimit(.minutes(patience)), arguments: threadCounts)
    func anActorThatSendsToItselfForEverDoesNotStarveTheOthers(threads: Int) throws {
        let scheduler = Scheduler(threads: threads)
        let isOver = Tally()
        @Sendable func again(_ counter: Counter) {
            counter.send { counter in
                counter.increment()
                if isOver.value == 0 { again(counter) }
            }
        }
        // Last in, first out: the waiting actors are taken after the endless ones.
        Counter(on: scheduler).send { _ in
            Counter(on: scheduler).send { _ in isOver.add() }
            for _ in 0..<threads { again(Counter(on: scheduler)) }
        }
        try scheduler.run()
        #expect(isOver.value == 1)
    }

    /// Each answer makes the other actor the newest of the deque: without a look at the oldest now and then, a single
    /// worker would never get to anything else.
    @Test(.timeLimit(.minutes(patience)), arguments: threadCounts)
    func actorsThatAnswerEachOtherForEverDoNotStarveTheOthers(threads: Int) throws {
        let scheduler = Scheduler(threads: threads)
        let isOver = Tally()
        @Sendable func play(_ here: Counter, _ there: Counter) {
            here.send { _ in
                if isOver.value == 0 { play(there, here) }
            }
        }
        Counter(on: scheduler).send { _ in
            Counter(on: scheduler).send { _ in isOver.add() }
            for _ in 0..<threads { play(Counter(on: scheduler), Counter(on: scheduler)) }
        }
        try scheduler.run()
        #expect(isOver.value == 1)
    }

    @Test(.timeLimit(.minutes(patience)))
    func assumeIsolatedWorksInsideOnly() async throws {
        let scheduler = Scheduler(threads: 2)
        let counter = Counter(on: scheduler)
        counter.send { _ in
            counter.assumeIsolated { $0.increment() }
        }
        try await scheduler.run()
        #expect(try Results(of: counter, on: scheduler).count == 1)
    }

    @Test(.timeLimit(.minutes(patience)))
    func assumeIsolatedTrapsInAnotherActor() async {
        await #expect(processExitsWith: .failure) {
            let scheduler = Scheduler(threads: 1)
            let counter = Counter(on: scheduler)
            Counter(on: scheduler).send { _ in counter.assumeIsolated { $0.increment() } }
            try scheduler.run()
        }
    }

    @Test(.timeLimit(.minutes(patience)))
    func preconditionIsolatedHoldsInsideOnly() async throws {
        let scheduler = Scheduler(threads: 2)
        let counter = Counter(on: scheduler)
        counter.send {
            counter.preconditionIsolated()
            counter.assertIsolated()
            $0.increment()
        }
        try await scheduler.run()
        #expect(try Results(of: counter, on: scheduler).count == 1)
        await #expect(processExitsWith: .failure) {
            let scheduler = Scheduler(threads: 1)
            let counter = Counter(on: scheduler)
            Counter(on: scheduler).send { _ in counter.preconditionIsolated() }
            try scheduler.run()
        }
    }

    @Test(.timeLimit(.minutes(patience)))
    func runInsideAMessageTraps() async {
        await #expect(processExitsWith: .failure) {
            let scheduler = Scheduler(threads: 1)
            Counter(on: scheduler).send { _ in try Scheduler(threads: 1).run() }
            try scheduler.run()
        }
    }
}

/// The thread of each worker. Not a set behind a `Mutex`, whose ordering ThreadSanitizer does not see.
private final class Seen: Sendable {
    private let threads = (0..<(threadCounts.max() ?? 1)).map { _ in Tally() }

    func noteCurrent() {
        guard let index = Scheduler.currentWorkerIndex, threads[index].value == 0 else { return }
        threads[index].add(ForeignThread.currentID)
    }

    var all: [Int] { threads.map(\.value).filter { $0 > 0 } }
}
