import CLinux

/// An actor whose executor is its own mailbox on a `Scheduler`.
///
/// ```swift
/// actor Counter: MailboxActor {
///     nonisolated let mailbox: Mailbox
///     nonisolated var unownedExecutor: UnownedSerialExecutor { UnownedSerialExecutor(ordinary: self) }
///     private var count = 0
///
///     init(on scheduler: Scheduler) { mailbox = Mailbox(scheduler) }
///     func increment() { count += 1 }
/// }
///
/// counter.send { $0.increment() }     // one message, no Task
/// await counter.increment()           // the same mailbox, from async code
/// ```
///
/// Both declarations must be in the actor itself: with an executor from a protocol extension the compiler would still
/// give the actor the default executor's storage (96 bytes). Without the second declaration the compiler uses the
/// default executor, and `await` would enter the actor in parallel with the mailbox: the first `send` to such an actor
/// traps. (Any other executor is not detected.)
public protocol MailboxActor: Actor, SerialExecutor {
    /// The queue of messages to this actor. A stored `let`: its address is the actor's identity as an executor.
    nonisolated var mailbox: Mailbox { get }
}

extension MailboxActor {
    /// Sends a message: `body` will run in the actor, on a worker, after all earlier messages of this sender.
    ///
    /// Returns at once, never blocks, never runs the receiver. Costs no Task; a message to an idle actor costs no
    /// allocation except that of the closure's captures. An error thrown by `body` ends the run: see `Scheduler.run()`.
    @inlinable
    public nonisolated func send(_ body: @escaping @Sendable (isolated Self) throws -> Void) {
        mailbox.post(.erasing(body), to: self)
    }

    /// The same with a value that the body gets in addition to the actor.
    ///
    /// ```swift
    /// parent.send(sum) { $0.childEnded($1) }
    /// ```
    ///
    /// Costs no allocation at an idle actor if `body` captures nothing and the value has at most 16 bytes; otherwise it
    /// costs as much as a body that captures the value.
    @inlinable
    public nonisolated func send<Value: BitwiseCopyable & Sendable>(
        _ value: Value, _ body: @escaping @Sendable (isolated Self, Value) throws -> Void
    ) {
        mailbox.post(.erasing(value, body), to: self)
    }

    /// The same with a value that owns memory: an array, a string, an object. Costs as much as a body that captures it.
    @inlinable
    public nonisolated func send<Value: Sendable>(
        _ value: Value, _ body: @escaping @Sendable (isolated Self, Value) throws -> Void
    ) {
        mailbox.post(.erasing { (actor: isolated Self) in try body(actor, value) }, to: self)
    }

    /// The same with a priority. It decides how soon an idle actor gets its turn; messages from one sender to one actor
    /// keep their order, whatever their priorities.
    @inlinable
    public nonisolated func send(
        _ priority: MessagePriority, _ body: @escaping @Sendable (isolated Self) throws -> Void
    ) {
        mailbox.post(.erasing(body), to: self, priority)
    }

    /// The same with a priority and a value.
    ///
    /// ```swift
    /// reader.send(.high, path) { $0.open($1) }
    /// ```
    @inlinable
    public nonisolated func send<Value: Sendable>(
        _ priority: MessagePriority, _ value: Value, _ body: @escaping @Sendable (isolated Self, Value) throws -> Void
    ) {
        mailbox.post(.erasing { (actor: isolated Self) in try body(actor, value) }, to: self, priority)
    }

    /// Sends a message with the caller's last reference to the actor, which the mailbox takes over. This saves two
    /// atomic operations for an actor that gets one message, or a result and is then forgotten.
    ///
    /// ```swift
    /// Node(parent: self).sendConsuming(depth) { $0.grow($1) }
    /// ```
    ///
    /// A caller that uses the reference afterwards makes a copy of it, and saves nothing.
    @inlinable
    public nonisolated consuming func sendConsuming<Value: BitwiseCopyable & Sendable>(
        _ value: Value, _ body: @escaping @Sendable (isolated Self, Value) throws -> Void
    ) {
        // Sound: the mailbox lies in the actor, which lives at least until `post` has given up the reference.
        let address = mailbox.address
        Mailbox.post(.erasing(value, body), at: address, owned: Unmanaged.passRetained(self).toOpaque())
    }

    /// The same without a value.
    @inlinable
    public nonisolated consuming func sendConsuming(_ body: @escaping @Sendable (isolated Self) throws -> Void) {
        let address = mailbox.address
        Mailbox.post(.erasing(body), at: address, owned: Unmanaged.passRetained(self).toOpaque())
    }

    /// Puts the next step of an `async` call into the mailbox. Called by the Swift runtime.
    public nonisolated func enqueue(_ job: consuming ExecutorJob) {
        let (job, executor) = (UnownedJob(job), unownedExecutor)
        let actor = Unmanaged.passUnretained(self).toOpaque()
        // An `isolated deinit`: no reference is left that a message could keep.
        if swift_isDeallocating(actor) { return mailbox.postEnd(job, on: executor, of: actor) }
        mailbox.post(Message(job, on: executor), to: self)
    }

    /// Traps unless a worker is in this actor: `assumeIsolated` and `preconditionIsolated` end here.
    public nonisolated func checkIsolated() {
        require(isIsolatingCurrentContext() == true, "the caller claims to be in this \(Self.self), but is not")
    }

    /// Whether the calling thread is a worker in its turn with this actor, or frees it because its scheduler no longer
    /// exists.
    public nonisolated func isIsolatingCurrentContext() -> Bool? {
        let address = mailbox.address
        return Worker.current?.runningMailbox == address || clinux_get_ending_mailbox() == UnsafeRawPointer(address)
    }
}

@inline(never)
func executorIsForgotten(_ actor: Any.Type) -> Never {
    misuse(
        """
        \(actor) lacks the line `nonisolated var unownedExecutor: UnownedSerialExecutor \
        { UnownedSerialExecutor(ordinary: self) }`: messages and awaited calls would run in it at the same time
        """)
}
