// The monitor: keeps N workers running when some are blocked in the kernel, or in an endless message.
//
//                              rest(): N run, and have for a while
//              active ───────────────────────────────────────────▶ resting (in reserve)
//    works, searches, sleeps ◀───────────────────────────────────
//                              admit(): work is queued, everybody works, fewer than N run
//
// "Runs" means: uses a processor or waits for one. Workers do not report when they block, because a system call that
// finds everything in the cache should not pay for one that does not. So the monitor looks, from a thread of its own:
//
//   what a look finds                                              what follows
//   ─────────────────────────────────────────────────────────────  ──────────────────────────────────────────────────
//   all workers together use N processors                          look half as often; after 8 such looks, if
//                                                                  more than 4 N run, or more than N processors are
//                                                                  used: half of these rest
//   less; but a worker idles, or nothing is queued                 look half as often
//   less; but N wait for a processor that other programs use       as if they used N, but eight times as patient
//   less, and fewer than N run                                     half as many workers again, and look again soon
//   no worker has begun anything for long, though work is queued   one more worker, and more patience next time
//
// Growing is fast and resting is slow on purpose: a missing worker leaves a processor idle, a surplus one costs next to
// nothing. README.md has the argument that nothing is stranded, and the figures.

import CLinux

/// Lives for one run, on a thread of its own.
///
/// `@unchecked Sendable`: used by its own thread, and by `Scheduler.run()` only before that thread starts and after it
/// is joined.
final class Monitor: @unchecked Sendable {
    private let schedulerReference: Unmanaged<Scheduler>
    /// Of the workers that `release` created.
    private(set) var threads: [pthread_t] = []

    /// The interval between two looks, in nanoseconds: when workers are blocked, and when all is well. A look wakes a
    /// thread, which takes about 10 µs of processor time.
    private static let shortest = 250_000
    private static let longest = 4_000_000
    /// Consecutive looks that find N running before some workers rest: when the workers use N processors (32 ms), and
    /// when other programs keep them from it (256 ms: only more threads give them their share then).
    private static let looksAtFull = 8
    private static let looksInDoubt = 64
    /// Up to this multiple of N may run before some workers rest. A surplus of running threads has no measurable cost
    /// up to here, and a missing one costs much.
    static let tolerance = 4
    /// For how long no worker may begin anything, in nanoseconds, the first time and at most.
    private static let firstPatience: Int64 = 10_000_000
    private static let longestPatience: Int64 = 640_000_000
    /// How many thread states one look reads, 7 µs each; more are estimated.
    private static let sampleSize = 8

    /// The last reading of one worker's thread.
    private struct Sample {
        /// Its processor time at the last look; nil: not read yet.
        var time: Int64?
        /// The value of its heartbeat then, and its processor time when that value was new.
        var heartbeat: UInt32 = 0
        var timeOfHeartbeat: Int64 = 0
    }

    /// The processors in use when no worker is missing: most of N, or of all that there are.
    private let fullUse: Double
    private var samples: [Sample]
    private var delegates = DelegateClocks()
    private var lastLook = Monitor.now
    private var interval = Monitor.shortest
    /// Looks that found N running, since the last that did not: their number, also weighted, and their sums.
    private var looks = 0
    private var weightOfLooks = 0
    private var sumOfProcessors = 0.0
    private var sumOfRunning = 0
    /// When a worker last began something or idled, or nothing was queued.
    private var lastProgress = Monitor.now
    private var patience = Monitor.firstPatience
    private var nextSample = 0
    /// The system refuses more threads in this run.
    private var isExhausted = false

    init(of scheduler: Scheduler) {
        schedulerReference = .passUnretained(scheduler)
        fullUse = 0.875 * Double(min(scheduler.threads, max(Int(clinux_affinity_count()), 1)))
        samples = Array(repeating: Sample(), count: scheduler.workers.count)
    }

    private var scheduler: Scheduler { schedulerReference.takeUnretainedValue() }

    func run() {
        let scheduler = scheduler
        while true {
            let counts = scheduler.idle.now
            // While workers sleep for lack of work, none is missing; only a surplus may have to rest.
            let limit = counts.active > scheduler.threads ? counts.active : 1
            let before = lastLook
            if scheduler.idle.waitWhileSleeping(atLeast: limit) {
                _ = measure()
                // Not after a short sleep: where workers come and go all the time (requests of a network), each would
                // cost a look.
                if lastLook - before > Self.longest { interval = Self.shortest }
                lastProgress = lastLook
            }
            scheduler.idle.pause(nanoseconds: interval)
            guard scheduler.idle.now.active > 0 else { return }
            look()
        }
    }

    // MARK: One look

    private func look() {
        let scheduler = scheduler
        scheduler.counters.monitorLooks.add()
        let found = measure()
        let counts = scheduler.idle.now
        let queued = scheduler.visibleWork
        let lacksWork = counts.sleeping > 0 || counts.searching > 0 || queued == 0
        if found.hasBegun || lacksWork { lastProgress = lastLook }
        interval = min(interval * 2, Self.longest)

        if found.processors >= fullUse {
            enoughRun(found, counts, weight: Self.looksInDoubt / Self.looksAtFull)
        } else if !lacksWork {
            let missing = scheduler.threads - running(upTo: scheduler.threads)
            if missing > 0 {
                forgetLooks()
                scheduler.setSurplus(0)
                if counts.active < scheduler.workers.count {
                    release(min(max(missing, counts.active / 2), queued), counts)
                    interval = Self.shortest
                }
            } else {
                enoughRun(found, counts, weight: 1)
            }
        }
        if lastLook - lastProgress >= patience {
            scheduler.counters.rescues.add()
            release(1, scheduler.idle.now)
            lastProgress = lastLook
            patience = min(patience * 2, Self.longestPatience)
        }
    }

