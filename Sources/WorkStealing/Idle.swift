// Who sleeps, who looks for work, and whom a push has to wake.
//
//              found work                    nothing found
//   working ◀───────────── searching ─────────────────────────▶ sleeping
//      │    own deque empty    ▲  ▲        announceSleep()          │
//      └───────────────────────┘  └─────────────────────────────────┘
//                                   notify(): the waker moves the counts, the sleeper takes a token
//
// `counts` holds the numbers of searching and of sleeping workers in one word, so that each step is one atomic
// operation, and beside them how often a sleeper was taken out: a worker that sees the same word twice knows that nobody
// was awake in between. Sleepers are anonymous: a waker takes *a* sleeper from the count and puts a token into `tokens`; whichever
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

import Synchronization

struct Idle: ~Copyable, Sendable {
    /// Bits 0 to 19: sleeping; 20 to 39: searching; 40 to 63: departures, that is, steps that took sleepers out
    /// (modulo 2²⁴). Every step is sequentially consistent.
    private let counts = Atomic<UInt64>(0)
    /// How many sleepers may go on. The futex word. Written by wakers (release) and by the sleepers that take (acquire).
    private let tokens = Atomic<UInt32>(0)

    /// The most workers that the counts have room for.
    static let maximumWorkers = (1 << 20) - 1

    private static let oneSleeping: UInt64 = 1
    private static let oneSearching: UInt64 = 1 << 20
    private static let oneDeparture: UInt64 = 1 << 40

    /// The word taken apart.
    struct Counts: Equatable {
        fileprivate let word: UInt64
        fileprivate init(_ word: UInt64) { self.word = word }

        var sleeping: Int { Int(word & (Idle.oneSearching - 1)) }
        var searching: Int { Int((word & (Idle.oneDeparture - 1)) >> 20) }
    }

    /// For tests: the step that needs it uses what `announceSleep()` returned.
    var now: Counts { Counts(counts.load(ordering: .sequentiallyConsistent)) }
    var unclaimedTokens: Int { Int(tokens.load(ordering: .sequentiallyConsistent)) }

    // MARK: Pushers

    /// To be called after work was published: wakes a sleeper, unless a worker is searching already or nobody sleeps.
    ///
    /// - Returns: true if it woke one.
    @discardableResult
    func notify() -> Bool {
        atomicMemoryFence(ordering: .sequentiallyConsistent)
        interleavingPoint(.read, countsIdentity)
        var seen = Counts(counts.load(ordering: .relaxed))
        while seen.sleeping > 0, seen.searching == 0 {
            if wake(1, from: &seen) {
                putTokens(1)
                return true
            }
        }
        return false
    }

    /// Moves `amount` sleepers to the searchers if the counts are still what they were. The step may fail for no reason;
    /// `seen` is up to date then.
    private func wake(_ amount: UInt64, from seen: inout Counts) -> Bool {
        interleavingPoint(.write, countsIdentity)
        let step = counts.weakCompareExchange(
            expected: seen.word, desired: Self.afterWaking(amount, in: seen), ordering: .sequentiallyConsistent)
        seen = Counts(step.original)
        return step.exchanged
    }

    private static func afterWaking(_ amount: UInt64, in seen: Counts) -> UInt64 {
        seen.word &+ amount &* (oneSearching &- oneSleeping) &+ oneDeparture
    }

    private func putTokens(_ amount: UInt32) {
        interleavingPoint(.write, tokensIdentity)
        tokens.wrappingAdd(amount, ordering: .releasing)
        interleavingPoint(.write, tokensIdentity)
        Futex.wake(Int(amount), on: tokensAddress)
    }

    // MARK: Workers

    func searchBegan() {
        interleavingPoint(.write, countsIdentity)
        counts.wrappingAdd(Self.oneSearching, ordering: .sequentiallyConsistent)
    }

    /// Leaves the searching state with work in hand.
    ///
    /// - Returns: true if nobody searches now: pushes that counted on this worker woke nobody, so the caller must look at
    ///   the queues, and call `notify()` if there is more work.
    func searchEnded() -> Bool {
        interleavingPoint(.write, countsIdentity)
        let word = counts.wrappingSubtract(Self.oneSearching, ordering: .sequentiallyConsistent).newValue
        guard Counts(word).searching == 0 else { return false }
        // The caller's look at the queues is made of relaxed loads: pairs with the fence in `notify()`.
        atomicMemoryFence(ordering: .sequentiallyConsistent)
        return true
    }

    /// searching → sleeping. The caller must look at all queues afterwards, and then `sleep()`, `cancelSleep()` or
    /// `endRun()`.
    ///
    /// - Returns: the counts, with the caller among the sleeping.
    func announceSleep() -> Counts {
        interleavingPoint(.write, countsIdentity)
        let word = counts.wrappingAdd(Self.oneSleeping &- Self.oneSearching, ordering: .sequentiallyConsistent).newValue
        atomicMemoryFence(ordering: .sequentiallyConsistent)
        return Counts(word)
    }

    /// sleeping → searching without having slept. If wakers have already taken every sleeper from the count, one of them
    /// meant the caller: its token is on the way, and is waited for.
    func cancelSleep() {
        interleavingPoint(.read, countsIdentity)
        var seen = Counts(counts.load(ordering: .relaxed))
        while seen.sleeping > 0 {
            if wake(1, from: &seen) { return }
        }
        sleep()
    }

    /// Sleeps until there is a token, and takes it. The waker has already counted the caller as searching.
    func sleep() {
        while true {
            interleavingPoint(.read, tokensIdentity)
            var available = tokens.load(ordering: .relaxed)
            while available > 0 {
                interleavingPoint(.write, tokensIdentity)
                let step = tokens.weakCompareExchange(
                    expected: available, desired: available - 1, successOrdering: .acquiring,
                    failureOrdering: .relaxed)
                if step.exchanged { return }
                available = step.original
            }
            Futex.waitWhileZero(tokensAddress) { tokens.load(ordering: .relaxed) == 0 }
        }
    }

    // MARK: The end

    /// The end of a run, in one step: takes all sleepers from the count if nobody left it since `announced`. From then on
    /// `notify()` finds nobody to wake, so that no worker takes up what comes too late.
    ///
    /// The caller, one of the sleepers, then publishes that the run is over and calls `releaseAll(_:)`.
    ///
    /// - Returns: false if somebody left: that worker will announce its sleep again, and ask the same question.
    func endRun(_ announced: Counts) -> Bool {
        interleavingPoint(.write, countsIdentity)
        // Not a weak exchange: after a failure for no reason all would sleep, and nobody would ask again.
        return counts.compareExchange(
            expected: announced.word, desired: Self.afterWaking(UInt64(announced.sleeping), in: announced),
            ordering: .sequentiallyConsistent
        ).exchanged
    }

    /// Lets everybody go whom `endRun(_:)` took from the count, the caller included: it must still `sleep()`.
    func releaseAll(_ announced: Counts) { putTokens(UInt32(announced.sleeping)) }

    // MARK: Addresses

    /// The futex word. Sound: an atomic never moves, and the kernel compares the word itself.
    private var tokensAddress: UnsafeRawPointer { withUnsafePointer(to: tokens) { UnsafeRawPointer($0) } }

    /// Name the words in tests.
    private var tokensIdentity: UInt { UInt(bitPattern: tokensAddress) }
    private var countsIdentity: UInt { withUnsafePointer(to: counts) { UInt(bitPattern: $0) } }
}
