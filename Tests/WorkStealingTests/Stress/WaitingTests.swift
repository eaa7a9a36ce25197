import Glibc
import Synchronization
import TestSupport
import Testing

@testable import WorkStealing

/// Runs whose tasks wait: they end by an error or `cancel()`, and report what they wait for if nothing else can end it.
@Suite("Runs whose tasks wait")
struct WaitingTests {
    private struct Oops: Error {}

    /// Starts tasks of every kind of wait, and calls `then` when all of them wait.
    private func waiters(on scheduler: Scheduler, _ returned: Tally, then: @escaping @Sendable () throws -> Void) {
        let (empty, full) = (Channel<Int>(capacity: 0), Channel<Int>(capacity: 1))
        let disk = LimitedResource("disk", limit: 1)
        let held = Mutex(disk.tryTake())
        let holder = Holder(held)
        let began = Tally()
        @Sendable func wait(_ body: @escaping @Sendable () async throws -> Void) {
            scheduler.spawn {
                began.add()
                defer { returned.add() }
                try await body()
            }
        }
        wait { _ = await empty.receive() }
        wait { for number in 0... { try await full.send(number) } }
        wait { _ = try await disk.take() }
        wait { try await Task.sleep(for: .seconds(1_000_000)) }
        wait {
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await Task.sleep(for: .seconds(1_000_000)) }
                group.addTask { for await _ in empty {} }
                try await group.waitForAll()
            }
        }
        scheduler.spawn {
            while began.value < 5 { await Scheduler.yield() }
            try then()
            _ = holder
        }
    }

    private final class Holder: Sendable {
        let token: Mutex<LimitedResource.Token?>
        init(_ token: consuming sending Mutex<LimitedResource.Token?>) { self.token = token }
    }

    @Test(.timeLimit(.minutes(patience)), arguments: threadCounts)
    func theFirstErrorEndsTheRunThoughTasksWait(threads: Int) {
        let scheduler = Scheduler(threads: threads)
        let returned = Tally()
        waiters(on: scheduler, returned) { throw Oops() }
        #expect(throws: Oops.self) { try scheduler.run() }
        #expect(returned.value == 5)
    }

    @Test(.timeLimit(.minutes(patience)), arguments: threadCounts)
    func theErrorOfAMessageEndsTheRunThoughTasksWait(threads: Int) {
        let scheduler = Scheduler(threads: threads)
        let returned = Tally()
        waiters(on: scheduler, returned) { Counter(on: scheduler).send { _ in throw Oops() } }
        #expect(throws: Oops.self) { try scheduler.run() }
        #expect(returned.value == 5)
    }

    /// The errors that the tasks throw because of it do not count.
    @Test(.timeLimit(.minutes(patience)), arguments: threadCounts)
    func cancelEndsTheRunThoughTasksWait(threads: Int) throws {
        let scheduler = Scheduler(threads: threads)
        let returned = Tally()
        waiters(on: scheduler, returned) { ForeignThread { scheduler.cancel() }.detach() }
        try scheduler.run()
        #expect(returned.value == 5)
        // The next run starts afresh.
        let slept = Tally()
        scheduler.spawn {
            try await Task.sleep(for: .milliseconds(1))
            slept.add()
        }
        try scheduler.run()
        #expect(slept.value == 1)
    }

    /// Cancelled while they begin and end: no task is missed, none is touched after its end.
    @Test(.timeLimit(.minutes(patience)), arguments: threadCounts)
    func cancelReachesTasksThatBeginMeanwhile(threads: Int) throws {
        let scheduler = Scheduler(threads: threads)
        for _ in 0..<50 {
            let begun = Tally()
            for number in 0..<200 {
                scheduler.spawn {
                    begun.add()
                    if number % 3 == 0 { try await Task.sleep(for: .seconds(1_000_000)) }
                }
            }
            let canceller = ForeignThread {
                while begun.value == 0 { sched_yield() }
                scheduler.cancel()
            }
            try scheduler.run()
            canceller.join()
            #expect(begun.value == 200)
        }
    }

    @Test(.timeLimit(.minutes(patience)))
    func tasksOfARunThatWasCancelledBeforeItAreCancelled() throws {
        let scheduler = Scheduler(threads: 2)
        scheduler.spawn { try await Task.sleep(for: .seconds(1_000_000)) }
        scheduler.cancel()
        try scheduler.run()
    }

    // MARK: Standing still

    private static func said(_ result: ExitTest.Result?) -> String {
        String(decoding: result?.standardErrorContent ?? [UInt8](), as: UTF8.self)
    }

    @Test(.timeLimit(.minutes(patience)))
    func tasksThatWaitForEachOtherAreNamed() async {
        let result = await #expect(processExitsWith: .exitCode(3), observing: [\.standardErrorContent]) {
            let scheduler = Scheduler(threads: 2)
            scheduler.standstillWarning = .milliseconds(100)
            let (one, other) = (Channel<Int>(capacity: 0), Channel<Int>(capacity: 0))
            scheduler.spawn(file: "App/one.swift", line: 7) {
                _ = await one.receive()
                try await other.send(1)
            }
            for _ in 0..<2 { scheduler.spawn(file: "App/other.swift", line: 8) { _ = await other.receive() } }
            ForeignThread {
                while !scheduler.complained { usleep(10_000) }
                // After the sentence was written.
                usleep(200_000)
                exit(3)
            }.detach()
            try scheduler.run()
        }
        #expect(
            Self.said(result).contains(
                "all of them wait for a channel or a resource: 2 spawned at App/other.swift:8, 1 spawned at App/one.swift:7. Unless"
            ))
    }

    /// A timer ends the wait of one, and so that of the other.
    @Test(.timeLimit(.minutes(patience)))
    func aRunThatWaitsForATimerDoesNotComplain() async {
        let scheduler = Scheduler(threads: 2)
        scheduler.standstillWarning = .milliseconds(10)
        let channel = Channel<Int>(capacity: 0)
        scheduler.spawn { _ = await channel.receive() }
        scheduler.spawn {
            try await Task.sleep(for: .milliseconds(300))
            try await channel.send(1)
        }
        await onForeignThread {
            try? scheduler.run()
            #expect(!scheduler.complained)
        }
    }

    /// Ends the process with status 3 soon after it has reported the standstill.
    @MainActor
    private static func runOnTheMainActor(_ begin: @Sendable (Scheduler) -> Void) throws {
        let scheduler = Scheduler(threads: 2)
        scheduler.standstillWarning = .milliseconds(100)
        begin(scheduler)
        ForeignThread {
            while !scheduler.complained { usleep(10_000) }
            usleep(200_000)
            exit(3)
        }.detach()
        try scheduler.run()
    }

    @Test(.timeLimit(.minutes(patience)))
    func aHopToTheMainActorThatRunKeepsWaitingIsReported() async {
        let result = await #expect(processExitsWith: .exitCode(3), observing: [\.standardErrorContent]) {
            try await Self.runOnTheMainActor {
                $0.spawn(file: "App/hop.swift", line: 9) { await MainActor.run {} }
            }
        }
        let sentence = Self.said(result)
        #expect(
            sentence.contains("1 spawned at App/hop.swift:9. Something waits for the main thread")
                || sentence.contains("1 spawned at App/hop.swift:9. If one of them waits for the main actor"))
    }

    /// The same by a task that was not spawned.
    @Test(.timeLimit(.minutes(patience)))
    func aHopToTheMainActorOfATaskOfAMessageIsReported() async {
        let result = await #expect(processExitsWith: .exitCode(3), observing: [\.standardErrorContent]) {
            try await Self.runOnTheMainActor { Counter(on: $0).send { _ in Task { await MainActor.run {} } } }
        }
        let sentence = Self.said(result)
        #expect(
            sentence.contains("made with `Task { }`. Something waits for the main thread")
                || sentence.contains("made with `Task { }`. If one of them waits for the main actor"))
    }

    /// The spawned tasks wait, one of them for its children, and these for a channel that a timer serves in the end.
    @Test(.timeLimit(.minutes(patience)))
    func childrenThatWaitBesideATimerAreNoReasonToComplain() async {
        let scheduler = Scheduler(threads: 2)
        scheduler.standstillWarning = .milliseconds(10)
        let channel = Channel<Int>(capacity: 0)
        scheduler.spawn {
            await withTaskGroup(of: Void.self) { group in
                for _ in 0..<3 { group.addTask { _ = await channel.receive() } }
            }
        }
        scheduler.spawn {
            try await Task.sleep(for: .milliseconds(300))
            for _ in 0..<3 { try await channel.send(1) }
        }
        await onForeignThread {
            try? scheduler.run()
            #expect(!scheduler.complained)
        }
    }

    @Test(.timeLimit(.minutes(patience)))
    func aRunWithoutStandstillWarningDoesNotWarn() async {
        let scheduler = Scheduler(threads: 1)
        scheduler.standstillWarning = nil
        let channel = Channel<Int>(capacity: 0)
        scheduler.spawn { _ = await channel.receive() }
        ForeignThread {
            usleep(300_000)
            Task { try await channel.send(1) }
        }.detach()
        await onForeignThread {
            try? scheduler.run()
            #expect(!scheduler.complained)
        }
    }

    /// Any value of `Duration`.
    @Test(.timeLimit(.minutes(patience)), arguments: [Int64.min, -1, 0, Int64.max])
    func anyDurationIsAPatience(seconds: Int64) async {
        await #expect(processExitsWith: .success) { [seconds = seconds as Int64] in
            let scheduler = Scheduler(threads: 2)
            scheduler.standstillWarning = .seconds(seconds)
            let returned = Tally()
            scheduler.spawn {
                try await Task.sleep(for: .milliseconds(100))
                returned.add()
            }
            try scheduler.run()
            exit(returned.value == 1 ? 0 : 1)
        }
    }

    /// Nothing holds the main thread here.
    @Test(.timeLimit(.minutes(patience)))
    func aHopToTheMainActorWorksWhereAnotherThreadRuns() async {
        let hops = Tally()
        await onForeignThread {
            let scheduler = Scheduler(threads: 2)
            for _ in 0..<10 { scheduler.spawn { await MainActor.run { _ = hops.add() } } }
            try? scheduler.run()
        }
        #expect(hops.value == 10)
    }
}

