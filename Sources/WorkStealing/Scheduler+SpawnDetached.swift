// Tasks that are made only when a worker takes them.
//
//   spawnDetached ──▶ FutureTask, an actor with one message ──in a queue──▶ a worker makes the task, which runs next
//
// A task takes 1.4 KB from the moment it is made, the actor and its closure a tenth of that. `spawn` cannot wait in this
// way: it returns the task, and only the runtime can copy task-local values, when it makes a task.

import CLinux
import Synchronization

extension Scheduler {
    /// Like `spawn`, for very many functions: the task is made when a worker takes it, and ends there if the function
    /// does not suspend. So what waits in the queues takes a tenth of the memory, and all takes less than half the
    /// time.
    ///
    /// ```swift
    /// for file in files { scheduler.spawnDetached { try await check(file) } }
    /// try scheduler.run()
    /// ```
    ///
    /// As with `Task.detached`, the task inherits neither priority nor task-local values. It has no handle. It counts
    /// as pending until it returns, its first error ends the run, and `cancel()` cancels it. `cancel()` drops it if it
    /// has not begun: then its function is released and never called.
    ///
    /// - Parameters:
    ///   - priority: above `medium`, it is taken before other work, and its steps count as messages of high priority.
    ///   - file: with `line`, the name of the task in the message of a stalled run.
    ///   - line: see `file`.
    ///   - operation: runs on the pool, not necessarily on one thread of it.
    public func spawnDetached(
        priority: TaskPriority = .medium, file: StaticString = #fileID, line: UInt = #line,
        _ operation: @escaping @Sendable () async throws -> Void
    ) {
        let task = FutureTask(on: self, priority, Roster.Origin(file: file, line: line), operation)
        if priority > .medium {
            task.send(.high) { $0.make() }
        } else {
            task.sendConsuming { $0.make() }
        }
    }

    /// Makes the task of a function that no task has called yet.
    fileprivate func makeDetached(
        _ priority: TaskPriority, _ origin: Roster.Origin, _ operation: @escaping @Sendable () async throws -> Void
    ) {
        spawned.plain.add(1, ordering: .relaxed)
        Task.detached(executorPreference: self, priority: priority) {
            let spawned = self.began(origin.file, origin.line)
            do {
                try await Membership.local.withValue(spawned.membership, operation: operation)
                self.ended(spawned)
            } catch {
                self.ended(spawned, throwing: error)
            }
        }
    }
}

/// A function that becomes a task when a worker delivers the one message to this actor.
private actor FutureTask: MailboxActor {
    nonisolated let mailbox: Mailbox
    nonisolated var unownedExecutor: UnownedSerialExecutor { UnownedSerialExecutor(ordinary: self) }
    private let priority: TaskPriority
    private let origin: Roster.Origin
    private let operation: @Sendable () async throws -> Void

    init(
        on scheduler: Scheduler, _ priority: TaskPriority, _ origin: Roster.Origin,
        _ operation: @escaping @Sendable () async throws -> Void
    ) {
        mailbox = Mailbox(scheduler)
        self.priority = priority
        self.origin = origin
        self.operation = operation
    }

    func make() {
        // Delivered by a worker, so there is one.
        Worker.current.unsafelyUnwrapped.scheduler.makeDetached(priority, origin, operation)
    }
}
