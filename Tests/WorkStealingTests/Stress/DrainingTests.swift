import TestSupport
import Testing

@testable import WorkStealing

/// The length of a worker's turn with a mailbox.
@Suite("Batch and sequential draining")
struct DrainingTests {
    private actor Sink: MailboxActor {
        nonisolated let mailbox: Mailbox
        nonisolated var unownedExecutor: UnownedSerialExecutor { UnownedSerialExecutor(ordinary: self) }
        private let order: Order
        private let number: Int

        init(on scheduler: Scheduler, draining: Mailbox.Draining, number: Int, order: Order) {
            mailbox = Mailbox(scheduler, draining: draining)
            (self.number, self.order) = (number, order)
        }

        func note() { order.append(number) }
    }

    /// Two actors with 100 messages each, one worker: the order of visits.
    private func visits(_ draining: Mailbox.Draining) throws -> (order: [Int], turns: Int) {
        let scheduler = Scheduler(threads: 1)
        let order = Order()
        for number in 0..<2 {
            let sink = Sink(on: scheduler, draining: draining, number: number, order: order)
            for _ in 0..<100 { sink.send { $0.note() } }
        }
        try scheduler.run()
        return (order.all, scheduler.statistics.turns)
    }

    @Test func aBatchIsUpToSixtyFourMessages() throws {
        let (order, turns) = try visits(.batch)
        #expect(order == [64, 64, 36, 36].enumerated().flatMap { Array(repeating: $0.offset % 2, count: $0.element) })
        #expect(turns == 4)
    }

    @Test func sequentialIsOneMessageThenTheOthers() throws {
        let (order, turns) = try visits(.sequential)
        #expect(order == (0..<200).map { $0 % 2 })
        #expect(turns == 200)
    }
}
