import Glibc
import Synchronization
import Testing

@testable import WorkStealing

/// Blocked workers are replaced. `threads` is how many run; `most` is how many there can be.
@Suite("The monitor")
struct MonitorTests {
    static let most = 16
    static let threads = [1, 2, 3]

    /// All the messages that block are inside at the same time, and the one that ends them is delivered while they are:
    /// with N workers alone this would never end.
    @Test(.timeLimit(.minutes(10)), arguments: threads)
    func messagesThatBlockDoNotKeepOthersFromRunning(threads: Int) throws {
        let scheduler = Scheduler(threads: threads, maximumThreads: Self.most)
        let pipe = Pipe()
        let (begun, ended) = (Tally(), Tally())
        for _ in 0..<10 {
            Counter(on: scheduler).send { _ in
                begun.add()
                pipe.waitForByte()
                ended.add()
            }
        }
        @Sendable func end(_ counter: Counter) {
            counter.send { _ in
                if begun.value < 10 { return end(counter) }
                #expect(ended.value == 0)
                pipe.put(10)
            }
        }
        end(Counter(on: scheduler))
        try scheduler.run()
        #expect(ended.value == 10)
        #expect(scheduler.statistics.sparesReleased >= 11 - threads)
        #expect((11...Self.most).contains(scheduler.statistics.mostThreads))
    }

    /// What a blocked worker has in its own deque is taken by others.
    @Test(.timeLimit(.minutes(10)), arguments: threads)
    func theDequeOfABlockedWorkerIsNotStranded(threads: Int) throws {
        let scheduler = Scheduler(threads: threads, maximumThreads: threads + 1)
        let pipe = Pipe()
        let delivered = Tally()
        Counter(on: scheduler).send { _ in
            for _ in 0..<threads {
                Counter(on: scheduler).send { _ in
                    for _ in 0..<100 {
                        Counter(on: scheduler).send { _ in
                            if delivered.add() == 100 * threads { pipe.put(threads) }
                        }
                    }
                    pipe.waitForByte()
                }
            }
        }
        try scheduler.run()
        #expect(delivered.value == 100 * threads)
        #expect(scheduler.statistics.sparesReleased >= 1)
    }

    /// A message that only computes keeps its place among the N, however long it takes.
    @Test(.timeLimit(.minutes(10)), arguments: [2, 3])
    func anEndlessMessageDoesNotKeepOthersFromRunning(threads: Int) throws {
        let scheduler = Scheduler(threads: threads, maximumThreads: Self.most)
        let delivered = Tally()
        Counter(on: scheduler).send { _ in
            for _ in 0..<1000 { Counter(on: scheduler).send { _ in delivered.add() } }
            while delivered.value < 1000 {}
        }
        try scheduler.run()
        #expect(delivered.value == 1000)
    }

    /// Not exactly N: the monitor looks at states, and a worker that waits for a lock for a moment looks blocked. But
    /// sixteen actors compute, and there are workers for eleven of them.
    @Test(.timeLimit(.minutes(10)), arguments: threads)
    func noMoreThanNRunBesideThoseThatAreBlocked(threads: Int) throws {
        let scheduler = Scheduler(threads: threads, maximumThreads: Self.most)
        let pipe = Pipe()
        let (begun, ended, running, most) = (Tally(), Tally(), Tally(), Peak())
        @Sendable func compute(_ counter: Counter, _ left: Int) {
            counter.send { _ in
                guard begun.value == 5 else { return compute(counter, left) }
                most.note(running.add())
                burn(milliseconds: 1)
                running.add(-1)
                if left > 1 { return compute(counter, left - 1) }
                if ended.add() == Self.most { pipe.put(5) }
            }
        }
        for _ in 0..<Self.most { compute(Counter(on: scheduler), 10) }
        for _ in 0..<5 {
            Counter(on: scheduler).send { _ in
                begun.add()
                pipe.waitForByte()
            }
        }
        try scheduler.run()
        #expect(ended.value == Self.most)
        #expect(most.value <= Monitor.tolerance * threads)
    }

    /// When those that were blocked come back, the surplus goes back into the reserve while the run goes on.
    @Test(.timeLimit(.minutes(10)), arguments: threads)
    func theSurplusRestsWhenBlockedWorkersComeBack(threads: Int) throws {
        let scheduler = Scheduler(threads: threads, maximumThreads: Self.most)
        let pipe = Pipe()
        let (begun, isOver) = (Tally(), Tally())
        let few = Monitor.tolerance * threads
        @Sendable func compute(_ counter: Counter) {
            counter.send { _ in
                if begun.value == 10 {
                    burn(milliseconds: 1)
                    if scheduler.idle.now.active <= few { isOver.add() }
                }
                if isOver.value == 0 { compute(counter) }
            }
        }
        for _ in 0..<10 {
            Counter(on: scheduler).send { _ in
                if begun.add() == 10 { pipe.put(10) }
                pipe.waitForByte()
            }
        }
        for _ in 0..<Self.most { compute(Counter(on: scheduler)) }
        try scheduler.run()
        #expect(scheduler.statistics.rests >= 10 - few)
    }

