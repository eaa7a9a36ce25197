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
/// `@unchecked Sendable`: the mutable state is atomic or behind a mutex, except for `workers`, which `init` sets;
/// `holdsMainActor` and `holdsMainThread`, which `run()` writes before it starts the workers that read them; and
/// `standstillWarning`, which workers read and which may not change during a run (checked).
public final class Scheduler: TaskExecutor, @unchecked Sendable {
    /// Threads that run at a time, including the one that calls `run()`.
    public let threads: Int

    // Read by all workers, some at each message; written seldom.
    package let id: SchedulerID
    let policy: SchedulingPolicy
    /// All workers that there can be. The first `threads` take part from the start, the others when the monitor wants
    /// them.
    private(set) var workers: [Worker] = []
    /// How many of `workers` have, or had, a thread in this run: no other can have work. Written before that thread can
    /// push anything, by one thread at a time (`beginRun`, then the monitor). Read by thieves and by workers about to
    /// park; relaxed, because the argument about what was published before a push applies.
    let started: Atomic<Int>
    /// How many workers should rest: set by the monitor, taken by workers between their turns. Relaxed: a hint.
    let surplus = SteppedAtomic<Int>(0)
    let phase = Atomic<Int>(Phase.stopped)
    let cancelled = SteppedAtomic<Bool>(false)
    let makeWorkerLocal: @Sendable (Int) -> AnyObject
    /// Of the threads that are created, in bytes.
    let stackSize: Int
    let trace: SchedulerTrace?

    // For `complaint`: written before the workers start.
    var holdsMainActor = false
    var holdsMainThread = false
    let hasComplained = Atomic<Bool>(false)

    /// The time after which a stalled run prints once on standard error what it waits for: if all its tasks wait for
    /// channels and resources, or something waits for the main thread, which `run()` holds. 10 seconds by default; nil:
    /// never, which is right if threads outside the pool serve the tasks and may come late. Must not change during a
    /// run.
    public var standstillWarning: Duration? = .seconds(10) {
        willSet {
            require(
                phase.load(ordering: .relaxed) == Phase.stopped, "`standstillWarning` was changed during a run")
        }
    }

    // Written by all workers: when they take work from outside, when they sleep and wake, when a task begins and ends.
    private let beforeInjectors = CacheLines()
    let injector = Injector()
    /// Runnables of high priority, from inside and outside the pool.
    let urgent = Injector()
    private let beforeIdle = CacheLines()
    let idle: Idle
    let joiners = Joiners()
    private let beforeTasks = CacheLines()
    /// Tasks started by `spawn` that have not returned, suspended or not.
    let spawned = SteppedAtomic<Int>(0)
    /// Low half: memberships that tasks have inherited and workers of this run have left to them. High half: the number
    /// of the run, from 1, so that a task that a cancelled run did not wait for does not count in a later one.
    let guests = SteppedAtomic<UInt64>(Scheduler.oneRun)
    static let oneRun: UInt64 = 1 << 32
    /// Threads that may be between setting `cancelled` and collecting the tasks: `endRun()` waits for them, so that
    /// none of them collects the next run's tasks.
    let cancelling = SteppedAtomic<Int>(0)
    /// Those of the `spawned` tasks that have begun.
    let roster = Roster()
    let firstError = Mutex<(any Error)?>(nil)
    /// Counts not made by workers: monitors, and how many workers there were.
    let counters = Counters()
    let pool = Pool()
    private let atTheEnd = CacheLines()

    enum Phase {
        static let stopped = 0
        static let running = 1
        static let finished = 2
    }

    /// Stack of a worker: the usual size of threads on Linux; only the used part takes memory.
    public static let defaultStackSize = 8 << 20
    /// Enough for a worker that calls only this package, and the guard.
    private static let smallestStackSize = 128 << 10

