// Hooks that let a test decide which thread takes the next step.
//
// Each step that another thread can observe (an atomic operation, a lock, a futex) announces itself here: a
// `SteppedAtomic` by itself (SteppedAtomic.swift), the others by a call. In a release build the announcement is an empty
// inlined function. In a debug build a thread with a `Conductor` waits until the conductor lets it continue, so that a
// test can run all interleavings of the real code (Tests/WorkStealingTests/Interleavings). Threads without a conductor
// pay for one look at a thread-local variable, also in debug builds.

import CLinux

/// The effect of a step on its object: two steps that only read it commute.
enum Access {
    case read, write
}

#if INTERLEAVING

/// Stands between a thread and its next step. Tests subclass it.
class Conductor {
    /// Returns when the thread may take the step. `enabled` says whether the step is possible at all; other threads
    /// call it too, while this one waits.
    func step(_ access: Access, on object: UInt, from source: StaticString, line: UInt, enabled: (() -> Bool)?) {}

    /// Before a lock that threads outside the world also use: waits until no thread of the world holds it.
    func lock(_ object: UInt, from source: StaticString, line: UInt) {}

    func unlock(_ object: UInt) {}

    /// The thread spins: it should continue only after another thread has taken a step.
    func spin(from source: StaticString, line: UInt) {}

    /// Replaces the futex wait: returns at once if `isUnchanged` is false, otherwise after `wake`, or at any time if
    /// the wait has a limit.
    func sleep(on word: UInt, hasLimit: Bool, isUnchanged: () -> Bool) {}

    func wake(_ count: Int, on word: UInt) {}

    static var current: Conductor? {
        clinux_get_conductor().map { Unmanaged<Conductor>.fromOpaque($0).takeUnretainedValue() }
    }
}

func interleavingPoint(
    _ access: Access, _ object: @autoclosure () -> UInt, from source: StaticString = #function, line: UInt = #line
) {
    Conductor.current?.step(access, on: object(), from: source, line: line, enabled: nil)
}

/// Before an operation that waits (a lock) until `enabled` is true. Does not exist in release builds: use it under
/// `#if`.
func interleavingPoint(
    _ access: Access, _ object: @autoclosure () -> UInt, from source: StaticString = #function, line: UInt = #line,
    enabled: @escaping () -> Bool
) {
    Conductor.current?.step(access, on: object(), from: source, line: line, enabled: enabled)
}

func interleavingSpin(from source: StaticString = #function, line: UInt = #line) {
    Conductor.current?.spin(from: source, line: line)
}

#else

@inline(__always)
func interleavingPoint(
    _ access: Access, _ object: @autoclosure () -> UInt, from source: StaticString = #function, line: UInt = #line
) {}

@inline(__always)
func interleavingSpin() {}

#endif