/// `run()` blocks its thread: on one of Swift's own executor, tasks there would wait for it in vain.
private func onForeignThread(_ body: @escaping @Sendable () -> Void) async {
    await withCheckedContinuation { continuation in
        ForeignThread {
            body()
            continuation.resume()
        }.detach()
    }
}

/// `Task { }`, by messages.
@Suite("Tasks that nobody spawned")
struct GuestTests {
    @Test(.timeLimit(.minutes(patience)), arguments: threadCounts)
    func aRunWaitsForTasksThatMessagesMake(threads: Int) async {
        let scheduler = Scheduler(threads: threads)
        let (returned, counters) = (Tally(), (0..<10).map { _ in Counter(on: scheduler) })
        for counter in counters {
            counter.send { counter in
                for number in 0..<10 { counter.makeTask(milliseconds: number, returned) }
            }
        }
        await onForeignThread {
            try? scheduler.run()
            #expect(returned.value == 100)
        }
    }

    /// A task, or a message, that makes a task that makes a task, each of which has returned before the next wakes up.
    @Test(.timeLimit(.minutes(patience)), arguments: threadCounts)
    func aRunWaitsForTasksThatTasksMake(threads: Int) async {
        let scheduler = Scheduler(threads: threads)
        let returned = Tally()
        // On Swift's own executor.
        @Sendable func make(_ depth: Int) {
            Task {
                try await Task.sleep(for: .milliseconds(2))
                if depth > 1 { make(depth - 1) }
                returned.add()
            }
        }
        for _ in 0..<10 { scheduler.spawn { make(5) } }
        Counter(on: scheduler).send { _ in make(5) }
        await onForeignThread {
            try? scheduler.run()
            #expect(returned.value == 55)
        }
    }

