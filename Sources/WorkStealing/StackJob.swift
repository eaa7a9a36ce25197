// The second half of a fork: it is on the stack of the forking worker, which waits until it is done.
//
//            take back (nobody else has it)
//   in a deque ─────────────────────────────────────────▶ the forking worker runs it: nothing below happens
//      │ a thief takes it
//      ▼
//   pending ──── thief: exchange ────▶ done             the forking worker sees it, and continues
//      │ forking worker: CAS              ▲
//      ▼                                  │
//   awaited ──── thief: exchange ─────────┘             and rings the bell of the forking worker, which sleeps
//
// After the exchange the thief does not touch the job: its stack frame may be gone.

import Synchronization

/// A closure that is lent to another thread, with a flag for its end.
struct StackJob: ~Copyable {
    private let body: LentClosure
    /// The worker that waits for it; outlives every run.
    let owner: Unmanaged<Worker>
    /// The value of `ForkState.origin` while the job runs.
    let origin: UInt
    /// Written by the runner of the job (done: release) and by the owner (awaited: relaxed); read by the owner
    /// (acquire).
    private let state = SteppedAtomic<UInt32>(State.pending)

    private enum State {
        static let pending: UInt32 = 0
        static let awaited: UInt32 = 1
        static let done: UInt32 = 2
    }

    init(_ body: () -> Void, of owner: Unmanaged<Worker>, origin: UInt) {
        self.body = LentClosure(body)
        self.owner = owner
        self.origin = origin
    }

    /// Once, by the worker that took the job from a queue.
    func run() { body.call() }

    /// The job has run. It may no longer exist when this returns.
    ///
    /// - Returns: whether the owner may sleep.
    func finish() -> Bool {
        return state.exchange(State.done, ordering: .acquiringAndReleasing) == State.awaited
    }

    var isDone: Bool {
        return state.load(ordering: .acquiring) == State.done
    }

    /// Asks the thief to ring the bell at the end.
    ///
    /// - Returns: false if the job is done.
    func askForBell() -> Bool {
        let step = state.compareExchange(
            expected: State.pending, desired: State.awaited, successOrdering: .relaxed, failureOrdering: .acquiring)
        return step.exchanged || step.original == State.awaited
    }

}

/// The two words of a closure that does not escape. Valid only while the closure is alive: the lender waits.
///
/// Soundness. A non-escaping closure is passed as two words, the function and its context, in two integer registers,
/// and the context is not reference-counted. The compiler has no name for that, hence the casts between functions, one
/// of which takes the closure and the other the two words. Each is stored in a struct of one field, so that no
/// reabstraction thunk comes in between (see `Message.erasing`). `withoutActuallyEscaping` would work, but allocates a
/// context for each fork.
private struct LentClosure {
    private let words: Words

    private typealias Words = (function: UInt, context: UInt)
    private struct TakesWords { let take: (UInt, UInt) -> Words }
    private struct TakesClosure { let take: (() -> Void) -> Words }
    private struct CallsClosure { let call: (() -> Void) -> Void }
    private struct CallsWords { let call: (UInt, UInt) -> Void }

    @inline(__always)
    init(_ body: () -> Void) {
        words = unsafeBitCast(TakesWords { ($0, $1) }, to: TakesClosure.self).take(body)
    }

    @inline(__always)
    func call() {
        unsafeBitCast(CallsClosure { $0() }, to: CallsWords.self).call(words.function, words.context)
    }
}
