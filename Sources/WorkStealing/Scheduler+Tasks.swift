// Tasks on the pool: those that a run waits for because `spawn` made them, and those that inherit its membership.

import CLinux
import Synchronization

extension Scheduler {
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

    static func number(_ guests: UInt64) -> UInt64 { guests % oneRun }
}
