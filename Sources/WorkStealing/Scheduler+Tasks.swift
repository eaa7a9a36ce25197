// Tasks on the pool: those that a run waits for because `spawn` made them, and those that inherit its membership.

import CLinux
import Synchronization

extension Scheduler {
    /// Starts an `async` function on the pool. It counts as pending until it returns, suspended or not. An error that
    /// it throws ends the run, as one thrown by a message does. If the run ends by an error or by `cancel()`, the task
    /// is cancelled.
    ///
    /// ```swift
    /// let sum = scheduler.spawn { await add(numbers) }
    /// try scheduler.run()
    /// print(try await sum.value)
    /// ```
    ///
    /// A task becomes part of a run through this function, not through `Task(executorPreference:)`: of the latter only
    /// the queued steps are part of it.
    ///
    /// - Parameters:
    ///   - priority: above `medium`, its steps count as messages of high priority. Nil: that of the calling task;
    ///     outside tasks `medium` on any thread (Swift's own choice is a high one on the main thread).
    ///   - file: with `line`, the name of the task in the message of a stalled run.
    ///   - line: see `file`.
    ///   - operation: runs on the pool, not necessarily on one thread of it.
    /// - Returns: the task: its value or error can be awaited, during the run and after it, and it can be cancelled. If
    ///   it then throws `CancellationError` or `ChannelError.cancelled`, that does not end the run.
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
        /// The task that made this one has one of its own, or none; the worker's serves as well.
        @usableFromInline let membership: Membership?
    }

    @usableFromInline
    func willSpawn(_ priority: TaskPriority?) -> TaskPriority {
        spawned.plain.add(1, ordering: .relaxed)
        if let priority { return priority }
        // In this order: the runtime alone takes 450 instructions more to find out that there is no task.
        return clinux_current_task() == nil ? .medium : Task.currentPriority
    }

    /// Whether a task made now would inherit the membership of another scheduler, whose run would then wait for it.
    @usableFromInline
    var wouldInheritFromAnother: Bool {
        // Only a worker binds anything on this thread, and that is its own.
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
        if spawned.subtract(1, ordering: .sequentiallyConsistent).newValue == 0 {
            // The last task may have returned on a foreign executor while all workers sleep: let one look again.
            idle.notify()
        }
    }

    @usableFromInline
    func ended(_ spawned: Spawned, throwing error: any Error) {
        // A task that throws because it was cancelled, through its handle or with the run, does not end the run.
        let isCancellation = error is CancellationError || error as? ChannelError == .cancelled
        if !(isCancellation && Task.isCancelled) { fail(error) }
        ended(spawned)
    }

    /// The calling worker, if it belongs to this scheduler.
    @inline(__always)
    var ownWorker: Unmanaged<Worker>? {
        guard let worker = Worker.currentReference, worker._withUnsafeGuaranteedRef({ $0.schedulerID == id }) else {
            return nil
        }
        return worker
    }

    /// A worker leaves its membership to the tasks that have inherited it.
    ///
    /// - Returns: the number of the run.
    func guestsBegan() -> UInt32 {
        return UInt32(guests.add(1, ordering: .sequentiallyConsistent).newValue / Self.oneRun)
    }

    /// The last of them has returned, on any thread, in this run or after it.
    func guestsEnded(of run: UInt32) {
        var seen = guests.load(ordering: .relaxed)
        while seen / Self.oneRun == run {
            let step = guests.weakCompareExchange(
                expected: seen, desired: seen - 1, ordering: .sequentiallyConsistent)
            if step.exchanged {
                if Self.number(seen) == 1 { idle.notify() }
                return
            }
            seen = step.original
        }
    }

    static func number(_ guests: UInt64) -> UInt64 { guests % oneRun }
}
