// Where a worker gets its runnables from: its own deque, the shared queues, other workers' deques; and what it does when there
// are none anywhere.

import CLinux
import Synchronization

extension Worker {
    /// Runnables moved from a victim or from the injector in one visit: bounds how long a lock is held.
    static let batchLimit = 4096
    /// How often the injector is looked at while the own deque is never empty, in turns (a prime, as in Go).
    private static let injectorInterval: UInt32 = 61
    /// How often the oldest of the own deque is taken instead of the newest, in turns (a prime). Without it two actors
    /// that answer each other for ever, or a task that yields in a loop, would keep a single worker from all the rest.
    /// Rare, because each time opens another subtree: the memory of a depth-first walk grows by one more path.
    private static let fairnessInterval: UInt32 = 1021
    /// How often a worker that has work of its own steals nevertheless, in turns (a prime), where workers can be blocked or
    /// rest: what they have in their deques must not wait until somebody runs out of work, which may be never.
    private static let rescueInterval: UInt32 = 509
    /// How often what is urgent has to wait, in turns, so that the rest goes on where urgent messages never end.
    private static let normalInterval: UInt32 = 8

    /// The next thing to do, or nil when the run is over, or with a membership left.
    func next() -> Runnable? {
        ticks &+= 1
        begun.store(ticks, ordering: .relaxed)
        if schedulerReference._withUnsafeGuaranteedRef({ $0.hasSurplus }) {
            // Who rests lets go of nothing, so that a run could end over the tasks that have inherited its membership.
            if leavesMembership() {
                scheduler.idle.searchBegan()
                return nil
            }
            if rests() { return untilReleased() }
        }
        if ticks % Self.normalInterval != 0, let runnable = takeUrgent() { return runnable }
        if ticks % Self.injectorInterval == 0, let runnable = takeInjected() { return runnable }
        if ticks % Self.fairnessInterval == 0, let runnable = deque.popOldest() { return runnable }
        if ticks % Self.rescueInterval == 0, schedulerReference._withUnsafeGuaranteedRef({ $0.hasSpares }),
            case (let runnable?, _) = steal(remembering: true)
        {
            return runnable
        }
        if let runnable = takeOwn() ?? takeInjected() { return runnable }
        return search()
    }

    private func takeOwn() -> Runnable? {
        schedulerReference._withUnsafeGuaranteedRef { $0.policy.takesOldest } ? deque.popOldest() : deque.pop()
    }

    /// Queues at the own end; wakes a sleeper if nobody is looking for work.
    func push(_ runnable: Runnable) {
        if schedulerReference._withUnsafeGuaranteedRef({ $0.policy.postsAtRandom }) {
            let index = Int(truncatingIfNeeded: nextRandom() % UInt64(scheduler.startedWorkers))
            scheduler.workers[index].deque.push(runnable)
            return wakeOne()
        }
        let length = deque.push(runnable)
        noteLength(length)
        wakeOne(mayWait: length == 1)
    }

    /// Queues behind everything else at the own end.
    func pushOldest(_ runnable: Runnable) { wakeOne(mayWait: deque.pushOldest(runnable) == 1) }

    private func noteLength(_ length: Int) {
        counters.longestQueue.raise(to: length)
    }

    /// - Parameter mayWait: the runnable is alone in the own deque, and so most likely the next that this worker takes.
    private func wakeOne(mayWait: Bool = false) {
        if schedulerReference._withUnsafeGuaranteedRef({ $0.idle.notify(mayWait: mayWait) }) { counters.wakes.add() }
    }

    func takeUrgent() -> Runnable? {
        guard schedulerReference._withUnsafeGuaranteedRef({ $0.urgent.count }) > 0 else { return nil }
        // One: the others are free to take the next.
        scheduler.urgent.take(into: &loot, share: 1, limit: 1)
        return keepLoot()
    }

    func takeInjected() -> Runnable? {
        guard schedulerReference._withUnsafeGuaranteedRef({ $0.injector.count }) > 0 else { return nil }
        scheduler.injector.take(into: &loot, share: scheduler.threads, limit: Self.batchLimit)
        return keepLoot()
    }

    /// Puts all but the newest of `loot` into the own deque.
    ///
    /// Nobody sees the runnables on their way from one queue to the other, so that a worker may go to sleep over them:
    /// hence `notify()`. A worker that searches is exempt (and `notify()` does nothing): it looks round when its search
    /// ends.
    private func keepLoot() -> Runnable? {
        guard let mine = loot.popLast() else { return nil }
        if loot.count > 0 {
            noteLength(deque.push(contentsOf: loot))
            loot.removeAll()
            wakeOne()
            if scheduler.joiners.number > 0 { scheduler.wakeJoiner() }
        }
        return mine
    }

    /// Looks for work elsewhere until there is some, parking in between; nil when the run is over, or with a membership left.
    func search() -> Runnable? {
        scheduler.idle.searchBegan()
        return searchOn()
    }

