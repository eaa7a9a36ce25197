// A worker: a thread of the pool, its deque, and its loop from the first message of a run to the last.
//
//   urgent ─▶ own deque (newest first) ─▶ injector (every so often, and when the deque is empty) ─▶ steal ─▶ park
//
// Read on in Worker+Search.swift (the line above), Deque.swift (the queue), Idle.swift (parking), Mailbox.swift (a
// turn), Monitor.swift (why a worker rests).

import CLinux
import Synchronization

/// One thread of a scheduler's pool.
///
/// `@unchecked Sendable`: `deque` and the atomics are shared by design. All other mutable state belongs to the worker's
/// thread; others read it only before that thread started and after it was joined.
final class Worker: @unchecked Sendable {
    /// The scheduler creates its workers one after the other, so they may lie side by side. Their owners write them at
    /// each message.
    private let atTheBeginning = CacheLines()
    let index: Int
    let schedulerID: SchedulerID
    let deque: Deque
    /// The scheduler owns its workers, so it outlives them; they run only inside `Scheduler.run()`. Used through
    /// `_withUnsafeGuaranteedRef`, which retains nothing: when all workers counted references to one object at each
    /// message, that took a third of the time of the scheduler benchmark.
    let schedulerReference: Unmanaged<Scheduler>

    /// The kernel's number of the thread; 0 before it runs. Written by the owner, read by the monitor, for which a
    /// stale value is harmless: relaxed.
    private let thread = Atomic<Int32>(0)
    /// The number of runnables that the worker has begun. Written by the owner; the monitor and thieves detect long
    /// messages by it: relaxed, stale values do no harm.
    let begun = Atomic<UInt32>(0)
    /// A process that computes for the worker while the worker waits for its answer; 0: none. Written by the owner,
    /// read by the monitor: relaxed, because a stale value was true just before.
    private let computing = Atomic<Int32>(0)
    let waiting = Waiting()
    let freeSeats = Roster.FreeSeats()
    let forks = ForkState()
    let counters = Counters()

    // Owner only.
    /// See `Scheduler.withWorkerLocal(as:_:)`.
    private(set) lazy var local: AnyObject = scheduler.makeWorkerLocal(index)
    /// The mailbox in its turn, so that an actor can check that it was entered correctly.
    var runningMailbox: UnsafePointer<Mailbox>?
    /// The membership that a new task inherits; nil while the worker looks for work.
    private(set) var membership: Membership?
    /// The worker's own references to it.
    private var ownReferences = 0
    /// It now belongs to tasks: see `runAll(from:)`.
    private var isMembershipLeft = false
    /// Nil without a trace.
    var tracer: Tracer?
    var loot = Ring()
    var random: UInt64
    var ticks: UInt32 = 0

    /// How often the worker visits all victims before it parks. Tests use fewer.
    var searchRounds = 4
    /// How often a sleeper looks at the queues as the sentry before it sleeps without limit. Tests use fewer.
    var sentryLooks: Int
    /// The number of runnables that each worker had begun at this one's last look.
    var lastBegun: [UInt32] = []
    private let atTheEnd = CacheLines()

    init(index: Int, scheduler: Scheduler, seed: UInt64) {
        self.index = index
        schedulerID = scheduler.id
        deque = Deque(isBiased: !scheduler.policy.postsAtRandom && !scheduler.policy.locksQueues)
        schedulerReference = Unmanaged.passUnretained(scheduler)
        sentryLooks = scheduler.policy.polls || scheduler.policy.wakesForEach ? 0 : 16
        tracer = scheduler.trace.map { Tracer($0, track: index) }
        // SplitMix64 of the index: xorshift must not start at zero, and neighbours should start differently.
        var mixed = (seed &+ UInt64(index) &+ 1) &* 0x9E37_79B9_7F4A_7C15
        mixed ^= mixed >> 31
        random = mixed | 1
    }

    var scheduler: Scheduler { schedulerReference.takeUnretainedValue() }

    /// The worker of this thread. `run()` sets the thread-local variable for as long as it runs.
    static var current: Worker? { currentReference?.takeUnretainedValue() }

    /// The same without retaining it.
    static var currentReference: Unmanaged<Worker>? {
        clinux_get_current_worker().map { Unmanaged<Worker>.fromOpaque($0) }
    }

    // MARK: Main loop

    /// Runs until the scheduler has nothing pending.
    ///
    /// - Parameter first: the first runnable.
    func run(first: Runnable? = nil) {
        thread.store(gettid(), ordering: .relaxed)
        asCurrent { runAll(from: first ?? search()) }
    }

    /// The same, for a worker that begins in reserve.
    func runFromReserve() {
        thread.store(gettid(), ordering: .relaxed)
        asCurrent { runAll(from: untilReleased()) }
    }

