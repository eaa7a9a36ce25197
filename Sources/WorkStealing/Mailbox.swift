// The mailbox of an actor: who may be in the actor, and what it still has to do.
//
//            post()                       post()                        runTurn()
//   idle ───────────────▶ scheduled ────────────────▶ scheduled + list ───────────▶ …
//     ▲   claims the slot,              pushes a node                takes slot, then list, oldest first
//     │   queues the mailbox
//     └──────────────────────────── nothing left: CAS scheduled → idle
//
// The whole protocol is one word, `state`:
//
//   0                 idle: no message, in no deque, nobody in the actor
//   node | 1          scheduled: in exactly one deque or injector, or being run by exactly one worker;
//                     `node` (may be null) is the newest of the messages posted since the list was last taken
//
// Exclusivity follows: the step idle → scheduled succeeds for one sender only, which queues the mailbox once; from then
// on the mailbox passes from hand to hand (deque, worker, deque) and only the worker that holds it takes the step back.
//
// The hard part is `slot`: the first message to an idle actor needs no node, because whoever takes the step idle →
// scheduled has the slot to itself until it has queued the mailbox. README.md has the argument in full.

import Synchronization

/// The queue of an actor's messages, and the unit that is scheduled and stolen. Stored in the actor as
/// `nonisolated let mailbox: Mailbox`.
public struct Mailbox: ~Copyable, Sendable {
    /// Which scheduler delivers. An identifier, not a reference: counting references to one scheduler from all its
    /// actors would make every actor's birth and death a contended atomic operation.
    let scheduler: SchedulerID

    /// Written by senders (push, release) and the holder (take, acquire; to idle, release). Pairs with itself.
    private let state = Atomic<UInt>(State.idle)
    /// The actor, retained while scheduled. Belongs to whoever took the step idle → scheduled, then to the holder; each
    /// handing over (deque lock, `state`) orders these relaxed accesses. The same holds for the four words below.
    private let owner = Atomic<UInt>(0)
    /// The first message, as the bytes of a `Message`.
    private let slot0 = Atomic<UInt>(0)
    private let slot1 = Atomic<UInt>(0)
    private let slot2 = Atomic<UInt>(Slot.empty)
    /// Messages already taken from `state` but left when the turn's budget ran out, oldest first.
    private let leftover = Atomic<UInt>(0)

    private enum State {
        static let idle: UInt = 0
        static let scheduled: UInt = 1
    }

    /// An idle mailbox, whose messages `scheduler` will deliver.
    public init(_ scheduler: borrowing Scheduler) { self.init(scheduler.id) }

    /// For actors that are made by other actors and need no reference to the scheduler.
    package init(_ scheduler: SchedulerID) { self.scheduler = scheduler }

    /// Messages of one turn before the mailbox goes behind the other work of its worker.
    static let turnBudget = 64

    // MARK: Sending

    /// Adds a message; queues the mailbox if it was idle. Never blocks and never runs the receiver.
    ///
    /// - Parameter actor: the actor that stores this mailbox.
    func post(_ message: Message, to actor: AnyObject) {
        interleavingPoint(.read, identity(of: .state))
        var observed = state.load(ordering: .relaxed)
        var node: UnsafeMutablePointer<MessageNode>?
        while true {
            if observed == State.idle {
                interleavingPoint(.write, identity(of: .state))
                let claim = state.weakCompareExchange(
                    expected: State.idle, desired: State.scheduled, successOrdering: .acquiring,
                    failureOrdering: .relaxed)
                guard claim.exchanged else {
                    observed = claim.original
                    continue
                }
                node?.deinitialize(count: 1)
                node?.deallocate()
                fillSlot(message)
                interleavingPoint(.write, identity(of: .owner))
                owner.store(UInt(bitPattern: Unmanaged.passRetained(actor).toOpaque()), ordering: .relaxed)
                Scheduler.schedule(.mailbox(address), of: scheduler)
                return
            }
            let fresh = node ?? .allocate(capacity: 1)
            if node == nil {
                fresh.initialize(to: MessageNode(next: nil, message: message))
                node = fresh
            }
            fresh.pointee.next = Self.newest(in: observed)
            interleavingPoint(.write, identity(of: .state))
            let push = state.weakCompareExchange(
                expected: observed, desired: UInt(bitPattern: fresh) | State.scheduled,
                successOrdering: .releasing, failureOrdering: .relaxed)
            if push.exchanged { return }
            observed = push.original
        }
    }

    // MARK: Running (by the worker that holds the mailbox)

