// The mailbox of an actor: which worker may be in the actor, and its pending messages.
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
// Exclusivity follows: only one sender succeeds in the step idle → scheduled, and it queues the mailbox once. From then
// on the mailbox passes from hand to hand (deque, worker, deque), and only the worker that holds it takes the step
// back.
//
// The hard part is `slot`: the first message to an idle actor needs no node, because the sender that takes the step
// idle → scheduled has the slot to itself until it has queued the mailbox. README.md has the argument in full.

import CLinux
import Synchronization

/// The queue of an actor's messages, and the unit that is scheduled and stolen. Stored in the actor as
/// `nonisolated let mailbox: Mailbox`.
public struct Mailbox: ~Copyable, Sendable {
    /// The scheduler that delivers. An identifier, not a reference: counting references to one scheduler from all its
    /// actors would make every actor's birth and death a contended atomic operation.
    let scheduler: SchedulerID
    /// The offset of the mailbox in its actor, in words, from which the holder finds the actor. 0 before the first
    /// message. Written by the sender that takes the very first step idle → scheduled; read by later ones and by the
    /// holder. Relaxed, as `slot`.
    private let offset = SteppedAtomic<UInt16>(0)
    /// Messages of one turn, before the mailbox goes behind the other work of its worker.
    private let turnBudget: UInt8
    /// The contents of `slot`. Belongs to the sender that took the step idle → scheduled, then to the holder; each
    /// handover (deque, `state`) orders these relaxed accesses. The same holds for the three words of `slot`.
    private let content = Atomic<UInt8>(Content.nothing)

    /// Written by senders (push, release) and the holder (take, acquire; to idle, release). Pairs with itself.
    private let state = SteppedAtomic<UInt>(State.idle)
    /// The first message; or, in the first word, messages already taken from `state` but left when the turn's budget
    /// ran out, oldest first.
    private let slot0 = Atomic<UInt>(0)
    private let slot1 = Atomic<UInt>(0)
    private let slot2 = Atomic<UInt>(0)

    private enum State {
        static let idle: UInt = 0
        static let scheduled: UInt = 1
    }

    /// How a worker empties a mailbox.
    public enum Draining: Sendable {
        /// Up to 64 messages in a turn: the actor's data stays in the cache of one core.
        case batch
        /// One message in a turn: an actor with many messages never keeps its worker's other work waiting.
        case sequential
    }

    /// An idle mailbox, whose messages `scheduler` will deliver.
    public init(_ scheduler: borrowing Scheduler, draining: Draining = .batch) {
        self.init(scheduler.id, draining: draining)
    }

    /// An idle mailbox on the scheduler of another: for actors that create actors, which then need no reference to the
    /// scheduler. All workers would count those references, on one cache line.
    public init(beside other: borrowing Mailbox, draining: Draining = .batch) {
        self.init(other.scheduler, draining: draining)
    }

    /// For callers that hold only the scheduler's ID.
    package init(_ scheduler: SchedulerID, draining: Draining = .batch) {
        self.scheduler = scheduler
        turnBudget = draining == .batch ? 64 : 1
    }

    // MARK: Sending

    /// Adds a message; queues the mailbox if it was idle. Never blocks and never runs the receiver.
    ///
    /// - Parameters:
    ///   - actor: the actor that stores this mailbox.
    ///   - priority: of the mailbox, if it was idle.
    @usableFromInline
    func post(_ message: consuming Message, to actor: AnyObject, _ priority: MessagePriority = .normal) {
        _ = post(message, priority) { Unmanaged.passRetained(actor).toOpaque() }
    }

    /// The same with a reference to the actor, which the mailbox takes over.
    ///
    /// - Parameters:
    ///   - mailbox: of that actor. It may no longer exist when this returns.
    ///   - actor: retained by the caller.
    @usableFromInline
    static func post(
        _ message: consuming Message, at mailbox: UnsafePointer<Mailbox>, owned actor: UnsafeMutableRawPointer
    ) {
        let isQueued = mailbox.pointee.post(message, .normal) { actor }
        // Until here the reference also kept the mailbox alive.
        if !isQueued { Unmanaged<AnyObject>.fromOpaque(actor).release() }
    }

