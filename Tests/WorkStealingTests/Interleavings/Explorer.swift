// Runs a small world of threads in every order that matters.
//
//            ┌──────────┐   step    ┌──────────┐   step    ┌──────────┐
//   lane 0   │ ████████ │░░░░░░░░░░░│░░░░░░░░░░│░░░░░░░░░░░│ ████████ │     one lane runs (█), the others wait (░)
//   lane 1   │░░░░░░░░░░│ █████████ │ ████████ │░░░░░░░░░░░│░░░░░░░░░░│
//            └──────────┘           └──────────┘           └──────────┘
//
// Each lane is a thread that runs the real code; at each hook (Sources/WorkStealing/Interleaving.swift) the running
// lane decides which lane takes the next step. The decisions of one run are a path in a tree, which is walked depth
// first: a run repeats the path of the previous one up to the last decision with an alternative left, and takes that.
//
// Orders that differ only in commuting steps (two reads, different objects) have the same result; *sleep sets*
// (Godefroid, "Partial-Order Methods for the Verification of Concurrent Systems", chapter 5) omit all but one of them.
// Where even that is too much, the number of preemptions (switching away from a lane that could continue) is bounded
// instead, without sleep sets: most bugs need two (Musuvathi and Qadeer, CHESS).
//
// Not covered: reorderings by memory models weaker than sequential consistency (the fences rest on the argument in the
// module's README), spurious failures of weak exchanges, and spurious wake-ups.

#if INTERLEAVING

import CLinux
import Synchronization

@testable import WorkStealing

/// The bodies of the lanes and the final condition when all have returned: nil, or what is wrong.
struct World {
    let lanes: [() -> Void]
    let verdict: () -> String?

    init(_ lanes: [() -> Void], verdict: @escaping () -> String?) {
        self.lanes = lanes
        self.verdict = verdict
    }
}

/// `@unchecked Sendable`: only the lane whose turn it is touches the state, and the gates order the turns.
final class Explorer: @unchecked Sendable {
    struct Result {
        /// Complete runs; no two of them are equal up to commuting steps.
        var interleavings = 0
        /// Runs abandoned because they would have repeated one of these.
        var redundant = 0
        /// Steps of the longest run.
        var longest = 0
        /// False if the limit came first.
        var isComplete = false
        /// The first failure, with its steps.
        var failure: String?
    }

    struct Step {
        let access: Access
        let object: UInt
        let source: StaticString
        let line: UInt

        func isIndependent(of other: Step) -> Bool {
            object != other.object || (access == .read && other.access == .read)
        }
    }

    /// A decision: which lanes could continue, which must not (their order has already been run), which did.
    private struct Decision {
        let candidates: [Int]
        var sleeping: Set<Int>
        var chosen: Int
    }

    private let preemptionBound: Int?
    private var lanes: [Lane] = []
    private let ended = Gate()

    private var path: [Decision] = []
    private var depth = 0
    private var sleeping: Set<Int> = []
    private var preemptions = 0
    private var isRedundant = false
    private var trace: [(lane: Int, step: Step)] = []
    private var stuck: String?

    /// Locks held by lanes, among those that the world shares with other threads.
    var held: Set<UInt> = []

    private init(preemptionBound: Int?) { self.preemptionBound = preemptionBound }

    /// Runs `world` in all orders, or in all that have at most `preemptions`.
    static func explore(preemptions: Int? = nil, limit: Int = 300_000, _ world: () -> World) -> Result {
        Explorer(preemptionBound: preemptions).explore(limit: limit, world)
    }

    private func explore(limit: Int, _ makeWorld: () -> World) -> Result {
        var result = Result()
        repeat {
            let world = makeWorld()
            if lanes.isEmpty { lanes = world.lanes.indices.map { Lane($0, of: self) } }
            run(world)
            result.longest = max(result.longest, trace.count)
            if isRedundant { result.redundant += 1 } else { result.interleavings += 1 }
            if let wrong = stuck ?? world.verdict() {
                result.failure = wrong + "\n" + description
                // Stuck lanes stay where they are: nothing can get them out of the code under test.
                if stuck == nil { lanes.forEach { $0.quit() } }
                return result
            }
            if result.interleavings + result.redundant >= limit { break }
        } while backtrack()
        result.isComplete = path.isEmpty
        lanes.forEach { $0.quit() }
        return result
    }

    private func run(_ world: World) {
        depth = 0
        sleeping = []
        preemptions = 0
        isRedundant = false
        trace = []
        for (lane, body) in zip(lanes, world.lanes) { lane.prepare(body) }
        passTurn(from: nil)
        ended.wait()
    }

    /// Back to the last decision with an alternative left, which is then taken.
    private func backtrack() -> Bool {
        while var decision = path.popLast() {
            decision.sleeping.insert(decision.chosen)
            if let next = decision.candidates.first(where: { !decision.sleeping.contains($0) }) {
                decision.chosen = next
                path.append(decision)
                return true
            }
        }
        return false
    }

    // MARK: Turns (called by the running lane)

    /// Gives the turn to the next lane; returns true if that is the caller.
    @discardableResult
    func passTurn(from current: Lane?) -> Bool {
        guard let next = choose(after: current) else {
            ended.open()
            return false
        }
        next.turnBegins(trace.count)
        if next === current { return true }
        next.gate.open()
        return false
    }

    private func choose(after current: Lane?) -> Lane? {
        var candidates = lanes.filter { $0.canGoOn(trace.count) }
        if candidates.isEmpty { candidates = lanes.filter { $0.isSpinning } }
        if candidates.isEmpty {
            if !lanes.allSatisfy({ $0.isDone }) { stuck = "nobody can go on, but not all is done" }
            return nil
        }
        if trace.count > 20_000 {
            stuck = "no end after 20,000 steps"
            return nil
        }
        var order = candidates.map(\.index)
        if let current, let place = order.firstIndex(of: current.index) { order.swapAt(0, place) }
        let mayPreempt = preemptionBound.map { preemptions < $0 } ?? true
        if !mayPreempt, order[0] == current?.index { order = [order[0]] }

        let chosen: Int
        if depth < path.count {
            precondition(path[depth].candidates == order, "the world does not repeat itself")
            chosen = path[depth].chosen
            sleeping = path[depth].sleeping
        } else if isRedundant {
            chosen = order[0]
        } else if let first = order.first(where: { !sleeping.contains($0) }) {
            chosen = first
            path.append(Decision(candidates: order, sleeping: sleeping, chosen: first))
        } else {
            isRedundant = true
            chosen = order[0]
        }
        depth += 1
        let step = lanes[chosen].pending
        if preemptionBound == nil {
            sleeping = sleeping.filter { $0 != chosen && lanes[$0].pending.isIndependent(of: step) }
        } else {
            sleeping = []
        }
        if let current, chosen != current.index, candidates.contains(where: { $0 === current }) { preemptions += 1 }
        trace.append((chosen, step))
        return lanes[chosen]
    }

    var stepsTaken: Int { trace.count }

    func wake(_ count: Int, on word: UInt) {
        for lane in lanes.filter({ $0.isSleeping(on: word) }).prefix(count) { lane.wakeUp() }
    }

    private var description: String {
        trace.map { lane, step in
            "lane \(lane): \(step.source), line \(step.line), \(step.access) \(String(step.object, radix: 16))"
        }.joined(separator: "\n")
    }
}

#endif
