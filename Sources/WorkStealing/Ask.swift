// A message with a reply: how `async` code asks an actor.

extension MailboxActor {
    /// Sends a message and waits for its reply, without blocking a thread.
    ///
    /// ```swift
    /// let count = try await counter.ask { $0.count }
    /// ```
    ///
    /// One message, in order with the caller's earlier messages. `body` does not suspend, so nothing else runs in the
    /// actor meanwhile. (`await counter.total()` ends in the same mailbox, and is the way to call an `async` method.)
    /// Costs a message and one suspension of the caller's task.
    ///
    /// Every question is answered. Cancelling the asking task does not withdraw the message.
    ///
    /// - Throws: the error of `body`, which does not end the run as an error in `send` does; `CancellationError` if the
    ///   message was dropped because the run was cancelled, or the scheduler was freed before it ran again.
    @inlinable
    public nonisolated func ask<Reply: Sendable>(
        _ body: @escaping @Sendable (isolated Self) throws -> Reply
    ) async throws -> Reply {
        try await withUnsafeThrowingContinuation { continuation in
            let question = Question(continuation)
            send { actor in
                do { question.answer(.success(try body(actor))) } catch { question.answer(.failure(error)) }
            }
        }
    }
}

/// The waiter for a reply. Only the message refers to it: if the message is dropped, this is freed, and its `deinit`
/// answers in place of the actor.
///
/// `@unchecked Sendable`: used by the worker that delivers the message, and then by `deinit`.
///
/// Inlinable for the same reason as `Channel`.
@usableFromInline
final class Question<Reply: Sendable>: @unchecked Sendable {
    @usableFromInline var continuation: UnsafeContinuation<Reply, any Error>?

    @inlinable init(_ continuation: UnsafeContinuation<Reply, any Error>) { self.continuation = continuation }

    @inlinable deinit { continuation?.resume(throwing: CancellationError()) }

    @inlinable
    func answer(_ result: Result<Reply, any Error>) { continuation.take()?.resume(with: result) }
}