    /// A worker rests with mailboxes in its deque: others come for them.
    @Test(.timeLimit(.minutes(10)), arguments: threads)
    func nothingIsStrandedWhateverIsReleasedAndSentToRest(threads: Int) throws {
        let scheduler = Scheduler(threads: threads, maximumThreads: threads + 5)
        let isOver = Tally()
        // Sends workers to rest whenever it can, against the monitor's will.
        let meddler = ForeignThread {
            while isOver.value == 0 {
                scheduler.setSurplus(4)
                usleep(50)
            }
        }
        var released = 0
        for run in 0..<40 {
            let (leaves, deaths) = (Tally(), Tally())
            @Sendable func visit(_ depth: Int, _ number: Int) {
                if number % 5 == run % 5 { usleep(UInt32(number % 11) * 100) }
                guard depth > 0 else {
                    leaves.add()
                    return
                }
                for child in 0..<5 {
                    Counter(on: scheduler, deaths: deaths).send { _ in visit(depth - 1, number * 7 + child) }
                }
            }
            Counter(on: scheduler, deaths: deaths).send { _ in visit(4, run) }
            try scheduler.run()
            #expect(leaves.value == 625)
            #expect(deaths.value == 781)
            released = scheduler.statistics.sparesReleased
        }
        isOver.add()
        meddler.join()
        #expect(released > 0)
        #expect(scheduler.statistics.rests > 0)
    }

    /// The end comes while spares rest, are being created, or are busy; by itself, by an error, by `cancel()`.
    @Test(.timeLimit(.minutes(10)), arguments: threads)
    func everyRunEndsAndJoinsItsThreads(threads: Int) throws {
        struct Oops: Error {}
        let scheduler = Scheduler(threads: threads, maximumThreads: 8)
        let seen = (0..<8).map { _ in Peak() }
        for run in 0..<60 {
            let (made, freed) = (Tally(), Tally())
            for number in 0..<30 {
                made.add()
                let canary = Canary(freed)
                Counter(on: scheduler).send { _ in
                    _ = canary
                    seen[Scheduler.currentWorkerIndex ?? 0].note(ForeignThread.currentID)
                    usleep(UInt32(number * run % 13) * 100)
                    if run % 3 == 1, number == 20 { throw Oops() }
                    if run % 3 == 2, number == 20 { scheduler.cancel() }
                }
            }
            if run % 3 == 1 {
                #expect(throws: Oops.self) { try scheduler.run() }
            } else {
                try scheduler.run()
            }
            #expect(freed.value == made.value)
        }
        for thread in seen.map(\.value) where thread > 0 && thread != ForeignThread.currentID {
            #expect(!ForeignThread.isAlive(thread))
        }
    }

    @Test(.timeLimit(.minutes(10)), arguments: threads)
    func runsOfNothingEnd(threads: Int) throws {
        let scheduler = Scheduler(threads: threads, maximumThreads: 8)
        for _ in 0..<200 { try scheduler.run() }
        #expect(scheduler.statistics.messages == 0)
        #expect(scheduler.statistics.sparesReleased == 0)
    }

    /// A quarter of a second in which all workers sleep: the monitor would look 60 times if it did not sleep as well.
    @Test(.timeLimit(.minutes(10)), arguments: threads)
    func theMonitorSleepsWhileAllWorkersDo(threads: Int) throws {
        let scheduler = Scheduler(threads: threads, maximumThreads: 8)
        let returned = Tally()
        scheduler.spawn {
            try await Task.sleep(for: .milliseconds(250))
            returned.add()
        }
        try scheduler.run()
        #expect(returned.value == 1)
        #expect(scheduler.statistics.monitorLooks < 30)
    }
}

/// Computes without a system call.
private func burn(milliseconds: Int) {
    var (begin, now) = (timespec(), timespec())
    clock_gettime(CLOCK_MONOTONIC, &begin)
    repeat {
        clock_gettime(CLOCK_MONOTONIC, &now)
    } while (now.tv_sec - begin.tv_sec) * 1_000_000_000 + now.tv_nsec - begin.tv_nsec < milliseconds * 1_000_000
}

/// The largest of some numbers, noted by any thread.
private final class Peak: Sendable {
    private let peak = Atomic<Int>(0)
    var value: Int { peak.load(ordering: .sequentiallyConsistent) }
    func note(_ number: Int) { peak.max(number, ordering: .sequentiallyConsistent) }
}

/// Something to be blocked on.
private final class Pipe: Sendable {
    private let ends: (read: Int32, write: Int32)

    init() {
        var ends: [Int32] = [-1, -1]
        precondition(pipe(&ends) == 0, "no pipe")
        self.ends = (ends[0], ends[1])
    }

    deinit {
        close(ends.read)
        close(ends.write)
    }

    func waitForByte() {
        var byte: UInt8 = 0
        precondition(read(ends.read, &byte, 1) == 1, "no byte")
    }

    func put(_ count: Int) {
        for _ in 0..<count {
            var byte: UInt8 = 0
            precondition(write(ends.write, &byte, 1) == 1, "no room")
        }
    }
}
