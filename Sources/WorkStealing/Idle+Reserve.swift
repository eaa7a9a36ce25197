// The reserve: workers that rest because enough others run, and the monitor that sends them there and releases them
// (Monitor.swift). README.md has the states and the argument.

import CLinux
import Synchronization

extension Idle {
    // MARK: The reserve

    /// Before the first worker of a run starts.
    func begin(active: Int) {
        door.plain.store(0, ordering: .sequentiallyConsistent)
        counts.plain.wrappingAdd(UInt64(active) &* Self.oneActive, ordering: .sequentiallyConsistent)
    }

    /// `missing` threads could not be created. The caller is an active worker that has not announced its sleep.
    func giveUp(_ missing: Int) {
        counts.plain.wrappingSubtract(UInt64(missing) &* Self.oneActive, ordering: .sequentiallyConsistent)
    }

    /// working → resting, if more than `minimum` are active and not all others sleep. So a worker stays awake that will
    /// look at all queues, the caller's included, before it sleeps, and that can end the run.
    func rest(keeping minimum: Int) -> Bool {
        var seen = Counts(counts.load(ordering: .relaxed))
        while seen.active > minimum, seen.active - seen.sleeping > 1 {
            let step = counts.weakCompareExchange(
                expected: seen.word, desired: seen.word &- Self.oneActive, ordering: .sequentiallyConsistent)
            if step.exchanged { return true }
            seen = Counts(step.original)
        }
        return false
    }

    /// resting → searching for `amount` workers, which `letIn(_:)` then releases. Only while all workers work: a worker
    /// that sleeps or searches makes another one unnecessary.
    ///
    /// - Returns: false if a worker idles, or the run is over.
    func admit(_ amount: Int) -> Bool {
        var seen = Counts(counts.load(ordering: .relaxed))
        while seen.active > 0, seen.sleeping == 0, seen.searching == 0 {
            let step = counts.weakCompareExchange(
                expected: seen.word, desired: seen.word &+ UInt64(amount) &* (Self.oneActive &+ Self.oneSearching),
                ordering: .sequentiallyConsistent)
            if step.exchanged { return true }
            seen = Counts(step.original)
        }
        return false
    }

    /// Releases `amount` resting workers, whichever they are: `admit(_:)` has counted them.
    func letIn(_ amount: Int) {
        door.wrappingAdd(UInt32(amount), ordering: .releasing)
        door.wake(amount)
    }

    /// The run is over: releases all resting workers, now and later. Call it after the end was published.
    func openDoor() {
        door.store(Self.doorIsOpen, ordering: .releasing)
        door.wake(Self.maximumWorkers)
    }

    /// Sleeps in reserve until released, or until the run is over. In the first case the releasing thread has counted
    /// the caller as searching.
    ///
    /// - Returns: false if the run is over; the caller is in no count then.
    func waitAtDoor() -> Bool {
        while true {
            var seen = door.load(ordering: .acquiring)
            while seen > 0 {
                if seen == Self.doorIsOpen { return false }
                let step = door.weakCompareExchange(
                    expected: seen, desired: seen - 1, successOrdering: .acquiring, failureOrdering: .acquiring)
                if step.exchanged { return true }
                seen = step.original
            }
            door.waitWhileZero()
        }
    }

    // MARK: The monitor

    /// Sleeps until fewer than `limit` workers sleep, or the run is over. Monitor only.
    ///
    /// - Returns: whether it has slept.
    @discardableResult
    func waitWhileSleeping(atLeast limit: Int) -> Bool {
        var hasSlept = false
        while true {
            alarm.store(UInt32(limit), ordering: .sequentiallyConsistent)
            let seen = Counts(counts.load(ordering: .sequentiallyConsistent))
            guard seen.active > 0, seen.sleeping >= limit else { break }
            hasSlept = true
            bell.waitWhileZero()
            _ = bell.exchange(0, ordering: .sequentiallyConsistent)
        }
        alarm.store(0, ordering: .sequentiallyConsistent)
        return hasSlept
    }

    /// Sleeps for `nanoseconds`, or less if the run ends. Monitor only.
    func pause(nanoseconds: Int) {
        var time = timespec(tv_sec: nanoseconds / 1_000_000_000, tv_nsec: nanoseconds % 1_000_000_000)
        bell.waitWhileZero(atMost: &time)
        _ = bell.exchange(0, ordering: .sequentiallyConsistent)
    }

    /// Wakes the monitor. Call it after the step on `counts` that concerns it.
    func ring() {
        guard hasMonitor else { return }
        bell.store(1, ordering: .sequentiallyConsistent)
        bell.wake(1)
    }

    func ringIfAsked(sleeping: Int) {
        guard hasMonitor else { return }
        guard sleeping < Int(alarm.load(ordering: .sequentiallyConsistent)) else { return }
        if alarm.exchange(0, ordering: .sequentiallyConsistent) > 0 { ring() }
    }
}
