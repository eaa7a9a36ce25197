// The scheduler: M mailboxes on N workers, from the first message to quiescence.
//
// README.md explains the protocols; Worker.swift is the loop that every thread runs.

import CLinux
import Synchronization

/// Runs actors and `async` functions on N threads with work stealing.
///
/// ```swift
/// let scheduler = Scheduler(threads: 4)
/// Counter(on: scheduler).send { $0.increment() }
/// try scheduler.run()        // the calling thread works too; returns when nothing is pending
/// ```
///
/// Messages may be sent before, during and between runs, by any thread. Several schedulers can exist side by side.
///
/// `@unchecked Sendable`: the mutable state is atomic or behind a mutex, but for `total`, which only `run()` touches
/// (one at a time: checked).
public final class Scheduler: TaskExecutor, @unchecked Sendable {
    /// Threads that run at a time, the one that calls `run()` included.
    public let threads: Int

    package let id: SchedulerID
    let injector = Injector()
    /// Runnables of high priority, from inside and outside of the pool.
    let urgent = Injector()
    let policy: SchedulingPolicy
    let idle: Idle
    /// All that there can be. The first `threads` take part from the start, the others when the monitor wants them.
    private(set) var workers: [Worker] = []

    /// How many of `workers` have, or had, a thread in this run: nobody else can have work. Written before that thread
    /// can push anything, and by one thread at a time (`beginRun`, then the monitor). Read by thieves and by workers
    /// about to park, to whom the argument about what was published before a push applies: relaxed.
    private let started: Atomic<Int>
    /// How many workers should rest: set by the monitor, taken by workers between their turns. Relaxed: a hint.
    private let surplus = Atomic<Int>(0)
    private let phase = Atomic<Int>(Phase.stopped)
    private let cancelled = Atomic<Bool>(false)
    /// Tasks started by `spawn` that have not returned, suspended or not.
    private let spawned = Atomic<Int>(0)
    let makeWorkerLocal: @Sendable (Int) -> AnyObject
    let trace: Trace?
    private let firstError = Mutex<(any Error)?>(nil)
    private var total = Statistics()

    private enum Phase {
        static let stopped = 0
        static let running = 1
        static let finished = 2
    }

    /// Creates no thread yet: `run()` does.
    ///
    /// - Parameters:
    ///   - threads: 1 or more. More than there are cores is allowed.
    ///   - maximumThreads: with more than `threads`, workers whose threads are blocked in the kernel are replaced while
    ///     work is queued, by up to so many workers in all: `threads` is then how many *run*. A monitor, one more
    ///     thread during each run, sees to it. Nil: `threads`, and no monitor.
    ///   - trace: gets to see what the workers do.
    ///   - workerLocal: makes the object that `workerLocal(as:)` gives out; called once by each worker that gets a
    ///     message which asks, on its thread, with the worker's number.
    public convenience init(
        threads: Int, maximumThreads: Int? = nil, trace: Trace? = nil,
        workerLocal: @escaping @Sendable (Int) -> AnyObject = { _ in Nothing() }
    ) {
        self.init(
            threads: threads, maximumThreads: maximumThreads, trace: trace, policy: SchedulingPolicy(),
            workerLocal: workerLocal)
    }

    /// With another policy than the one that was found best.
    @_spi(Ablation)
    public init(
        threads: Int, maximumThreads: Int? = nil, trace: Trace? = nil, policy: SchedulingPolicy,
        workerLocal: @escaping @Sendable (Int) -> AnyObject = { _ in Nothing() }
    ) {
        let maximum = maximumThreads ?? threads
        precondition(threads >= 1, "a scheduler needs at least one thread")
        precondition(maximum >= threads, "the most threads are not fewer than those that run")
        precondition(maximum <= Idle.maximumWorkers, "a scheduler has at most \(Idle.maximumWorkers) threads")
        self.threads = threads
        idle = Idle(hasMonitor: maximum > threads, polls: policy.polls)
        started = Atomic(threads)
        makeWorkerLocal = workerLocal
        self.trace = trace
        self.policy = policy
        id = SchedulerID.reserve()
        workers = (0..<maximum).map { Worker(index: $0, scheduler: self, seed: UInt64(id.number)) }
        id.bind(to: self)
    }

    deinit {
        id.release()
        // What was sent but never run must still be let go. Steps of `async` calls on actors can be among it (a task keeps
        // its own executor alive, not that of an actor it calls): they run now, on this thread.
        cancelled.store(true, ordering: .relaxed)
        workers[0].discardInjected()
    }

    // MARK: Running

