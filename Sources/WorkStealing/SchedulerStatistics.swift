// The workers' counters: each worker counts for itself, and a reader adds the counts up.

import Synchronization

/// The counters of a scheduler's workers over all its runs.
public struct SchedulerStatistics: Equatable, Sendable {
    /// Messages delivered to actors, steps of `async` calls on them included.
    public var messages = 0
    /// Times that a worker entered a mailbox, with at least one message each.
    public var turns = 0
    /// Steps of `async` functions that belong to no mailbox actor.
    public var jobs = 0
    /// Successful visits to another worker's deque.
    public var steals = 0
    /// Mailboxes (and jobs) taken by these visits.
    public var stolen = 0
    /// Visits to another worker's deque.
    public var stealAttempts = 0
    /// Times that a worker went to sleep.
    public var parks = 0
    /// Times that a worker woke another.
    public var wakes = 0
    /// Most runnables in one worker's deque at a time.
    public var longestQueue = 0

    /// Times that the monitor released a spare worker because fewer than N ran.
    public var sparesReleased = 0
    /// Times that a worker went back into the reserve because N ran without it.
    public var rests = 0
    /// Times that a spare worker was released because all others were in long messages.
    public var rescues = 0
    /// Most workers outside the reserve at a time.
    public var mostThreads = 0
    /// Times that the monitor looked at the workers.
    public var monitorLooks = 0

    /// All zero.
    public init() {}

    /// Adds the counts of one worker.
    mutating func add(_ counters: borrowing Counters) {
        messages += counters.messages.value
        turns += counters.turns.value
        jobs += counters.jobs.value
        steals += counters.steals.value
        stolen += counters.stolen.value
        stealAttempts += counters.stealAttempts.value
        parks += counters.parks.value
        wakes += counters.wakes.value
        sparesReleased += counters.sparesReleased.value
        rests += counters.rests.value
        rescues += counters.rescues.value
        mostThreads = max(mostThreads, counters.mostThreads.value)
        monitorLooks += counters.monitorLooks.value
        longestQueue = max(longestQueue, counters.longestQueue.value)
    }
}

/// A number that one thread changes and others may read at any time: relaxed, and no more instructions than a plain
/// one.
struct Counter: ~Copyable, Sendable {
    private let number = Atomic<Int>(0)

    var value: Int { number.load(ordering: .relaxed) }

    @inline(__always)
    func add(_ amount: Int = 1) { number.store(number.load(ordering: .relaxed) &+ amount, ordering: .relaxed) }

    @inline(__always)
    func raise(to larger: Int) {
        if larger > number.load(ordering: .relaxed) { number.store(larger, ordering: .relaxed) }
    }
}

/// The numbers of `SchedulerStatistics`, of one thread.
struct Counters: ~Copyable, Sendable {
    let messages = Counter()
    let turns = Counter()
    let jobs = Counter()
    let steals = Counter()
    let stolen = Counter()
    let stealAttempts = Counter()
    let parks = Counter()
    let wakes = Counter()
    let longestQueue = Counter()
    let sparesReleased = Counter()
    let rests = Counter()
    let rescues = Counter()
    let mostThreads = Counter()
    let monitorLooks = Counter()
}
