// Work that a scheduler gives to programs that lend it: the oldest first.

import Synchronization
import Testing

@testable import WorkStealing

@Suite struct LendingTests {
    private actor Numbered: MailboxActor {
        nonisolated let mailbox: Mailbox
        nonisolated var unownedExecutor: UnownedSerialExecutor { UnownedSerialExecutor(ordinary: self) }
        private let number: Int

        init(_ number: Int, on scheduler: Scheduler) {
            mailbox = Mailbox(scheduler)
            self.number = number
        }

        func note(in order: Order) { order.numbers.withLock { $0.append(number) } }
    }

    private final class Order: Sendable { let numbers = Mutex<[Int]>([]) }

    /// The order of execution, and how many were moved to the front.
    private static func order(takingOldest count: Int) throws -> [[Int]] {
        let scheduler = Scheduler(threads: 1)
        let order = Order()
        let taken = Order()
        Numbered(0, on: scheduler).send { _ in
            for number in 1...6 { Numbered(number, on: scheduler).send { $0.note(in: order) } }
            taken.numbers.withLock { $0 = [Scheduler.takeOldestNext(atMost: count) ?? -1] }
        }
        try scheduler.run()
        return [order.numbers.withLock { $0 }, taken.numbers.withLock { $0 }]
    }

    @Test func theOldestAreNextAndTheRestAsTheyWere() throws {
        #expect(try Self.order(takingOldest: 0) == [[6, 5, 4, 3, 2, 1], [0]])
        #expect(try Self.order(takingOldest: 1) == [[1, 6, 5, 4, 3, 2], [1]])
        #expect(try Self.order(takingOldest: 2) == [[1, 2, 6, 5, 4, 3], [2]])
    }

    @Test func halfStays() throws {
        #expect(try Self.order(takingOldest: 100) == [[1, 2, 3, 6, 5, 4], [3]])
    }

    @Test func outsideOfAPoolThereIsNothingToTake() { #expect(Scheduler.takeOldestNext(atMost: 3) == nil) }

    @Test func aSchedulerThatDoesNotRunIsNotHungry() { #expect(!Scheduler(threads: 2).isHungry) }

    @Test(.timeLimit(.minutes(5))) func aSchedulerThatWaitsWithEmptyQueuesIsHungry() throws {
        let scheduler = Scheduler(threads: 2)
        scheduler.standstillWarning = nil
        let channel = Channel<Int>(capacity: 1)
        scheduler.spawn { _ = await channel.receive() }
        Task.detached {
            while !scheduler.isHungry { await Task.yield() }
            channel.finish()
        }
        try scheduler.run()
    }
}
