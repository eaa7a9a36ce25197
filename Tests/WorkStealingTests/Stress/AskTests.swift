import TestSupport
import Testing

@testable import WorkStealing

@Suite("Questions to actors")
struct AskTests {
    private struct Oops: Error {}

    @Test(.timeLimit(.minutes(patience)), arguments: threadCounts)
    func everyQuestionIsAnsweredAfterEarlierMessages(threads: Int) throws {
        let scheduler = Scheduler(threads: threads)
        let counters = (0..<8).map { _ in Counter(on: scheduler) }
        let answers = Tally()
        for number in 0..<1000 {
            scheduler.spawn {
                let own = Counter(on: scheduler)
                for _ in 0..<3 { own.send { $0.increment() } }
                answers.add(try await own.ask { $0.count })
                _ = try await counters[number % 8].ask { $0.increment() }
            }
        }
        try scheduler.run()
        #expect(answers.value == 3000)
        #expect(try counters.reduce(0) { try $0 + Results(of: $1, on: scheduler).count } == 1000)
    }

    @Test(.timeLimit(.minutes(patience)), arguments: threadCounts)
    func anErrorGoesToTheCallerAndNotToTheRun(threads: Int) throws {
        let scheduler = Scheduler(threads: threads)
        let counter = Counter(on: scheduler)
        let caught = Tally()
        for _ in 0..<100 {
            scheduler.spawn {
                await #expect(throws: Oops.self) { try await counter.ask { _ in throw Oops() } }
                caught.add()
            }
        }
        try scheduler.run()
        #expect(caught.value == 100)
    }

    /// A reply that never came would keep the task, and the run with it, forever.
    @Test(.timeLimit(.minutes(patience)), arguments: threadCounts)
    func aQuestionThatACancelledRunDropsIsAnsweredToo(threads: Int) throws {
        let scheduler = Scheduler(threads: threads)
        let counter = Counter(on: scheduler)
        let cancelled = Tally()
        for _ in 0..<100 {
            scheduler.spawn {
                scheduler.cancel()
                do { try await counter.ask { $0.increment() } } catch is CancellationError { cancelled.add() }
            }
        }
        try scheduler.run()
        #expect(cancelled.value == 100)
        #expect(try Results(of: counter, on: scheduler).count == 0)
    }

    @Test(.timeLimit(.minutes(patience)))
    func anActorCanBeAskedFromAnotherSchedulerAndFromNone() async throws {
        let (here, there) = (Scheduler(threads: 2), Scheduler(threads: 2))
        let counter = Counter(on: there)
        let isOver = Tally()
        // Keeps that scheduler running until all have asked.
        there.spawn { while isOver.value < 2 { await Scheduler.yield() } }
        let thread = ForeignThread { try? there.run() }
        let outside = Task.detached {
            _ = try await counter.ask { $0.increment() }
            isOver.add()
        }
        for _ in 0..<100 { here.spawn { _ = try await counter.ask { $0.increment() } } }
        try await here.run()
        isOver.add()
        try await outside.value
        thread.join()
        #expect(try Results(of: counter, on: there).count == 101)
    }

    @Test(.timeLimit(.minutes(patience)))
    func aQuestionToASchedulerThatIsLetGoIsCancelled() async throws {
        let asker: Task<Bool, Never>
        do {
            let scheduler = Scheduler(threads: 1)
            let counter = Counter(on: scheduler)
            asker = Task.detached {
                do {
                    try await counter.ask { $0.increment() }
                    return false
                } catch { return error is CancellationError }
            }
            // Only after the message is queued: a scheduler must not be freed while a message is being sent.
            while scheduler.injector.count == 0 { await Task.yield() }
        }
        #expect(await asker.value)
    }
}
