import Synchronization
import TestSupport
import Testing
import WorkStealing

@Suite("Count in is count out")
struct CountingTests {
    @Test(.timeLimit(.minutes(patience)), arguments: threadCounts)
    func everyNodeOfATreeReportsOnce(threads: Int) throws {
        let scheduler = Scheduler(threads: threads)
        let (leaves, deaths) = (Tally(), Tally())
        @Sendable func visit(_ depth: Int) {
            guard depth > 0 else {
                leaves.add()
                return
            }
            for _ in 0..<5 { Counter(on: scheduler, deaths: deaths).send { _ in visit(depth - 1) } }
        }
        Counter(on: scheduler, deaths: deaths).send { _ in visit(6) }
        try scheduler.run()
        #expect(leaves.value == 15_625)
        #expect(deaths.value == 19_531, "every actor of the tree must have been freed")
        #expect(scheduler.statistics.messages == 19_531)
    }

    @Test(.timeLimit(.minutes(patience)), arguments: threadCounts)
    func thousandsOfSendersReachOneActorInOrderAndOneAtATime(threads: Int) async throws {
        let scheduler = Scheduler(threads: threads)
        let receiver = Counter(on: scheduler)
        for sender in 0..<2000 {
            Counter(on: scheduler).send { _ in
                for number in 0..<10 { receiver.send { $0.receive(number, from: sender) } }
            }
        }
        try await scheduler.run()
        let results = try Results(of: receiver, on: scheduler)
        #expect(results.count == 20_000)
        #expect(results.intrusions == 0)
        #expect(results.disorder == 0)
    }

    @Test(.timeLimit(.minutes(patience)), arguments: threadCounts)
    func pingAndPongAlternate(threads: Int) throws {
        let scheduler = Scheduler(threads: threads)
        let (ping, pong) = (Counter(on: scheduler), Counter(on: scheduler))
        @Sendable func play(_ left: Int) {
            (left % 2 == 0 ? ping : pong).send { receiver in
                receiver.receive(20_000 / 2 - (left + 1) / 2, from: 0)
                if left > 1 { play(left - 1) }
            }
        }
        play(20_000)
        try scheduler.run()
        for counter in [ping, pong] {
            let results = try Results(of: counter, on: scheduler)
            #expect(results.count == 10_000)
            #expect(results.disorder == 0)
        }
    }

    @Test(.timeLimit(.minutes(patience)), arguments: threadCounts)
    func foreignThreadsSendDuringTheRun(threads: Int) throws {
        let scheduler = Scheduler(threads: threads)
        let receivers = (0..<16).map { _ in Counter(on: scheduler) }
        let senders = (0..<4).map { sender in
            ForeignThread {
                for number in 0..<16_000 {
                    receivers[number % 16].send { $0.receive(number / 16, from: sender) }
                }
            }
        }
        var runs = 0
        // A run ends whenever the workers have caught up with the senders.
        while runs < 50 {
            try scheduler.run()
            runs += 1
        }
        for sender in senders { sender.join() }
        try scheduler.run()
        for receiver in receivers {
            let results = try Results(of: receiver, on: scheduler)
            #expect(results.count == 4000)
            #expect(results.disorder == 0)
            #expect(results.intrusions == 0)
        }
    }

    @Test(.timeLimit(.minutes(patience)), arguments: threadCounts)
    func manyRunsOfOneScheduler(threads: Int) throws {
        let scheduler = Scheduler(threads: threads)
        let counter = Counter(on: scheduler)
        for run in 0..<200 {
            for _ in 0..<(run % 7) { counter.send { $0.increment() } }
            try scheduler.run()
        }
        #expect(try Results(of: counter, on: scheduler).count == (0..<200).reduce(0) { $0 + $1 % 7 })
    }

    @Test(.timeLimit(.minutes(patience)), arguments: threadCounts)
    func aRunWithoutMessagesEnds(threads: Int) throws {
        let scheduler = Scheduler(threads: threads)
        try scheduler.run()
        #expect(scheduler.statistics.messages == 0)
    }

    @Test(.timeLimit(.minutes(patience)), arguments: threadCounts)
    func manyRoots(threads: Int) throws {
        let scheduler = Scheduler(threads: threads)
        let (delivered, deaths) = (Tally(), Tally())
        for _ in 0..<50_000 { Counter(on: scheduler, deaths: deaths).send { _ in delivered.add() } }
        try scheduler.run()
        #expect(delivered.value == 50_000)
        #expect(deaths.value == 50_000)
    }

    @Test(.timeLimit(.minutes(patience)))
    func schedulersThatRunAtOnceSendToEachOther() throws {
        let schedulers = (0..<4).map { _ in Scheduler(threads: 2) }
        let counters = schedulers.map { Counter(on: $0) }
        let threads = schedulers.map { scheduler in
            ForeignThread {
                for number in 0..<2000 {
                    Counter(on: scheduler).send { _ in counters[number % 4].send { $0.increment() } }
                }
                try? scheduler.run()
            }
        }
        for thread in threads { thread.join() }
        // Messages that reached a scheduler after its run wait for the next.
        for scheduler in schedulers { try scheduler.run() }
        let total = try zip(counters, schedulers).reduce(0) { try $0 + Results(of: $1.0, on: $1.1).count }
        #expect(total == 8000)
    }
}

/// The counts of a counter, read by a message.
struct Results {
    var count = 0
    var intrusions = 0
    var disorder = 0

    init(of counter: Counter, on scheduler: Scheduler) throws {
        let answer = Mutex((0, 0, 0))
        let box = Box(answer)
        counter.send { counter in
            box.answer.withLock { $0 = (counter.count, counter.intrusions, counter.disorder) }
        }
        try scheduler.run()
        (count, intrusions, disorder) = box.answer.withLock(\.self)
    }

    private final class Box: Sendable {
        let answer: Mutex<(Int, Int, Int)>
        init(_ answer: consuming sending Mutex<(Int, Int, Int)>) { self.answer = answer }
    }
}
