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
/// Both lines must stand in the actor itself: an executor that came from a protocol extension would leave the compiler
/// to give the actor the default executor's storage (96 bytes) as well. Without the second line the compiler takes the default
/// executor, and `await` would enter the actor beside the mailbox: the first `send` to such an actor traps. (Another executor than these
/// two is not found out.)
public protocol MailboxActor: Actor, SerialExecutor {
    /// Where messages to this actor wait. A stored `let`: its address is the actor's identity as an executor.
    nonisolated var mailbox: Mailbox { get }
}

extension MailboxActor {
    /// Sends a message: `body` will run in the actor, on a worker, after all that this sender sent before.
    ///
    /// Returns at once, never blocks, never runs the receiver. Costs no Task; a message to an idle actor costs no
    /// allocation but that of the closure's captures. An error thrown by `body` ends the run: see `Scheduler.run()`.
    @inlinable
    public nonisolated func send(_ body: @escaping @Sendable (isolated Self) throws -> Void) {
        mailbox.post(.erasing(body), to: self)
    }

    /// The same with a value that the body gets beside the actor.
    ///
    /// ```swift
    /// parent.send(sum) { $0.childEnded($1) }
    /// ```
    ///
    /// Costs no allocation at an idle actor if `body` captures nothing and the value has 16 bytes or less; else as much as a body that
    /// captures the value.
    @inlinable
    public nonisolated func send<Value: BitwiseCopyable & Sendable>(
        _ value: Value, _ body: @escaping @Sendable (isolated Self, Value) throws -> Void
    ) {
        mailbox.post(.erasing(value, body), to: self)
    }

    /// The same with a value that owns something: an array, a string, an object. Costs as much as a body that captures it.
    @inlinable
    public nonisolated func send<Value: Sendable>(
        _ value: Value, _ body: @escaping @Sendable (isolated Self, Value) throws -> Void
    ) {
        mailbox.post(.erasing { (actor: isolated Self) in try body(actor, value) }, to: self)
    }

    /// The same with a priority. It decides when an actor that had no message gets its turn; messages of one sender
    /// to one actor keep their order, whatever their priorities are.
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

    /// Sends a message with the caller's last reference to the actor, which the mailbox takes over: two atomic operations less than
    /// `send`, for an actor that is made for what it is sent, or that is told a result and forgotten.
    ///
    /// ```swift
    /// Node(parent: self).sendConsuming(depth) { $0.grow($1) }
    /// ```
    ///
    /// Whoever uses the reference afterwards has a copy of it, and saves nothing.
    @inlinable
    public nonisolated consuming func sendConsuming<Value: BitwiseCopyable & Sendable>(
        _ value: Value, _ body: @escaping @Sendable (isolated Self, Value) throws -> Void
    ) {
        // Sound: the mailbox lies in the actor, which lives at least until `post` has given the reference away.
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
        // An `isolated deinit`: there is no reference any more that a message could keep.
        if swift_isDeallocating(actor) { return mailbox.postEnd(job, on: executor, of: actor) }
        mailbox.post(Message(job, on: executor), to: self)
    }

    /// Traps unless a worker is in this actor: `assumeIsolated` and `preconditionIsolated` end here.
    public nonisolated func checkIsolated() {
        require(isIsolatingCurrentContext() == true, "the caller is not in this \(Self.self), which it says it is")
    }

    /// Whether the calling thread is a worker in its turn with this actor, or ends it because its scheduler is gone.
    public nonisolated func isIsolatingCurrentContext() -> Bool? {
        let address = mailbox.address
        return Worker.current?.runningMailbox == address || clinux_get_ending_mailbox() == UnsafeRawPointer(address)
    }
}

@inline(never)
func executorIsForgotten(_ actor: Any.Type) -> Never {
    misuse(
        """
        \(actor) lacks the line `nonisolated var unownedExecutor: UnownedSerialExecutor { UnownedSerialExecutor(ordinary: self) }`: \
        what is sent to it and who awaits it would be in it at once
        """)
}
