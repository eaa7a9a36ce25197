import TestSupport
import Testing
import WorkStealing

@Suite("Resources with limits")
struct ResourceTests {
    @Test(.timeLimit(.minutes(patience)), arguments: threadCounts, [1, 4])
    func messagesAndTasksTogetherNeverExceedTheLimit(threads: Int, limit: Int) throws {
        let scheduler = Scheduler(threads: threads)
        let disk = LimitedResource("disk", limit: limit)
        let (inside, tooMany, done) = (Tally(), Tally(), Tally())
        @Sendable func enter() { if inside.add() > limit { tooMany.add() } }
        @Sendable func leave() {
            inside.add(-1)
            done.add()
        }
        for _ in 0..<500 {
            Counter(on: scheduler).send(holding: disk) { _, token in
                enter()
                leave()
                _ = consume token
            }
            scheduler.spawn {
                try await disk.withToken {
                    enter()
                    await Scheduler.yield()
                    leave()
                }
            }
        }
        try scheduler.run()
        #expect(done.value == 1000)
        #expect(tooMany.value == 0)
        #expect(inside.value == 0)
    }

    /// A token in an actor's state is held across messages, as a file that is read in pieces keeps its place.
    @Test(.timeLimit(.minutes(patience)), arguments: threadCounts)
    func aTokenIsHeldAcrossMessages(threads: Int) throws {
        let scheduler = Scheduler(threads: threads)
        let places = LimitedResource("places", limit: 2)
        let (inside, tooMany, done) = (Tally(), Tally(), Tally())
        for _ in 0..<100 {
            let reader = Reader(on: scheduler)
            reader.send(holding: places) { reader, place in
                if inside.add() > 2 { tooMany.add() }
                reader.begin(in: place, pieces: 10) {
                    inside.add(-1)
                    done.add()
                }
            }
        }
        try scheduler.run()
        #expect(done.value == 100)
        #expect(tooMany.value == 0)
    }

    private actor Reader: MailboxActor {
        nonisolated let mailbox: Mailbox
        nonisolated var unownedExecutor: UnownedSerialExecutor { UnownedSerialExecutor(ordinary: self) }
        private var place: LimitedResource.Token?

        init(on scheduler: Scheduler) { mailbox = Mailbox(scheduler) }

        func begin(in place: consuming LimitedResource.Token, pieces: Int, end: @escaping @Sendable () -> Void) {
            self.place = consume place
            read(pieces, end)
        }

        private func read(_ left: Int, _ end: @escaping @Sendable () -> Void) {
            guard left > 0 else {
                end()
                place = nil
                return
            }
            send { $0.read(left - 1, end) }
        }
    }

    @Test(.timeLimit(.minutes(patience)))
    func firstComeIsFirstServed() throws {
        let scheduler = Scheduler(threads: 1)
        let library = LimitedResource("library", limit: 1)
        let order = Order()
        for number in 0..<10 {
            scheduler.spawn {
                try await library.withToken {
                    order.append(number)
                    await Scheduler.yield()
                }
            }
        }
        try scheduler.run()
        #expect(order.all == Array(0..<10))
    }

    @Test(.timeLimit(.minutes(patience)))
    func theNewestWaiterIsServedFirstIfTheResourceIsMadeSo() throws {
        let scheduler = Scheduler(threads: 1)
        let places = LimitedResource("places", limit: 1, serving: .newestFirst)
        let order = Order()
        let actor = Counter(on: scheduler)
        guard let first = places.tryTake() else { preconditionFailure("a new resource is free") }
        for number in 0..<10 {
            actor.send(holding: places) { _, token in
                order.append(number)
                _ = consume token
            }
        }
        _ = consume first
        try scheduler.run()
        #expect(order.all == Array((0..<10).reversed()))
    }

    @Test(.timeLimit(.minutes(patience)), arguments: threadCounts)
    func tokensOfDroppedMessagesComeBack(threads: Int) throws {
        struct Oops: Error {}
        let scheduler = Scheduler(threads: threads)
        let resource = LimitedResource("resource", limit: 3)
        for _ in 0..<100 {
            Counter(on: scheduler).send(holding: resource) { _, token in
                _ = consume token
                throw Oops()
            }
        }
        #expect(throws: Oops.self) { try scheduler.run() }
        let tokens = [resource.tryTake() != nil, resource.tryTake() != nil, resource.tryTake() != nil]
        #expect(tokens == [true, true, true])
    }

    @Test(.timeLimit(.minutes(patience)), arguments: threadCounts)
    func aCancelledWaiterLeavesTheQueue(threads: Int) throws {
        let scheduler = Scheduler(threads: threads)
        let library = LimitedResource("library", limit: 1)
        let (cancelled, served) = (Tally(), Tally())
        scheduler.spawn {
            try await library.withToken {
                await withTaskGroup(of: Void.self) { group in
                    for _ in 0..<100 {
                        group.addTask {
                            do { try await library.withToken { served.add() } } catch { cancelled.add() }
                        }
                    }
                    for _ in 0..<20 { await Scheduler.yield() }
                    group.cancelAll()
                }
            }
            try await library.withToken { served.add() }
        }
        try scheduler.run()
        #expect(cancelled.value == 100)
        #expect(served.value == 1)
    }
}
