// Who sleeps, who looks for work, and whom a push has to wake.
//
//              found work                    nothing found
//   working ◀───────────── searching ─────────────────────────▶ sleeping
//      │    own deque empty    ▲  ▲        announceSleep()          │
//      └───────────────────────┘  └─────────────────────────────────┘
//                                   notify(): the waker moves the counts, the sleeper takes a token
//
// `counts` holds the numbers of searching and of sleeping workers in one word, so that each step is one atomic
// operation. Sleepers are anonymous: a waker takes *a* sleeper from the count and puts a token into `tokens`; whichever
// sleeper finds it goes on. All sleep on the one futex word `tokens`.
//
// No wake-up is lost, because between "publish" and "look" there is a sequentially consistent fence on both sides:
//
//      pusher                                  sleeper
//      publishes the work                      announces itself in `counts`
//      fence                                   fence
//      looks at `counts`                       looks at all the queues
//
// At least one of the two sees the other. A pusher that sees a searcher may leave: the searcher will either see the
// work, or (having found something else) look again after it left the searching state: `searchEnded` wakes the next.
// README.md has the proof, Tests/WorkStealingTests explore the interleavings of this very code in a small world.

import CLinux
import Synchronization

struct Idle: ~Copyable, Sendable {
    /// Low half: sleeping; high half: searching. Every step is sequentially consistent.
    private let counts = Atomic<UInt64>(0)
    /// How many sleepers may go on. The futex word.
    private let tokens = Atomic<UInt32>(0)

    private static let oneSleeping: UInt64 = 1
    private static let oneSearching: UInt64 = 1 << 32

    struct Counts: Equatable {
        let sleeping: Int
        let searching: Int
        init(_ word: UInt64) {
            sleeping = Int(word & 0xFFFF_FFFF)
            searching = Int(word >> 32)
        }
    }

    var now: Counts { Counts(counts.load(ordering: .sequentiallyConsistent)) }

    // MARK: Pushers

    /// To be called after work was published: wakes a sleeper, unless a worker is searching already or nobody sleeps.
    ///
    /// - Returns: true if it woke one.
    @discardableResult
    func notify() -> Bool {
        atomicMemoryFence(ordering: .sequentiallyConsistent)
        var word = counts.load(ordering: .relaxed)
        while true {
            let seen = Counts(word)
            guard seen.sleeping > 0, seen.searching == 0 else { return false }
            let step = counts.weakCompareExchange(
                expected: word, desired: word &- Self.oneSleeping &+ Self.oneSearching,
                ordering: .sequentiallyConsistent)
            if step.exchanged { break }
            word = step.original
        }
        putTokens(1)
        return true
    }

    /// Wakes everybody: the run is over.
    func wakeAll() {
        var word = counts.load(ordering: .relaxed)
        while true {
            let sleeping = UInt64(Counts(word).sleeping)
            guard sleeping > 0 else { return }
            let step = counts.weakCompareExchange(
                expected: word, desired: word &- sleeping &+ sleeping &* Self.oneSearching,
                ordering: .sequentiallyConsistent)
            if step.exchanged {
                putTokens(UInt32(sleeping))
                return
            }
            word = step.original
        }
    }

    private func putTokens(_ amount: UInt32) {
        tokens.wrappingAdd(amount, ordering: .releasing)
        clinux_futex_wake(tokensAddress, Int32(amount))
    }

    // MARK: Workers

    func searchBegan() { counts.wrappingAdd(Self.oneSearching, ordering: .sequentiallyConsistent) }

    /// Leaves the searching state with work in hand.
    ///
    /// - Returns: true if nobody searches now: pushes that counted on this worker woke nobody, so the caller must call
    ///   `notify()` if there is more work.
    func searchEnded() -> Bool {
        Counts(counts.wrappingSubtract(Self.oneSearching, ordering: .sequentiallyConsistent).newValue).searching == 0
    }

    /// searching → sleeping. The caller must look at all queues afterwards, and then either `sleep()` or `cancelSleep()`.
    ///
    /// - Returns: how many sleep now, the caller included.
    func announceSleep() -> Int {
        let word = counts.wrappingAdd(Self.oneSleeping &- Self.oneSearching, ordering: .sequentiallyConsistent).newValue
        atomicMemoryFence(ordering: .sequentiallyConsistent)
        return Counts(word).sleeping
    }

    /// sleeping → searching without having slept. If wakers have already taken every sleeper from the count, one of them
    /// meant the caller: its token is on the way, and is waited for.
    func cancelSleep() {
        var word = counts.load(ordering: .relaxed)
        while Counts(word).sleeping > 0 {
            let step = counts.weakCompareExchange(
                expected: word, desired: word &- Self.oneSleeping &+ Self.oneSearching,
                ordering: .sequentiallyConsistent)
            if step.exchanged { return }
            word = step.original
        }
        sleep()
    }

    /// Sleeps until there is a token, and takes it. The waker has already counted the caller as searching.
    func sleep() {
        while true {
            var available = tokens.load(ordering: .relaxed)
            while available > 0 {
                let step = tokens.weakCompareExchange(
                    expected: available, desired: available - 1, successOrdering: .acquiring,
                    failureOrdering: .relaxed)
                if step.exchanged { return }
                available = step.original
            }
            _ = clinux_futex_wait(tokensAddress, 0, nil)
        }
    }

    /// The futex word. Sound: an atomic never moves, and the kernel compares the word itself.
    private var tokensAddress: UnsafeRawPointer { withUnsafePointer(to: tokens) { UnsafeRawPointer($0) } }
}
