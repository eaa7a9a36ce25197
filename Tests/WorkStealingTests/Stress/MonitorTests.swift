import CLinux
import Glibc
import Synchronization
import TestSupport
import Testing

@testable import WorkStealing

/// Spare workers replace blocked ones. `threads` is how many run; `most` is how many there can be.
@Suite("The monitor")
struct MonitorTests {
    static let most = 24
    static let threads = [1, 2, 3, 8]

    /// All the blocking messages are inside at the same time, and the one that ends them is delivered meanwhile: with N
    /// workers alone this would never end.
    @Test(.timeLimit(.minutes(patience)), arguments: threads)
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
        #expect((max(11, threads)...Self.most).contains(scheduler.statistics.mostThreads))
    }

    /// Others take the work in a blocked worker's own deque.
    @Test(.timeLimit(.minutes(patience)), arguments: threads)
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

    /// The articles' open problem: "tasks can run endlessly and can thus block a whole program". These end only after
    /// everything else is done, and there are N of them, or more.
    @Test(.timeLimit(.minutes(patience)), arguments: threadCounts, [false, true])
    func endlessMessagesDoNotKeepOthersFromRunning(threads: Int, sleepInTheKernel: Bool) throws {
        let scheduler = Scheduler(threads: threads, maximumThreads: threads + 4)
        let (delivered, endless) = (Tally(), Tally())
        @Sendable func chain(_ counter: Counter, _ left: Int) {
            counter.send { _ in
                if endless.value < threads + 2 { return chain(counter, left) }
                delivered.add()
                if left > 1 { chain(counter, left - 1) }
            }
        }
        for _ in 0..<threads + 2 {
            Counter(on: scheduler).send { _ in
                endless.add()
                while delivered.value < 1000 {
                    if sleepInTheKernel { usleep(1000) }
                }
            }
        }
        for _ in 0..<10 { chain(Counter(on: scheduler), 100) }
        try scheduler.run()
        #expect(delivered.value == 1000)
        #expect(scheduler.statistics.sparesReleased >= 3)
        #expect(scheduler.statistics.mostThreads >= threads + 3)
    }

    /// Messages sent by an endless message are in the deque of its worker, and are taken from there.
    @Test(.timeLimit(.minutes(patience)), arguments: threadCounts)
    func messagesSentByAnEndlessMessageAreDelivered(threads: Int) throws {
        let scheduler = Scheduler(threads: threads, maximumThreads: Self.most)
        let delivered = Tally()
        Counter(on: scheduler).send { _ in
            for _ in 0..<1000 { Counter(on: scheduler).send { _ in delivered.add() } }
            while delivered.value < 1000 {}
        }
        try scheduler.run()
        #expect(delivered.value == 1000)
    }

    /// N active threads, however many block: messages compute while N others and more sleep in the kernel, which N
    /// workers alone cannot do.
    @Test(.timeLimit(.minutes(patience)), arguments: threadCounts)
    func messagesComputeWhileMoreThanNSleep(threads: Int) throws {
        let scheduler = Scheduler(threads: threads, maximumThreads: 64)
        let (asleep, sleeps, turns) = (Tally(), Tally(), Tally())
        @Sendable func sleep(_ counter: Counter, _ left: Int) {
            counter.send { _ in
                asleep.add()
                usleep(2000)
                asleep.add(-1)
                sleeps.add()
                if left > 1 { sleep(counter, left - 1) }
            }
        }
        @Sendable func compute(_ counter: Counter) {
            counter.send { _ in
                burn(microseconds: 50)
                if asleep.value >= threads { turns.add() }
                if sleeps.value < 1000 { compute(counter) }
            }
        }
        for _ in 0..<40 { sleep(Counter(on: scheduler), 25) }
        for _ in 0..<threads { compute(Counter(on: scheduler)) }
        try scheduler.run()
        #expect(sleeps.value == 1000)
        #expect(turns.value >= 100)
    }

    /// Neither exactly N nor at every moment: a worker that waits briefly for a lock looks blocked, and workers are
    /// added faster than they are sent to rest. But twenty-four actors compute, there are workers for nineteen of them,
    /// and the number of running workers comes down to `tolerance` and stays there.
    @Test(.timeLimit(.minutes(patience)), arguments: [1, 2])
    func noMoreThanNRunForLongBesideThoseThatAreBlocked(threads: Int) throws {
        let scheduler = Scheduler(threads: threads, maximumThreads: Self.most)
        let pipe = Pipe()
        let (begun, running, turns, lastCrowd) = (Tally(), Tally(), Tally(), Peak())
        let (isCalm, isOver) = (Tally(), Tally())
        let enough = 300
        // So that a failure is not an endless test.
        let deadline = ContinuousClock.now + .seconds(180)
        @Sendable func compute(_ counter: Counter) {
            counter.send { _ in
                guard begun.value == 5 else { return compute(counter) }
                let (turn, beside) = (turns.add(), running.add())
                if beside > Monitor.tolerance * threads { lastCrowd.note(turn) }
                burn(microseconds: 1000)
                running.add(-1)
                if turn - lastCrowd.value >= enough { isCalm.add() }
                if isCalm.value > 0 || ContinuousClock.now > deadline, isOver.add() == 1 { pipe.put(5) }
                if isOver.value == 0 { compute(counter) }
            }
        }
        for _ in 0..<Self.most { compute(Counter(on: scheduler)) }
        for _ in 0..<5 {
            Counter(on: scheduler).send { _ in
                begun.add()
                pipe.waitForByte()
            }
        }
        try scheduler.run()
        #expect(isCalm.value > 0)
    }

    /// When the blocked workers return, those beyond `tolerance` go back into the reserve.
    @Test(.timeLimit(.minutes(patience)), arguments: threads)
    func theSurplusRestsWhenBlockedWorkersComeBack(threads: Int) throws {
        let few = Monitor.tolerance * threads
        let blocked = few + 12
        let scheduler = Scheduler(threads: threads, maximumThreads: blocked + 4)
        let pipe = Pipe()
        let (begun, isOver) = (Tally(), Tally())
        // So that a failure is not an endless test.
        let deadline = ContinuousClock.now + .seconds(180)
        @Sendable func compute(_ counter: Counter) {
            counter.send { _ in
                if begun.value == blocked {
                    burn(microseconds: 200)
                    if scheduler.idle.now.active <= few + 6 || ContinuousClock.now > deadline { isOver.add() }
                }
                if isOver.value == 0 { compute(counter) }
            }
        }
        for _ in 0..<blocked {
            Counter(on: scheduler).send { _ in
                if begun.add() == blocked { pipe.put(blocked) }
                pipe.waitForByte()
            }
        }
        for _ in 0..<blocked { compute(Counter(on: scheduler)) }
        try scheduler.run()
        #expect(scheduler.statistics.mostThreads >= blocked)
        #expect(scheduler.statistics.rests >= 6)
    }

    /// A worker that waits for a process runs if the process does: then it needs no replacement.
    @Test(.timeLimit(.minutes(patience))) func workersThatWaitForAProcessThatComputesAreNotReplaced() throws {
        func most(waitingFor program: [ByteString]) throws -> Int {
            let processes = try (0..<2).map { _ in try RunningProcess(program) }
            let numbers = processes.map(\.pid)
            let turns = Tally()
            let scheduler = Scheduler(threads: 2, maximumThreads: 64)
            for _ in 0..<600 {
                // Each goes from worker to worker.
                Counter(on: scheduler).send { _ in
                    Delegation.wait(for: numbers[turns.add() % 2]) { _ = usleep(2000) }
                }
            }
            try withExtendedLifetime(processes) { try scheduler.run() }
            return scheduler.statistics.mostThreads
        }
        let computing = try most(waitingFor: ["sh", "-c", "while :; do :; done"])
        let blocked = try most(waitingFor: ["sleep", "600"])
        #expect(computing < blocked)
    }

    /// The processor time of such a process counts whichever worker waits for it, and whether or not one does at a
    /// look.
    @Test func theClockOfAProcessIsItsOwn() throws {
        let process = try RunningProcess(["sh", "-c", "while :; do :; done"])
        var clocks = DelegateClocks()
        let second: Int64 = 1_000_000_000
        #expect(clocks.timeUsed(at: 0) == 0)
        clocks.note(process.pid, at: 0)
        let begin = clinux_process_time(process.pid)
        while clinux_process_time(process.pid) < begin + 20_000_000 { usleep(1000) }
        #expect(clocks.timeUsed(at: second / 2) >= 20_000_000)
        clocks.note(process.pid, at: second)
        let again = clinux_process_time(process.pid)
        while clinux_process_time(process.pid) < again + 20_000_000 { usleep(1000) }
        #expect(clocks.timeUsed(at: second * 3 / 2) >= 20_000_000)
        // No worker has waited for it for long: its number may have been reused.
        #expect(clocks.timeUsed(at: second * 2) == 0)
        while clinux_process_time(process.pid) < again + 40_000_000 { usleep(1000) }
        #expect(clocks.timeUsed(at: second * 2) == 0)
    }

    /// A worker rests with mailboxes in its deque: others take them.
    @Test(.timeLimit(.minutes(patience)), arguments: threads)
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
    @Test(.timeLimit(.minutes(patience)), arguments: threads)
    func everyRunEndsAndJoinsItsThreads(threads: Int) throws {
        struct Oops: Error {}
        let scheduler = Scheduler(threads: threads, maximumThreads: threads + 6)
        let seen = (0..<threads + 6).map { _ in Peak() }
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

    @Test(.timeLimit(.minutes(patience)), arguments: threads)
    func runsOfNothingEnd(threads: Int) throws {
        let scheduler = Scheduler(threads: threads, maximumThreads: threads + 6)
        for _ in 0..<200 { try scheduler.run() }
        #expect(scheduler.statistics.messages == 0)
        #expect(scheduler.statistics.sparesReleased == 0)
    }

    /// A quarter of a second in which all workers sleep: the monitor would look 60 times if it did not sleep as well.
    @Test(.timeLimit(.minutes(patience)), arguments: threads)
    func theMonitorSleepsWhileAllWorkersDo(threads: Int) throws {
        let scheduler = Scheduler(threads: threads, maximumThreads: threads + 6)
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
private func burn(microseconds: Int) {
    var (begin, now) = (timespec(), timespec())
    clock_gettime(CLOCK_MONOTONIC, &begin)
    repeat {
        clock_gettime(CLOCK_MONOTONIC, &now)
    } while (now.tv_sec - begin.tv_sec) * 1_000_000_000 + now.tv_nsec - begin.tv_nsec < microseconds * 1000
}

/// The maximum of some numbers, recorded by any thread.
private final class Peak: Sendable {
    private let peak = Atomic<Int>(0)
    var value: Int { peak.load(ordering: .sequentiallyConsistent) }
    func note(_ number: Int) { peak.max(number, ordering: .sequentiallyConsistent) }
}

/// An object to block on.
private final class Pipe: Sendable {
    private let ends: (read: Int32, write: Int32)

    init() {
        var ends: [Int32] = [-1, -1]
        precondition(pipe(&ends) == 0, "no pipe")
        // Other tests start programs meanwhile, some with a low limit on descriptors.
        for end in ends { precondition(fcntl(end, F_SETFD, FD_CLOEXEC) == 0, "no flag") }
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
