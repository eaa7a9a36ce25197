// Fork and join: another worker may take the second half while this one runs the first.
//
//   push the second half ─▶ run the first ─▶ take the second back ─▶ run it             no thief: no atomic exchange
//                                               │ a thief has it
//                                               ▼
//                                           help: run forks, own ones first ─▶ sleep, until it is done or a worker forks
//
// A waiting worker runs only forks: a mailbox or a step of a task would run in the middle of the message that waits.
// README.md has the argument that there is no deadlock.

import CLinux
import Synchronization

/// A worker's state about its forks. Relaxed unless noted: the owner's own values, or hints.
struct ForkState: ~Copyable, Sendable {
    /// 0: the worker is in no fork. Else bit 0, and the task in which the outermost fork began, if any: it waits, so it
    /// is alive. Written by the owner; thieves check that it is not 0.
    private let origin = Atomic<UInt>(0)
    /// Whether the worker is in `withWorkerLocal`. Owner only.
    private let isLocalInUse = Atomic<Bool>(false)
    /// 0: the owner sleeps, or is about to, until its job is done or a worker forks. The futex word. Written by the
    /// owner, which sets it to 0, and by the waker (release), read by the owner (acquire).
    private let bell = SteppedAtomic<UInt32>(1)

    var isForking: Bool { origin.load(ordering: .relaxed) != 0 }

    /// Sets it, and returns the previous value.
    @inline(__always)
    func exchangeOrigin(_ new: UInt) -> UInt {
        let old = origin.load(ordering: .relaxed)
        origin.store(new, ordering: .relaxed)
        return old
    }

    @inline(__always)
    var currentOrigin: UInt { origin.load(ordering: .relaxed) }

    func setLocalInUse(_ new: Bool) -> Bool {
        let old = isLocalInUse.load(ordering: .relaxed)
        isLocalInUse.store(new, ordering: .relaxed)
        return old
    }

    @inline(__always)
    var mayFork: Bool { !isLocalInUse.load(ordering: .relaxed) }

    // MARK: The bell

    func mute() {
        bell.store(0, ordering: .relaxed)
    }

    func unmute() {
        bell.store(1, ordering: .relaxed)
    }

    /// Sleeps until the bell has been rung since `mute()`.
    func sleep() {
        while true {
            if bell.load(ordering: .acquiring) != 0 { return }
            bell.waitWhileZero()
        }
    }

    /// - Returns: false if the owner does not sleep.
    @discardableResult
    func ring() -> Bool {
        guard bell.exchange(1, ordering: .releasing) == 0 else { return false }
        bell.wake(1)
        return true
    }

}

extension Worker {
    /// Runs both. Another worker may take `second`, and run it meanwhile.
    ///
    /// - Parameter first: returns whether `second` is still wanted.
    func fork(_ first: () -> Bool, _ second: () -> Void) {
        require(
            forks.mayFork, "a fork was made in `withWorkerLocal`: while it waits, its worker would use the value again")
        let outer = forks.currentOrigin
        let origin = outer != 0 ? outer : beginForking()
        withUnsafeTemporaryAllocation(of: StackJob.self, capacity: 1) { memory in
            let job = memory.baseAddress.unsafelyUnwrapped
            job.initialize(to: StackJob(second, of: Unmanaged.passUnretained(self), origin: origin))
            offer(.fork(job), isOutermost: outer == 0)
            let isWanted = first()
            if deque.takeBack(.fork(job)) {
                if isWanted { second() }
            } else {
                join(job)
            }
            job.deinitialize(count: 1)
        }
        if outer == 0 { _ = forks.exchangeOrigin(0) }
    }

    private func beginForking() -> UInt {
        let origin = UInt(bitPattern: clinux_current_task()) | 1
        _ = forks.exchangeOrigin(origin)
        return origin
    }