    /// Delivers messages until there are none or the budget is spent.
    ///
    /// - Returns: true if messages remain: the caller still holds the mailbox and must queue it again. After false the
    ///   actor may be gone, and the mailbox with it.
    func runTurn(on worker: Worker, budget: Int = Mailbox.turnBudget) -> Bool {
        interleavingPoint(.read, identity(of: .owner))
        let actor = Unmanaged<AnyObject>.fromOpaque(UnsafeRawPointer(bitPattern: owner.load(ordering: .relaxed))!)
        var budget = budget
        if let first = takeSlot() {
            worker.deliver(first, to: actor)
            budget -= 1
        }
        interleavingPoint(.read, identity(of: .leftover))
        var list = UnsafeMutablePointer<MessageNode>(bitPattern: leftover.load(ordering: .relaxed))
        while true {
            if list == nil {
                if becomeIdle() {
                    actor.release()
                    return false
                }
                list = takePosted()
            }
            guard budget > 0 else {
                interleavingPoint(.write, identity(of: .leftover))
                leftover.store(UInt(bitPattern: list), ordering: .relaxed)
                return true
            }
            let node = list.unsafelyUnwrapped
            list = node.pointee.next
            let message = node.move().message
            node.deallocate()
            worker.deliver(message, to: actor)
            budget -= 1
        }
    }

    /// What kind of actor this is the mailbox of. For the worker that holds the mailbox.
    var actorType: AnyClass {
        let actor = UnsafeRawPointer(bitPattern: owner.load(ordering: .relaxed))!
        return Unmanaged<AnyObject>.fromOpaque(actor)._withUnsafeGuaranteedRef { type(of: $0) }
    }

    /// The step scheduled → idle; fails if a message was posted in the meantime.
    private func becomeIdle() -> Bool {
        interleavingPoint(.write, identity(of: .leftover))
        leftover.store(0, ordering: .relaxed)
        interleavingPoint(.read, identity(of: .state))
        guard state.load(ordering: .relaxed) == State.scheduled else { return false }
        interleavingPoint(.write, identity(of: .state))
        return state.compareExchange(
            expected: State.scheduled, desired: State.idle, successOrdering: .releasing, failureOrdering: .relaxed
        ).exchanged
    }

    /// Takes all that was posted, and turns it round: senders push at the front, so that the newest comes first.
    private func takePosted() -> UnsafeMutablePointer<MessageNode>? {
        interleavingPoint(.write, identity(of: .state))
        var node = Self.newest(in: state.exchange(State.scheduled, ordering: .acquiring))
        var oldestFirst: UnsafeMutablePointer<MessageNode>?
        while let current = node {
            node = current.pointee.next
            current.pointee.next = oldestFirst
            oldestFirst = current
        }
        return oldestFirst
    }

    private static func newest(in state: UInt) -> UnsafeMutablePointer<MessageNode>? {
        UnsafeMutablePointer(bitPattern: state & ~State.scheduled)
    }

    // MARK: The slot

    private enum Slot {
        /// Lies outside of what the last word of a `Message` can be: the closure fills two words, and the third holds
        /// one Boolean.
        static let empty = UInt.max
    }

    /// Moves `message` into the three words. The bytes own what the message owned.
    private func fillSlot(_ message: Message) {
        var words: (UInt, UInt, UInt) = (0, 0, 0)
        withUnsafeMutableBytes(of: &words) { bytes in
            _ = bytes.baseAddress!.initializeMemory(as: Message.self, to: message)
        }
        interleavingPoint(.write, identity(of: .slot))
        slot0.store(words.0, ordering: .relaxed)
        slot1.store(words.1, ordering: .relaxed)
        slot2.store(words.2, ordering: .relaxed)
    }

    private func takeSlot() -> Message? {
        interleavingPoint(.write, identity(of: .slot))
        var words = (
            slot0.load(ordering: .relaxed), slot1.load(ordering: .relaxed), slot2.load(ordering: .relaxed)
        )
        guard words.2 != Slot.empty else { return nil }
        slot2.store(Slot.empty, ordering: .relaxed)
        return withUnsafeMutableBytes(of: &words) { bytes in
            bytes.baseAddress!.assumingMemoryBound(to: Message.self).move()
        }
    }

    // MARK: Identity

    /// Where this mailbox is. Sound beyond the borrow: a mailbox is stored in an actor (a heap object) and cannot be
    /// copied or moved out of a `let`; its atomics already rely on staying where they are. Whoever keeps the address
    /// also holds the retained `owner`.
    var address: UnsafePointer<Mailbox> { withUnsafePointer(to: self) { $0 } }

    /// For tests.
    var isIdle: Bool { state.load(ordering: .acquiring) == State.idle }

    /// What the steps of the protocol are about: names for tests.
    private enum Field: UInt {
        case state, owner, slot, leftover
    }

    private func identity(of field: Field) -> UInt { UInt(bitPattern: address) &+ field.rawValue }
}
