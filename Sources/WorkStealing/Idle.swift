// Which workers sleep, which search for work, and which of them a push has to wake.
//
//              found work                    nothing found
//   working ◀───────────── searching ─────────────────────────▶ sleeping
//      │    own deque empty    ▲  ▲        announceSleep()          │
//      └───────────────────────┘  └─────────────────────────────────┘
//                                   notify(): the waker moves the counts, the sleeper takes a token
//
// `counts` holds the numbers of searching and of sleeping workers in one word, so each step is one atomic operation. It
// also counts departures, that is, how often a sleeper was taken out: a worker that sees the same word twice knows that
// no worker was awake in between. Sleepers are anonymous: a waker takes *a* sleeper from the count and adds a token to
// `tokens`, and whichever sleeper finds it continues. All sleep on the one futex word `tokens`.
//
// No wake-up is lost, because between "publish" and "look" there is a fence on both sides (AsymmetricFence.swift):
//
//      pusher                                  sleeper
//      publishes the work                      announces itself in `counts`
//      light fence                             heavy fence
//      looks at `counts`                       looks at all the queues
//
// At least one of the two sees the other. A pusher that sees a searcher may leave: the searcher will either see the
// work, or find other work and look again when it stops searching: `searchEnded` wakes the next worker. README.md has
// the proof; Tests/WorkStealingTests explore the interleavings of this very code in a small world.
//
// One of the sleepers is the *sentry*: for its first millisecond it looks at the queues now and then without leaving
// the count. While there is a sentry, a push to an empty deque wakes nobody, because the owner will most likely take
// that runnable itself. Otherwise two actors that answer each other would pay for a wake-up with each message.
//
// The same word has the number of *active* workers, those not resting in reserve (Monitor.swift). A run is over when
// all active workers sleep. Because it is one word, no worker joins or leaves between the check and the end.

import CLinux
import Synchronization

struct Idle: ~Copyable, Sendable {
    /// Bits 0 to 13: sleeping; 14 to 27: searching; 28 to 41: active; 42 to 63: departures, that is, steps that took
    /// sleepers out (modulo 2²²). Every step is sequentially consistent.
    let counts = SteppedAtomic<UInt64>(0)
    /// How many sleepers may continue. The futex word. Written by wakers (release) and by the sleepers that take a
    /// token (acquire).
    private let tokens = SteppedAtomic<UInt32>(0)

    /// Pushers use the light side.
    private let fence = AsymmetricFence()

    /// Whether there is a sentry. Set and cleared by that sleeper, read by pushers (all sequentially consistent).
    private let sentry = SteppedAtomic<Bool>(false)

    /// How many resting workers may continue, or `doorIsOpen`. The futex word on which they rest. Written by the
    /// monitor and by the worker that ends the run (release), and by those that continue (acquire).
    let door = SteppedAtomic<UInt32>(0)
    static let doorIsOpen = UInt32.max

    /// Whether there is an `alarm` to check.
    let hasMonitor: Bool
    /// The monitor wants to be woken when fewer workers than this sleep. Set by the monitor, which then reads `counts`;
    /// taken by wakers, which changed `counts` before: one of the two sees the other (all sequentially consistent).
    let alarm = SteppedAtomic<UInt32>(0)
    /// The monitor's futex word: 1 once it was woken, cleared by the monitor. Written by wakers (release) and by the
    /// monitor (acquire).
    let bell = SteppedAtomic<UInt32>(0)

    /// Sleepers look for a token every millisecond instead of being woken: see `SchedulingPolicy`.
    private let polls: Bool

    init(hasMonitor: Bool = false, polls: Bool = false) {
        self.hasMonitor = hasMonitor
        self.polls = polls
    }

    /// The largest number of workers that fits into the counts.
    static let maximumWorkers = (1 << 14) - 1

    private static let oneSleeping: UInt64 = 1
    static let oneSearching: UInt64 = 1 << 14
    static let oneActive: UInt64 = 1 << 28
    static let oneDeparture: UInt64 = 1 << 42

    /// The parts of the word.
    struct Counts: Equatable {
        let word: UInt64
        init(_ word: UInt64) { self.word = word }

        var sleeping: Int { Int(word & (Idle.oneSearching - 1)) }
        var searching: Int { Int((word & (Idle.oneActive - 1)) / Idle.oneSearching) }
        /// 0 before a run, and from its end on.
        var active: Int { Int((word & (Idle.oneDeparture - 1)) / Idle.oneActive) }
    }

