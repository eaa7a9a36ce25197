import Glibc
import Synchronization
import TestSupport
import Testing
@_spi(Ablation) import WorkStealing

@Suite("Two classes of messages, and other policies")
struct PriorityTests {
    /// Runs `body` in an actor on one worker; `note` records the order of its messages.
    private func order(
        _ body: @escaping @Sendable (Scheduler, @escaping @Sendable (Int) -> Void) -> Void
    ) throws -> [Int] {
        let scheduler = Scheduler(threads: 1)
        let order = Mutex<[Int]>([])
        Counter(on: scheduler).send { _ in
            body(scheduler) { number in order.withLock { $0.append(number) } }
        }
        try scheduler.run()
        return order.withLock { $0 }
    }

    @Test func urgentMessagesComeFirstInTheirOrder() throws {
        let seen = try order { scheduler, note in
            for number in 0..<3 { Counter(on: scheduler).send { _ in note(number) } }
            for number in 10..<13 { Counter(on: scheduler).send(.high) { _ in note(number) } }
        }
        #expect(seen == [10, 11, 12, 2, 1, 0])
    }

    @Test func messagesToOneActorKeepTheirOrder() throws {
        let seen = try order { scheduler, note in
            let actor = Counter(on: scheduler)
            actor.send { _ in note(1) }
            actor.send(.high) { _ in note(2) }
            Counter(on: scheduler).send { _ in note(3) }
        }
        #expect(seen == [3, 1, 2], "an actor that is queued already keeps its place")
    }

    @Test func urgentTasksComeFirst() throws {
        let seen = try order { scheduler, note in
            scheduler.spawn { note(1) }
            scheduler.spawn(priority: .high) { note(2) }
            scheduler.spawn(priority: .low) { note(3) }
        }
        #expect(seen == [2, 3, 1])
    }

    /// Swift gives such a task a high priority if it is created on the main thread.
    @Test func tasksOfNoPriorityAreNotUrgent() async throws {
        let seen = try await MainActor.run {
            try order { scheduler, note in
                scheduler.spawn { note(1) }
                scheduler.spawn(priority: .medium) { note(2) }
                scheduler.spawn(priority: .high) { note(3) }
                Counter(on: scheduler).send { _ in note(4) }
            }
        }
        #expect(seen.first == 3)
        #expect(seen == [3, 4, 2, 1])
    }

    @Test(.timeLimit(.minutes(patience)), arguments: threadCounts)
    func urgentMessagesWithoutEndDoNotStarveTheRest(threads: Int) throws {
        let scheduler = Scheduler(threads: threads)
        let isEnough = Atomic<Bool>(false)
        @Sendable func goOn() {
            if isEnough.load(ordering: .relaxed) { return }
            Counter(on: scheduler).send(.high) { _ in goOn() }
        }
        for _ in 0..<2 * threads { Counter(on: scheduler).send(.high) { _ in goOn() } }
        let rest = Tally()
        for _ in 0..<1000 {
            Counter(on: scheduler).send { _ in if rest.add() == 1000 { isEnough.store(true, ordering: .relaxed) } }
        }
        try scheduler.run()
        #expect(rest.value == 1000)
    }

    /// They are in the deque of a worker that does not continue before they were delivered.
    @Test(.timeLimit(.minutes(patience)))
    func endlessUrgentMessagesDoNotStarveMessagesOfABusyWorker() throws {
        let scheduler = Scheduler(threads: 2)
        let rest = Tally()
        @Sendable func goOn() {
            if rest.value < 2 { Counter(on: scheduler).send(.high) { _ in goOn() } }
        }
        Counter(on: scheduler).send { _ in
            goOn()
            for _ in 0..<2 { Counter(on: scheduler).send { _ in rest.add() } }
            while rest.value < 2 { usleep(100) }
        }
        try scheduler.run()
        #expect(rest.value == 2)
    }

    enum Difference: CaseIterable { case takesOldest, postsAtRandom, polls, wakesForEach }

    @Test(.timeLimit(.minutes(patience)), arguments: threadCounts, Difference.allCases)
    func everyPolicyDeliversEverything(threads: Int, difference: Difference) throws {
        var policy = SchedulingPolicy()
        switch difference {
        case .takesOldest: policy.takesOldest = true
        case .postsAtRandom: policy.postsAtRandom = true
        case .polls: policy.polls = true
        case .wakesForEach: policy.wakesForEach = true
        }
        let scheduler = Scheduler(threads: threads, policy: policy)
        let leaves = Tally()
        @Sendable func visit(_ depth: Int) {
            guard depth > 0 else {
                leaves.add()
                return
            }
            for _ in 0..<5 { Counter(on: scheduler).send { _ in visit(depth - 1) } }
        }
        for _ in 0..<3 {
            Counter(on: scheduler).send { _ in visit(5) }
            try scheduler.run()
        }
        #expect(leaves.value == 3 * 3125)
    }
}
