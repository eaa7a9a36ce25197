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
/// `@unchecked Sendable`: the mutable state is atomic or behind a mutex, but for `workers`, which `init` sets;
/// `holdsMainActor` and `holdsMainThread`, which `run()` writes before it starts the
/// workers that read them; and `standstillWarning`, which workers read and nobody may change during a run (checked).
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
    let started: Atomic<Int>
    /// How many workers should rest: set by the monitor, taken by workers between their turns. Relaxed: a hint.
    let surplus = Atomic<Int>(0)
    let phase = Atomic<Int>(Phase.stopped)
    let cancelled = Atomic<Bool>(false)
    /// Threads that may be between setting `cancelled` and having taken note of the tasks: `endRun()` waits for them, so that none
    /// of them takes note of the next run's.
    let cancelling = Atomic<Int>(0)
    /// Tasks started by `spawn` that have not returned, suspended or not.
    let spawned = Atomic<Int>(0)
    /// The low half: memberships that tasks have inherited and workers of this run have left to them. The high half: the number of
    /// the run, from 1, so that a task which a cancelled run has not waited for concerns no later one.
    let guests = Atomic<UInt64>(Scheduler.oneRun)
    static let oneRun: UInt64 = 1 << 32
    let joiners = Joiners()
    /// Of the tasks among `spawned`, those that have begun.
    let roster = Roster()
    let makeWorkerLocal: @Sendable (Int) -> AnyObject
    /// Of the threads that are created, in bytes.
    let stackSize: Int
    let trace: SchedulerTrace?
    let firstError = Mutex<(any Error)?>(nil)
    /// What the workers have not counted: monitors, and how many workers there were.
    let counters = Counters()
    let pool = Pool()

    // For `complaint`: written before the workers start.
    var holdsMainActor = false
    var holdsMainThread = false
    let hasComplained = Atomic<Bool>(false)

    /// After how long a run in which all wait says once on standard error for what: if all its tasks wait for channels and resources,
    /// or one for the main thread, which `run()` holds. 10 seconds; nil: never, which is right where threads outside of the pool
    /// serve the tasks and may come late. Not to be changed during a run.
    public var standstillWarning: Duration? = .seconds(10) {
        willSet {
            require(
                phase.load(ordering: .relaxed) == Phase.stopped, "`standstillWarning` was changed during a run")
        }
    }

    enum Phase {
        static let stopped = 0
        static let running = 1
        static let finished = 2
    }

    /// Stack of a worker: what threads have elsewhere on Linux, and only what is used of it takes memory.
    public static let defaultStackSize = 8 << 20
    /// Room for a worker that calls nothing but this package, and the guard.
    private static let smallestStackSize = 128 << 10

    /// Creates no thread yet: `run()` does.
    ///
    /// - Parameters:
    ///   - threads: 1 or more; as a rule as many as this process may use. More than there are cores is allowed.
    ///   - maximumThreads: with more than `threads`, workers whose threads are blocked in the kernel are replaced while
    ///     work is queued, by up to so many workers in all: `threads` is then how many *run*. A monitor, one more
    ///     thread during each run, sees to it. Nil: `threads`, and no monitor.
    ///   - stackSize: in bytes, 128 KiB or more, of every thread that is created; worker 0 has that of the thread which calls `run()`.
    ///     A stack that overflows says so on standard error before the process ends.
    ///   - trace: gets to see what the workers do.
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
    ///   - trace: gets to see what the workers do.
    ///   - workerLocal: makes the value; called once by each worker that gets a message which asks, on its thread, with
    ///     the worker's number.
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

    /// The same with an object for each worker that `workerLocal(as:)` gives out. The stack is small enough that 1,024 threads fit
    /// into a limited address space; libmagic's regular expressions are the deepest known user.
    package convenience init(
        threads: Int, maximumThreads: Int? = nil, stackSize: Int = 1 << 20, trace: SchedulerTrace? = nil,
        workerLocal: @escaping @Sendable (Int) -> AnyObject
    ) {
        self.init(
            threads: threads, maximumThreads: maximumThreads, stackSize: stackSize, trace: trace,
            policy: SchedulingPolicy(), makeWorkerLocal: workerLocal)
    }

    /// With another policy than the one that was found best.
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
        // What was sent but never run must still be let go. Steps of `async` calls on actors can be among it (a task keeps
        // its own executor alive, not that of an actor it calls): they run now, on this thread.
        cancelled.store(true, ordering: .relaxed)
        workers[0].discardInjected()
    }
}

/// The worker-local object of schedulers that have none.
private final class Nothing {}
