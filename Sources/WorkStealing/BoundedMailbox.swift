// Mailboxes with a limit on the number of messages.
//
// A mailbox itself counts nothing: a count beside `state` would be one more word that all senders and the receiver
// write for each message. A bounded actor has a `MailboxLimit`, and each message holds a place of it from `send` until
// it is delivered or dropped.

/// How many messages may wait for one actor: see `BoundedMailboxActor`.
public final class MailboxLimit: Sendable {
    /// The limit.
    public let messages: Int
    fileprivate let places: LimitedResource

    /// - Parameter messages: 1 or more. The message that is being delivered does not count.
    public init(messages: Int) {
        self.messages = messages
        places = LimitedResource("mailbox", limit: messages)
    }
}

/// A mailbox actor that never has more messages waiting than its limit, however many senders it has and however slow it
/// is.
///
/// ```swift
/// actor Writer: BoundedMailboxActor {
///     nonisolated let mailbox: Mailbox
///     nonisolated let limit = MailboxLimit(messages: 1000)
///     nonisolated var unownedExecutor: UnownedSerialExecutor { UnownedSerialExecutor(ordinary: self) }
///     …
/// }
/// try await writer.sendWhenThereIsRoom(line) { $0.write($1) }     // suspends while 1,000 wait
/// if !writer.trySend(line, { $0.write($1) }) { dropped += 1 }     // refuses
/// ```
///
/// `send` ignores the limit: use it for messages that must not wait, such as the one that ends the work. `ask` and
/// `await` hold their callers back anyway.
public protocol BoundedMailboxActor: MailboxActor {
    /// A stored `let`.
    nonisolated var limit: MailboxLimit { get }
}

extension BoundedMailboxActor {
    /// Sends a message as soon as fewer messages wait than the limit; the calling task suspends until then. Tasks are
    /// served in the order of arrival, and messages of one task keep their order.
    ///
    /// - Throws: `CancellationError` if the calling task is cancelled while it has to wait; nothing is sent then.
    public nonisolated func sendWhenThereIsRoom<Value: Sendable>(
        _ value: Value, _ body: @escaping @Sendable (isolated Self, Value) throws -> Void
    ) async throws(CancellationError) {
        send(value, in: try await limit.places.take(), body)
    }

    /// The same without a value.
    public nonisolated func sendWhenThereIsRoom(
        _ body: @escaping @Sendable (isolated Self) throws -> Void
    ) async throws(CancellationError) {
        send((), in: try await limit.places.take()) { actor, _ in try body(actor) }
    }

    /// Sends a message, unless the mailbox is full.
    ///
    /// - Returns: whether it was sent.
    public nonisolated func trySend<Value: Sendable>(
        _ value: Value, _ body: @escaping @Sendable (isolated Self, Value) throws -> Void
    ) -> Bool {
        guard let place = limit.places.tryTake() else { return false }
        send(value, in: place, body)
        return true
    }

    /// The same without a value.
    public nonisolated func trySend(_ body: @escaping @Sendable (isolated Self) throws -> Void) -> Bool {
        trySend(()) { actor, _ in try body(actor) }
    }

    private nonisolated func send<Value: Sendable>(
        _ value: Value, in place: consuming LimitedResource.Token,
        _ body: @escaping @Sendable (isolated Self, Value) throws -> Void
    ) {
        let envelope = Envelope(place)
        send { actor in
            // Now another owner's. A dropped message gives the token back with the envelope.
            _ = envelope.open()
            try body(actor, value)
        }
    }
}
