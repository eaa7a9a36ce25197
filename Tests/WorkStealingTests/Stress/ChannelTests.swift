import Synchronization
import TestSupport
import Testing
import WorkStealing

@Suite("Channels")
struct ChannelTests {
    @Test(.timeLimit(.minutes(patience)), arguments: threadCounts, [0, 1, 7])
    func eachValueReachesOneReceiverInTheOrderOfItsSender(threads: Int, capacity: Int) throws {
        let scheduler = Scheduler(threads: threads)
        let channel = Channel<(sender: Int, number: Int)>(capacity: capacity)
        let (pending, sum, disorder) = (Tally(), Tally(), Tally())
        pending.add(4)
        for sender in 0..<4 {
            scheduler.spawn {
                for number in 1...1000 { try await channel.send((sender, number)) }
                if pending.add(-1) == 0 { channel.finish() }
            }
        }
        for _ in 0..<3 {
            scheduler.spawn {
                var last = [0, 0, 0, 0]
                for await (sender, number) in channel {
                    if number <= last[sender] { disorder.add() }
                    last[sender] = number
                    sum.add(number)
                }
            }
        }
        try scheduler.run()
        #expect(sum.value == 4 * 500_500)
        #expect(disorder.value == 0)
    }

    /// One worker, so that the order is that of the events.
    @Test(.timeLimit(.minutes(patience)))
    func sendersWaitWhileItIsFullAndAreServedInTurn() throws {
        let scheduler = Scheduler(threads: 1)
        let channel = Channel<Int>(capacity: 2)
        let order = Order()
        scheduler.spawn {
            // All others run first, and stop where they must.
            for _ in 0..<10 { await Scheduler.yield() }
            #expect(order.all == [100, 101], "two fit in, the third and the fourth wait")
            for expected in 0..<4 {
                #expect(await channel.receive() == expected)
                await Scheduler.yield()
            }
            #expect(order.all == [100, 101, 102, 103])
            channel.finish()
            #expect(await channel.receive() == nil)
        }
        for number in 0..<4 {
            scheduler.spawn {
                try await channel.send(number)
                order.append(100 + number)
            }
        }
        try scheduler.run()
        #expect(order.all == [100, 101, 102, 103])
    }

    @Test(.timeLimit(.minutes(patience)))
    func receiversAreServedInTurn() throws {
        let scheduler = Scheduler(threads: 1)
        let channel = Channel<Int>(capacity: 0)
        let order = Order()
        for number in 0..<5 {
            scheduler.spawn {
                let value = await channel.receive()
                order.append(number * 10 + (value ?? -1))
            }
        }
        scheduler.spawn {
            for value in 0..<5 {
                try await channel.send(value)
                await Scheduler.yield()
            }
        }
        try scheduler.run()
        #expect(order.all == [0, 11, 22, 33, 44])
    }

    @Test(.timeLimit(.minutes(patience)), arguments: threadCounts)
    func finishingLeavesTheBufferAndSendsTheWaitingAway(threads: Int) throws {
        let scheduler = Scheduler(threads: threads)
        let channel = Channel<Int>(capacity: 3)
        let (sent, refused) = (Tally(), Tally())
        for _ in 0..<10 {
            scheduler.spawn {
                do {
                    try await channel.send(1)
                    sent.add()
                } catch ChannelError.finished { refused.add() }
                if sent.value == 3 { channel.finish() }
            }
        }
        try scheduler.run()
        #expect(sent.value == 3)
        #expect(refused.value == 7)
        let received = Tally()
        scheduler.spawn { for await value in channel { received.add(value) } }
        try scheduler.run()
        #expect(received.value == 3)
    }

    @Test(.timeLimit(.minutes(patience)), arguments: threadCounts)
    func aWaitingTaskThatIsCancelledLeavesTheQueue(threads: Int) throws {
        let scheduler = Scheduler(threads: threads)
        let (full, empty) = (Channel<Int>(capacity: 1), Channel<Int>(capacity: 1))
        let (cancelled, ended) = (Tally(), Tally())
        scheduler.spawn {
            try await full.send(0)
            await withTaskGroup(of: Void.self) { group in
                for _ in 0..<100 {
                    group.addTask {
                        do { try await full.send(1) } catch ChannelError.cancelled { cancelled.add() } catch {}
                    }
                    group.addTask { if await empty.receive() == nil { ended.add() } }
                }
                for _ in 0..<20 { await Scheduler.yield() }
                group.cancelAll()
            }
            // Neither has left anything behind.
            #expect(await full.receive() == 0)
            try await empty.send(7)
            #expect(await empty.receive() == 7)
        }
        try scheduler.run()
        #expect(cancelled.value == 100)
        #expect(ended.value == 100)
    }

