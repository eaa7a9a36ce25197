// A pool that stays: the threads of one run, which ends when it is told to, and not when nothing is pending.
//
//              start()                   stop()                      nothing pending
//   stopped ───────────────▶ staying ───────────────▶ stopping ─────────────────────────▶ stopped
//                             │    ▲
//              nothing pending│    │ whoever waits in drained() goes on; a cancellation is over
//                             ▼    │
//                            drain ┘
//
// The last worker to announce its sleep asks what to do (`atRest`). To drain it takes the step that ends a run, but all
// stay active: nobody was awake, so nothing was pending.

import CLinux
import Synchronization

/// Who waits for a pool that stays. A `run()` is none.
struct Pool: ~Copyable, Sendable {
    typealias Waiter = @Sendable (Result<Void, any Error>) -> Void

    /// Not private: where another file stores a `Pool`, the compiler (6.3, debug) then makes a module that it refuses.
    struct State: Sendable {
        var isStarted = false
        var drained: [Waiter] = []
        var stopped: [Waiter] = []
    }

    private let state = Locked(State())
    /// Written by `start()`, `stop()` and the end of the run; read by the last worker to announce its sleep.
    /// Sequentially consistent, as `isAsked`: written before `notify()`, read after the announcement, so one of the two
    /// sees the other (README.md, "No wake-up is lost").
    private let mode = Atomic<Int>(Mode.run)
    /// Whether somebody waits in `drained()`.
    private let isAsked = Atomic<Bool>(false)

    private enum Mode {
        static let run = 0
        static let staying = 1
        static let stopping = 2
    }

    func enter() {
        state.withLock { $0.isStarted = true }
        interleavingPoint(.write, identity)
        mode.store(Mode.staying, ordering: .sequentiallyConsistent)
    }

    /// The run is over, and another may begin.
    ///
    /// - Returns: all that wait.
    func leave() -> [Waiter] {
        mode.store(Mode.run, ordering: .sequentiallyConsistent)
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
        interleavingPoint(.write, identity)
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
        interleavingPoint(.write, identity)
        // Not if the run is over, and another begun.
        _ = mode.compareExchange(expected: Mode.staying, desired: Mode.stopping, ordering: .sequentiallyConsistent)
        return true
    }

    /// All that wait for the drain.
    func takeDrained() -> [Waiter] {
        interleavingPoint(.write, identity)
        // First: who comes from here on asks again.
        isAsked.store(false, ordering: .sequentiallyConsistent)
        return state.withLock { state in
            defer { state.drained = [] }
            return state.drained
        }
    }

    enum AtRest { case end, drain, stay }

    func atRest(isCancelled: Bool) -> AtRest {
        interleavingPoint(.read, identity)
        if mode.load(ordering: .sequentiallyConsistent) != Mode.staying { return .end }
        return isCancelled || isAsked.load(ordering: .sequentiallyConsistent) ? .drain : .stay
    }

    private var identity: UInt { withUnsafePointer(to: mode) { UInt(bitPattern: $0) } }
}

/// The system has refused the first thread of a pool.
public struct ThreadRefused: Error {}

extension Scheduler {
    /// Starts the threads, which stay until `stop()`: for programs that have something to do again and again, from any
    /// thread. The scheduler keeps itself alive until then.
    ///
    /// ```swift
    /// try scheduler.start()
    /// counter.send { $0.increment() }         // is delivered at once
    /// try await scheduler.drained()           // nothing is pending
    /// try await scheduler.stop()              // the threads have ended
    /// ```
    ///
    /// All workers have threads of their own, so nothing holds the caller's. Traps if the scheduler runs already.
    ///
    /// - Throws: `ThreadRefused` if there is none. If only some are refused, the pool has fewer.
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
        // Who waits in `stop()` is told of errors.
        try? runBegun(first: nil)
    }

    /// Waits until nothing is pending in a pool that was started: as `run()` does, but the threads stay.
    ///
    /// What other threads send meanwhile may or may not be waited for. Not to be called by a task on the pool, which
    /// would wait for itself: traps. So does a pool that is not started.
    ///
    /// - Throws: the first error that a message or a spawned task has thrown since the last `drained()`. What was
    ///   pending then was dropped, and the spawned tasks were cancelled, as by `cancel()`; what was sent after all had
    ///   ended was delivered.
    public func drained() async throws {
        require(ownWorker == nil, "`drained()` was called on the pool that it waits for")
        try await withUnsafeContinuation { continuation in
            whenDrained { continuation.resume(returning: $0) }
        }.get()
    }

    func whenDrained(_ waiter: @escaping Pool.Waiter) {
        require(pool.waitForDrain(waiter), "`drained()` was called of a scheduler that is not started")
        idle.notify()
    }

    /// Waits until nothing is pending, and ends the threads. Then the scheduler may be started or run again.
    ///
    /// - Throws: as `drained()`.
    public func stop() async throws {
        require(ownWorker == nil, "`stop()` was called on the pool that it ends")
        try await withUnsafeContinuation { continuation in
            whenStopped { continuation.resume(returning: $0) }
        }.get()
    }

    func whenStopped(_ waiter: @escaping Pool.Waiter) {
        require(pool.waitForStop(waiter), "`stop()` was called of a scheduler that is not started")
        idle.notify()
    }

    /// As `run()`, for `async` code: the calling task suspends, and its thread does something else meanwhile.
    public func run() async throws {
        try start()
        try await stop()
    }

    /// What the last worker to announce its sleep does if nothing is pending.
    var atRest: Pool.AtRest { pool.atRest(isCancelled: isCancelled) }

    /// Nothing is pending, and nobody is awake but the caller, whom nobody can wake beside.
    func drain(_ announced: Idle.Counts) {
        if isCancelled { forgetCancellation() }
        let waiters = pool.takeDrained()
        // It waits for somebody who can be told.
        let error = waiters.isEmpty ? nil : takeError()
        for waiter in waiters { waiter(error.map { .failure($0) } ?? .success(())) }
        idle.releaseAll(announced)
    }
}
