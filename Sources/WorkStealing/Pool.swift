// A long-lived pool: the threads of a run that ends on `stop()`, not when nothing is pending.
//
//              start()                   stop()                      nothing pending
//   stopped ───────────────▶ staying ───────────────▶ stopping ─────────────────────────▶ stopped
//                             │    ▲
//              nothing pending│    │ waiters of drained() continue; a cancellation ends
//                             ▼    │
//                            drain ┘
//
// The last worker to announce its sleep decides what to do (`atRest`). To drain it takes the step that ends a run, but
// all stay active: no worker was awake, so nothing was pending.

import CLinux
import Synchronization

/// The waiters for a long-lived pool. A `run()` has none.
struct Pool: ~Copyable, Sendable {
    typealias Waiter = @Sendable (Result<Void, any Error>) -> Void

    /// Not private: if another file stores a `Pool`, the compiler (6.3, debug) would produce a module that it rejects.
    struct State: Sendable {
        var isStarted = false
        var drained: [Waiter] = []
        var stopped: [Waiter] = []
    }

    private let state = Locked(State())
    /// Written by `start()`, `stop()` and the end of the run; read by the last worker to announce its sleep.
    /// Sequentially consistent, as `isAsked`: written before `notify()`, read after the announcement, so one of the two
    /// sees the other (README.md, "No wake-up is lost").
    private let mode = SteppedAtomic<Int>(Mode.run)
    /// Whether `drained()` has waiters.
    private let isAsked = SteppedAtomic<Bool>(false)

    private enum Mode {
        static let run = 0
        static let staying = 1
        static let stopping = 2
    }

    func enter() {
        state.withLock { $0.isStarted = true }
        mode.store(Mode.staying, ordering: .sequentiallyConsistent)
    }

    /// The run is over, and another may begin.
    ///
    /// - Returns: all waiters.
    func leave() -> [Waiter] {
        mode.plain.store(Mode.run, ordering: .sequentiallyConsistent)
        return state.withLock { state in
            defer { state = State() }
            return state.drained + state.stopped
        }
    }

    /// - Returns: false if the pool is not started.
    func waitForDrain(_ waiter: @escaping Waiter) -> Bool {
        let isStarted = state.withLock { state in
            if state.isStarted { state.drained.append(waiter) }
            return state.isStarted
        }
        isAsked.store(true, ordering: .sequentiallyConsistent)
        return isStarted
    }

    /// - Returns: false if the pool is not started.
    func waitForStop(_ waiter: @escaping Waiter) -> Bool {
        let isStarted = state.withLock { state in
            if state.isStarted { state.stopped.append(waiter) }
            return state.isStarted
        }
        guard isStarted else { return false }
        // Not if the run is over and another has begun.
        _ = mode.compareExchange(expected: Mode.staying, desired: Mode.stopping, ordering: .sequentiallyConsistent)
        return true
    }

    /// All waiters for the drain.
    func takeDrained() -> [Waiter] {
        // First: a later waiter sets it again.
        isAsked.store(false, ordering: .sequentiallyConsistent)
        return state.withLock { state in
            defer { state.drained = [] }
            return state.drained
        }
    }

    enum AtRest { case end, drain, stay }

    func atRest(isCancelled: Bool) -> AtRest {
        if mode.load(ordering: .sequentiallyConsistent) != Mode.staying { return .end }
        return isCancelled || isAsked.load(ordering: .sequentiallyConsistent) ? .drain : .stay
    }
}

/// The system has refused the first thread of a pool.
public struct ThreadRefused: Error {}

extension Scheduler {
    /// Starts the threads, which stay until `stop()`: for programs that have work again and again, from any thread. The
    /// scheduler keeps itself alive until then.
    ///
    /// ```swift
    /// try scheduler.start()
    /// counter.send { $0.increment() }         // is delivered at once
    /// try await scheduler.drained()           // nothing is pending
    /// try await scheduler.stop()              // the threads have ended
    /// ```
    ///
    /// All workers have threads of their own, so the caller's is not occupied. Traps if the scheduler is already
    /// running.
    ///
    /// - Throws: `ThreadRefused` if the system refuses all threads. If it refuses only some, the pool has fewer.
    public func start() throws {
        claimRun()
        pool.enter()
        let host = Unmanaged.passRetained(self)
        let thread = startThread(self) { scheduler in
            clinux_with_stack_guard({ Unmanaged<Scheduler>.fromOpaque($0).takeUnretainedValue().host() }, scheduler!)
            Unmanaged<Scheduler>.fromOpaque(scheduler!).release()
            return nil
        }
        guard let thread else {
            host.release()
            let waiters = pool.leave()
            phase.store(Phase.stopped, ordering: .sequentiallyConsistent)
            for waiter in waiters { waiter(.failure(ThreadRefused())) }
            throw ThreadRefused()
        }
        pthread_detach(thread)
    }

    /// The thread of worker 0, from `start()` to `stop()`.
    private func host() {
        prepareRun()
        // `stop()` reports errors to its waiters.
        try? runBegun(first: nil)
    }

    /// Waits until nothing is pending in a started pool: like `run()`, but the threads stay.
    ///
    /// It may or may not wait for messages that other threads send in the meantime. Traps in a task on the pool, which
    /// would wait for itself, and if the pool is not started.
    ///
    /// - Throws: the first error that a message or a spawned task has thrown since the last `drained()`. Messages that
    ///   were pending then were dropped, and the spawned tasks were cancelled, as by `cancel()`; messages sent after
    ///   all had ended were delivered.
    public func drained() async throws {
        require(ownWorker == nil, "`drained()` was called on the pool that it waits for")
        try await withUnsafeContinuation { continuation in
            whenDrained { continuation.resume(returning: $0) }
        }.get()
    }

    func whenDrained(_ waiter: @escaping Pool.Waiter) {
        require(pool.waitForDrain(waiter), "`drained()` was called on a scheduler that is not started")
        idle.notify()
    }

    /// Waits until nothing is pending, and ends the threads. The scheduler may then be started or run again.
    ///
    /// - Throws: as `drained()`.
    public func stop() async throws {
        require(ownWorker == nil, "`stop()` was called on the pool that it ends")
        try await withUnsafeContinuation { continuation in
            whenStopped { continuation.resume(returning: $0) }
        }.get()
    }

    func whenStopped(_ waiter: @escaping Pool.Waiter) {
        require(pool.waitForStop(waiter), "`stop()` was called on a scheduler that is not started")
        idle.notify()
    }

    /// Like `run()`, for `async` code: the calling task suspends, and its thread is free meanwhile.
    public func run() async throws {
        try start()
        try await stop()
    }

    /// The decision of the last worker to announce its sleep, if nothing is pending.
    var atRest: Pool.AtRest { pool.atRest(isCancelled: isCancelled) }

    /// Nothing is pending, and only the caller is awake; nobody can wake another worker.
    func drain(_ announced: Idle.Counts) {
        if isCancelled { forgetCancellation() }
        let waiters = pool.takeDrained()
        // It waits for a waiter that can receive it.
        let error = waiters.isEmpty ? nil : takeError()
        for waiter in waiters { waiter(error.map { .failure($0) } ?? .success(())) }
        idle.releaseAll(announced)
    }
}