    @Test(.timeLimit(.minutes(patience)), arguments: threadCounts)
    func cancellationAndServiceMeetOnce(threads: Int) throws {
        let scheduler = Scheduler(threads: threads)
        let channel = Channel<Int>(capacity: 0)
        let (received, sent) = (Tally(), Tally())
        for _ in 0..<300 {
            scheduler.spawn {
                await withTaskGroup(of: Void.self) { group in
                    group.addTask { if await channel.receive() != nil { received.add() } }
                    group.addTask { do { try await channel.send(1); sent.add() } catch {} }
                    await Scheduler.yield()
                    group.cancelAll()
                }
            }
        }
        try scheduler.run()
        #expect(received.value == sent.value, "a value was lost, or given away twice")
    }

    /// Values go in when a coroutine starts and is resumed, and come out when it yields and finishes.
    @Test(.timeLimit(.minutes(patience)), arguments: threadCounts)
    func aCoroutinePassesAndReceivesValues(threads: Int) throws {
        let scheduler = Scheduler(threads: threads)
        let (numbers, means) = (Channel<Double>(capacity: 0), Channel<Double>(capacity: 0))
        @Sendable func averager(start: Double) async throws {
            var (sum, count) = (start, 1.0)
            for await number in numbers {
                (sum, count) = (sum + number, count + 1)
                try await means.send(sum / count)
            }
            means.finish()
        }
        scheduler.spawn { try await averager(start: 10) }
        scheduler.spawn {
            try await numbers.send(20)
            #expect(await means.receive() == 15)
            try await numbers.send(30)
            #expect(await means.receive() == 20)
            numbers.finish()
            #expect(await means.receive() == nil)
        }
        try scheduler.run()
    }

    /// A ring: each waits for the one before. All are alive at once, and suspended.
    @Test(.timeLimit(.minutes(patience)), arguments: [2])
    func aHundredThousandCoroutinesWaitAtOnce(threads: Int) throws {
        let count = 100_000
        let scheduler = Scheduler(threads: threads)
        let gate = Channel<Int>(capacity: 0)
        let (alive, sum) = (Tally(), Tally())
        for _ in 0..<count {
            scheduler.spawn {
                alive.add()
                sum.add(await gate.receive() ?? 0)
            }
        }
        scheduler.spawn {
            while alive.value < count { await Scheduler.yield() }
            for number in 0..<count { try await gate.send(number) }
        }
        try scheduler.run()
        #expect(sum.value == count * (count - 1) / 2)
    }
}

@Suite("Yielding")
struct YieldTests {
    @Test(.timeLimit(.minutes(patience)))
    func theRestGoesBehindEverythingElse() throws {
        let scheduler = Scheduler(threads: 1)
        let order = Order()
        for number in 0..<3 {
            scheduler.spawn {
                for round in 0..<3 {
                    order.append(round * 10 + number)
                    await Scheduler.yield()
                }
            }
        }
        try scheduler.run()
        #expect(order.all == [0, 1, 2, 10, 11, 12, 20, 21, 22])
    }

    @Test(.timeLimit(.minutes(patience)), arguments: threadCounts)
    func tasksThatYieldAreResumedOnceEachTime(threads: Int) throws {
        let scheduler = Scheduler(threads: threads)
        let counter = Counter(on: scheduler)
        let rounds = Tally()
        for _ in 0..<100 {
            scheduler.spawn {
                for _ in 0..<100 {
                    await Scheduler.yield()
                    rounds.add()
                }
                await counter.yieldAndIncrement()
            }
        }
        try scheduler.run()
        #expect(rounds.value == 10_000)
        let results = try Results(of: counter, on: scheduler)
        #expect(results.count == 100)
        #expect(results.intrusions == 0)
    }

    @Test func outsideOfAPoolItIsTheOrdinaryOne() async {
        await Scheduler.yield()
        #expect(Scheduler.currentWorkerIndex == nil)
    }
}

extension Counter {
    /// The second half is a step in the mailbox again.
    fileprivate func yieldAndIncrement() async {
        await Scheduler.yield()
        checkIsolated()
        increment()
    }
}

/// What happened, in order.
final class Order: Sendable {
    private let numbers = Mutex<[Int]>([])

    var all: [Int] { numbers.withLock(\.self) }

    func append(_ number: Int) { numbers.withLock { $0.append(number) } }
}
