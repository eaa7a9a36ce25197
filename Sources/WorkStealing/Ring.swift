// The storage of the queues: a growing ring buffer, and the same behind a lock with a published length.

import Synchronization

/// A growing ring buffer of runnables. Never shrinks: its size is the largest that the queue ever had.
///
/// `@unchecked Sendable`: the buffer is uniquely owned, and moves with the ring.
struct Ring: ~Copyable, @unchecked Sendable {
    /// The memory is uniquely owned (`~Copyable`), indices are masked, and `count` bounds what is read: no unsafety
    /// leaves this type.
    private var storage: UnsafeMutableBufferPointer<Runnable>
    private var head = 0
    private(set) var count = 0

    /// - Parameter capacity: a power of two.
    init(capacity: Int = 64) {
        precondition(capacity > 0 && capacity & (capacity - 1) == 0, "the capacity of a ring is a power of two")
        storage = Self.allocate(capacity)
    }

    deinit { storage.deallocate() }

    private static func allocate(_ capacity: Int) -> UnsafeMutableBufferPointer<Runnable> {
        .init(start: UnsafeMutableRawPointer.allocateOnOwnLines(Runnable.self, capacity: capacity), count: capacity)
    }

    private var mask: Int { storage.count - 1 }

    subscript(index: Int) -> Runnable {
        precondition(index >= 0 && index < count, "index outside the ring")
        return storage[(head + index) & mask]
    }

    @inline(__always)
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

    var last: Runnable? {
        @inline(__always) get { count > 0 ? storage[(head + count - 1) & mask] : nil }
    }

    /// Removes one from the middle; the newer ones move up.
    mutating func remove(at index: Int) -> Runnable {
        let removed = self[index]
        for newer in index + 1..<count { storage[(head + newer - 1) & mask] = storage[(head + newer) & mask] }
        count -= 1
        return removed
    }

    mutating func removeAll() {
        head = 0
        count = 0
    }

    @inline(never)
    private mutating func grow() {
        let larger = Self.allocate(storage.count * 2)
        for index in 0..<count { larger.initializeElement(at: index, to: storage[(head + index) & mask]) }
        storage.deallocate()
        storage = larger
        head = 0
    }
}

/// The length of a ring, for threads that only look. Relaxed: `Idle` has the fences by which a worker about to park
/// sees what was published.
struct PublishedLength: ~Copyable, Sendable {
    private let length = SteppedAtomic<Int>(0)

    var count: Int { length.load(ordering: .relaxed) }

    /// Call it as the last step of using the ring.
    @inline(__always)
    func publish(_ count: Int) {
        #if INTERLEAVING
        length.store(count, ordering: .releasing)
        #else
        length.store(count, ordering: .relaxed)
        #endif
    }

    /// ThreadSanitizer does not understand how `Mutex` orders its holders: in debug builds the length orders them a
    /// second time.
    @inline(__always)
    func lockTaken() {
        #if INTERLEAVING
        _ = length.plain.load(ordering: .acquiring)
        #endif
    }

    /// Identifies the length in tests.
    var identity: UInt { length.identity }

    #if INTERLEAVING
    /// The length, without a step for the tests.
    var unobserved: Int { length.plain.load(ordering: .relaxed) }
    #endif
}

/// A ring under a lock, and its length, which anyone may read without the lock.
struct SharedRing: ~Copyable, Sendable {
    private let ring = Mutex(Ring())
    /// Written under the lock, as the last step before it is released.
    private let published = PublishedLength()

    var count: Int { published.count }

    func withLock<Result: Sendable>(_ body: (inout Ring) -> Result) -> Result {
        #if INTERLEAVING
        interleavingPoint(.write, identity, enabled: canLock)
        #endif
        return ring.withLock { ring in
            published.lockTaken()
            let result = body(&ring)
            published.publish(ring.count)
            return result
        }
    }

    /// Identifies the ring in tests.
    var identity: UInt { published.identity }

    #if INTERLEAVING
    /// The length, without a step: a test asks it for a lane that waits.
    var unobservedCount: Int { published.unobserved }

    private var canLock: () -> Bool {
        // The test keeps the ring alive while one of its threads waits for the lock.
        let address = withUnsafePointer(to: self) { $0 }
        return { address.pointee.ring.withLockIfAvailable { _ in true } ?? false }
    }
    #endif
}
