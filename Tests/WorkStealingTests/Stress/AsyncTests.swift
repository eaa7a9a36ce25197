import TestSupport
import Testing
import WorkStealing

@Suite("Async code on the pool")
struct AsyncTests {
    @Test(.timeLimit(.minutes(patience)), arguments: threadCounts)
    func spawnedTasksAwaitActors(threads: Int) throws {
        let scheduler = Scheduler(threads: threads)
        let counters = (0..<8).map { _ in Counter(on: scheduler) }
        let returned = Tally()
        for task in 0..<1000 {
            scheduler.spawn {
                for number in 0..<10 { await counters[(task + number) % 8].increment() }
                returned.add()
            }
        }
        try scheduler.run()
        #expect(returned.value == 1000)
        for counter in counters { #expect(try Results(of: counter, on: scheduler).count == 1250) }
    }

    @Test(.timeLimit(.minutes(patience)), arguments: threadCounts)
    func childrenOfATaskGroupRunOnThePool(threads: Int) throws {
        let scheduler = Scheduler(threads: threads)
        let (outside, sum) = (Tally(), Tally())
        scheduler.spawn {
            await withTaskGroup(of: Int.self) { group in
                for number in 1...1000 {
                    group.addTask {
                        if Scheduler.currentWorkerIndex == nil { outside.add() }
                        return number
                    }
                }
                for await number in group { sum.add(number) }
            }
        }
        try scheduler.run()
        #expect(sum.value == 500_500)
        #expect(outside.value == 0)
    }

    @Test(.timeLimit(.minutes(patience)), arguments: threadCounts)
    func suspendedTasksKeepTheRunGoing(threads: Int) throws {
        let scheduler = Scheduler(threads: threads)
        let returned = Tally()
        for _ in 0..<10 {
            scheduler.spawn {
                try await Task.sleep(for: .milliseconds(5))
                returned.add()
            }
            scheduler.spawn {
                await withCheckedContinuation { continuation in
                    ForeignThread { continuation.resume() }.detach()
                }
                returned.add()
            }
        }
        try scheduler.run()
        #expect(returned.value == 20)
    }

    @Test(.timeLimit(.minutes(patience)), arguments: threadCounts)
    func aTaskThatYieldsForEverDoesNotStarveTheOthers(threads: Int) throws {
        let scheduler = Scheduler(threads: threads)
        let isOver = Tally()
        Counter(on: scheduler).send { _ in
            Counter(on: scheduler).send { _ in isOver.add() }
            for _ in 0..<threads {
                scheduler.spawn { while isOver.value == 0 { await Task.yield() } }
            }
        }
        try scheduler.run()
        #expect(isOver.value == 1)
    }

    @Test(.timeLimit(.minutes(patience)), arguments: threadCounts)
    func anErrorOfATaskIsThrownByRun(threads: Int) {
        struct Oops: Error {}
        let scheduler = Scheduler(threads: threads)
        scheduler.spawn { throw Oops() }
        #expect(throws: Oops.self) { try scheduler.run() }
    }

    /// A cancelled run drops messages, but not the steps of a task, which would stay suspended forever.
    @Test(.timeLimit(.minutes(patience)), arguments: threadCounts)
    func tasksReturnFromACancelledRun(threads: Int) throws {
        let scheduler = Scheduler(threads: threads)
        let counter = Counter(on: scheduler)
        let returned = Tally()
        for _ in 0..<100 {
            scheduler.spawn {
                scheduler.cancel()
                await counter.increment()
                returned.add()
            }
        }
        try scheduler.run()
        #expect(returned.value == 100)
    }
}