    /// As `search()`, by a worker that counts as searching already.
    func searchOn() -> Runnable? {
        while true {
            if let runnable = findElsewhere() { return searchEnded(with: runnable) }
            if leavesMembership() { return nil }
            if !park() {
                _ = scheduler.idle.searchEnded()
                return nil
            }
        }
    }

    func searchEnded(with runnable: Runnable) -> Runnable {
        if scheduler.idle.searchEnded() {
            let (queued, fromOutside) = (scheduler.visibleWork, scheduler.injector.count + scheduler.urgent.count)
            if queued > 0 { wakeOne(mayWait: queued == 1 && fromOutside == 0) }
        }
        return runnable
    }

    private func findElsewhere() -> Runnable? {
        // What waits in the deque of a worker that does not come back must have its turn as well.
        if ticks % Self.normalInterval == 0, case (let runnable?, _) = steal(remembering: true) { return runnable }
        var round = 0
        while round < searchRounds {
            // The own deque too: others push into it where the policy is to post at random.
            if let runnable = takeUrgent() ?? takeOwn() ?? takeInjected() { return runnable }
            let (runnable, sawBusyVictim) = steal(remembering: false)
            if let runnable { return runnable }
            // A busy victim had something: giving up now could leave it to its owner alone.
            if sawBusyVictim { interleavingSpin() } else { round += 1 }
            clinux_pause()
        }
        return nil
    }

    /// Visits the others from a random one onwards, until one has something to spare: see `isNeglected(_:remembering:)`.
    private func steal(remembering: Bool) -> (Runnable?, sawBusyVictim: Bool) {
        let workers = scheduler.workers
        let started = scheduler.startedWorkers
        var sawBusyVictim = false
        let start = Int(truncatingIfNeeded: nextRandom() % UInt64(started))
        for offset in 0..<started {
            let victim = workers[(start + offset) % started]
            if victim === self { continue }
            counters.stealAttempts.add()
            guard isNeglected(victim, remembering: remembering) else { continue }
            switch victim.deque.stealHalf(into: &loot, limit: Self.batchLimit) {
            case .taken(let amount):
                counters.steals.add()
                counters.stolen.add(amount)
                tracer?.stole(amount, from: victim.index)
                return (keepLoot(), false)
            case .busy: sawBusyVictim = true
            case .nothing: break
            }
        }
        return (nil, sawBusyVictim)
    }

    /// Sleeps until there may be work again.
    ///
    /// - Returns: false when the run is over. The worker counts as searching either way.
    private func park() -> Bool {
        let scheduler = scheduler
        let isSentry = sentryLooks > 0 && scheduler.idle.standSentry()
        let announced = scheduler.idle.announceSleep()
        let isLast = announced.sleeping == announced.active
        let next = isLast && !scheduler.hasVisibleWork && !scheduler.waitsForTasks ? scheduler.atRest : .stay
        if next != .stay, scheduler.idle.endRun(announced, staying: next == .drain) {
            if isSentry { scheduler.idle.leaveSentry() }
            if next == .end { scheduler.finish(announced) } else { scheduler.drain(announced) }
            scheduler.idle.sleep()
        } else {
            counters.parks.add()
            let began = tracer.map { _ in Tracer.Moment() }
            scheduler.idle.sleep(
                sentryLooks: isSentry ? sentryLooks : nil, seesWork: { scheduler.hasVisibleWork },
                seesNeglectedWork: seesNeglectedWork,
                impatient: isLast
                    ? scheduler.standstillWarning.map { ($0 / .seconds(1), { scheduler.complain(announced) }) } : nil)
            if let began { tracer?.sleepEnded("parked", began: began) }
        }
        return !scheduler.isFinished
    }

    /// Whether something is queued that no worker is about to take.
    private func seesNeglectedWork() -> Bool {
        let scheduler = scheduler
        if scheduler.injector.count > 0 || scheduler.urgent.count > 0 { return true }
        return (0..<scheduler.startedWorkers).contains { isNeglected(scheduler.workers[$0], remembering: true) }
    }

    /// Whether `victim` has more in its deque than what it will take next: two runnables, or one, and it has begun nothing since
    /// the caller looked last and remembered. To take the only one from a worker whose messages are short makes both of them search
    /// and be woken in turn, and neither is faster for it.
    ///
    /// - Parameter remembering: false for looks that come too soon after each other to tell: the rounds of a search.
    private func isNeglected(_ victim: Worker, remembering: Bool) -> Bool {
        let count = victim.deque.count
        guard count > 0 else { return false }
        // Who forks does the first half before it comes back for the other, however long that takes.
        if sentryLooks == 0 || victim.forks.isForking { return true }
        if lastBegun.isEmpty { lastBegun = Array(repeating: 0, count: scheduler.workers.count) }
        let begun = victim.heartbeat
        let isStuck = begun == lastBegun[victim.index]
        if remembering { lastBegun[victim.index] = begun }
        return count > 1 || isStuck
    }

    func nextRandom() -> UInt64 {
        random ^= random << 13
        random ^= random >> 7
        random ^= random << 17
        return random
    }
}