    /// For the monitor and tests: steps that depend on it use the result of `announceSleep()`.
    var now: Counts { Counts(counts.plain.load(ordering: .sequentiallyConsistent)) }
    var unclaimedTokens: Int { Int(tokens.plain.load(ordering: .sequentiallyConsistent)) }

    // MARK: Pushers

    /// Call it after work was published: wakes a sleeper, unless a worker is searching or nobody sleeps.
    ///
    /// - Parameter mayWait: the runnable may be left to a sentry, which will look at the queues soon. Only for workers:
    ///   while they are awake the run does not end.
    /// - Returns: true if it woke a worker.
    @discardableResult
    func notify(mayWait: Bool = false) -> Bool {
        fence.light()
        var seen = Counts(counts.load(ordering: .relaxed))
        while seen.sleeping > 0, seen.searching == 0 {
            if mayWait {
                if sentry.load(ordering: .sequentiallyConsistent) { return false }
            }
            let left = seen.sleeping - 1
            if wake(1, from: &seen) {
                // Before the token: the token may end the run, and then a caller from outside the pool may find the
                // scheduler gone.
                ringIfAsked(sleeping: left)
                putTokens(1)
                return true
            }
        }
        return false
    }

    /// Moves `amount` sleepers to the searchers if the counts are unchanged. The step may fail spuriously; `seen` is up
    /// to date then.
    private func wake(_ amount: UInt64, from seen: inout Counts) -> Bool {
        let step = counts.weakCompareExchange(
            expected: seen.word, desired: Self.afterWaking(amount, in: seen), ordering: .sequentiallyConsistent)
        seen = Counts(step.original)
        return step.exchanged
    }

    private static func afterWaking(_ amount: UInt64, in seen: Counts) -> UInt64 {
        seen.word &+ amount &* (oneSearching &- oneSleeping) &+ oneDeparture
    }

    private func putTokens(_ amount: UInt32) {
        tokens.wrappingAdd(amount, ordering: .releasing)
        if !polls { tokens.wake(Int(amount)) }
    }

    // MARK: Workers

    func searchBegan() {
        counts.wrappingAdd(Self.oneSearching, ordering: .sequentiallyConsistent)
    }

    /// Leaves the searching state with work in hand.
    ///
    /// - Returns: true if no worker searches now while some sleep. Pushes that relied on this worker woke nobody, so
    ///   the caller must look at the queues, and call `notify()` if there is more work. If nobody sleeps, the next
    ///   worker to announce its sleep looks at them.
    func searchEnded() -> Bool {
        let word = counts.wrappingSubtract(Self.oneSearching, ordering: .sequentiallyConsistent).newValue
        guard Counts(word).searching == 0, Counts(word).sleeping > 0 else { return false }
        // The caller looks at the queues with relaxed loads: pairs with the fence in `notify()`.
        fence.heavy()
        return true
    }

    /// searching → sleeping. The caller must then look at all queues, and call `sleep()`, `cancelSleep()` or
    /// `endRun()`.
    ///
    /// - Returns: the counts, with the caller among the sleeping.
    func announceSleep() -> Counts {
        let word = counts.wrappingAdd(Self.oneSleeping &- Self.oneSearching, ordering: .sequentiallyConsistent).newValue
        fence.heavy()
        return Counts(word)
    }

    /// sleeping → searching without having slept. If wakers have already taken every sleeper from the count, one of
    /// them meant the caller: its token is on the way, and the caller waits for it.
    func cancelSleep() {
        var seen = Counts(counts.load(ordering: .relaxed))
        while seen.sleeping > 0 {
            let left = seen.sleeping - 1
            if wake(1, from: &seen) { return ringIfAsked(sleeping: left) }
        }
        sleep()
    }

    /// Sleeps until there is a token, and takes it. The waker has already counted the caller as searching.
    ///
    /// - Parameter impatient: what to do, once, after a number of seconds.
    func sleep(impatient: (seconds: Double, complain: () -> Void)? = nil) {
        guard let impatient, !polls else { return sleepOn() }
        #if INTERLEAVING
        // A small world has no clock that shows this time.
        if Conductor.current != nil { return sleepOn() }
        #endif
        let began = clinux_now(CLOCK_MONOTONIC)
        let seconds = min(max(impatient.seconds, 0), Self.longestPatience)
        var limit = timespec(tv_sec: Int(seconds), tv_nsec: Int(seconds.truncatingRemainder(dividingBy: 1) * 1e9))
        while !takeToken() {
            tokens.waitWhileZero(atMost: &limit)
            let now = clinux_now(CLOCK_MONOTONIC)
            let passed = Double(now.tv_sec - began.tv_sec) + Double(now.tv_nsec - began.tv_nsec) / 1e9
            if passed < seconds { continue }
            // The token first: this wake-up may have been the one that belongs to it.
            if takeToken() { return }
            impatient.complain()
            return sleepOn()
        }
    }