    /// Queues a job for an idle worker. The outermost job wakes a worker even if it is alone in the deque: the forking
    /// worker comes back for it only after the first half, which may take as long as everything forked before.
    @inline(__always)
    private func offer(_ job: Runnable, isOutermost: Bool) {
        let length = deque.push(job)
        schedulerReference._withUnsafeGuaranteedRef { scheduler in
            if scheduler.idle.notify(mayWait: length == 1 && !isOutermost) { counters.wakes.add() }
            // Ordered by the fence in `notify`: pairs with that in `sleepInJoin`.
            if scheduler.joiners.number > 0 { scheduler.wakeJoiner() }
        }
    }

    /// Runs a job that was taken from a queue, in the middle of the work that waits on this worker.
    func run(_ job: UnsafePointer<StackJob>) {
        let owner = job.pointee.owner
        let outer = forks.exchangeOrigin(job.pointee.origin)
        let mailbox = runningMailbox
        // A fork does not belong to the actor whose message waits on this worker.
        if mailbox != nil { runningMailbox = nil }
        job.pointee.run()
        if mailbox != nil { runningMailbox = mailbox }
        _ = forks.exchangeOrigin(outer)
        if job.pointee.finish() { owner._withUnsafeGuaranteedRef { _ = $0.forks.ring() } }
    }

    /// Waits for a job that another worker has, and runs others meanwhile.
    @inline(never)
    private func join(_ job: UnsafePointer<StackJob>) {
        var rounds = 0
        while !job.pointee.isDone {
            let (found, sawBusyVictim) = findFork(reach: Deque.shortReach)
            if let found {
                run(found)
                rounds = 0
            } else if rounds < searchRounds || sawBusyVictim {
                rounds += 1
                interleavingSpin()
                clinux_pause()
            } else {
                sleepInJoin(for: job)
                rounds = 0
            }
        }
    }

    private func findFork(reach: Int) -> (UnsafePointer<StackJob>?, sawBusyVictim: Bool) {
        if let own = deque.popFork(reach: reach) { return (own.asFork, false) }
        let workers = scheduler.workers
        let started = scheduler.startedWorkers
        let start = Int(truncatingIfNeeded: nextRandom() % UInt64(started))
        var sawBusyVictim = false
        for offset in 0..<started {
            let victim = workers[(start + offset) % started]
            if victim === self { continue }
            let (fork, isBusy) = victim.deque.stealFork(reach: reach)
            if let fork { return (fork.asFork, false) }
            if isBusy { sawBusyVictim = true }
        }
        return (nil, sawBusyVictim)
    }

    private func sleepInJoin(for job: UnsafePointer<StackJob>) {
        forks.mute()
        scheduler.joiners.arrive()
        defer {
            scheduler.joiners.leave()
            forks.unmute()
        }
        // A worker that forks from here on sees this one; earlier forks are seen now. Perhaps no other worker ever runs
        // the own jobs.
        let (found, sawBusyVictim) = findFork(reach: .max)
        if let found { return run(found) }
        guard !sawBusyVictim, job.pointee.askForBell() else { return }
        forks.sleep()
    }
}

/// The number of workers that sleep in a join.
struct Joiners: ~Copyable, Sendable {
    /// Written by those that sleep (sequentially consistent), read by forking workers (relaxed, after a light fence).
    private let sleeping = SteppedAtomic<Int>(0)
    private let fence = AsymmetricFence()

    @inline(__always)
    var number: Int {
        return sleeping.load(ordering: .relaxed)
    }

    /// Call it before the last look at the queues.
    func arrive() {
        sleeping.add(1, ordering: .sequentiallyConsistent)
        fence.heavy()
    }

    func leave() {
        sleeping.subtract(1, ordering: .sequentiallyConsistent)
    }

}

extension Scheduler {
    /// Wakes one worker that sleeps in a join, if there still is one.
    @inline(never)
    func wakeJoiner() {
        for index in 0..<startedWorkers where workers[index].forks.ring() { return }
    }
}
