// The monitor: keeps N workers running when some are blocked in the kernel, or in a message that does not end.
//
//                              rest(): N run, and have for a while
//              active ───────────────────────────────────────────▶ resting (in reserve)
//    works, searches, sleeps ◀───────────────────────────────────
//                              admit(): work is queued, everybody works, fewer than N run
//
// "Runs" means: uses a processor or waits for one. Workers do not say when they block: a system call that finds
// everything in the cache must not pay for one that does not. So the monitor looks, from a thread of its own:
//
//   what a look finds                                              what follows
//   ─────────────────────────────────────────────────────────────  ──────────────────────────────────────────────────
//   all workers together use N processors                          look half as often; after 8 such looks, if
//                                                                  more than 4 N run, or more than N processors are
//                                                                  used: half of these rest
//   less; but somebody idles, or nothing is queued                 look half as often
//   less; but N wait for a processor that other programs use       as if they used N, but eight times as patient
//   less, and fewer than N run                                     half as many workers again, and look again soon
//   nobody has begun anything for long, though work is queued      one more worker, and more patience next time
//
// Growing is fast and resting is slow and late on purpose: a worker too few leaves a processor idle, one too many costs
// next to nothing. README.md has the argument that nothing is stranded, and the figures.

import CLinux

/// Lives for one run, on a thread of its own.
///
/// `@unchecked Sendable`: used by its thread, by `Scheduler.run()` only before that was started and after it was joined.
final class Monitor: @unchecked Sendable {
    private let schedulerReference: Unmanaged<Scheduler>
    /// Of the workers that `release` created.
    private(set) var threads: [pthread_t] = []

    /// Between two looks, in nanoseconds: when workers are blocked, and when all is well. A look wakes a thread, about 10 µs
    /// of a processor.
    private static let shortest = 250_000
    private static let longest = 4_000_000
    /// Looks that found N running, without one that did not, before some rest: where the workers used N processors
    /// (32 ms), and where other programs kept them from it (256 ms: then only more threads give them their share).
    private static let looksAtFull = 8
    private static let looksInDoubt = 64
    /// So many times N may run before some are sent to rest. A surplus of threads that run costs nothing measurable up to
    /// here, and one too few costs much.
    static let tolerance = 4
    /// For how long nobody may begin anything, in nanoseconds, the first time and at most.
    private static let firstPatience: Int64 = 10_000_000
    private static let longestPatience: Int64 = 640_000_000
    /// How many threads' states are read in one look, 7 µs each; more than that are estimated.
    private static let sampleSize = 8

    /// What is known of one worker's thread.
    private struct Sample {
        /// Its processor time at the last look; nil: not read yet.
        var time: Int64?
        /// Its number of runnables then, and its processor time when that was new.
        var heartbeat: UInt32 = 0
        var timeOfHeartbeat: Int64 = 0
    }

    /// What the workers use when nothing is missing: most of N processors, or of all that there are.
    private let fullUse: Double
    private var samples: [Sample]
    private var delegates = DelegateClocks()
    private var lastLook = Monitor.now
    private var interval = Monitor.shortest
    /// Looks that found N running, since the last that did not: how many, by weight too, and what they saw.
    private var looks = 0
    private var weightOfLooks = 0
    private var sumOfProcessors = 0.0
    private var sumOfRunning = 0
    /// When somebody last began something, idled, or had nothing queued.
    private var lastProgress = Monitor.now
    private var patience = Monitor.firstPatience
    private var nextSample = 0
    /// No more threads can be had from the system in this run.
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
            // Who sleeps has no work, so that nothing is missing; only a surplus may have to be sent to rest.
            let limit = counts.active > scheduler.threads ? counts.active : 1
            if scheduler.idle.waitWhileSleeping(atLeast: limit) {
                _ = measure()
                interval = Self.shortest
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

    /// What the workers did since the last look: processors used on average, whether anybody has begun a runnable, and how
    /// many have computed for long on one.
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

    /// How many workers run, counted as far as `limit`. Exact for few workers, an estimate for many.
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

    /// Whether the worker's thread, or the process that computes for it, uses a processor or waits for one. Where /proc
    /// does not tell, it counts as blocked: the processor time had told that somebody is.
    private func runs(_ index: Int) -> Bool {
        let worker = scheduler.workers[index]
        let thread = worker.threadID
        let delegate = worker.delegate
        let running = Int32(UInt8(ascii: "R"))
        // It is about to.
        if thread == 0 || clinux_thread_state(thread) == running { return true }
        // Question and answer pass between looks at the two: hence one more at the worker.
        if delegate != 0, clinux_process_state(delegate) == running || clinux_thread_state(thread) == running {
            return true
        }
        // Who has begun or ended to wait meanwhile has run.
        return worker.delegate != delegate
    }

    // MARK: Too few run

    private func release(_ amount: Int, _ counts: Idle.Counts) {
        let scheduler = scheduler
        // No less than what rests in truth: only this thread releases.
        var resting = scheduler.startedWorkers - counts.active
        while resting < amount, startSpare() { resting += 1 }
        let released = min(amount, resting)
        guard released > 0, scheduler.idle.admit(released) else { return }
        scheduler.idle.letIn(released)
        scheduler.counters.sparesReleased.add(released)
        scheduler.counters.mostThreads.raise(to: scheduler.idle.now.active)
    }

    /// A worker whose thread did not exist yet: it begins in reserve, so that nothing has to be taken back if the
    /// system refuses.
    private func startSpare() -> Bool {
        guard !isExhausted, let thread = scheduler.startSpare() else {
            isExhausted = true
            return false
        }
        threads.append(thread)
        return true
    }

    // MARK: Enough run

    /// Lets some rest, at the end of their turns, if this has been so for a while. One stays whose message ends, however
    /// many are in messages that do not.
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
        // Where there are more processors than N, a surplus uses them.
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
