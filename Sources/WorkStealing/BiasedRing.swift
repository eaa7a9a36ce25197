// The storage of a deque: a ring that its owner enters without an atomic exchange.
//
//      owner                                  thief
//                                             takes the gate, or leaves
//      says that it is inside                 says that it is inside
//      light fence                            heavy fence
//      looks for a thief                      looks for the owner
//
// At least one of the two sees the other (AsymmetricFence.swift): then the thief leaves, and the owner waits at the
// gate. The owner comes twice per message, a thief a few times per millisecond. So the thief pays for both: half a
// microsecond instead of four exchanges of 5 ns per message.

import Synchronization

/// A ring with one owner and any number of thieves, and its length, which anyone may read at any time.
///
/// `@unchecked Sendable`: `ring` is used only from inside: by the thread that has the gate, or by the owner without the
/// gate while no thief is inside.
struct BiasedRing: ~Copyable, @unchecked Sendable {
    /// Uniquely owned, freed by `deinit`.
    private let ring: UnsafeMutablePointer<Ring>
    /// Whether the owner may skip the gate.
    private let isBiased: Bool
    private let fence = AsymmetricFence()
    /// Held by a thief, and by an owner that has met one. Thieves never wait for it.
    private let gate = Mutex(())
    /// Written by the owner (true: relaxed, false: release), read by thieves that have the gate (acquire): the owner's
    /// work inside comes before theirs.
    private let ownerIsInside = SteppedAtomic<Bool>(false)
    /// Written by thieves that have the gate (in: acquire; out: release), read by the owner (acquire), likewise.
    private let thiefIsInside = SteppedAtomic<Bool>(false)
    /// Written from inside, as the last step; read from everywhere.
    private let published = PublishedLength()
    #if INTERLEAVING
    /// Whether a thread is inside: tests check that there are never two.
    private let isOccupied = Atomic<Bool>(false)
    #endif

    /// - Parameter isBiased: false if threads other than the owner call `asOwner`.
    init(isBiased: Bool) {
        self.isBiased = isBiased
        ring = UnsafeMutableRawPointer.allocateOnOwnLines(Ring.self, capacity: 1)
        ring.initialize(to: Ring())
    }

    deinit {
        ring.deinitialize(count: 1)
        ring.deallocate()
    }

    var count: Int { published.count }

    /// Waits for a thief that is inside.
    @inline(__always)
    func asOwner<Result: Sendable>(_ body: (inout Ring) -> Result) -> Result {
        if isBiased {
            ownerIsInside.store(true, ordering: .relaxed)
            fence.light()
            if !thiefIsInside.load(ordering: .acquiring) {
                let result = update(body)
                ownerIsInside.store(false, ordering: .releasing)
                return result
            }
            ownerIsInside.store(false, ordering: .releasing)
        }
        return throughTheGate(body)
    }

    @inline(never)
    private func throughTheGate<Result: Sendable>(_ body: (inout Ring) -> Result) -> Result {
        #if INTERLEAVING
        interleavingPoint(.write, gateIdentity, enabled: canLock)
        #endif
        return gate.withLock { _ in
            published.lockTaken()
            let result = update(body)
            interleavingPoint(.write, gateIdentity)
            return result
        }
    }

    /// - Returns: nil if the owner or another thief is inside.
    func asThief<Result: Sendable>(_ body: (inout Ring) -> Result) -> Result? {
        interleavingPoint(.write, gateIdentity)
        let result: Result?? = gate.withLockIfAvailable { _ -> Result? in
            published.lockTaken()
            // Leaving is a step too, and needs a name in the tests.
            defer { interleavingPoint(.write, gateIdentity) }
            guard isBiased else { return update(body) }
            // An interrupted owner stays inside for a while: do not pay for a fence at each look.
            if ownerIsInside.load(ordering: .relaxed) { return nil }
            _ = thiefIsInside.exchange(true, ordering: .acquiring)
            defer {
                thiefIsInside.store(false, ordering: .releasing)
            }
            fence.heavy()
            return ownerIsInside.load(ordering: .acquiring) ? nil : update(body)
        }
        return result ?? nil
    }

    @inline(__always)
    private func update<Result: Sendable>(_ body: (inout Ring) -> Result) -> Result {
        #if INTERLEAVING
        precondition(!isOccupied.exchange(true, ordering: .relaxed), "two threads in a deque")
        defer { isOccupied.store(false, ordering: .relaxed) }
        #endif
        let result = body(&ring.pointee)
        published.publish(ring.pointee.count)
        return result
    }

    /// For tests.
    var ringAddress: UInt { UInt(bitPattern: ring) }

    /// Identifies the gate in tests: an address within the eight bytes of the length.
    private var gateIdentity: UInt { published.identity &+ 1 }

    #if INTERLEAVING
    private var canLock: () -> Bool {
        // The test keeps the ring alive while one of its threads waits for the gate.
        let address = withUnsafePointer(to: self) { $0 }
        return { address.pointee.gate.withLockIfAvailable { _ in true } ?? false }
    }
    #endif
}
