// A worker: a thread of the pool, its deque, and what it does from the first message of a run to the last.
//
//   urgent ─▶ own deque (newest first) ─▶ injector (every so often, and when the deque is empty) ─▶ steal ─▶ park
//
// Where to read on: Worker+Search.swift (that line), Deque.swift (the queue), Idle.swift (parking), Mailbox.swift (what a turn is), Monitor.swift (why a
// worker rests).

import CLinux
import Synchronization

/// One thread of a scheduler's pool.
///
/// `@unchecked Sendable`: `deque` and the atomics are made for sharing; everything mutable besides belongs to the thread that runs the
/// worker, and is read by others only before that thread started and after it was joined.
final class Worker: @unchecked Sendable {
    let index: Int
    let schedulerID: SchedulerID
    let deque: Deque
    /// The scheduler owns its workers, so it outlives them; they run only inside `Scheduler.run()`. Used through
    /// `_withUnsafeGuaranteedRef`, which retains nothing: all workers counting references to one object, at each
    /// message, took a third of the time of the scheduler benchmark.
    let schedulerReference: Unmanaged<Scheduler>

    /// The kernel's number of the thread; 0 before it runs. Written by the owner, read by the monitor, which can do no
    /// harm with an old one: relaxed.
    private let thread = Atomic<Int32>(0)
    /// How many runnables the worker has begun. Written by the owner; the monitor and thieves see by it that a message takes
    /// long: relaxed, old values do no harm.
    let begun = Atomic<UInt32>(0)
    /// A process that computes for the worker while that waits for its answer; 0: none. Written by the owner, read by
    /// the monitor: relaxed, as an old one tells what was so just before.
    private let computing = Atomic<Int32>(0)
    let waiting = Waiting()
    let freeSeats = Roster.FreeSeats()
    let forks = ForkState()
    let counters = Counters()

    // Owner only.
    /// See `Scheduler.withWorkerLocal(as:_:)`.
    private(set) lazy var local: AnyObject = scheduler.makeWorkerLocal(index)
    /// The mailbox whose turn it is, so that an actor can check that it is entered by right.
    var runningMailbox: UnsafePointer<Mailbox>?
    /// What a task inherits that is made now; nil while the worker looks for work.
    private(set) var membership: Membership?
    /// How many references to it are the worker's.
    private var ownReferences = 0
    /// It belongs to tasks from now on: see `runAll(from:)`.
    private var isMembershipLeft = false
    /// Nil without a trace.
    var tracer: Tracer?
    var loot = Ring()
    var random: UInt64
    var ticks: UInt32 = 0

    /// How often all victims are visited before the worker parks. Tests take fewer.
    var searchRounds = 4
    /// How often a sleeper looks round as the sentry before it sleeps without end. Tests take fewer.
    var sentryLooks: Int
    /// How many runnables each of the workers had begun when this one last looked.
    var lastBegun: [UInt32] = []

    init(index: Int, scheduler: Scheduler, seed: UInt64) {
        self.index = index
        schedulerID = scheduler.id
        deque = Deque(hasOneOwner: !scheduler.policy.postsAtRandom)
        schedulerReference = Unmanaged.passUnretained(scheduler)
        sentryLooks = scheduler.policy.polls || scheduler.policy.wakesForEach ? 0 : 16
        tracer = scheduler.trace.map { Tracer($0, track: index) }
        // SplitMix64 of the index: xorshift must not start at zero, and neighbours should not start alike.
        var mixed = (seed &+ UInt64(index) &+ 1) &* 0x9E37_79B9_7F4A_7C15
        mixed ^= mixed >> 31
        random = mixed | 1
    }

    var scheduler: Scheduler { schedulerReference.takeUnretainedValue() }

    /// The worker that runs on this thread. The thread-local variable is set by `run()` for as long as it runs.
    static var current: Worker? { currentReference?.takeUnretainedValue() }

    /// The same without counting a reference.
    static var currentReference: Unmanaged<Worker>? {
        clinux_get_current_worker().map { Unmanaged<Worker>.fromOpaque($0) }
    }

    // MARK: Main loop

    /// Runs until the scheduler has nothing pending.
    ///
    /// - Parameter first: what comes first of all.
    func run(first: Runnable? = nil) {
        thread.store(gettid(), ordering: .relaxed)
        asCurrent { runAll(from: first ?? search()) }
    }

    /// The same, by a worker that begins in reserve.
    func runFromReserve() {
        thread.store(gettid(), ordering: .relaxed)
        asCurrent { runAll(from: untilReleased()) }
    }

    /// Runs `first` and all that follows, each with a membership: with a new one when tasks have inherited the last.
    private func runAll(from first: Runnable?) {
        var runnable = first
        while let first = runnable {
            Membership.bind(to: scheduler) { membership in
                self.membership = membership
                ownReferences = references
                // One call of each, so that both are inlined: else a message takes 17 instructions more.
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

    /// To the membership. Never inlined, so that what it retains itself is the same at each call.
    @inline(never)
    private var references: Int { membership?.references ?? 0 }

    /// Whether any task has inherited the membership that has not returned; then it is counted with the scheduler, and the caller,
    /// who does not sleep, must come back to `runAll` with nothing, counted as searching. Exact: tasks inherit it from this
    /// thread, or from tasks that have inherited it.
    func leavesMembership() -> Bool {
        interleavingPoint(.read, membership?.identity ?? 0)
        guard membership != nil, references > ownReferences else { return false }
        membership?.count()
        isMembershipLeft = true
        return true
    }

    /// Apart, so that tests can be a worker without its loop.
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
        // Before the turn: after it the actor may be gone.
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

    /// Delivers one message to its actor. A run that was cancelled drops messages, but no steps of `async` functions.
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

    /// Takes the step into the reserve, if the scheduler still wants somebody to rest. Called between two turns, by a
    /// worker that neither searches nor sleeps. What is left in its deque is there for thieves.
    func rests() -> Bool {
        // All others may be in joins, and wait for what is in this deque: see `Worker.join`.
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

    /// Lets go of messages that came from outside and will never be delivered: the scheduler is going away. What they
    /// send while they are let go, and the `async` calls among them, which must be resumed, run here as well.
    func discardInjected() {
        // Whoever has the trace may have finished it.
        tracer = nil
        asCurrent {
            while let runnable = takeUrgent() ?? takeInjected() ?? deque.pop() { run(runnable) }
        }
    }
}
