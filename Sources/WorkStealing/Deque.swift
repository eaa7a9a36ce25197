// A worker's queue of mailboxes.
//
//    front (oldest)                                   back (newest)
//      │ ◀─ stealHalf()                    pop(), push() ─▶ │
//      ▼                                                    ▼
//    [ biggest subtrees  . . . . . . . . . . . . .  depth first ]
//      ▲
//      pushOldest(): an actor whose turn ended with messages left goes behind everything else
//
// A ring that one thread uses at a time (BiasedRing.swift), not a Chase–Lev deque: so a thief takes *half* in one visit. Thieves that
// take one at a time make the owner miss its cache at every pop: 500,000 mailboxes, two workers, took twice as long.
// Thieves never wait: a victim that is busy is passed over (and keeps them from parking).

/// What a worker runs: an actor's mailbox, or a partial task of an `async` function that belongs to no actor of ours.
/// One word: the address, with the lowest bit set for jobs, and the next one too for tasks that yielded (all are aligned to
/// at least 8 bytes).
struct Runnable: Equatable {
    let bits: UInt

    static func mailbox(_ mailbox: UnsafePointer<Mailbox>) -> Runnable {
        Runnable(bits: UInt(bitPattern: mailbox))
    }

    /// The job's reference is owned by whoever runs it; copying the bits copies no ownership.
    static func job(_ job: UnownedJob) -> Runnable { Runnable(bits: unsafeBitCast(job, to: UInt.self) | 1) }

    /// A suspended task. To run it is to queue its next step, at the newest end: see `Scheduler.yield()`.
    static func yielded(_ task: UnsafeContinuation<Void, Never>) -> Runnable {
        Runnable(bits: unsafeBitCast(task, to: UInt.self) | 3)
    }

    var asJob: UnownedJob? { bits & 3 == 1 ? unsafeBitCast(bits & ~3, to: UnownedJob.self) : nil }
    /// To be resumed once, by whoever took the runnable.
    var asYielded: UnsafeContinuation<Void, Never>? {
        bits & 3 == 3 ? unsafeBitCast(bits & ~3, to: UnsafeContinuation<Void, Never>.self) : nil
    }
    /// Valid until the mailbox becomes idle: see `Mailbox.address`.
    var asMailbox: UnsafePointer<Mailbox>? { bits & 1 == 0 ? UnsafePointer(bitPattern: bits) : nil }
}

/// A double-ended queue of runnables: one owner, any number of thieves.
struct Deque: ~Copyable, Sendable {
    private let ring: BiasedRing

    /// - Parameter hasOneOwner: false if several threads push.
    init(hasOneOwner: Bool = true) { ring = BiasedRing(isBiased: hasOneOwner) }

    /// How many there are, read from outside by thieves and by workers about to park. Exact for the owner; for others
    /// at most out of date, which matters to nobody but a worker about to park, and there `Idle` sees to it.
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
}
