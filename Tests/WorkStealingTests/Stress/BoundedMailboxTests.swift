import Synchronization
import TestSupport
import Testing
import WorkStealing

private actor Slow: BoundedMailboxActor {
    nonisolated let mailbox: Mailbox
    nonisolated let limit: MailboxLimit
    nonisolated var unownedExecutor: UnownedSerialExecutor { UnownedSerialExecutor(ordinary: self) }
    private(set) var received: [Int] = []

    init(on scheduler: Scheduler, limit: Int) {
        mailbox = Mailbox(scheduler)
        self.limit = MailboxLimit(messages: limit)
    }

    func receive(_ number: Int) { received.append(number) }
}

@Suite("Bounded mailboxes, and messages with values", .timeLimit(.minutes(patience)))
struct BoundedMailboxTests {
    @Test
    func aFullMailboxRefusesUntilItIsEmptied() throws {
        let scheduler = Scheduler(threads: 1)
        let slow = Slow(on: scheduler, limit: 3)
        let sent = (0..<5).map { number in slow.trySend(number) { $0.receive($1) } }
        #expect(sent == [true, true, true, false, false])
        try scheduler.run()
        let result = Mutex<[Int]>([])
        #expect(
            slow.trySend { actor in
                let all = actor.received; result.withLock { $0 = all }
            })
        try scheduler.run()
        #expect(result.withLock { $0 } == [0, 1, 2])
    }

    /// Never do more wait than the limit, and each sender's messages keep their order.
    @Test(arguments: threadCounts)
    func aFullMailboxHoldsItsSendersBack(threads: Int) throws {
        let scheduler = Scheduler(threads: threads)
        let slow = Slow(on: scheduler, limit: 4)
        let counters = Waiting()
        for sender in 0..<4 {
            scheduler.spawn {
                for number in 0..<500 {
                    try await slow.sendWhenThereIsRoom(sender * 500 + number) { actor, number in
                        counters.left()
                        actor.receive(number)
                    }
                    counters.came()
                }
            }
        }
        try scheduler.run()
        let all = Mutex<[Int]>([])
        slow.send { actor in
            let received = actor.received; all.withLock { $0 = received }
        }
        try scheduler.run()
        let received = all.withLock { $0 }
        for sender in 0..<4 {
            #expect(received.filter { $0 / 500 == sender } == Array(sender * 500..<(sender + 1) * 500))
        }
        // A message may be delivered before its sender has counted it. So the number may be too low, and too high only
        // by the senders that were admitted and have not counted yet.
        #expect(counters.mostWaiting <= 4 + 4)
    }

    private final class Waiting: Sendable {
        private let waiting = Atomic<Int>(0)
        private let most = Atomic<Int>(0)
        func came() { most.max(waiting.add(1, ordering: .relaxed).newValue, ordering: .relaxed) }
        func left() { waiting.subtract(1, ordering: .relaxed) }
        var mostWaiting: Int { most.load(ordering: .relaxed) }
    }

    @Test
    func aSenderThatWaitsForRoomCanBeCancelled() async throws {
        let scheduler = Scheduler(threads: 1)
        let slow = Slow(on: scheduler, limit: 1)
        // The only worker is in the task, so the first message is not delivered before the second is sent.
        let waiting = scheduler.spawn {
            try await slow.sendWhenThereIsRoom(0) { $0.receive($1) }
            try await slow.sendWhenThereIsRoom(1) { $0.receive($1) }
        }
        waiting.cancel()
        try await scheduler.run()
        await #expect(throws: CancellationError.self) { try await waiting.value }
    }

    /// A run that ends by an error drops messages; their places are returned.
    @Test
    func droppedMessagesGiveTheirPlacesBack() throws {
        let scheduler = Scheduler(threads: 1)
        let slow = Slow(on: scheduler, limit: 2)
        #expect(slow.trySend(1) { $0.receive($1) } && slow.trySend(2) { $0.receive($1) })
        scheduler.cancel()
        try scheduler.run()
        #expect(slow.trySend(3) { $0.receive($1) } && slow.trySend(4) { $0.receive($1) })
        try scheduler.run()
    }

    @Test(arguments: threadCounts)
    func valuesOfAnyKindTravel(threads: Int) throws {
        let scheduler = Scheduler(threads: threads)
        let total = Tally()
        let deaths = Tally()
        for number in 0..<100 {
            let counter = Counter(on: scheduler)
            counter.send([number, 1]) { _, values in total.add(values.reduce(0, +)) }
            counter.send("\(number)") { _, text in total.add(Int(text)!) }
            counter.send(.high, Canary(deaths)) { _, _ in total.add(1) }
            counter.send(.high, number) { _, value in total.add(value) }
        }
        try scheduler.run()
        #expect(total.value == 3 * 4950 + 200)
        #expect(deaths.value == 100)
    }
}