    /// Delivers messages until none is pending anywhere and every spawned task has returned.
    ///
    /// The calling thread is worker 0; the others are created here, or later by the monitor, and joined before `run()`
    /// returns, whatever happens. If the system refuses to create a thread, the run goes on with fewer.
    ///
    /// What other threads send while the run ends is delivered in this run or waits for the next. Not to be called by a
    /// message, nor by two threads at a time: both trap.
    ///
    /// - Throws: the first error that a message or a spawned task threw. The messages that were pending then are dropped.
    public func run() throws {
        beginRun()
        let others = startThreads()
        total.mostThreads = max(total.mostThreads, startedWorkers)
        let monitor = hasSpares ? Monitor(of: self) : nil
        let monitorThread = monitor.flatMap { monitor in
            Self.startThread(monitor) { monitor in
                Unmanaged<Monitor>.fromOpaque(monitor!).takeUnretainedValue().run()
                return nil
            }
        }
        workers[0].run()
        for thread in others { pthread_join(thread, nil) }
        if let monitor, let monitorThread {
            pthread_join(monitorThread, nil)
            for thread in monitor.threads { pthread_join(thread, nil) }
            total.add(monitor.statistics)
        }
        try endRun()
    }

    /// What `run()` does before the first worker starts. Apart, so that tests can run the workers on threads of theirs.
    func beginRun() {
        precondition(Worker.current == nil, "run() called by a message of a scheduler")
        let wasStopped = phase.compareExchange(
            expected: Phase.stopped, desired: Phase.running, ordering: .sequentiallyConsistent)
        precondition(wasStopped.exchanged, "run() is not reentrant")
        for worker in workers { worker.forgetThread() }
        started.store(threads, ordering: .relaxed)
        surplus.store(0, ordering: .relaxed)
        // Counted before anyone starts: the number must not be reached by sleepers while threads are still to come.
        idle.begin(active: threads)
    }

    /// What `run()` does after the last worker has ended.
    func endRun() throws {
        for worker in workers {
            total.add(worker.statistics)
            worker.statistics = Statistics()
        }
        let error = firstError.withLock { error in
            defer { error = nil }
            return error
        }
        cancelled.store(false, ordering: .relaxed)
        // Last: from here on another thread may begin the next run.
        phase.store(Phase.stopped, ordering: .sequentiallyConsistent)
        if let error { throw error }
    }

    /// Drops all pending messages and ends the run soon. A message being delivered is not interrupted; `async` functions
    /// go on to their end, and can ask `isCancelled`. Between runs it cancels the next one. May be called by any thread.
    public func cancel() { cancelled.store(true, ordering: .sequentiallyConsistent) }

    /// Whether `cancel()` was called, or an error thrown, in this run.
    public var isCancelled: Bool { cancelled.load(ordering: .relaxed) }

    /// What happened in all runs so far. Not to be called while a run is under way.
    public var statistics: Statistics {
        precondition(phase.load(ordering: .relaxed) == Phase.stopped, "statistics are added up when a run has ended")
        return total
    }

    /// The number of the worker that the caller runs on, from 0 to `maximumThreads` − 1; nil outside of a pool.
    public static var currentWorkerIndex: Int? { Worker.current?.index }

    /// The scheduler that the caller runs on; nil outside of a pool.
    package static var currentID: SchedulerID? { Worker.current?.schedulerID }

    /// The calling worker's own object, made by the closure that the scheduler was created with: buffers, handles of
    /// libraries that are not thread-safe, counters. Nobody else uses it while the caller's message runs, so it must not
    /// be kept beyond the message. Traps outside of a worker.
    public static func workerLocal<Local: AnyObject>(as type: Local.Type) -> Local {
        guard let worker = Worker.currentReference else { preconditionFailure("not on a worker") }
        let local = worker._withUnsafeGuaranteedRef { $0.local }
        // An identity of types, not `as?`: the dynamic cast would cost more than the rest of a message.
        precondition(Swift.type(of: local) == type, "the worker's local object is of another type")
        return unsafeDowncast(local, to: type)
    }

    // MARK: Async code

    /// Starts an `async` function on the pool. It counts as pending until it returns, suspended or not. An error that it
    /// throws ends the run, as one thrown by a message does.
    ///
    /// - Parameters:
    ///   - priority: above `medium`, its steps count as messages of high priority. Nil: that of the calling task; outside of
    ///     tasks `medium`, whatever the thread (Swift's own choice is a high one on the main thread).
    ///   - operation: runs on the pool, not necessarily on one thread of it.
    public func spawn(priority: TaskPriority? = nil, _ operation: @escaping @Sendable () async throws -> Void) {
        spawned.add(1, ordering: .relaxed)
        let priority = priority ?? withUnsafeCurrentTask { $0?.priority } ?? .medium
        Task(executorPreference: self, priority: priority) {
            do { try await operation() } catch { self.fail(error) }
            interleavingPoint(.write, self.spawnedIdentity)
            if self.spawned.subtract(1, ordering: .sequentiallyConsistent).newValue == 0 {
                // The last one may have returned on a foreign executor while all workers sleep: let one look again.
                self.idle.notify()
            }
        }
    }

