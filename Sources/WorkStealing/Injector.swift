/// Work from outside the pool: a queue that any thread may add to, and every worker takes from.
struct Injector: ~Copyable, Sendable {
    private let ring = SharedRing()

    /// As in `Deque`.
    var count: Int { ring.count }

    #if INTERLEAVING
    var unobservedCount: Int { ring.unobservedCount }
    var identity: UInt { ring.identity }
    #endif

    func push(_ runnable: Runnable) { ring.withLock { $0.append(runnable) } }

    /// Moves a fair share, at least one and at most `limit`, to `loot`, oldest last: the worker takes from that end, so
    /// work from outside is done in the order of its arrival.
    func take(into loot: inout Ring, share workers: Int, limit: Int) {
        ring.withLock { ring in
            let amount = min(max(ring.count / workers, 1), limit, ring.count)
            for _ in 0..<amount { loot.prepend(ring.popFirst().unsafelyUnwrapped) }
        }
    }
}
