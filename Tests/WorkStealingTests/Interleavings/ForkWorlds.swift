#if INTERLEAVING

import TestSupport
import Testing

@testable import WorkStealing

/// A fork on one worker, and another worker that may take the second half; each may sleep while it waits.
@Suite("Interleavings of forks, by number of preemptions")
struct ForkWorlds {
    private func explore(
        _ name: String, preemptions: Int, thieves: Int = 1, rounds: Int = 0, fork: @escaping (ForkWorld) -> Void,
        verdict: @escaping (ForkWorld) -> String?
    ) -> Explorer.Result {
        let result = Explorer.explore(preemptions: preemptions) {
            let world = ForkWorld(thieves: thieves, rounds: rounds)
            let owner = {
                world.asWorker(0) { fork(world) }
                step(.write, on: world)
                world.isOver = true
            }
            let others = (1...thieves).map { index in { world.asWorker(index) { world.steal(as: index) } } }
            return World([owner] + others) {
                world.scheduler.workers.allSatisfy { $0.deque.count == 0 } ? verdict(world) : "a job was left"
            }
        }
        report("forks, at most \(preemptions) preemptions: \(name)", result)
        return result
    }

    @Test(.timeLimit(.minutes(patience)))
    func bothHalvesRunOnce() {
        var (own, stolen) = (0, 0)
        let result = explore(
            "two halves", preemptions: 3,
            fork: { world in Scheduler.forkAndJoin({ world.note(0) }, { _ = world.note(1) }) },
            verdict: { world in
                if world.ranOn[1] == 0 { own += 1 } else { stolen += 1 }
                return world.ranOn.values.count == 2 ? nil : "ran: \(world.ranOn)"
            })
        #expect(result.failure == nil)
        #expect(result.isComplete)
        #expect(own > 0 && stolen > 0)
    }

    /// The first half waits for the second, so a thief takes it; the second then waits for the first, so that the
    /// forking worker reaches its join first, and may sleep in it.
    @Test(.timeLimit(.minutes(patience)))
    func aSleeperInAJoinIsWoken() {
        let result = explore(
            "a second half that ends late", preemptions: 2,
            fork: { world in
                Scheduler.forkAndJoin(
                    {
                        wait(for: world) { world.ranOn[1] != nil }
                        return world.note(0)
                    },
                    {
                        _ = world.note(1)
                        wait(for: world) { world.ranOn[0] != nil }
                    })
            },
            verdict: { $0.ranOn.count == 2 ? nil : "ran: \($0.ranOn)" })
        #expect(result.failure == nil)
        #expect(result.isComplete)
    }

    /// The second half, on the other worker, forks in turn: a waiting worker helps, and there is no deadlock.
    @Test(.timeLimit(.minutes(patience)))
    func aForkInTheSecondHalfIsHelpedWith() {
        var helped = 0
        let result = explore(
            "a fork in the second half", preemptions: 2,
            fork: { world in
                Scheduler.forkAndJoin(
                    {
                        wait(for: world) { world.ranOn[1] != nil }
                        return world.note(0)
                    },
                    {
                        _ = world.note(1)
                        Scheduler.forkAndJoin({ world.note(2) }, { _ = world.note(3) })
                    })
            },
            verdict: { world in
                if world.ranOn[3] == 0 { helped += 1 }
                return world.ranOn.count == 4 ? nil : "ran: \(world.ranOn)"
            })
        #expect(result.failure == nil)
        #expect(result.isComplete)
        #expect(helped > 0)
    }
}

/// `@unchecked Sendable`: one lane runs at a time.
private final class ForkWorld: @unchecked Sendable {
    let scheduler: Scheduler
    /// Which worker ran which part.
    private(set) var ranOn: [Int: Int] = [:]
    var isOver = false

    init(thieves: Int, rounds: Int) {
        scheduler = Scheduler(threads: thieves + 1)
        for worker in scheduler.workers { worker.searchRounds = rounds }
    }

    func asWorker(_ index: Int, _ body: () -> Void) { scheduler.workers[index].asCurrent(body) }

    func note(_ part: Int) -> Bool {
        step(.write, on: self)
        precondition(ranOn[part] == nil, "a part ran twice")
        ranOn[part] = Scheduler.currentWorkerIndex
        return true
    }

    /// Takes the owner's jobs, as a worker's search does, until the owner is done.
    func steal(as index: Int) {
        var loot = Ring()
        while true {
            step(.read, on: self)
            if isOver { return }
            guard case .taken = scheduler.workers[0].deque.stealHalf(into: &loot, limit: 1) else {
                interleavingSpin()
                continue
            }
            if let job = loot.popLast()?.asFork { scheduler.workers[index].run(job) }
        }
    }
}

#endif
