#if INTERLEAVING

import Synchronization
import TestSupport
import Testing

@testable import WorkStealing

/// Records what it receives, and whether another worker was inside meanwhile.
actor Recorder: MailboxActor {
    nonisolated let mailbox: Mailbox
    nonisolated var unownedExecutor: UnownedSerialExecutor { UnownedSerialExecutor(ordinary: self) }
    private let log: Log

    init(on scheduler: Scheduler, log: Log, draining: Mailbox.Draining = .batch) {
        mailbox = Mailbox(scheduler, draining: draining)
        self.log = log
    }

    func record(_ message: Int) {
        step(.write, on: log)
        if log.isInside { log.intrusions += 1 }
        log.isInside = true
        step(.write, on: log)
        log.isInside = false
        log.messages.append(message)
    }
}

/// `@unchecked Sendable`: one lane runs at a time.
final class Log: @unchecked Sendable {
    var messages: [Int] = []
    var isInside = false
    var intrusions = 0
    var leftovers = 0
    var isComplete = false
}

/// Senders, and workers that take mailboxes from the injector, of a scheduler that does not run.
private struct MailboxWorld {
    let scheduler = Scheduler(threads: 2)
    let log = Log()
    let recorder: Recorder
    let expected: [[Int]]

    init(messages: [[Int]], draining: Mailbox.Draining = .batch) {
        recorder = Recorder(on: scheduler, log: log, draining: draining)
        expected = messages
    }

    /// With all ways of sending, in turn.
    func sender(_ index: Int) -> () -> Void {
        {
            for message in expected[index] {
                switch message % 3 {
                case 0: recorder.send { $0.record(message) }
                case 1: recorder.send(message) { $0.record($1) }
                default: recorder.sendConsuming(message) { $0.record($1) }
                }
            }
        }
    }

    /// A worker without its main loop: takes and runs until all messages were delivered.
    func worker(_ index: Int) -> () -> Void {
        {
            let total = expected.reduce(0) { $0 + $1.count }
            let injector = scheduler.injector.identity
            var loot = Ring()
            while true {
                wait(for: injector) { log.isComplete || scheduler.injector.unobservedCount > 0 }
                if log.isComplete { return }
                scheduler.injector.take(into: &loot, share: 1, limit: 1)
                guard let mailbox = loot.popLast()?.asMailbox else { continue }
                while mailbox.pointee.runTurn(on: scheduler.workers[index]) { log.leftovers += 1 }
                if log.messages.count == total {
                    // The other worker waits for this too.
                    interleavingPoint(.write, injector)
                    log.isComplete = true
                }
            }
        }
    }

    func verdict() -> String? {
        if log.intrusions > 0 { return "two workers in one actor" }
        if !recorder.mailbox.isIdle { return "the mailbox is not idle" }
        if log.messages.sorted() != expected.joined().sorted() { return "delivered: \(log.messages)" }
        for messages in expected where log.messages.filter(messages.contains) != messages {
            return "out of order: \(log.messages)"
        }
        return nil
    }
}

@Suite("Every interleaving of a mailbox")
struct MailboxWorlds {
    @Test(.timeLimit(.minutes(patience)))
    func twoSendersAndAWorkerDeliverEachMessageOnceAndInOrder() {
        let result = Explorer.explore {
            let world = MailboxWorld(messages: [[1, 2], [11]])
            return World([world.sender(0), world.sender(1), world.worker(0)], verdict: world.verdict)
        }
        report("two senders, one worker, 3 messages", result)
        #expect(result.failure == nil)
        #expect(result.isComplete)
    }

    @Test(.timeLimit(.minutes(patience)))
    func twoWorkersAreNeverInOneActor() {
        let result = Explorer.explore {
            let world = MailboxWorld(messages: [[1, 2]])
            return World([world.sender(0), world.worker(0), world.worker(1)], verdict: world.verdict)
        }
        report("one sender, two workers, 2 messages", result)
        #expect(result.failure == nil)
        #expect(result.isComplete)
    }

    @Test(.timeLimit(.minutes(patience)))
    func messagesLeftOverByABudgetOfOneKeepTheirOrder() {
        var leftovers = 0
        let result = Explorer.explore {
            let world = MailboxWorld(messages: [[1, 2, 3]], draining: .sequential)
            return World([world.sender(0), world.worker(0)]) {
                leftovers += world.log.leftovers
                return world.verdict()
            }
        }
        report("one sender, one worker, 3 messages, budget 1", result)
        #expect(result.failure == nil)
        #expect(result.isComplete)
        #expect(leftovers > 0, "some interleaving must leave messages over")
    }

    /// A mailbox that becomes idle with a load and a store, instead of one exchange, loses a message that comes in
    /// between.
    @Test(.timeLimit(.minutes(patience)))
    func theExplorerFindsAMessageThatALookAndAStoreLose() throws {
        let result = Explorer.explore {
            let mailbox = BrokenMailbox()
            let worker = { while mailbox.delivered < 2 { mailbox.takeTurn() } }
            return World([mailbox.post, mailbox.post, worker]) { nil }
        }
        let failure = try #require(result.failure)
        #expect(failure.hasPrefix("nobody can go on"))
        #expect(failure.contains("becomeIdle"))
    }
}

/// Counts messages instead of keeping them: −1 is idle, otherwise scheduled, with that many messages besides the first.
private final class BrokenMailbox: @unchecked Sendable {
    private let state = Atomic<Int>(-1)
    private(set) var delivered = 0

    func post() {
        while true {
            step(.read, on: self)
            let seen = state.load(ordering: .sequentiallyConsistent)
            step(.write, on: self)
            if state.compareExchange(expected: seen, desired: seen + 1, ordering: .sequentiallyConsistent).exchanged {
                return
            }
        }
    }

    func takeTurn() {
        wait(for: self) { [unowned self] in state.load(ordering: .sequentiallyConsistent) >= 0 }
        delivered += 1
        while true {
            step(.write, on: self)
            let posted = state.exchange(0, ordering: .sequentiallyConsistent)
            delivered += posted
            if posted == 0 { break }
        }
        becomeIdle()
    }

    private func becomeIdle() {
        step(.write, on: self)
        state.store(-1, ordering: .sequentiallyConsistent)
    }
}

/// Figures for the README: the sizes of the worlds.
func report(_ world: String, _ result: Explorer.Result) {
    print(
        "\(world): \(result.interleavings) interleavings, \(result.redundant) cut short,",
        "at most \(result.longest) steps\(result.isComplete ? "" : ", not complete")")
}

#endif
