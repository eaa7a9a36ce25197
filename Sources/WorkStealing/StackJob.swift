// The half of a fork that others may take: it lies on the stack of the worker that forks, which waits until it is done.
//
//            take back (nobody else has it)
//   in a deque ─────────────────────────────────────────▶ the forking worker runs it: nothing below happens
//      │ a thief takes it
//      ▼
//   pending ──── thief: exchange ────▶ done             the forking worker sees it, and goes on
//      │ forking worker: CAS              ▲
//      ▼                                  │
//   awaited ──── thief: exchange ─────────┘             and rings the bell of the forking worker, which sleeps
//
// After the exchange the thief touches the job no more: the stack that it lies on goes on.

import Synchronization

/// A closure that is lent to another thread, with the place where its end is told.
struct StackJob: ~Copyable {
    private let body: LentClosure
    /// Who waits for it; outlives every run.
    let owner: Unmanaged<Worker>
    /// What `ForkState.origin` becomes while it runs.
    let origin: UInt
    /// Written by whoever runs the job (done: release) and by the owner (awaited: relaxed); read by the owner
    /// (acquire).
    private let state = Atomic<UInt32>(State.pending)

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

    /// Once, by whoever took the job from a queue.
    func run() { body.call() }

    /// The job has been run. It may be gone when this returns.
    ///
    /// - Returns: whether the owner may sleep.
    func finish() -> Bool {
        interleavingPoint(.write, identity)
        return state.exchange(State.done, ordering: .acquiringAndReleasing) == State.awaited
    }

    var isDone: Bool {
        interleavingPoint(.read, identity)
        return state.load(ordering: .acquiring) == State.done
    }

    /// Asks for the bell to be rung at the end.
    ///
    /// - Returns: false if the job is done.
    func askForBell() -> Bool {
        interleavingPoint(.write, identity)
        let step = state.compareExchange(
            expected: State.pending, desired: State.awaited, successOrdering: .relaxed, failureOrdering: .acquiring)
        return step.exchanged || step.original == State.awaited
    }

    private var identity: UInt { withUnsafePointer(to: state) { UInt(bitPattern: $0) } }
}

/// The two words of a closure that does not escape. Of use while that is alive: who has lent it waits.
///
/// Soundness. A closure that does not escape is passed as two words, the function and its context, in the registers of
/// two integers, and nobody counts references to the context. The compiler says so by no name, hence the casts: between
/// functions of which one takes the closure and the other the two words. Each is stored in a struct of one field, so
/// that no reabstraction thunk is put in between (see `Message.erasing`). `withoutActuallyEscaping` would do, and
/// allocates a context for each fork.
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
