#if INTERLEAVING

import TestSupport
import Testing

@testable import WorkStealing

@Suite("Every interleaving of a deque")
struct DequeWorlds {
    /// An owner that pushes and pops; `thieves` that visit once each.
    private func world(
        pushing amount: Int, thieves: Int, isBiased: Bool, seenBusy: @escaping () -> Void
    ) -> World {
        let pool = DequePool(isBiased: isBiased)
        let owner = {
            for number in 1...amount { pool.deque.push(DequePool.item(number)) }
            while let item = pool.deque.pop() { pool.popped.append(item) }
        }
        let thief = { (index: Int) -> () -> Void in
            {
                var loot = Ring()
                let theft = pool.deque.stealHalf(into: &loot, limit: 16)
                if theft == .busy { seenBusy() }
                for position in 0..<loot.count { pool.stolen[index].append(loot[position]) }
            }
        }
        let verdict = { () -> String? in
            let all = pool.popped + pool.stolen[0] + pool.stolen[1]
            let expected = (1...amount).map(DequePool.item)
            if all.sorted(by: { $0.bits < $1.bits }) != expected { return "taken: \(all)" }
            if pool.deque.count != 0 { return "the length is not that of the ring" }
            for loot in pool.stolen where loot.map(\.bits) != loot.map(\.bits).sorted() { return "not oldest first" }
            return nil
        }
        return World([owner] + (0..<thieves).map(thief), verdict: verdict)
    }

    @Test(.timeLimit(.minutes(patience)), arguments: [(3, 1), (2, 2)], [true, false])
    func ownerAndThievesTakeEachItemOnce(_ world: (items: Int, thieves: Int), isBiased: Bool) {
        var busy = 0
        let result = Explorer.explore {
            self.world(pushing: world.items, thieves: world.thieves, isBiased: isBiased) { busy += 1 }
        }
        report("owner of \(world.items) items, thieves: \(world.thieves), biased: \(isBiased)", result)
        #expect(result.failure == nil)
        #expect(result.isComplete)
        #expect(busy > 0, "some thief must meet a busy victim")
    }
}

/// `@unchecked Sendable`: one lane runs at a time.
private final class DequePool: @unchecked Sendable {
    let deque: Deque
    var popped: [Runnable] = []
    var stolen: [[Runnable]] = [[], []]

    init(isBiased: Bool) { deque = Deque(isBiased: isBiased) }

    static func item(_ number: Int) -> Runnable { Runnable(bits: UInt(number) * 8) }
}

#endif
