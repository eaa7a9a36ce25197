// State of a single worker: buffers, handles of libraries that are not thread-safe, counters.

extension Scheduler {
    /// Runs `body` with the calling worker's own value, made by the closure that was passed to the scheduler's `init`.
    /// No other code uses it meanwhile.
    ///
    /// ```swift
    /// let scheduler = Scheduler(threads: 4, workerLocal: { _ in Buffer(capacity: 1 << 16) })
    /// // in a message or a task on the pool:
    /// let length = Scheduler.withWorkerLocal(as: Buffer.self) { $0.fill(from: file) }
    /// ```
    ///
    /// The value cannot escape: `body` does not suspend, so it stays on the worker, and the compiler refuses to keep,
    /// return or hand to a task any part of the value, or a reference that the value is. `~Copyable` values are
    /// allowed.
    ///
    /// (The result is `Sendable`, because the compiler, 6.3, lets `{ $0 }` return what is `inout sending`.)
    ///
    /// Traps, with a sentence, outside a worker, inside another `withWorkerLocal`, and if the scheduler has no value of
    /// that type. `body` must not fork, which traps, too: a worker that waits for the other half runs other code.
    ///
    /// - Parameters:
    ///   - type: what `workerLocal` returned when the scheduler was created.
    ///   - body: may change the value.
    public static func withWorkerLocal<Local: ~Copyable, Result: ~Copyable & Sendable, Failure: Error>(
        as type: Local.Type = Local.self, _ body: (inout sending Local) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let (worker, local) = currentWorkerLocal
        require(
            Swift.type(of: local) == WorkerLocal<Local>.self,
            "`withWorkerLocal` was asked for a type other than the one that the scheduler was created with")
        let place = unsafeDowncast(local, to: WorkerLocal<Local>.self)
        let isInUse = worker._withUnsafeGuaranteedRef { $0.forks.setLocalInUse(true) }
        require(!isInUse, "`withWorkerLocal` was called by its own body: the value would be used twice at once")
        defer { worker._withUnsafeGuaranteedRef { _ = $0.forks.setLocalInUse(false) } }
        return try body(&place.value.pointee)
    }

    /// The calling worker's own object. No other code uses it while the caller's message runs, so it must not be kept
    /// beyond the message; this is not checked here, unlike in `withWorkerLocal`. Traps outside a worker.
    package static func workerLocal<Local: AnyObject>(as type: Local.Type) -> Local {
        let local = currentWorkerLocal.local
        // An identity of types, not `as?`: the dynamic cast would cost more than the rest of a message.
        require(
            Swift.type(of: local) == type,
            "`workerLocal` was asked for a type other than the one that the scheduler was created with")
        return unsafeDowncast(local, to: type)
    }

    private static var currentWorkerLocal: (worker: Unmanaged<Worker>, local: AnyObject) {
        guard let worker = Worker.currentReference else {
            misuse("a worker's own value was requested outside a worker")
        }
        return (worker, worker._withUnsafeGuaranteedRef { $0.local })
    }
}

/// The holder of a worker's own value. Used by that worker alone.
final class WorkerLocal<Local: ~Copyable> {
    /// Separate, because for the compiler access through a pointer is not access to this object: the value has no other
    /// user, which the compiler could not see of a property.
    fileprivate let value: UnsafeMutablePointer<Local>

    init(_ value: consuming sending Local) {
        self.value = .allocate(capacity: 1)
        self.value.initialize(to: value)
    }

    deinit {
        value.deinitialize(count: 1)
        value.deallocate()
    }
}
