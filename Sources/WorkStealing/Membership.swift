// How a run knows of a `Task { }` that an actor or a task of it has made.
//
// Such a task inherits the task-local values of who makes it, and lets go of them when it has returned. So whatever a worker does
// is done with a task-local object, its *membership*, and a run is not over while somebody still refers to one.
//
//   worker ── binds ──▶ membership ◀── inherits ── Task { } ◀── inherits ── Task { }
//      │ before it sleeps: does anybody else refer to it?
//      │ yes: counts it with the scheduler, leaves it to the tasks, and binds a new one
//      ▼
//   the last of the tasks returns ──▶ `deinit`, which takes it from the count
//
// Nothing is counted for a message or a turn, and for such a task no more than what Swift does anyway.

import CLinux
import Synchronization

@usableFromInline
final class Membership: Sendable {
    @TaskLocal static var current: Membership?
    @usableFromInline static var local: TaskLocal<Membership?> { $current }

    /// Kept: the last of the tasks may return on a thread of its own, after the run that no longer waits for it.
    private let scheduler: Scheduler
    /// The run that counts it; 0: none. Set by the worker before it lets go, read by `deinit` after everybody has: references order
    /// the two.
    private let counted = Atomic<UInt32>(0)

    private init(_ scheduler: Scheduler) { self.scheduler = scheduler }

    deinit {
        if case let run = counted.load(ordering: .relaxed), run != 0 { scheduler.guestsEnded(of: run) }
    }

    /// Counts it with the scheduler, until nobody refers to it.
    func count() { counted.store(scheduler.guestsBegan(), ordering: .relaxed) }

    func belongs(to scheduler: Scheduler) -> Bool { self.scheduler === scheduler }

    /// Names the references to it in tests.
    var identity: UInt { UInt(bitPattern: Unmanaged.passUnretained(self).toOpaque()) }

    /// How many there are to this object. Of use to the worker alone that has bound it, which knows its own.
    var references: Int { Int(swift_retainCount(Unmanaged.passUnretained(self).toOpaque())) }

    /// Runs `body` with a new membership, which tasks inherit from this thread.
    static func bind(to scheduler: Scheduler, _ body: (Membership) -> Void) {
        let membership = Membership(scheduler)
        $current.withValue(membership) { body(membership) }
    }
}
