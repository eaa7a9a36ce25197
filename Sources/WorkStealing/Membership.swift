// How a run keeps track of a `Task { }` that one of its actors or tasks has made.
//
// Such a task inherits the task-local values of its creator, and releases them when it returns. So a worker does all
// its work with a task-local object bound, its *membership*, and a run is not over while anything still refers to one.
//
//   worker ── binds ──▶ membership ◀── inherits ── Task { } ◀── inherits ── Task { }
//      │ before it sleeps: does anybody else refer to it?
//      │ yes: counts it with the scheduler, leaves it to the tasks, and binds a new one
//      ▼
//   the last of the tasks returns ──▶ `deinit`, which takes it from the count
//
// A message or a turn counts nothing, and such a task costs no more than Swift's own inheritance.

import CLinux
import Synchronization

@usableFromInline
final class Membership: Sendable {
    @TaskLocal static var current: Membership?
    @usableFromInline static var local: TaskLocal<Membership?> { $current }

    /// Retained: the last of the tasks may return on another thread, after the run that no longer waits for it.
    private let scheduler: Scheduler
    /// The run that counts it; 0: none. Set by the worker before it releases the object, read by `deinit` after all
    /// others have: the reference count orders the two.
    private let counted = Atomic<UInt32>(0)

    private init(_ scheduler: Scheduler) { self.scheduler = scheduler }

    deinit {
        if case let run = counted.load(ordering: .relaxed), run != 0 { scheduler.guestsEnded(of: run) }
    }

    /// Counts it with the scheduler, until nothing refers to it.
    func count() { counted.store(scheduler.guestsBegan(), ordering: .relaxed) }

    func belongs(to scheduler: Scheduler) -> Bool { self.scheduler === scheduler }

    /// Identifies the references to it in tests.
    var identity: UInt { UInt(bitPattern: Unmanaged.passUnretained(self).toOpaque()) }

    /// The number of references to this object. Only the worker that has bound it can use the number, because it knows
    /// its own.
    var references: Int { Int(swift_retainCount(Unmanaged.passUnretained(self).toOpaque())) }

    /// Runs `body` with a new membership, which tasks inherit from this thread.
    static func bind(to scheduler: Scheduler, _ body: (Membership) -> Void) {
        let membership = Membership(scheduler)
        $current.withValue(membership) { body(membership) }
    }
}