    /// In seconds: thirty years. A `Duration` may exceed a `timespec`.
    private static let longestPatience = 1e9

    private func sleepOn() {
        while !takeToken() {
            if polls {
                usleep(1000)
            } else {
                tokens.waitWhileZero()
            }
        }
    }

    /// Makes the caller, which searches, the sentry, unless there is one. Call it before `announceSleep()`: a pusher
    /// that finds a sleeper must also find the sentry, or it wakes the sleeper at once.
    func standSentry() -> Bool {
        return !sentry.exchange(true, ordering: .sequentiallyConsistent)
    }

    func leaveSentry() {
        sentry.store(false, ordering: .sequentiallyConsistent)
    }

    /// Like `sleep()`, but cancels the sleep if there is work.
    ///
    /// - Parameters:
    ///   - sentryLooks: how often the caller looks at the queues before it sleeps without limit; nil if it is not the
    ///     sentry.
    ///   - seesWork: whether any work is queued.
    ///   - seesNeglectedWork: whether work is queued that no worker is about to take.
    ///   - impatient: see `sleep(impatient:)`.
    func sleep(
        sentryLooks: Int?, seesWork: () -> Bool, seesNeglectedWork: () -> Bool,
        impatient: (seconds: Double, complain: () -> Void)? = nil
    ) {
        if let sentryLooks {
            for _ in 0..<sentryLooks {
                if seesNeglectedWork() {
                    leaveSentry()
                    return cancelSleep()
                }
                var time = timespec(tv_sec: 0, tv_nsec: Self.nanosecondsBetweenLooks)
                tokens.waitWhileZero(atMost: &time)
                // The token first: this wake-up may have been meant for it, and no other thread would be woken.
                if takeToken() { return leaveSentry() }
            }
            // Others have left the queues to the sentry, so it must leave that role before it looks.
            leaveSentry()
            fence.heavy()
        } else {
            if sentry.load(ordering: .sequentiallyConsistent) {
                // The sentry will look at the queues after this.
                return seesNeglectedWork() ? cancelSleep() : sleep(impatient: impatient)
            }
        }
        if seesWork() { cancelSleep() } else { sleep(impatient: impatient) }
    }

    /// The time between two looks of a sentry, to which the kernel adds its timer slack (usually another 0.05 ms).
    /// About as long as waking a worker takes.
    private static let nanosecondsBetweenLooks = 50_000

    /// - Returns: false if there is no token.
    private func takeToken() -> Bool {
        var available = tokens.load(ordering: .relaxed)
        while available > 0 {
            let step = tokens.weakCompareExchange(
                expected: available, desired: available - 1, successOrdering: .acquiring, failureOrdering: .relaxed)
            if step.exchanged { return true }
            available = step.original
        }
        return false
    }

    // MARK: The end

    /// Ends a run in one step: takes all sleepers from the count if none has left it since `announced`, and leaves no
    /// worker active. From then on `notify()` finds nobody to wake, so no worker takes late work, and `admit()` admits
    /// nobody.
    ///
    /// The caller, one of the sleepers, then publishes that the run is over and calls `releaseAll(_:)`.
    ///
    /// With `staying` the workers stay active, and the step only proves that nobody was awake. Until `releaseAll(_:)`
    /// all count as searching, and no worker wakes another.
    ///
    /// - Returns: false if a worker left: it will announce its sleep again, and ask the same question.
    func endRun(_ announced: Counts, staying: Bool = false) -> Bool {
        // Not a weak exchange: after a spurious failure all would sleep, and nobody would ask again.
        return counts.compareExchange(
            expected: announced.word,
            desired: Self.afterWaking(UInt64(announced.sleeping), in: announced)
                &- UInt64(staying ? 0 : announced.active) &* Self.oneActive,
            ordering: .sequentiallyConsistent
        ).exchanged
    }

    /// Releases all workers that `endRun(_:)` took from the count, including the caller, which must still `sleep()`.
    func releaseAll(_ announced: Counts) { putTokens(UInt32(announced.sleeping)) }
}
