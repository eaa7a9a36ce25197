import Synchronization
import TestSupport
import Testing
import WorkStealing

/// An actor whose `deinit` is isolated to it.
private actor Mortal: MailboxActor {
    nonisolated let mailbox: Mailbox
    nonisolated var unownedExecutor: UnownedSerialExecutor { UnownedSerialExecutor(ordinary: self) }

    private var count = 0
    private let ends: Ends
    private let child: Mortal?

    init(on scheduler: Scheduler, _ ends: Ends, child: Mortal? = nil) {
        mailbox = Mailbox(scheduler)
        self.ends = ends
        self.child = child
    }

    func increment() { count += 1 }

    isolated deinit {
        preconditionIsolated()
        // State that only the actor may use.
        increment()
        ends.note(count, onWorker: Scheduler.currentWorkerIndex != nil)
    }
}

/// Records written by actors when they ended.
private final class Ends: Sendable {
    let number = Tally()
    let sum = Tally()
    let outside = Tally()

    func note(_ count: Int, onWorker: Bool) {
        number.add()
        sum.add(count)
        if !onWorker { outside.add() }
    }
}

@Suite("Isolated deinit")
struct DeinitTests {
    @Test(.timeLimit(.minutes(patience)), arguments: threadCounts)
    func itRunsOnceInTheActorAfterTheLastMessage(threads: Int) throws {
        let scheduler = Scheduler(threads: threads)
        let ends = Ends()
        for _ in 0..<1000 {
            let actor = Mortal(on: scheduler, ends)
            for _ in 0..<3 { actor.send { $0.increment() } }
        }
        try scheduler.run()
        #expect(ends.number.value == 1000)
        #expect(ends.sum.value == 4000)
        #expect(ends.outside.value == 0)
    }

    /// By `sendConsuming`, by the last of two owners, in a chain of owners, and by an async function.
    @Test(.timeLimit(.minutes(patience)), arguments: threadCounts)
    func itRunsWhoeverLetsGoLast(threads: Int) throws {
        let scheduler = Scheduler(threads: threads)
        let ends = Ends()
        for _ in 0..<300 {
            Mortal(on: scheduler, ends).sendConsuming { $0.increment() }
            let actor = Mortal(on: scheduler, ends)
            Counter(on: scheduler).send { _ in actor.send { $0.increment() } }
            Counter(on: scheduler).send { _ in actor.send { $0.increment() } }
            scheduler.spawn { await Mortal(on: scheduler, ends).increment() }
            var chain = Mortal(on: scheduler, ends)
            for _ in 0..<4 { chain = Mortal(on: scheduler, ends, child: chain) }
            chain.send { $0.increment() }
        }
        try scheduler.run()
        #expect(ends.number.value == 300 * 8)
        #expect(ends.outside.value == 0)
    }

    @Test(.timeLimit(.minutes(patience)), arguments: threadCounts)
    func itRunsThoughTheRunWasCancelled(threads: Int) throws {
        let scheduler = Scheduler(threads: threads)
        let ends = Ends()
        for _ in 0..<100 { Mortal(on: scheduler, ends).send { $0.increment() } }
        scheduler.cancel()
        try scheduler.run()
        #expect(ends.number.value == 100)
    }

    /// Outside a run it waits for the next, or for the end of the scheduler.
    @Test(.timeLimit(.minutes(patience)))
    func itWaitsForARunAndAtLastForTheEndOfTheScheduler() throws {
        let ends = Ends()
        var scheduler: Scheduler? = Scheduler(threads: 2)
        _ = Mortal(on: scheduler!, ends)
        #expect(ends.number.value == 0)
        try scheduler?.run()
        #expect(ends.number.value == 1)
        _ = Mortal(on: scheduler!, ends)
        scheduler = nil
        #expect(ends.number.value == 2)
        #expect(ends.outside.value == 0)
    }
}

private actor Orphan: MailboxActor {
    nonisolated let mailbox: Mailbox
    nonisolated var unownedExecutor: UnownedSerialExecutor { UnownedSerialExecutor(ordinary: self) }
    private let ends: Tally

    init(on scheduler: Scheduler, _ ends: Tally) {
        mailbox = Mailbox(scheduler)
        self.ends = ends
    }

    isolated deinit { assumeIsolated { $0.end() } }
    private func end() { ends.add() }
}

extension DeinitTests {
    /// No other thread can be in the actor: the thread that releases it runs it.
    @Test func itRunsAtOnceWhereTheSchedulerIsGone() {
        let ends = Tally()
        var scheduler: Scheduler? = Scheduler(threads: 1)
        var orphan: Orphan? = Orphan(on: scheduler!, ends)
        scheduler = nil
        #expect(ends.value == 0)
        orphan = nil
        #expect(ends.value == 1)
        _ = (scheduler, orphan)
    }

    /// On a separate thread and in a message of another scheduler: an actor that checks its isolation, in a chain of
    /// owners.
    @Test(.timeLimit(.minutes(patience)), arguments: [false, true])
    func itIsInTheActorWhereTheSchedulerIsGone(inAMessage: Bool) throws {
        let ends = Ends()
        var scheduler: Scheduler? = Scheduler(threads: 1)
        let chain = Mutex<Mortal?>(nil)
        let bystander = Mortal(on: scheduler!, Ends())
        chain.withLock { chain in
            for _ in 0..<3 { chain = Mortal(on: scheduler!, ends, child: chain) }
        }
        scheduler = nil
        if inAMessage {
            let other = Scheduler(threads: 1)
            Counter(on: other).send { _ in chain.withLock { $0 = nil } }
            try other.run()
        } else {
            chain.withLock { $0 = nil }
        }
        #expect(ends.number.value == 3)
        #expect(ends.sum.value == 3)
        #expect(bystander.isIsolatingCurrentContext() == false)
        _ = scheduler
    }
}