    /// The common part. Inlined into both, so that neither has a closure.
    ///
    /// - Parameter owned: makes a reference to the actor for the mailbox to own; called only if the mailbox was idle,
    ///   so messages to a busy actor count no references.
    /// - Returns: whether it was idle and has been queued. It may no longer exist then.
    @inline(__always)
    private func post(
        _ message: consuming Message, _ priority: MessagePriority, owned: () -> UnsafeMutableRawPointer
    ) -> Bool {
        var observed = state.load(ordering: .relaxed)
        if observed == State.idle {
            observed = claim()
            if observed == State.idle {
                schedule(message, owned(), priority)
                return true
            }
        }
        let node = MessageNode.make(message)
        if push(node, observed) { return false }
        schedule(MessageNode.open(node), owned(), priority)
        return true
    }

    /// Adds `node` to the list of a mailbox that is scheduled, or claims it.
    ///
    /// - Returns: false if it claimed the mailbox.
    private func push(_ node: UnsafeMutablePointer<MessageNode>, _ state: UInt) -> Bool {
        var observed = state
        while true {
            if observed == State.idle {
                observed = claim()
                guard observed == State.idle else { continue }
                return false
            }
            node.pointee.next = Self.newest(in: observed)
            let push = self.state.weakCompareExchange(
                expected: observed, desired: UInt(bitPattern: node) | State.scheduled,
                successOrdering: .releasing, failureOrdering: .relaxed)
            if push.exchanged { return true }
            observed = push.original
        }
    }

    /// The step idle → scheduled.
    ///
    /// - Returns: the previous state: the step was taken if it was idle.
    @inline(__always)
    private func claim() -> UInt {
        return state.compareExchange(
            expected: State.idle, desired: State.scheduled, successOrdering: .acquiring, failureOrdering: .relaxed
        ).original
    }

    /// Queues the mailbox, after the caller has claimed it. While it is scheduled it owns the reference to the actor.
    @inline(__always)
    private func schedule(
        _ message: consuming Message, _ actor: UnsafeMutableRawPointer, _ priority: MessagePriority
    ) {
        fillSlot(message)
        noteActor(actor)
        Scheduler.schedule(.mailbox(address), of: scheduler, priority)
    }

    /// Records where the actor is, at its first message. Only after the caller has claimed the mailbox.
    @inline(__always)
    private func noteActor(_ actor: UnsafeMutableRawPointer) {
        // No actor begins with its mailbox.
        if offset.load(ordering: .relaxed) == 0 { noteNewActor(actor) }
    }

    @inline(__always)
    private func noteNewActor(_ actor: UnsafeMutableRawPointer) {
        let distance = UInt(bitPattern: address) &- UInt(bitPattern: actor)
        require(distance < Self.farthest, "the mailbox of an actor is stored in the actor: `nonisolated let mailbox`")
        if clinux_is_default_actor(actor) {
            executorIsForgotten(type(of: Unmanaged<AnyObject>.fromOpaque(actor).takeUnretainedValue()))
        }
        offset.store(UInt16(truncatingIfNeeded: distance / Self.unit), ordering: .relaxed)
    }

    /// Queues the last event of an actor: the job of its `isolated deinit`.
    ///
    /// The actor has no reference any more, so the mailbox is idle (a scheduled one owns a reference), nobody sends to
    /// it, and no reference can be kept for it. The job frees the actor, so its runner does not touch the mailbox
    /// afterwards. If the scheduler no longer exists, the caller runs the job.
    func postEnd(_ job: UnownedJob, on executor: UnownedSerialExecutor, of actor: UnsafeMutableRawPointer) {
        let observed = claim()
        require(observed == State.idle, "an actor with messages has ended")
        let message = Message(job, on: executor)
        fillSlot(message)
        content.store(Content.end, ordering: .relaxed)
        noteActor(actor)
        if !Scheduler.scheduleIfThere(.mailbox(address), of: scheduler, .normal) { runEndHere() }
    }

    /// Runs it on the calling thread, which may be in the end of the actor that owned this one.
    private func runEndHere() {
        let outer = clinux_get_ending_mailbox()
        clinux_set_ending_mailbox(address)
        runEnd(on: nil)
        clinux_set_ending_mailbox(outer)
    }

    /// Runs the job of an `isolated deinit`; the mailbox no longer exists afterwards.
    private func runEnd(on worker: Worker?) {
        let message = Message(
            kind: .job,
            words: (slot0.load(ordering: .relaxed), slot1.load(ordering: .relaxed), slot2.load(ordering: .relaxed)))
        message.runJob(on: worker)
    }

