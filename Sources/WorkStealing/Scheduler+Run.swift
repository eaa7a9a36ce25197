// A run from its first message to quiescence; errors and cancellation.

import CLinux
import Synchronization

extension Scheduler {
    /// Delivers messages until none is pending anywhere and every task of the run has returned: those that `spawn`
    /// started, and each `Task { }` that a message or one of these tasks has made. (Not part of a run are
    /// `Task.detached`, anything that a task from outside the pool makes in an actor, and anything that an `isolated
    /// deinit` makes.)
    ///
    /// The calling thread is worker 0. The others are created here, or later by the monitor, and joined before `run()`
    /// returns in any case. If the system refuses to create a thread, the run continues with fewer.
    ///
    /// Messages that other threads send while the run ends are delivered in this run or wait for the next. Calling it
    /// in a message, or on two threads at a time, traps.
    ///
    /// Called on the main thread, or in the main actor, it blocks that actor until it returns. If for ten seconds
    /// nothing is left to do but to wait for tasks, it says so on standard error. It also does so if all tasks wait for
    /// channels and resources, and then names the places where they were spawned.
    ///
    /// - Throws: the first error that a message or a spawned task threw. The messages pending at that time are dropped,
    ///   and the spawned tasks are cancelled, as by `cancel()`.
    public func run() throws { try run(first: nil) }

    /// Runs `body` on the calling thread, which is worker 0, and then, like `run()`, everything that follows from it:
    /// the way to fork from outside the pool.
    ///
    /// ```swift
    /// let sum = try scheduler.run { Scheduler.reduce(0..<1_000_000, from: 0, combining: +) { $0 * $0 } }
    /// ```
    ///
    /// - Returns: the result of `body`, when nothing is pending any more.
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
        // No other thread sees it: worker 0 runs it before it takes anything from a queue.
        try withUnsafeTemporaryAllocation(of: StackJob.self, capacity: 1) { memory in
            let job = memory.baseAddress.unsafelyUnwrapped
            job.initialize(to: StackJob(body, of: Unmanaged.passUnretained(workers[0]), origin: 0))
            defer { job.deinitialize(count: 1) }
            try run(first: .fork(job))
        }
    }

    private func run(first: Runnable?) throws {
        beginRun()
        try runBegun(first: first)
    }

    /// From starting the threads to joining them.
    func runBegun(first: Runnable?) throws {
        let others = startThreads()
        counters.mostThreads.raise(to: startedWorkers)
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
        }
        try endRun()
    }

    /// The part of `run()` before the first worker starts. Separate, so that tests can run the workers on threads of
    /// their own.
    func beginRun() {
        claimRun()
        prepareRun()
    }

    /// One run at a time.
    func claimRun() {
        require(
            Worker.current == nil, "`run()` was called by a message or a task on a scheduler: it would block its worker"
        )
        let wasStopped = phase.compareExchange(
            expected: Phase.stopped, desired: Phase.running, ordering: .sequentiallyConsistent)
        require(wasStopped.exchanged, "`run()` or `start()` was called while this scheduler runs")
    }

    /// By the future worker 0.
    func prepareRun() {
        let mainExecutor = unsafeBitCast(MainActor.shared.unownedExecutor, to: (UInt, UInt).self)
        holdsMainActor = clinux_is_current_executor(mainExecutor.0, mainExecutor.1)
        holdsMainThread = gettid() == getpid()
        hasComplained.store(false, ordering: .relaxed)
        for worker in workers { worker.forgetThread() }
        started.store(threads, ordering: .relaxed)
        surplus.plain.store(0, ordering: .relaxed)
        // Counted before any thread starts: sleepers must not reach the number while threads are still to come.
        idle.begin(active: threads)
    }

    /// The part of `run()` after the last worker has ended.
    func endRun() throws {
        let error = takeError()
        forgetCancellation()
        let waiters = pool.leave()
        // Last: from here on another thread may begin the next run.
        phase.store(Phase.stopped, ordering: .sequentiallyConsistent)
        for waiter in waiters { waiter(error.map { .failure($0) } ?? .success(())) }
        if let error { throw error }
    }

    func takeError() -> (any Error)? {
        firstError.withLock { error in
            defer { error = nil }
            return error
        }
    }

    /// A cancelled run is over, or everything pending in a pool that stays has been dropped: later messages are not
    /// cancelled, and tasks left behind no longer count.
    func forgetCancellation() {
        let run = (guests.plain.load(ordering: .relaxed) / Self.oneRun &+ 1) * Self.oneRun
        guests.plain.store(max(run, Self.oneRun), ordering: .sequentiallyConsistent)
        cancelled.store(false, ordering: .sequentiallyConsistent)
        // A `cancel()` that set the flag before is seen here; one that sets it from here on cancels the next run.
        waitForCancelling()
    }

    private func waitForCancelling() {
        while true {
            if cancelling.load(ordering: .sequentiallyConsistent) == 0 { return }
            interleavingSpin()
            sched_yield()
        }
    }

    /// Drops all pending messages and ends the run soon. A message being delivered is not interrupted. Every spawned
    /// task is cancelled, as by `Task.cancel()`, and with it what it waits for: a sleep, a channel, a resource, its
    /// child tasks. The run ends when they have returned; if they throw `CancellationError` or `ChannelError.cancelled`
    /// because of this, that is not an error of the run. It does not wait for a `Task { }`, which only its creator can
    /// cancel. Between runs it cancels the next one. Any thread may call it.
    public func cancel() {
        cancel { unsafeBitCast($0, to: UnsafeCurrentTask.self).cancel() }
    }

    /// The same, with the action for each task as a parameter: tests use objects as tasks.
    func cancel(_ cancelTask: (UInt) -> Void) {
        cancelling.add(1, ordering: .sequentiallyConsistent)
        let wasCancelled = cancelled.exchange(true, ordering: .sequentiallyConsistent)
        let tasks = wasCancelled ? [] : roster.retainAll()
        cancelling.subtract(1, ordering: .sequentiallyConsistent)
        if wasCancelled { return }
        // Not earlier: cancelling a task may run any code, for any time.
        for task in tasks {
            cancelTask(UInt(bitPattern: task.toOpaque()))
            task.release()
        }
        // The run may be waiting for guests only.
        idle.notify()
    }

    /// Whether `cancel()` was called, or an error thrown, in this run.
    public var isCancelled: Bool { cancelled.plain.load(ordering: .relaxed) }

    /// Events in all runs so far. During a run the numbers are approximate and not from one moment.
    public var statistics: SchedulerStatistics {
        var sum = SchedulerStatistics()
        for worker in workers { sum.add(worker.counters) }
        sum.add(counters)
        return sum
    }

    /// The number of the calling worker, from 0 to `maximumThreads` − 1; nil outside a pool.
    public static var currentWorkerIndex: Int? { Worker.current?.index }

    /// The scheduler of the calling worker; nil outside a pool.
    package static var currentID: SchedulerID? { Worker.current?.schedulerID }
}