    /// Queues a step of an `async` function. Called by the Swift runtime.
    public func enqueue(_ job: consuming ExecutorJob) {
        let priority: MessagePriority = job.priority.rawValue > TaskPriority.medium.rawValue ? .high : .normal
        let runnable = Runnable.job(UnownedJob(job))
        // The caller has the scheduler in hand: no need to look it up, as `schedule` would.
        if priority == .normal, Self.pushOnOwnWorker(runnable, of: id) { return }
        // The runtime lends the reference that the task holds, and the task may be over before this returns.
        let kept = Unmanaged.passRetained(self)
        inject(runnable, priority)
        kept.release()
    }

    // MARK: For mailboxes and workers

    /// Queues a runnable with the scheduler of that identity: in the deque of the worker that calls, if it is one of
    /// its own, else in the injector.
    static func schedule(_ runnable: Runnable, of id: SchedulerID, _ priority: MessagePriority) {
        if priority == .normal, pushOnOwnWorker(runnable, of: id) { return }
        if let worker = Worker.current, worker.schedulerID == id { return worker.scheduler.inject(runnable, priority) }
        id.withScheduler { $0.inject(runnable, priority) }
    }

    /// - Returns: false if the caller is no worker of that scheduler.
    @inline(__always)
    private static func pushOnOwnWorker(_ runnable: Runnable, of id: SchedulerID) -> Bool {
        Worker.currentReference?._withUnsafeGuaranteedRef { worker in
            guard worker.schedulerID == id else { return false }
            worker.push(runnable)
            return true
        } ?? false
    }

    /// Queues from outside of the pool, or for whoever is free first.
    func inject(_ runnable: Runnable, _ priority: MessagePriority = .normal) {
        switch priority {
        case .normal: injector.push(runnable)
        case .high: urgent.push(runnable)
        }
        idle.notify()
    }

    var hasVisibleWork: Bool {
        injector.count > 0 || urgent.count > 0 || (0..<startedWorkers).contains { workers[$0].deque.count > 0 }
    }

    /// How many runnables are queued. Out of date when it is told.
    var visibleWork: Int { (0..<startedWorkers).reduce(injector.count + urgent.count) { $0 + workers[$1].deque.count } }

    var startedWorkers: Int { started.load(ordering: .relaxed) }

    // MARK: For the monitor

    /// Apart, so that tests can run spare workers on threads of theirs.
    func countStarted(_ number: Int) { started.store(number, ordering: .relaxed) }

    /// Whether there can be more workers than run.
    var hasSpares: Bool { idle.hasMonitor }

    func setSurplus(_ amount: Int) { surplus.store(amount, ordering: .relaxed) }

    var hasSurplus: Bool { surplus.load(ordering: .relaxed) > 0 }

    /// Claims one place in the reserve.
    func takeSurplus() -> Bool {
        var seen = surplus.load(ordering: .relaxed)
        while seen > 0 {
            interleavingPoint(.write, withUnsafePointer(to: surplus) { UInt(bitPattern: $0) })
            let step = surplus.weakCompareExchange(expected: seen, desired: seen - 1, ordering: .relaxed)
            if step.exchanged { return true }
            seen = step.original
        }
        return false
    }

    /// Read by the worker that was last to announce its sleep: see `Worker.park()`. The last task to return calls
    /// `notify()` after it has left the count.
    var hasSpawnedTasks: Bool {
        interleavingPoint(.read, spawnedIdentity)
        return spawned.load(ordering: .sequentiallyConsistent) > 0
    }

    var isFinished: Bool { phase.load(ordering: .sequentiallyConsistent) == Phase.finished }

    /// Publishes the end of the run, then lets all workers go: they see it when they wake.
    func finish(_ announced: Idle.Counts) {
        phase.store(Phase.finished, ordering: .sequentiallyConsistent)
        idle.releaseAll(announced)
        idle.openDoor()
        idle.ring()
    }

    private var spawnedIdentity: UInt { withUnsafePointer(to: spawned) { UInt(bitPattern: $0) } }

    func fail(_ error: any Error) {
        firstError.withLock { first in if first == nil { first = error } }
        cancel()
    }
}

/// The worker-local object of schedulers that have none.
@usableFromInline
final class Nothing {
    @usableFromInline init() {}
}