    // MARK: Running (by the worker that holds the mailbox)

    /// Delivers messages until there are none or the budget is spent.
    ///
    /// - Returns: true if messages remain: the caller still holds the mailbox and must queue it again. After false the
    ///   actor and its mailbox may no longer exist.
    func runTurn(on worker: Worker) -> Bool {
        let actor = owner
        var budget = turnBudget
        var list: UnsafeMutablePointer<MessageNode>?
        interleavingPoint(.write, slotIdentity)
        let content = content.load(ordering: .relaxed)
        if let kind = Message.Kind(rawValue: content) {
            worker.deliver(emptySlot(of: kind), to: actor)
            budget -= 1
        } else if content == Content.list {
            list = UnsafeMutablePointer(bitPattern: slot0.load(ordering: .relaxed))
            self.content.store(Content.nothing, ordering: .relaxed)
        } else if content == Content.end {
            runEnd(on: worker)
            return false
        }
        while true {
            if list == nil {
                if becomeIdle() {
                    actor.release()
                    return false
                }
                list = takePosted()
            }
            guard budget > 0 else {
                interleavingPoint(.write, slotIdentity)
                slot0.store(UInt(bitPattern: list), ordering: .relaxed)
                self.content.store(Content.list, ordering: .relaxed)
                return true
            }
            let node = list.unsafelyUnwrapped
            list = node.pointee.next
            worker.deliver(MessageNode.open(node), to: actor)
            budget -= 1
        }
    }

    /// The actor. For the worker that holds the mailbox.
    private var owner: Unmanaged<AnyObject> {
        let distance = UInt(offset.load(ordering: .relaxed)) &* Self.unit
        return .fromOpaque(UnsafeRawPointer(address) - Int(distance))
    }

    private static let unit = UInt(MemoryLayout<UInt>.alignment)
    /// The largest value of `offset`.
    private static let farthest = UInt(UInt16.max) * unit

    /// The class of the actor. For the worker that holds the mailbox.
    var actorType: AnyClass {
        owner._withUnsafeGuaranteedRef { type(of: $0) }
    }

    /// The step scheduled → idle; fails if a message was posted in the meantime.
    private func becomeIdle() -> Bool {
        guard state.load(ordering: .relaxed) == State.scheduled else { return false }
        return state.compareExchange(
            expected: State.scheduled, desired: State.idle, successOrdering: .releasing, failureOrdering: .relaxed
        ).exchanged
    }

    /// Takes everything that was posted, and reverses it: senders push at the front, so the newest comes first.
    private func takePosted() -> UnsafeMutablePointer<MessageNode>? {
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

    /// The contents of the slot besides the kinds of messages.
    private enum Content {
        static let nothing: UInt8 = 0
        static let list = UInt8.max
        /// The job of an `isolated deinit`.
        static let end = UInt8.max - 1
    }

    /// Moves `message` into the three words, which own what the message owned.
    private func fillSlot(_ message: consuming Message) {
        let (kind, words) = message.takeApart()
        interleavingPoint(.write, slotIdentity)
        slot0.store(words.first, ordering: .relaxed)
        slot1.store(words.second, ordering: .relaxed)
        slot2.store(words.third, ordering: .relaxed)
        content.store(kind.rawValue, ordering: .relaxed)
    }

    private func emptySlot(of kind: Message.Kind) -> Message {
        content.store(Content.nothing, ordering: .relaxed)
        return Message(
            kind: kind,
            words: (slot0.load(ordering: .relaxed), slot1.load(ordering: .relaxed), slot2.load(ordering: .relaxed)))
    }

    // MARK: Identity

    /// The address of this mailbox. Valid beyond the borrow: a mailbox is stored in an actor (a heap object) and cannot
    /// be copied or moved out of a `let`; its atomics rely on that already. The code that keeps the address also holds
    /// the retained actor.
    @usableFromInline
    var address: UnsafePointer<Mailbox> { withUnsafePointer(to: self) { $0 } }

    /// For tests.
    var isIdle: Bool { state.plain.load(ordering: .acquiring) == State.idle }

    /// Identifies the slot and `content` in tests.
    private var slotIdentity: UInt { withUnsafePointer(to: content) { UInt(bitPattern: $0) } }
}