    /// The workers' activity since the last look: processors used on average, whether any has begun a runnable, and the
    /// number that have computed on one for long.
    private func measure() -> (processors: Double, hasBegun: Bool, stuck: Int) {
        let scheduler = scheduler
        let look = Self.now
        let elapsed = max(look - lastLook, 1)
        lastLook = look
        var (sum, hasBegun, stuck): (Int64, Bool, Int) = (0, false, 0)
        for index in 0..<scheduler.startedWorkers {
            let worker = scheduler.workers[index]
            let thread = worker.threadID
            // 0 would be the monitor's own clock.
            guard thread != 0, case let time = clinux_thread_time(thread), time >= 0 else { continue }
            sum += time - (samples[index].time ?? time)
            if case let delegate = worker.delegate, delegate != 0 { delegates.note(delegate, at: look) }
            samples[index].time = time
            let heartbeat = worker.heartbeat
            if heartbeat != samples[index].heartbeat {
                hasBegun = true
                samples[index].heartbeat = heartbeat
                samples[index].timeOfHeartbeat = time
            } else if time - samples[index].timeOfHeartbeat >= Self.firstPatience {
                stuck += 1
            }
        }
        sum += delegates.timeUsed(at: look)
        return (Double(sum) / Double(elapsed), hasBegun, stuck)
    }

    /// How many workers run, counted up to `limit`. Exact for few workers, an estimate for many.
    private func running(upTo limit: Int) -> Int {
        let scheduler = scheduler
        let started = scheduler.startedWorkers
        let sampled = min(max(Self.sampleSize, scheduler.threads), started)
        var found = 0
        for _ in 0..<sampled {
            nextSample = (nextSample + 1) % started
            if runs(nextSample) { found += 1 }
            if found * started / sampled >= limit { return limit }
        }
        return found * started / sampled
    }

    /// Whether the worker's thread, or the process that computes for it, uses a processor or waits for one. If /proc
    /// does not tell, it counts as blocked: the processor time has shown that some worker is.
    private func runs(_ index: Int) -> Bool {
        let worker = scheduler.workers[index]
        let thread = worker.threadID
        let delegate = worker.delegate
        let running = Int32(UInt8(ascii: "R"))
        // It is about to.
        if thread == 0 || clinux_thread_state(thread) == running { return true }
        // Question and answer may pass between the looks at the two, so look at the worker once more.
        if delegate != 0, clinux_process_state(delegate) == running || clinux_thread_state(thread) == running {
            return true
        }
        // A worker whose wait began or ended in the meantime has run.
        return worker.delegate != delegate
    }

    // MARK: Too few run

    private func release(_ amount: Int, _ counts: Idle.Counts) {
        let scheduler = scheduler
        // At least the real number of resting workers: only this thread releases them.
        var resting = scheduler.startedWorkers - counts.active
        while resting < amount, startSpare() { resting += 1 }
        let released = min(amount, resting)
        guard released > 0, scheduler.idle.admit(released) else { return }
        scheduler.idle.letIn(released)
        scheduler.counters.sparesReleased.add(released)
        scheduler.counters.mostThreads.raise(to: scheduler.idle.now.active)
    }

    /// Starts a thread for a worker without one. It begins in reserve, so nothing has to be undone if the system
    /// refuses.
    private func startSpare() -> Bool {
        guard !isExhausted, let thread = scheduler.startSpare() else {
            isExhausted = true
            return false
        }
        threads.append(thread)
        return true
    }

    // MARK: Enough run

    /// Sends some workers to rest at the end of their turns, if enough have run for a while. A worker whose message
    /// ends stays, however many are in endless messages.
    private func enoughRun(
        _ found: (processors: Double, hasBegun: Bool, stuck: Int), _ counts: Idle.Counts, weight: Int
    ) {
        let scheduler = scheduler
        let tolerated = Self.tolerance * scheduler.threads
        let surplus = counts.active - max(scheduler.threads, found.stuck + 1)
        guard surplus > 0 else { return forgetLooks() }
        looks += 1
        weightOfLooks += weight
        sumOfProcessors += found.processors
        if counts.active > tolerated { sumOfRunning += running(upTo: .max) }
        guard weightOfLooks >= Self.looksInDoubt else { return }
        // If there are more processors than N, a surplus uses them.
        let excess = Int((sumOfProcessors / Double(looks)).rounded()) - scheduler.threads
        let crowd = (sumOfRunning / looks - tolerated + 1) / 2
        forgetLooks()
        scheduler.setSurplus(max(0, min(surplus, max(excess, crowd))))
    }

    private func forgetLooks() {
        (looks, weightOfLooks, sumOfProcessors, sumOfRunning) = (0, 0, 0, 0)
    }

    private static var now: Int64 {
        let time = clinux_now(CLOCK_MONOTONIC)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
}
