#if INTERLEAVING

import Synchronization
import TestSupport
import Testing

@testable import WorkStealing

/// Tasks that enter the roster, read the flag, and leave, while one thread sets the flag and visits the roster.
@Suite("Every interleaving of the roster")
struct RosterWorlds {
    private func explore(
        _ name: String, lanes: [Int], looksFirst: Bool = false, isAskedForOrigins: Bool = false
    ) -> Explorer.Result {
        var (byVisitor, byThemselves) = (0, 0)
        let result = Explorer.explore {
            let world = RosterWorld(looksFirst: looksFirst)
            let tasks = lanes.map { amount in { world.run(amount) } }
            let others = isAskedForOrigins ? [{ world.askForOrigins() }] : []
            return World(tasks + [{ world.cancel() }] + others) {
                byVisitor += world.byVisitor
                byThemselves += world.byThemselves
                return world.wrong
            }
        }
        report("roster: \(name), and a visitor", result)
        if result.failure == nil {
            #expect(byVisitor > 0)
            #expect(byThemselves > 0)
        }
        return result
    }

    @Test(.timeLimit(.minutes(patience)))
    func aSeatThatIsUsedTwiceKeepsTheVisitorsApart() {
        let result = explore("two tasks, one after the other", lanes: [2])
        #expect(result.failure == nil)
        #expect(result.isComplete)
    }

    /// The world can detect the error.
    @Test(.timeLimit(.minutes(patience)))
    func aTaskThatLooksAtTheFlagBeforeItEntersIsMissed() {
        let result = explore("a task that looks first", lanes: [1], looksFirst: true)
        #expect(result.failure != nil)
    }

    /// A run that stands still asks where its tasks were spawned, while another thread cancels it.
    @Test(.timeLimit(.minutes(patience)))
    func aVisitorIsNotKeptFromATaskByAnother() {
        let result = explore("a task, somebody who asks for origins", lanes: [1], isAskedForOrigins: true)
        #expect(result.failure == nil)
        #expect(result.isComplete)
    }

    @Test(.timeLimit(.minutes(patience)))
    func everyTaskInTheRosterAtTheEndOfTheVisitIsCancelled() {
        let result = explore("two tasks on two workers", lanes: [1, 1])
        #expect(result.failure == nil)
        #expect(result.isComplete)
    }
}

extension RosterWorlds {
    /// A run ends and the next begins, with a task, while a thread cancels: this run, or the next one and all of it.
    @Test(.timeLimit(.minutes(patience)))
    func cancellingAtTheEndOfARunCancelsNoPartOfTheNext() {
        var (cancelledNext, spared) = (0, 0)
        let result = Explorer.explore {
            let world = EndingWorld()
            return World([{ world.endRunAndBeginNext() }, { world.cancel() }]) {
                if world.scheduler.isCancelled { cancelledNext += 1 } else { spared += 1 }
                return world.verdict
            }
        }
        report("cancel() at the end of a run", result)
        #expect(result.failure == nil)
        #expect(result.isComplete)
        #expect(cancelledNext > 0)
        #expect(spared > 0)
    }
}

/// `@unchecked Sendable`: one lane runs at a time.
private final class EndingWorld: @unchecked Sendable {
    let scheduler = Scheduler(threads: 1)
    private let free = Roster.FreeSeats()
    private let stranger = Canary(Tally())
    private var isTaskCancelled = false

    init() { scheduler.beginRun() }

    func endRunAndBeginNext() {
        try? scheduler.endRun()
        scheduler.beginRun()
        let task = UInt(bitPattern: Unmanaged.passUnretained(stranger).toOpaque())
        _ = scheduler.roster.enter(task, Roster.Origin(file: #fileID, line: 1), free)
    }

    func cancel() { scheduler.cancel { _ in isTaskCancelled = true } }

    /// The task of the next run, which reads the flag when it enters.
    var verdict: String? {
        isTaskCancelled && !scheduler.isCancelled ? "a task was cancelled, and the run was not" : nil
    }
}

/// `@unchecked Sendable`: one lane runs at a time.
private final class RosterWorld: @unchecked Sendable {
    private let roster = Roster(blockLength: 1)
    private let flag = Atomic<Bool>(false)
    private let looksFirst: Bool
    private var visitHasEnded = false
    /// Tasks that have entered, read the flag, and not begun to leave.
    private var inside: Set<UInt> = []
    private var cancelled: Set<UInt> = []
    private var dead: Set<UInt> = []
    private(set) var byVisitor = 0
    private(set) var byThemselves = 0
    private(set) var wrong: String?

    init(looksFirst: Bool) { self.looksFirst = looksFirst }

    private final class Stranger {
        private let world: RosterWorld
        init(in world: RosterWorld) { self.world = world }
        deinit { world.dead.insert(UInt(bitPattern: Unmanaged.passUnretained(self).toOpaque())) }
    }

    private var flagIdentity: UInt { withUnsafePointer(to: flag) { UInt(bitPattern: $0) } }

    private func look() -> Bool {
        interleavingPoint(.read, flagIdentity)
        return flag.load(ordering: .sequentiallyConsistent)
    }

    /// One after the other; only its own lane keeps each alive.
    func run(_ amount: Int) {
        let free = Roster.FreeSeats()
        for number in 0..<amount {
            let stranger = Unmanaged.passRetained(Stranger(in: self))
            let task = UInt(bitPattern: stranger.toOpaque())
            dead.remove(task)
            cancelled.remove(task)
            let early = looksFirst ? look() : false
            let seat = roster.enter(task, Roster.Origin(file: #fileID, line: UInt(number)), free)
            if looksFirst ? early : look() {
                cancelled.insert(task)
                byThemselves += 1
            } else if visitHasEnded {
                wrong = "a task that has entered after the visit does not see the flag"
            }
            inside.insert(task)
            // The work of the task.
            interleavingPoint(.write, flagIdentity)
            inside.remove(task)
            roster.leave(task, seat, free)
            stranger.release()
        }
    }

    func askForOrigins() {
        let places = roster.origins.places
        if places.contains(where: { $0.count != 1 }) { wrong = "a task was counted more than once" }
    }

    func cancel() {
        interleavingPoint(.write, flagIdentity)
        flag.store(true, ordering: .sequentiallyConsistent)
        for stranger in roster.retainAll() {
            let task = UInt(bitPattern: stranger.toOpaque())
            if dead.contains(task) { wrong = "the visitor has a task that is gone" }
            cancelled.insert(task)
            byVisitor += 1
            stranger.release()
        }
        visitHasEnded = true
        if !inside.isSubset(of: cancelled) { wrong = "a task is in the roster and not cancelled" }
    }
}

#endif
