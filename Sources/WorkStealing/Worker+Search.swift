// Where a worker gets its runnables: its own deque, the shared queues, other workers' deques; and what it does if all
// are empty.

import CLinux
import Synchronization

extension Worker {
    /// Runnables moved from a victim or from the injector in one visit: bounds how long a lock is held.
    static let batchLimit = 4096
    /// How often a worker looks at the injector although its own deque is not empty, in turns (a prime, as in Go).
    private static let injectorInterval: UInt32 = 61
    /// How often a worker takes the oldest of its own deque instead of the newest, in turns (a prime). Otherwise two
    /// actors that answer each other forever, or a task that yields in a loop, would keep a single worker from
    /// everything else. Rare, because each time opens another subtree: the memory of a depth-first walk grows by one
    /// more path.
    private static let fairnessInterval: UInt32 = 1021
    /// How often a worker steals although it has work of its own, in turns (a prime), if workers can be blocked or
    /// rest: the work in their deques must not wait until some worker runs out of work, which may never happen.
    private static let rescueInterval: UInt32 = 509
    /// How often urgent work has to wait, in turns, so that other work continues even if urgent messages never end.
    private static let normalInterval: UInt32 = 8

    /// The next runnable, or nil when the run is over, or with a membership left.
    func next() -> Runnable? {
        ticks &+= 1
        begun.store(ticks, ordering: .relaxed)
        if schedulerReference._withUnsafeGuaranteedRef({ $0.hasSurplus }) {
            // A resting worker releases nothing, so a run could end in spite of tasks that have inherited its
            // membership.
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

    /// Queues at the own end; wakes a sleeper if no worker searches.
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

    /// Queues behind everything else in the own deque.
    func pushOldest(_ runnable: Runnable) { wakeOne(mayWait: deque.pushOldest(runnable) == 1) }

    private func noteLength(_ length: Int) {
        counters.longestQueue.raise(to: length)
    }

    /// - Parameter mayWait: the runnable is alone in the own deque, so this worker will most likely take it next.
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

    /// Puts all except the newest of `loot` into the own deque.
    ///
    /// Other workers cannot see the runnables on their way from one queue to the other, so a worker may go to sleep in
    /// spite of them: hence `notify()`. A worker that searches is exempt (and `notify()` does nothing): it looks at the
    /// queues when its search ends.
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

    /// Searches for work elsewhere until there is some, parking in between; nil when the run is over, or with a
    /// membership left.
    func search() -> Runnable? {
        scheduler.idle.searchBegan()
        return searchOn()
    }

    /// Like `search()`, for a worker that already counts as searching.
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
        // Work in the deque of a worker that does not return from its message must get its turn as well.
        if ticks % Self.normalInterval == 0, case (let runnable?, _) = steal(remembering: true) { return runnable }
        var round = 0
        while round < searchRounds {
            // The own deque too: with the random policy others push into it.
            if let runnable = takeUrgent() ?? takeOwn() ?? takeInjected() { return runnable }
            let (runnable, sawBusyVictim) = steal(remembering: false)
            if let runnable { return runnable }
            // A busy victim has work: giving up now could leave it to its owner alone.
            if sawBusyVictim { interleavingSpin() } else { round += 1 }
            clinux_pause()
        }
        return nil
    }

    /// Visits the others, starting at a random one, until one has work to spare: see `isNeglected(_:remembering:)`.
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

    /// Whether work is queued that no worker is about to take.
    private func seesNeglectedWork() -> Bool {
        let scheduler = scheduler
        if scheduler.injector.count > 0 || scheduler.urgent.count > 0 { return true }
        return (0..<scheduler.startedWorkers).contains { isNeglected(scheduler.workers[$0], remembering: true) }
    }

    /// Whether the deque of `victim` has more than the runnable that it will take next: two runnables, or one, with no
    /// new turn since the caller last looked and remembered. Taking the only one from a worker with short messages
    /// makes both workers search and be woken in turn, and neither is faster for it.
    ///
    /// - Parameter remembering: false for looks in quick succession, which prove nothing: the rounds of a search.
    private func isNeglected(_ victim: Worker, remembering: Bool) -> Bool {
        let count = victim.deque.count
        guard count > 0 else { return false }
        // A forking worker runs the first half before it comes back for the other, however long that takes.
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
