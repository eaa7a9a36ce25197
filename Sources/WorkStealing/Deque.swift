// A worker's queue of mailboxes.
//
//    front (oldest)                                   back (newest)
//      │ ◀─ stealHalf()                    pop(), push() ─▶ │
//      ▼                                                    ▼
//    [ biggest subtrees  . . . . . . . . . . . . .  depth first ]
//      ▲
//      pushOldest(): an actor whose turn ended with messages left goes behind everything else
//
// A ring that one thread uses at a time (BiasedRing.swift), not a Chase–Lev deque, so that a thief can take *half* in
// one visit. Thieves that take one at a time make the owner miss its cache at every pop: 500,000 mailboxes on two
// workers took twice as long. Thieves never wait: they skip a busy victim (and do not park because of it).

/// The unit of work: an actor's mailbox, a partial task of an `async` function that belongs to no mailbox actor, or the
/// second half of a fork. One word: the address, with the kind in the lowest two bits (all are aligned to at least 8
/// bytes).
struct Runnable: Equatable {
    let bits: UInt

    static func mailbox(_ mailbox: UnsafePointer<Mailbox>) -> Runnable {
        Runnable(bits: UInt(bitPattern: mailbox))
    }

    /// The runner of a job owns its reference; copying the bits copies no ownership.
    static func job(_ job: UnownedJob) -> Runnable { Runnable(bits: unsafeBitCast(job, to: UInt.self) | 1) }

    /// A suspended task. Running it queues its next step at the newest end: see `Scheduler.yield()`.
    static func yielded(_ task: UnsafeContinuation<Void, Never>) -> Runnable {
        Runnable(bits: unsafeBitCast(task, to: UInt.self) | 3)
    }

    static func fork(_ job: UnsafePointer<StackJob>) -> Runnable { Runnable(bits: UInt(bitPattern: job) | 2) }

    var asJob: UnownedJob? { bits & 3 == 1 ? unsafeBitCast(bits & ~3, to: UnownedJob.self) : nil }
    /// To be resumed once, by the worker that took the runnable.
    var asYielded: UnsafeContinuation<Void, Never>? {
        bits & 3 == 3 ? unsafeBitCast(bits & ~3, to: UnsafeContinuation<Void, Never>.self) : nil
    }
    /// Valid until the mailbox becomes idle: see `Mailbox.address`.
    var asMailbox: UnsafePointer<Mailbox>? { bits & 3 == 0 ? UnsafePointer(bitPattern: bits) : nil }
    /// Valid until the worker that took it declares it done.
    var asFork: UnsafePointer<StackJob>? { bits & 3 == 2 ? UnsafePointer(bitPattern: bits & ~3) : nil }
}

/// A double-ended queue of runnables: one owner, any number of thieves.
struct Deque: ~Copyable, Sendable {
    private let ring: BiasedRing

    /// - Parameter isBiased: false if several threads push.
    init(isBiased: Bool = true) { ring = BiasedRing(isBiased: isBiased) }

    /// For tests.
    var ringAddress: UInt { ring.ringAddress }

    /// The length, for thieves and for workers about to park. Exact for the owner; others may read a stale value, which
    /// matters only to a worker about to park, and there `Idle` provides the fence.
    var count: Int { ring.count }

    /// Adds at the newest end. Owner only.
    ///
    /// - Returns: the length after the push.
    @discardableResult
    @inline(__always)
    func push(_ runnable: Runnable) -> Int {
        ring.asOwner { ring in
            ring.append(runnable)
            return ring.count
        }
    }

    /// Adds at the oldest end, so that everything else in the deque comes first. Owner only.
    ///
    /// - Returns: the length after the push.
    func pushOldest(_ runnable: Runnable) -> Int {
        ring.asOwner { ring in
            ring.prepend(runnable)
            return ring.count
        }
    }

    /// Adds all, keeping their order: the last will be the newest. Owner only.
    ///
    /// - Returns: the length after the push.
    @discardableResult
    func push(contentsOf batch: borrowing Ring) -> Int {
        ring.asOwner { ring in
            ring.append(contentsOf: batch)
            return ring.count
        }
    }

    /// Takes the newest. Owner only.
    func pop() -> Runnable? { count > 0 ? ring.asOwner { $0.popLast() } : nil }

    /// Takes the oldest. Owner only.
    func popOldest() -> Runnable? { count > 0 ? ring.asOwner { $0.popFirst() } : nil }

    enum Theft: Equatable {
        case nothing, busy
        case taken(Int)
    }

    /// Moves the older half, at most `limit`, to the end of `loot`, oldest first. Does not wait for the owner.
    func stealHalf(into loot: inout Ring, limit: Int) -> Theft {
        guard count > 0 else { return .nothing }
        let theft: Theft? = ring.asThief { ring in
            let amount = min((ring.count + 1) / 2, limit)
            for _ in 0..<amount { loot.append(ring.popFirst().unsafelyUnwrapped) }
            return amount > 0 ? .taken(amount) : .nothing
        }
        return theft ?? .busy
    }

    // MARK: Forks

    /// Takes `runnable` out, wherever it is. Owner only.
    ///
    /// - Returns: false if a thief has taken it.
    @inline(__always)
    func takeBack(_ runnable: Runnable) -> Bool {
        ring.asOwner { ring in
            if ring.last == runnable { return ring.popLast() != nil }
            return Self.takeBack(runnable, below: &ring)
        }
    }

    /// Messages sent since lie above it.
    @inline(never)
    private static func takeBack(_ runnable: Runnable, below ring: inout Ring) -> Bool {
        guard let index = (0..<ring.count).last(where: { ring[$0] == runnable }) else { return false }
        _ = ring.remove(at: index)
        return true
    }

    /// How far from the newest end the first search for a job goes: bounds how long others wait.
    static let shortReach = 64

    /// Takes the newest job. Owner only.
    ///
    /// - Parameter reach: how far to search.
    func popFork(reach: Int) -> Runnable? {
        guard count > 0 else { return nil }
        return ring.asOwner { ring in
            let nearest = (max(0, ring.count - reach)..<ring.count).last { ring[$0].asFork != nil }
            return nearest.map { ring.remove(at: $0) }
        }
    }

    /// Takes the oldest runnable if it is a job, else the oldest job within reach. Does not wait for the owner.
    func stealFork(reach: Int) -> (fork: Runnable?, isBusy: Bool) {
        guard count > 0 else { return (nil, false) }
        let theft: Runnable?? = ring.asThief { ring in
            guard ring.count > 0 else { return nil as Runnable? }
            if ring[0].asFork != nil { return ring.popFirst() }
            let oldest = (max(0, ring.count - reach)..<ring.count).first { ring[$0].asFork != nil }
            return oldest.map { ring.remove(at: $0) }
        }
        guard let theft else { return (nil, true) }
        return (theft, false)
    }

    /// Whether there is any. Owner only.
    var holdsFork: Bool {
        count > 0 && ring.asOwner { ring in (0..<ring.count).contains { ring[$0].asFork != nil } }
    }
}