    /// Runs `first` and everything that follows, with a membership; a new one each time that tasks have inherited the
    /// last.
    private func runAll(from first: Runnable?) {
        var runnable = first
        while let first = runnable {
            Membership.bind(to: scheduler) { membership in
                self.membership = membership
                ownReferences = references
                // One call site for each, so that both are inlined: otherwise a message takes 17 instructions more.
                var current = first
                repeat {
                    run(current)
                    guard let next = next() else { break }
                    current = next
                } while true
                self.membership = nil
            }
            guard isMembershipLeft else { return }
            isMembershipLeft = false
            runnable = searchOn()
        }
    }

    /// Counts references to the membership. Never inlined, so that its own retains are the same at each call.
    @inline(never)
    private var references: Int { membership?.references ?? 0 }

    /// Whether a task that has not returned has inherited the membership. Then it is counted with the scheduler, and
    /// the caller, which does not sleep, must return to `runAll` without a runnable, counted as searching. Exact: tasks
    /// inherit it from this thread, or from tasks that have inherited it.
    func leavesMembership() -> Bool {
        interleavingPoint(.read, membership?.identity ?? 0)
        guard membership != nil, references > ownReferences else { return false }
        membership?.count()
        isMembershipLeft = true
        return true
    }

    /// Separate, so that tests can be a worker without its loop.
    func asCurrent(_ body: () -> Void) {
        let outer = clinux_get_current_worker()
        clinux_set_current_worker(Unmanaged.passUnretained(self).toOpaque())
        defer { clinux_set_current_worker(outer) }
        body()
        tracer?.flush()
    }

    @inline(__always)
    private func run(_ runnable: Runnable) {
        if tracer == nil { return runUntraced(runnable) }
        // Before the turn: afterwards the actor may no longer exist.
        let actor: AnyClass? = runnable.asMailbox?.pointee.actorType
        let messages = counters.messages.value
        let began = Tracer.Moment()
        runUntraced(runnable)
        tracer?.turnEnded(
            of: actor, isFork: runnable.asFork != nil, began: began, messages: counters.messages.value - messages)
    }

    @inline(__always)
    private func runUntraced(_ runnable: Runnable) {
        guard let mailbox = runnable.asMailbox else {
            if let task = runnable.asYielded { return task.resume() }
            if let fork = runnable.asFork { return run(fork) }
            counters.jobs.add()
            runnable.asJob.unsafelyUnwrapped.runSynchronously(on: scheduler.asUnownedTaskExecutor())
            return
        }
        counters.turns.add()
        runningMailbox = mailbox
        let unfinished = mailbox.pointee.runTurn(on: self)
        runningMailbox = nil
        if unfinished { pushOldest(runnable) }
    }

    /// Delivers one message to its actor. A cancelled run drops messages, but no steps of `async` functions.
    func deliver(_ message: consuming Message, to actor: Unmanaged<AnyObject>) {
        if schedulerReference._withUnsafeGuaranteedRef({ $0.isCancelled }), message.kind != .job { return }
        counters.messages.add()
        do {
            try message.deliver(to: actor, on: self)
        } catch {
            scheduler.fail(error)
        }
    }

    // MARK: Reserve

    /// Goes into the reserve, if the scheduler still wants a worker to rest. Called between two turns, by a worker that
    /// neither searches nor sleeps. Thieves take the rest of its deque.
    func rests() -> Bool {
        // All others may be in joins, waiting for jobs in this deque: see `Worker.join`.
        guard !deque.holdsFork, scheduler.takeSurplus(), scheduler.idle.rest(keeping: scheduler.threads) else {
            return false
        }
        counters.rests.add()
        return true
    }

    /// Rests until released, then looks for work; nil when the run is over.
    func untilReleased() -> Runnable? {
        let began = tracer.map { _ in Tracer.Moment() }
        let isReleased = scheduler.idle.waitAtDoor()
        if let began { tracer?.sleepEnded("in reserve", began: began) }
        guard isReleased else { return nil }
        return deque.pop().map { searchEnded(with: $0) } ?? searchOn()
    }

    /// For the monitor: the kernel's number of the thread, or 0.
    var threadID: Int32 { thread.load(ordering: .relaxed) }

    /// See `Delegation`. 0 for none.
    var delegate: Int32 {
        get { computing.load(ordering: .relaxed) }
        set { computing.store(newValue, ordering: .relaxed) }
    }

    /// For the monitor and for thieves: changes with each runnable, modulo 2³².
    var heartbeat: UInt32 { begun.load(ordering: .relaxed) }

    /// Before a run: the thread of the last one is gone.
    func forgetThread() { thread.store(0, ordering: .relaxed) }

    /// Releases messages that came from outside and will never be delivered: the scheduler is being freed. Whatever
    /// they send while they are released, and the `async` calls among them, which must be resumed, run here as well.
    func discardInjected() {
        // The owner of the trace may have finished it.
        tracer = nil
        asCurrent {
            while let runnable = takeUrgent() ?? takeInjected() ?? deque.pop() { run(runnable) }
        }
    }
}
