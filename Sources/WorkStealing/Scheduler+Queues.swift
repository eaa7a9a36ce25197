// Where a runnable goes, and the questions of workers and the monitor to the scheduler.

import CLinux
import Synchronization

extension Scheduler {
    /// Queues a step of an `async` function. Called by the Swift runtime.
    public func enqueue(_ job: consuming ExecutorJob) {
        let priority: MessagePriority = job.priority.rawValue > TaskPriority.medium.rawValue ? .high : .normal
        let runnable = Runnable.job(UnownedJob(job))
        // The caller has the scheduler: no need to look it up, as `schedule` would.
        if priority == .normal, Self.pushOnOwnWorker(runnable, of: id) { return }
        // The runtime lends the task's reference, and the task may be over before this returns.
        let kept = Unmanaged.passRetained(self)
        inject(runnable, priority)
        kept.release()
    }

    // MARK: For mailboxes and workers

    /// Queues a runnable with the scheduler of that ID: in the deque of the calling worker, if it is one of its own,
    /// else in the injector.
    static func schedule(_ runnable: Runnable, of id: SchedulerID, _ priority: MessagePriority) {
        let isThere = scheduleIfThere(runnable, of: id, priority)
        // It would wait forever, and its sender with it.
        require(isThere, "a message was sent to an actor whose scheduler is gone")
    }

    /// - Returns: false if the scheduler no longer exists.
    @inline(__always)
    static func scheduleIfThere(_ runnable: Runnable, of id: SchedulerID, _ priority: MessagePriority) -> Bool {
        if priority == .normal, pushOnOwnWorker(runnable, of: id) { return true }
        if let worker = Worker.current, worker.schedulerID == id {
            worker.scheduler.inject(runnable, priority)
            return true
        }
        return id.withScheduler { $0.inject(runnable, priority) }
    }

    /// - Returns: false if the caller is not a worker of that scheduler.
    @inline(__always)
    private static func pushOnOwnWorker(_ runnable: Runnable, of id: SchedulerID) -> Bool {
        Worker.currentReference?._withUnsafeGuaranteedRef { worker in
            guard worker.schedulerID == id else { return false }
            worker.push(runnable)
            return true
        } ?? false
    }

    /// Queues from outside the pool, or for the first free worker.
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

    /// The number of queued runnables. It may be stale.
    var visibleWork: Int { (0..<startedWorkers).reduce(injector.count + urgent.count) { $0 + workers[$1].deque.count } }

    var startedWorkers: Int { started.load(ordering: .relaxed) }

    // MARK: For the monitor

    /// Separate, so that tests can run spare workers on threads of their own.
    func countStarted(_ number: Int) { started.store(number, ordering: .relaxed) }

    /// Whether there can be more workers than run.
    var hasSpares: Bool { idle.hasMonitor }

    func setSurplus(_ amount: Int) { surplus.plain.store(amount, ordering: .relaxed) }

    var hasSurplus: Bool { surplus.plain.load(ordering: .relaxed) > 0 }

    /// Claims one place in the reserve.
    func takeSurplus() -> Bool {
        var seen = surplus.plain.load(ordering: .relaxed)
        while seen > 0 {
            let step = surplus.weakCompareExchange(expected: seen, desired: seen - 1, ordering: .relaxed)
            if step.exchanged { return true }
            seen = step.original
        }
        return false
    }

    /// Read by the worker that was last to announce its sleep: see `Worker.park()`. The last task to return calls
    /// `notify()` after it has left the count; so does the last guest, and `cancel()`.
    var waitsForTasks: Bool {
        if spawned.load(ordering: .sequentiallyConsistent) > 0 { return true }
        guard Self.number(guests.load(ordering: .sequentiallyConsistent)) > 0 else { return false }
        return !cancelled.load(ordering: .sequentiallyConsistent)
    }

    /// - Returns: false if this run has already complained.
    func claimComplaint() -> Bool { !hasComplained.exchange(true, ordering: .relaxed) }

    /// For tests.
    var complained: Bool { hasComplained.load(ordering: .relaxed) }

    var isFinished: Bool { phase.load(ordering: .sequentiallyConsistent) == Phase.finished }

    /// Publishes the end of the run, then releases all workers, which see it when they wake.
    func finish(_ announced: Idle.Counts) {
        phase.store(Phase.finished, ordering: .sequentiallyConsistent)
        idle.releaseAll(announced)
        idle.openDoor()
        idle.ring()
    }

    func fail(_ error: any Error) {
        // An error that is thrown because the run was cancelled is not the reason for its end.
        if isCancelled, error is CancellationError { return }
        firstError.withLock { first in if first == nil { first = error } }
        cancel()
    }
}
