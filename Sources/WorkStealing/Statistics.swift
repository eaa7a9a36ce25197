/// What the workers did in all runs of a scheduler. Counted by each worker for itself, added up when a run has ended.
public struct Statistics: Equatable, Sendable {
    /// Messages delivered to actors, steps of `async` calls on them included.
    public var messages = 0
    /// Times that a worker entered a mailbox: at least one message each.
    public var turns = 0
    /// Steps of `async` functions that belong to no actor of ours.
    public var jobs = 0
    /// Visits to another worker's deque that brought something.
    public var steals = 0
    /// Mailboxes (and jobs) that these visits brought.
    public var stolen = 0
    /// Visits to another worker's deque.
    public var stealAttempts = 0
    /// Times that a worker went to sleep.
    public var parks = 0
    /// Times that a worker woke another.
    public var wakes = 0
    /// Most runnables in one worker's deque at a time.
    public var longestQueue = 0

    /// Times that the monitor let a spare worker go on because fewer than N ran.
    public var sparesReleased = 0
    /// Times that a worker went back into the reserve because N ran without it.
    public var rests = 0
    /// Times that a spare worker was released because all others were in messages that took long.
    public var rescues = 0
    /// Most workers that were not in reserve at a time.
    public var mostThreads = 0
    /// Times that the monitor looked.
    public var monitorLooks = 0

    /// All zero.
    public init() {}

    mutating func add(_ other: Statistics) {
        messages += other.messages
        turns += other.turns
        jobs += other.jobs
        steals += other.steals
        stolen += other.stolen
        stealAttempts += other.stealAttempts
        parks += other.parks
        wakes += other.wakes
        sparesReleased += other.sparesReleased
        rests += other.rests
        rescues += other.rescues
        mostThreads = max(mostThreads, other.mostThreads)
        monitorLooks += other.monitorLooks
        longestQueue = max(longestQueue, other.longestQueue)
    }
}