    /// Creates no threads yet: `run()` does.
    ///
    /// - Parameters:
    ///   - threads: 1 or more; usually as many as this process may use. More than there are cores is allowed.
    ///   - maximumThreads: if larger than `threads`, spare workers replace workers whose threads are blocked in the
    ///     kernel while work is queued, up to this total: `threads` is then how many *run*. A monitor, one more thread
    ///     during each run, does this. Nil: `threads`, and no monitor.
    ///   - stackSize: in bytes, 128 KiB or more, of every thread that is created; worker 0 has the stack of the thread
    ///     that calls `run()`. A stack overflow is reported on standard error before the process ends.
    ///   - trace: records what the workers do.
    public convenience init(
        threads: Int = Scheduler.defaultThreads, maximumThreads: Int? = nil,
        stackSize: Int = Scheduler.defaultStackSize, trace: SchedulerTrace? = nil
    ) {
        self.init(
            threads: threads, maximumThreads: maximumThreads, stackSize: stackSize, trace: trace,
            policy: SchedulingPolicy())
    }

    /// The same with a value for each worker: see `withWorkerLocal(as:_:)`.
    ///
    /// - Parameters:
    ///   - threads: 1 or more.
    ///   - maximumThreads: nil: `threads`.
    ///   - stackSize: in bytes.
    ///   - trace: records what the workers do.
    ///   - workerLocal: makes the value; called once by each worker whose message asks for it, on its thread, with the
    ///     worker's number.
    @_disfavoredOverload
    public convenience init<Local: ~Copyable>(
        threads: Int = Scheduler.defaultThreads, maximumThreads: Int? = nil,
        stackSize: Int = Scheduler.defaultStackSize, trace: SchedulerTrace? = nil,
        workerLocal: @escaping @Sendable (_ worker: Int) -> sending Local
    ) {
        self.init(
            threads: threads, maximumThreads: maximumThreads, stackSize: stackSize, trace: trace,
            policy: SchedulingPolicy(), makeWorkerLocal: { WorkerLocal(workerLocal($0)) })
    }

    /// The same with an object for each worker, available through `workerLocal(as:)`. The stack is small enough that
    /// 1,024 threads fit into a limited address space; libmagic's regular expressions are the deepest known user.
    package convenience init(
        threads: Int, maximumThreads: Int? = nil, stackSize: Int = 1 << 20, trace: SchedulerTrace? = nil,
        workerLocal: @escaping @Sendable (Int) -> AnyObject
    ) {
        self.init(
            threads: threads, maximumThreads: maximumThreads, stackSize: stackSize, trace: trace,
            policy: SchedulingPolicy(), makeWorkerLocal: workerLocal)
    }

    /// With a policy other than the default.
    @_spi(Ablation)
    public convenience init(
        threads: Int, maximumThreads: Int? = nil, trace: SchedulerTrace? = nil, policy: SchedulingPolicy
    ) {
        self.init(
            threads: threads, maximumThreads: maximumThreads, stackSize: Self.defaultStackSize, trace: trace,
            policy: policy)
    }

    private init(
        threads: Int, maximumThreads: Int?, stackSize: Int, trace: SchedulerTrace?, policy: SchedulingPolicy,
        makeWorkerLocal: @escaping @Sendable (Int) -> AnyObject = { _ in Nothing() }
    ) {
        let maximum = maximumThreads ?? threads
        require(threads >= 1, "a scheduler has 1 thread or more, not \(threads)")
        require(maximum >= threads, "`maximumThreads`, \(maximum), is fewer than `threads`, \(threads)")
        require(
            maximum <= Idle.maximumWorkers, "a scheduler has \(Idle.maximumWorkers) threads or fewer, not \(maximum)")
        require(
            stackSize >= Self.smallestStackSize, "a stack has \(Self.smallestStackSize) bytes or more, not \(stackSize)"
        )
        self.threads = threads
        self.stackSize = stackSize
        idle = Idle(hasMonitor: maximum > threads, polls: policy.polls)
        started = Atomic(threads)
        self.makeWorkerLocal = makeWorkerLocal
        self.trace = trace
        self.policy = policy
        id = SchedulerID.reserve()
        workers = (0..<maximum).map { Worker(index: $0, scheduler: self, seed: UInt64(id.number)) }
        id.bind(to: self)
    }

    deinit {
        id.release()
        // Messages that were sent but never run must still be released. Among them can be steps of `async` calls on
        // actors (a task keeps its own executor alive, not that of an actor it calls): they run now, on this thread.
        cancelled.plain.store(true, ordering: .relaxed)
        workers[0].discardInjected()
    }
}

/// The worker-local object of schedulers that have none.
private final class Nothing {}
