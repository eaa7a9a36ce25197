#if INTERLEAVING

import TestSupport
import Testing

@testable import WorkStealing

/// The main loop of one worker and one spare, and a monitor that releases and dismisses whenever it can, on lanes.
@Suite("Interleavings of the reserve, by number of preemptions")
struct ReserveWorlds {
    private func explore(
        _ name: String, preemptions: Int, rounds: Int, messages: Int, surplus: Int = 1, sentryLooks: Int = 0,
        hasGuest: Bool = false
    ) -> Explorer.Result {
        let result = Explorer.explore(preemptions: preemptions) {
            let world = ReserveWorld(surplus: surplus, sentryLooks: sentryLooks)
            for _ in 0..<messages { world.send(hasGuest ? 1 : 2, hasGuest: hasGuest) }
            world.scheduler.beginRun()
            world.scheduler.countStarted(2)
            let workers = world.scheduler.workers
            let guests = hasGuest ? [{ world.guestReturns() }] : []
            return World([{ workers[0].run() }, { workers[1].runFromReserve() }, { world.monitor(rounds) }] + guests) {
                world.verdict(messages * 3)
            }
        }
        report("reserve, at most \(preemptions) preemptions: \(name)", result)
        return result
    }

    @Test(.timeLimit(.minutes(patience)))
    func aRunOfNothingEndsWithASpareInReserve() {
        let result = explore("nothing to do", preemptions: 3, rounds: 1, messages: 0)
        #expect(result.failure == nil)
        #expect(result.isComplete)
    }

    @Test(.timeLimit(.minutes(patience)))
    func nothingIsStrandedByASpareThatComesAndGoes() {
        let result = explore("one fan-out", preemptions: 2, rounds: 1, messages: 1)
        #expect(result.failure == nil)
        #expect(result.isComplete)
    }

    @Test(.timeLimit(.minutes(patience)))
    func nothingIsStrandedByASpareThatMeetsASentry() {
        let result = explore(
            "one fan-out, with a sentry", preemptions: 1, rounds: 1, messages: 1, sentryLooks: 1)
        #expect(result.failure == nil)
        #expect(result.isComplete)
    }

    @Test(.timeLimit(.minutes(patience)))
    func nothingIsStrandedByASpareThatComesTwice() {
        let result = explore("one fan-out, released twice", preemptions: 1, rounds: 2, messages: 1, surplus: 2)
        #expect(result.failure == nil)
        #expect(result.isComplete)
    }

    /// A worker may go to rest while a `Task { }` of its message has not returned.
    @Test(.timeLimit(.minutes(patience)))
    func aGuestOfAWorkerThatRestsKeepsTheRunGoing() {
        let result = explore(
            "a message with a guest, and one that it sends", preemptions: 1, rounds: 1, messages: 1, hasGuest: true)
        #expect(result.failure == nil)
        #expect(result.isComplete)
    }
}

/// `@unchecked Sendable`: one lane runs at a time.
private final class ReserveWorld: @unchecked Sendable {
    let scheduler = Scheduler(threads: 1, maximumThreads: 2)
    private let surplus: Int
    private var delivered = 0
    private var afterTheEnd = 0
    private var inherited: Membership?

    init(surplus: Int, sentryLooks: Int) {
        self.surplus = surplus
        for worker in scheduler.workers {
            worker.searchRounds = 1
            worker.sentryLooks = sentryLooks
        }
    }

    /// A message that sends this many others, and whose membership `guestReturns()` releases.
    func send(_ children: Int, hasGuest: Bool = false) {
        Recorder(on: scheduler, log: Log()).send { _ in
            self.note()
            if hasGuest { self.inherited = Membership.current }
            for _ in 0..<children { self.send(0) }
        }
    }

    /// `Monitor.run()` without clocks: all working workers count as blocked, all active ones as too many.
    func monitor(_ rounds: Int) {
        for _ in 0..<rounds {
            scheduler.idle.waitWhileSleeping(atLeast: 1)
            if scheduler.idle.now.active < 2, scheduler.idle.admit(1) { scheduler.idle.letIn(1) }
            scheduler.setSurplus(surplus)
        }
    }

    /// The action of a `Task { }` when it returns.
    func guestReturns() {
        wait(for: self) { self.inherited != nil }
        note()
        interleavingPoint(.write, inherited?.identity ?? 0)
        inherited = nil
    }

    private func note() {
        step(.write, on: self)
        delivered += 1
        if scheduler.isFinished { afterTheEnd += 1 }
    }

    func verdict(_ expected: Int) -> String? {
        try? scheduler.endRun()
        if afterTheEnd > 0 { return "delivered by a run that was over" }
        if delivered != expected { return "\(delivered) of \(expected) delivered" }
        let now = scheduler.idle.now
        if now.sleeping != 0 || now.searching != 0 || now.active != 0 || scheduler.idle.unclaimedTokens != 0 {
            return "the counts are not what they were: \(now)"
        }
        return nil
    }
}

#endif
