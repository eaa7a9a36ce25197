import Testing
import WorkStealing

@Suite("What a message carries")
struct MessageTests {
    @Test func plainValuesOfEverySizeArriveAtAnIdleActorAndAtABusyOne() throws {
        let scheduler = Scheduler(threads: 2)
        let reader = Reader(on: scheduler)
        for staysIdle in [true, false] {
            let sent = { if staysIdle { try scheduler.run() } }
            reader.send(()) { actor, _ in actor.note("nothing") }
            try sent()
            reader.send(UInt8(200)) { $0.note($1) }
            try sent()
            reader.send(-1) { $0.note($1) }
            try sent()
            reader.send(Pair(first: .max, second: 2)) { $0.note("\($1.first) \($1.second)") }
            try sent()
            reader.send(SIMD4<Int32>(1, 2, 3, 4)) { $0.note($1) }
            try sent()
            reader.send(Triple(first: 1, second: 2, third: 3)) { $0.note("\($1.first) \($1.second) \($1.third)") }
            try scheduler.run()
        }
        let once = ["nothing", "200", "-1", "\(UInt64.max) 2", "SIMD4<Int32>(1, 2, 3, 4)", "1 2 3"]
        reader.send { #expect($0.notes == once + once) }
        try scheduler.run()
    }

    @Test func aBodyThatCapturesGetsTheValueToo() throws {
        let scheduler = Scheduler(threads: 1)
        let reader = Reader(on: scheduler)
        let word = String(repeating: "long enough to be allocated ", count: 3)
        for number in 1...2 { reader.send(number) { $0.note("\(word)\($1)") } }
        reader.send { #expect($0.notes == ["\(word)1", "\(word)2"]) }
        try scheduler.run()
    }

    @Test func anErrorThrownWithAValueEndsTheRun() {
        let scheduler = Scheduler(threads: 1)
        Reader(on: scheduler).send(7) { (_, number) in throw Failure(number: number) }
        #expect(throws: Failure(number: 7)) { try scheduler.run() }
    }

    /// `sendConsuming` releases the references that it takes over: of actors without other references, idle and busy
    /// ones.
    @Test(arguments: [1, 2, 8]) func unreferencedActorsLiveUntilTheirLastMessage(threads: Int) throws {
        let scheduler = Scheduler(threads: threads)
        let (deaths, received) = (Tally(), Tally())
        for _ in 0..<1000 {
            Counter(on: scheduler, deaths: deaths).sendConsuming { _ in received.add() }
            let counter = Counter(on: scheduler, deaths: deaths)
            counter.send(1) { _, number in received.add(number) }
            Counter(on: scheduler, deaths: deaths).sendConsuming { _ in
                for number in 2...9 { counter.sendConsuming(number) { _, number in received.add(number) } }
            }
        }
        #expect(deaths.value == 0)
        try scheduler.run()
        #expect(received.value == 1000 * (1 + 45))
        #expect(deaths.value == 3000)
    }

    @Test(arguments: [1, 2]) func everyCaptureIsLetGoOnceWhetherDeliveredOrDropped(threads: Int) throws {
        for isCancelled in [false, true] {
            let scheduler = Scheduler(threads: threads)
            let (deaths, reader) = (Tally(), Reader(on: scheduler))
            for number in 0..<100 {
                let witness = Canary(deaths)
                reader.send { actor in withExtendedLifetime(witness) { actor.note(number) } }
                reader.send(number) { actor, number in withExtendedLifetime(witness) { actor.note(number) } }
            }
            #expect(deaths.value == 0)
            if isCancelled { scheduler.cancel() }
            try scheduler.run()
            #expect(deaths.value == 100)
        }
    }
}

private struct Pair { let first, second: UInt64 }
private struct Triple { let first, second, third: UInt64 }
private struct Failure: Error, Equatable { let number: Int }

private actor Reader: MailboxActor {
    nonisolated let mailbox: Mailbox
    nonisolated var unownedExecutor: UnownedSerialExecutor { UnownedSerialExecutor(ordinary: self) }
    private(set) var notes: [String] = []

    init(on scheduler: Scheduler) { mailbox = Mailbox(scheduler) }

    func note(_ value: some Sendable) { notes.append("\(value)") }
}
