#if INTERLEAVING

import Testing

@testable import WorkStealing

@Suite("Every interleaving of a deque")
struct DequeWorlds {
    /// An owner that pushes and pops; `thieves` that visit once each.
    private func world(pushing amount: Int, thieves: Int, seenBusy: @escaping () -> Void) -> World {
        let pool = DequePool()
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

    @Test(.timeLimit(.minutes(10)), arguments: [(3, 1), (2, 2)])
    func ownerAndThievesTakeEachItemOnce(items: Int, thieves: Int) {
        var busy = 0
        let result = Explorer.explore { world(pushing: items, thieves: thieves) { busy += 1 } }
        report("owner of \(items) items, thieves: \(thieves)", result)
        #expect(result.failure == nil)
        #expect(result.isComplete)
        #expect(busy > 0, "some thief must meet a busy victim")
    }
}

/// `@unchecked Sendable`: one lane runs at a time.
private final class DequePool: @unchecked Sendable {
    let deque = Deque()
    var popped: [Runnable] = []
    var stolen: [[Runnable]] = [[], []]

    static func item(_ number: Int) -> Runnable { Runnable(bits: UInt(number) * 8) }
}

#endif