    /// By a message, a spawned task, a `Task { }` on Swift's own executor, and one that has moved to the other
    /// scheduler.
    @Test(.timeLimit(.minutes(patience)))
    func aRunDoesNotWaitForTasksSpawnedOnAnotherScheduler() async {
        let (one, other) = (Scheduler(threads: 1), Scheduler(threads: 1))
        let (spawned, returned) = (Tally(), Tally())
        @Sendable func spawnOnOther() {
            other.spawn { returned.add() }
            spawned.add()
        }
        Counter(on: one).send { _ in spawnOnOther() }
        one.spawn { spawnOnOther() }
        Counter(on: one).send { _ in Task { spawnOnOther() } }
        await onForeignThread {
            try? one.run()
            #expect(spawned.value == 3)
            #expect(returned.value == 0)
            try? other.run()
            #expect(returned.value == 3)
        }
        let counter = Counter(on: other)
        let made = Mutex<Task<Void, Never>?>(nil)
        Counter(on: one).send { _ in
            let task = Task { await counter.call { spawnOnOther() } }
            made.withLock { $0 = task }
        }
        // `one` waits for the task that it has created, and this one for `other`.
        let runs = ForeignThread { try? one.run() }
        while made.withLock({ $0 }) == nil { usleep(1000) }
        await onForeignThread {
            while returned.value < 4 { try? other.run() }
            runs.join()
        }
    }

