// A worker's queue of mailboxes.
//
//    front (oldest)                                   back (newest)
//      │ ◀─ stealHalf()                    pop(), push() ─▶ │
//      ▼                                                    ▼
//    [ biggest subtrees  . . . . . . . . . . . . .  depth first ]
//      ▲
//      pushOldest(): an actor whose turn ended with messages left goes behind everything else
//
// A ring under a lock, not a Chase–Lev deque. The owner pays about the same (one uncontended lock against one full fence
// for each pop), and the lock buys what the lock-free deque cannot give: a thief takes *half* in one visit. Thieves that
// take one at a time make the owner miss its cache at every pop: 500,000 mailboxes, two workers, took twice as long.
// Thieves never wait for the lock: a victim that is busy is passed over (and keeps them from parking).

import Synchronization

/// What a worker runs: an actor's mailbox, or a partial task of an `async` function that belongs to no actor of ours.
/// One word: the address, with the lowest bit set for jobs (both are aligned to at least 8 bytes).
struct Runnable: Equatable {
    let bits: UInt

    static func mailbox(_ mailbox: UnsafePointer<Mailbox>) -> Runnable {
        Runnable(bits: UInt(bitPattern: mailbox))
    }

    /// The job's reference is owned by whoever runs it; copying the bits copies no ownership.
    static func job(_ job: UnownedJob) -> Runnable { Runnable(bits: unsafeBitCast(job, to: UInt.self) | 1) }

    var asJob: UnownedJob? { bits & 1 == 1 ? unsafeBitCast(bits & ~1, to: UnownedJob.self) : nil }
    /// Valid until the mailbox becomes idle: see `Mailbox.address`.
    var asMailbox: UnsafePointer<Mailbox>? { bits & 1 == 0 ? UnsafePointer(bitPattern: bits) : nil }
}

/// A double-ended queue of runnables: one owner, any number of thieves.
struct Deque: ~Copyable, Sendable {
    private let ring = Mutex(Ring())
    /// How many there are: written under the lock (relaxed), read without it by thieves and by workers about to park.
    /// That a worker about to park sees what was pushed is the business of `Idle`: both sides put a full fence between.
    private let published = Atomic<Int>(0)

    var count: Int { published.load(ordering: .relaxed) }

    /// Adds at the newest end. Owner only.
    ///
    /// - Returns: the length after the push.
    @discardableResult
    func push(_ runnable: Runnable) -> Int { update { $0.append(runnable) } }

    /// Adds at the oldest end, so that everything else in the deque comes first. Owner only.
    func pushOldest(_ runnable: Runnable) { update { $0.prepend(runnable) } }

    /// Adds all, keeping their order: the last will be the newest. Owner only.
    @discardableResult
    func push(contentsOf batch: borrowing Ring) -> Int { update { $0.append(contentsOf: batch) } }

    /// Takes the newest. Owner only.
    func pop() -> Runnable? {
        guard count > 0 else { return nil }
        return ring.withLock { ring in
            let taken = ring.popLast()
            published.store(ring.count, ordering: .relaxed)
            return taken
        }
    }

    enum Theft: Equatable {
        case nothing, busy
        case taken(Int)
    }

    /// Moves the older half, at most `limit`, to the end of `loot`, oldest first. Does not wait for the lock.
    func stealHalf(into loot: inout Ring, limit: Int) -> Theft {
        guard count > 0 else { return .nothing }
        let theft: Theft? = ring.withLockIfAvailable { ring in
            let amount = min((ring.count + 1) / 2, limit)
            for _ in 0..<amount { loot.append(ring.popFirst().unsafelyUnwrapped) }
            published.store(ring.count, ordering: .relaxed)
            return amount > 0 ? .taken(amount) : .nothing
        }
        return theft ?? .busy
    }

    @discardableResult
    private func update(_ body: (inout Ring) -> Void) -> Int {
        ring.withLock { ring in
            body(&ring)
            published.store(ring.count, ordering: .relaxed)
            return ring.count
        }
    }
}

/// A growing ring buffer of runnables. Never shrinks: its size is the largest that the queue ever had.
///
/// `@unchecked Sendable`: the buffer is uniquely owned, and goes wherever the ring goes.
struct Ring: ~Copyable, @unchecked Sendable {
    private var storage: UnsafeMutableBufferPointer<Runnable>
    private var head = 0
    private(set) var count = 0

    /// - Parameter capacity: a power of two.
    init(capacity: Int = 64) {
        precondition(capacity > 0 && capacity & (capacity - 1) == 0, "the capacity of a ring is a power of two")
        storage = .allocate(capacity: capacity)
    }

    deinit { storage.deallocate() }

    /// The memory is uniquely owned (`~Copyable`), indices are masked, and `count` bounds what is read: no unsafety
    /// leaves this type.
    private var mask: Int { storage.count - 1 }

    subscript(index: Int) -> Runnable {
        precondition(index >= 0 && index < count, "index outside the ring")
        return storage[(head + index) & mask]
    }

    mutating func append(_ runnable: Runnable) {
        if count == storage.count { grow() }
        storage.initializeElement(at: (head + count) & mask, to: runnable)
        count += 1
    }

    mutating func append(contentsOf other: borrowing Ring) {
        for index in 0..<other.count { append(other[index]) }
    }

    mutating func prepend(_ runnable: Runnable) {
        if count == storage.count { grow() }
        head = (head - 1) & mask
        storage.initializeElement(at: head, to: runnable)
        count += 1
    }

    mutating func popLast() -> Runnable? {
        guard count > 0 else { return nil }
        count -= 1
        return storage[(head + count) & mask]
    }

    mutating func popFirst() -> Runnable? {
        guard count > 0 else { return nil }
        defer { head = (head + 1) & mask }
        count -= 1
        return storage[head]
    }

    mutating func removeAll() {
        head = 0
        count = 0
    }

    private mutating func grow() {
        let larger = UnsafeMutableBufferPointer<Runnable>.allocate(capacity: storage.count * 2)
        for index in 0..<count { larger.initializeElement(at: index, to: storage[(head + index) & mask]) }
        storage.deallocate()
        storage = larger
        head = 0
    }
}
