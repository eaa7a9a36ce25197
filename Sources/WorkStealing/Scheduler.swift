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
/// `@unchecked Sendable`: the mutable state is atomic or behind a mutex, but for `workers`, which `init` sets; `total`, which only
/// `run()` touches (one at a time: checked); `holdsMainActor` and `holdsMainThread`, which `run()` writes before it starts the
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
    private let started: Atomic<Int>
    /// How many workers should rest: set by the monitor, taken by workers between their turns. Relaxed: a hint.
    private let surplus = Atomic<Int>(0)
    private let phase = Atomic<Int>(Phase.stopped)
    private let cancelled = Atomic<Bool>(false)
    /// Threads that may be between setting `cancelled` and having taken note of the tasks: `endRun()` waits for them, so that none
    /// of them takes note of the next run's.
    private let cancelling = Atomic<Int>(0)
    /// Tasks started by `spawn` that have not returned, suspended or not.
    private let spawned = Atomic<Int>(0)
    /// The low half: memberships that tasks have inherited and workers of this run have left to them. The high half: the number of
    /// the run, from 1, so that a task which a cancelled run has not waited for concerns no later one.
    private let guests = Atomic<UInt64>(Scheduler.oneRun)
    private static let oneRun: UInt64 = 1 << 32
    let joiners = Joiners()
    /// Of the tasks among `spawned`, those that have begun.
    let roster = Roster()
    let makeWorkerLocal: @Sendable (Int) -> AnyObject
    /// Of the threads that are created, in bytes.
    let stackSize: Int
    let trace: Trace?
    private let firstError = Mutex<(any Error)?>(nil)
    private var total = Statistics()

    // For `complaint`: written before the workers start.
    private(set) var holdsMainActor = false
    private(set) var holdsMainThread = false
    private let hasComplained = Atomic<Bool>(false)

    /// After how long a run in which all wait says once on standard error for what: if all its tasks wait for channels and resources,
    /// or one for the main thread, which `run()` holds. 10 seconds; nil: never, which is right where threads outside of the pool
    /// serve the tasks and may come late. Not to be changed during a run.
    public var standstillWarning: Duration? = .seconds(10) {
        willSet {
            require(
                phase.load(ordering: .relaxed) == Phase.stopped, "`standstillWarning` was changed during a run")
        }
    }

    private enum Phase {
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
        stackSize: Int = Scheduler.defaultStackSize, trace: Trace? = nil
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
        stackSize: Int = Scheduler.defaultStackSize, trace: Trace? = nil,
        workerLocal: @escaping @Sendable (_ worker: Int) -> sending Local
    ) {
        self.init(
            threads: threads, maximumThreads: maximumThreads, stackSize: stackSize, trace: trace,
            policy: SchedulingPolicy(), makeWorkerLocal: { WorkerLocal(workerLocal($0)) })
    }

    /// The same with an object for each worker that `workerLocal(as:)` gives out. The stack is small enough that 1,024 threads fit
    /// into a limited address space; libmagic's regular expressions are the deepest known user.
    package convenience init(
        threads: Int, maximumThreads: Int? = nil, stackSize: Int = 1 << 20, trace: Trace? = nil,
        workerLocal: @escaping @Sendable (Int) -> AnyObject
    ) {
        self.init(
            threads: threads, maximumThreads: maximumThreads, stackSize: stackSize, trace: trace,
            policy: SchedulingPolicy(), makeWorkerLocal: workerLocal)
    }

    /// With another policy than the one that was found best.
    @_spi(Ablation)
    public convenience init(threads: Int, maximumThreads: Int? = nil, trace: Trace? = nil, policy: SchedulingPolicy) {
        self.init(
            threads: threads, maximumThreads: maximumThreads, stackSize: Self.defaultStackSize, trace: trace,
            policy: policy)
    }

    private init(
        threads: Int, maximumThreads: Int?, stackSize: Int, trace: Trace?, policy: SchedulingPolicy,
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

    // MARK: Running

    /// Delivers messages until none is pending anywhere and every task of the run has returned: those that `spawn` started, and
    /// each `Task { }` that a message or one of these tasks has made. (`Task.detached`, what a task from outside of the
    /// pool makes in an actor, and what an `isolated deinit` makes are not part of a run.)
    ///
    /// The calling thread is worker 0; the others are created here, or later by the monitor, and joined before `run()`
    /// returns, whatever happens. If the system refuses to create a thread, the run goes on with fewer.
    ///
    /// What other threads send while the run ends is delivered in this run or waits for the next. Not to be called by a
    /// message, nor by two threads at a time: both trap.
    ///
    /// Called on the main thread, or in the main actor, it keeps that actor waiting until it returns, and says so on standard error
    /// when for ten seconds nothing was left to do but to wait for tasks. It says the same where all of these wait for channels and
    /// resources, and names them by where they were spawned.
    ///
    /// - Throws: the first error that a message or a spawned task threw. The messages that were pending then are dropped, and
    ///   the spawned tasks are cancelled, as by `cancel()`.
    public func run() throws { try run(first: nil) }

    /// Runs `body` on the calling thread, which is worker 0, and then as `run()` all that it has led to: the way to fork from outside
    /// of the pool.
    ///
    /// ```swift
    /// let sum = try scheduler.run { Scheduler.reduce(0..<1_000_000, from: 0, combining: +) { $0 * $0 } }
    /// ```
    ///
    /// - Returns: what `body` returned, when nothing is pending any more.
    /// - Throws: the first error that `body`, a message or a spawned task threw.
    public func run<Value>(_ body: () throws -> Value) throws -> Value {
        var result: Result<Value, any Error>?
        try run(calling: {
            result = Result(catching: body)
            if case .failure(let error) = result { fail(error) }
        })
        return try result.unsafelyUnwrapped.get()
    }

    private func run(calling body: () -> Void) throws {
        // Nobody else gets to see it: worker 0 runs it before it takes anything from a queue.
        try withUnsafeTemporaryAllocation(of: StackJob.self, capacity: 1) { memory in
            let job = memory.baseAddress.unsafelyUnwrapped
            job.initialize(to: StackJob(body, of: Unmanaged.passUnretained(workers[0]), origin: 0))
            defer { job.deinitialize(count: 1) }
            try run(first: .fork(job))
        }
    }

    private func run(first: Runnable?) throws {
        beginRun()
        let others = startThreads()
        total.mostThreads = max(total.mostThreads, startedWorkers)
        let monitor = hasSpares ? Monitor(of: self) : nil
        let monitorThread = monitor.flatMap { monitor in
            startThread(monitor) { monitor in
                Unmanaged<Monitor>.fromOpaque(monitor!).takeUnretainedValue().run()
                return nil
            }
        }
        workers[0].run(first: first)
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
        require(
            Worker.current == nil, "`run()` was called by a message or a task on a scheduler: it would block its worker"
        )
        let wasStopped = phase.compareExchange(
            expected: Phase.stopped, desired: Phase.running, ordering: .sequentiallyConsistent)
        require(wasStopped.exchanged, "`run()` was called while another thread runs this scheduler")
        let mainExecutor = unsafeBitCast(MainActor.shared.unownedExecutor, to: (UInt, UInt).self)
        holdsMainActor = clinux_is_current_executor(mainExecutor.0, mainExecutor.1)
        holdsMainThread = gettid() == getpid()
        hasComplained.store(false, ordering: .relaxed)
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
        let run = (guests.load(ordering: .relaxed) / Self.oneRun &+ 1) * Self.oneRun
        guests.store(max(run, Self.oneRun), ordering: .sequentiallyConsistent)
        interleavingPoint(.write, cancelledIdentity)
        cancelled.store(false, ordering: .sequentiallyConsistent)
        // Who has set it before is seen here; who sets it from here on cancels the next run.
        waitForCancelling()
        // Last: from here on another thread may begin the next run.
        phase.store(Phase.stopped, ordering: .sequentiallyConsistent)
        if let error { throw error }
    }

    private func waitForCancelling() {
        while true {
            interleavingPoint(.read, cancellingIdentity)
            if cancelling.load(ordering: .sequentiallyConsistent) == 0 { return }
            interleavingSpin()
            sched_yield()
        }
    }

    /// Drops all pending messages and ends the run soon. A message being delivered is not interrupted. Every spawned task is
    /// cancelled, as by `Task.cancel()`, and with it what it waits for: a sleep, a channel, a resource, its child tasks. The
    /// run ends when they have returned; that they then throw `CancellationError` or `ChannelError.cancelled` is no error of the
    /// run. It does not wait for a `Task { }`, which nobody can cancel but who made it. Between runs it cancels the next one. May
    /// be called by any thread.
    public func cancel() {
        cancel { unsafeBitCast($0, to: UnsafeCurrentTask.self).cancel() }
    }

    /// The same, with what is done to each task: tests have objects for tasks.
    func cancel(_ cancelTask: (UInt) -> Void) {
        interleavingPoint(.write, cancellingIdentity)
        cancelling.add(1, ordering: .sequentiallyConsistent)
        interleavingPoint(.write, cancelledIdentity)
        let wasCancelled = cancelled.exchange(true, ordering: .sequentiallyConsistent)
        let tasks = wasCancelled ? [] : roster.retainAll()
        interleavingPoint(.write, cancellingIdentity)
        cancelling.subtract(1, ordering: .sequentiallyConsistent)
        if wasCancelled { return }
        // Not before: what a task does when it is cancelled may be anything, and may take any time.
        for task in tasks {
            cancelTask(UInt(bitPattern: task.toOpaque()))
            task.release()
        }
        // It may be only guests that the run was waiting for.
        idle.notify()
    }

    /// Whether `cancel()` was called, or an error thrown, in this run.
    public var isCancelled: Bool { cancelled.load(ordering: .relaxed) }

    /// What happened in all runs so far. Not to be called while a run is under way.
    public var statistics: Statistics {
        require(
            phase.load(ordering: .relaxed) == Phase.stopped,
            "`statistics` was asked for during a run: they are added up at its end")
        return total
    }

    /// The number of the worker that the caller runs on, from 0 to `maximumThreads` − 1; nil outside of a pool.
    public static var currentWorkerIndex: Int? { Worker.current?.index }

    /// The scheduler that the caller runs on; nil outside of a pool.
    package static var currentID: SchedulerID? { Worker.current?.schedulerID }

    // MARK: Async code

    /// Starts an `async` function on the pool. It counts as pending until it returns, suspended or not. An error that it
    /// throws ends the run, as one thrown by a message does. The end of a run by an error or by `cancel()` cancels it.
    ///
    /// ```swift
    /// let sum = scheduler.spawn { await add(numbers) }
    /// try scheduler.run()
    /// print(try await sum.value)
    /// ```
    ///
    /// This, and not `Task(executorPreference:)`, is how a task becomes part of a run: of the latter only the steps that are queued are.
    ///
    /// - Parameters:
    ///   - priority: above `medium`, its steps count as messages of high priority. Nil: that of the calling task; outside of
    ///     tasks `medium`, whatever the thread (Swift's own choice is a high one on the main thread).
    ///   - file: with `line`, how a run that stands still names the task.
    ///   - line: see `file`.
    ///   - operation: runs on the pool, not necessarily on one thread of it.
    /// - Returns: the task: its value or error can be awaited, during the run and after it, and it can be cancelled. That it then throws
    ///   `CancellationError`, or `ChannelError.cancelled`, does not end the run.
    @inlinable
    @discardableResult
    public func spawn<Success: Sendable>(
        priority: TaskPriority? = nil, file: StaticString = #fileID, line: UInt = #line,
        _ operation: @escaping @Sendable () async throws -> Success
    ) -> Task<Success, any Error> {
        let priority = willSpawn(priority)
        if wouldInheritFromAnother {
            return Membership.local.withValue(nil) { spawn(counted: priority, file, line, operation) }
        }
        return spawn(counted: priority, file, line, operation)
    }

    /// Starts the task that `willSpawn(_:)` has counted.
    @inlinable
    @inline(__always)
    func spawn<Success: Sendable>(
        counted priority: TaskPriority, _ file: StaticString, _ line: UInt,
        _ operation: @escaping @Sendable () async throws -> Success
    ) -> Task<Success, any Error> {
        Task(executorPreference: self, priority: priority) {
            let spawned = self.began(file, line)
            do {
                let value = try await Membership.local.withValue(spawned.membership, operation: operation)
                self.ended(spawned)
                return value
            } catch {
                self.ended(spawned, throwing: error)
                throw error
            }
        }
    }

    /// A task of `spawn` from its first step to its last.
    @usableFromInline
    struct Spawned: Sendable {
        let task: UInt
        let seat: Roster.Seat
        /// The task that made this one has one of its own, or none; the worker's is as good.
        @usableFromInline let membership: Membership?
    }

    @usableFromInline
    func willSpawn(_ priority: TaskPriority?) -> TaskPriority {
        spawned.add(1, ordering: .relaxed)
        if let priority { return priority }
        // Asked in this order: the library alone takes 450 instructions more to say that there is no task.
        return clinux_current_task() == nil ? .medium : Task.currentPriority
    }

    /// Whether a task that is made now would inherit the membership of another scheduler, whose run would then wait for it.
    @usableFromInline
    var wouldInheritFromAnother: Bool {
        // Nothing is bound on this thread but what a worker binds, which is its own.
        if clinux_current_task() == nil { return Worker.currentReference != nil && ownWorker == nil }
        return Membership.current.map { !$0.belongs(to: self) } ?? false
    }

    /// The calling task begins.
    @usableFromInline
    func began(_ file: StaticString, _ line: UInt) -> Spawned {
        let task = UInt(bitPattern: clinux_current_task())
        let origin = Roster.Origin(file: file, line: line)
        let seat =
            ownWorker?._withUnsafeGuaranteedRef { roster.enter(task, origin, $0.freeSeats) }
            ?? roster.enterOutside(task, origin)
        interleavingPoint(.read, cancelledIdentity)
        if cancelled.load(ordering: .sequentiallyConsistent) { withUnsafeCurrentTask { $0?.cancel() } }
        return Spawned(task: task, seat: seat, membership: Worker.current?.membership)
    }

    /// The calling task returns.
    @usableFromInline
    func ended(_ ended: Spawned) {
        if let worker = ownWorker {
            worker._withUnsafeGuaranteedRef { roster.leave(ended.task, ended.seat, $0.freeSeats) }
        } else {
            roster.leaveOutside(ended.task, ended.seat)
        }
        interleavingPoint(.write, spawnedIdentity)
        if spawned.subtract(1, ordering: .sequentiallyConsistent).newValue == 0 {
            // The last one may have returned on a foreign executor while all workers sleep: let one look again.
            idle.notify()
        }
    }

    @usableFromInline
    func ended(_ spawned: Spawned, throwing error: any Error) {
        // What a task throws because it was cancelled, by its handle or with the run, is no reason to end the run.
        let isCancellation = error is CancellationError || error as? ChannelError == .cancelled
        if !(isCancellation && Task.isCancelled) { fail(error) }
        ended(spawned)
    }

    /// The worker that the caller runs on, if it is one of this scheduler.
    @inline(__always)
    private var ownWorker: Unmanaged<Worker>? {
        guard let worker = Worker.currentReference, worker._withUnsafeGuaranteedRef({ $0.schedulerID == id }) else {
            return nil
        }
        return worker
    }

    /// A worker leaves its membership to the tasks that have inherited it.
    ///
    /// - Returns: the number of the run.
    func guestsBegan() -> UInt32 {
        interleavingPoint(.write, guestsIdentity)
        return UInt32(guests.add(1, ordering: .sequentiallyConsistent).newValue / Self.oneRun)
    }

    /// The last of them has returned, on whatever thread, in this run or after it.
    func guestsEnded(of run: UInt32) {
        interleavingPoint(.read, guestsIdentity)
        var seen = guests.load(ordering: .relaxed)
        while seen / Self.oneRun == run {
            interleavingPoint(.write, guestsIdentity)
            let step = guests.weakCompareExchange(
                expected: seen, desired: seen - 1, ordering: .sequentiallyConsistent)
            if step.exchanged {
                if Self.number(seen) == 1 { idle.notify() }
                return
            }
            seen = step.original
        }
    }

    private static func number(_ guests: UInt64) -> UInt64 { guests % oneRun }

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
        let isThere = scheduleIfThere(runnable, of: id, priority)
        // It would wait for ever, and its sender with it.
        require(isThere, "a message was sent to an actor whose scheduler is gone")
    }

    /// - Returns: false if the scheduler is gone.
    @inline(__always)
    static func scheduleIfThere(_ runnable: Runnable, of id: SchedulerID, _ priority: MessagePriority) -> Bool {
        if priority == .normal, pushOnOwnWorker(runnable, of: id) { return true }
        if let worker = Worker.current, worker.schedulerID == id {
            worker.scheduler.inject(runnable, priority)
            return true
        }
        return id.withScheduler { $0.inject(runnable, priority) }
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
    /// `notify()` after it has left the count, and so does the last guest, and `cancel()`.
    var waitsForTasks: Bool {
        interleavingPoint(.read, spawnedIdentity)
        if spawned.load(ordering: .sequentiallyConsistent) > 0 { return true }
        interleavingPoint(.read, guestsIdentity)
        guard Self.number(guests.load(ordering: .sequentiallyConsistent)) > 0 else { return false }
        interleavingPoint(.read, cancelledIdentity)
        return !cancelled.load(ordering: .sequentiallyConsistent)
    }

    /// - Returns: false if this run has complained.
    func claimComplaint() -> Bool { !hasComplained.exchange(true, ordering: .relaxed) }

    /// For tests.
    var complained: Bool { hasComplained.load(ordering: .relaxed) }

    var isFinished: Bool { phase.load(ordering: .sequentiallyConsistent) == Phase.finished }

    /// Publishes the end of the run, then lets all workers go: they see it when they wake.
    func finish(_ announced: Idle.Counts) {
        phase.store(Phase.finished, ordering: .sequentiallyConsistent)
        idle.releaseAll(announced)
        idle.openDoor()
        idle.ring()
    }

    private var spawnedIdentity: UInt { withUnsafePointer(to: spawned) { UInt(bitPattern: $0) } }
    private var guestsIdentity: UInt { withUnsafePointer(to: guests) { UInt(bitPattern: $0) } }
    private var cancellingIdentity: UInt { withUnsafePointer(to: cancelling) { UInt(bitPattern: $0) } }
    private var cancelledIdentity: UInt { withUnsafePointer(to: cancelled) { UInt(bitPattern: $0) } }

    func fail(_ error: any Error) {
        // What is thrown because the run was cancelled is no reason for it.
        if isCancelled, error is CancellationError { return }
        firstError.withLock { first in if first == nil { first = error } }
        cancel()
    }
}

/// The worker-local object of schedulers that have none.
private final class Nothing {}