    /// The other scheduler's own run waits for what it spawns.
    @Test(.timeLimit(.minutes(patience)), arguments: threadCounts)
    func aRunWaitsForItsOwnTasksSpawnedByAnotherScheduler(threads: Int) async {
        let (one, other) = (Scheduler(threads: 1), Scheduler(threads: threads))
        let returned = Tally()
        Counter(on: one).send { _ in
            other.spawn {
                Task {
                    try await Task.sleep(for: .milliseconds(20))
                    returned.add()
                }
            }
        }
        await onForeignThread {
            try? one.run()
            #expect(returned.value == 0)
            try? other.run()
            #expect(returned.value == 1)
        }
    }

    /// Only its creator can cancel it.
    @Test(.timeLimit(.minutes(patience)), arguments: threadCounts)
    func aCancelledRunDoesNotWaitForThem(threads: Int) async throws {
        let scheduler = Scheduler(threads: threads)
        let gate = Channel<Void>(capacity: 0)
        let (began, ended) = (Tally(), Tally())
        Counter(on: scheduler).send { $0.makeTask(gate, began, ended) }
        let canceller = ForeignThread {
            while began.value == 0 { sched_yield() }
            usleep(20_000)
            scheduler.cancel()
        }
        try await scheduler.run()
        canceller.join()
        #expect(ended.value == 0)
        await onForeignThread {
            // Nor do later runs, and they wait for their own.
            try? scheduler.run()
            #expect(ended.value == 0)
            let returned = Tally()
            Counter(on: scheduler).send { $0.makeTask(milliseconds: 20, returned) }
            // It returns during this run.
            Counter(on: scheduler).send { _ in gate.finish() }
            try? scheduler.run()
            #expect(returned.value == 1)
        }
    }
}

extension Counter {
    fileprivate func call(_ body: @Sendable () -> Void) { body() }

    fileprivate func makeTask(_ gate: Channel<Void>, _ began: Tally, _ ended: Tally) {
        Task {
            increment()
            began.add()
            _ = await gate.receive()
            increment()
            ended.add()
        }
    }

    fileprivate func makeTask(milliseconds: Int, _ returned: Tally) {
        Task {
            try await Task.sleep(for: .milliseconds(milliseconds))
            increment()
            returned.add()
        }
    }
}
