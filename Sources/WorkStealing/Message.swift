// What a mailbox delivers: a call that somebody sent, or the next step of an `async` function that awaits the actor.

/// One message to an actor, with the actor's type erased.
///
/// Three words, no allocation of its own. A call without captures (`{ $0.scan() }`) therefore costs nothing but the
/// place it waits in; one with captures costs the closure's context.
@usableFromInline
package struct Message: Sendable {
    /// Expects the actor that the message was sent to, entered by a worker that holds its mailbox.
    @usableFromInline let body: @Sendable (AnyObject) throws -> Void
    /// The next step of an `async` function: delivered even when the run was cancelled, because a task that is never
    /// resumed is leaked, with all that waits for it.
    let isJob: Bool

    @usableFromInline
    init(body: @escaping @Sendable (AnyObject) throws -> Void, isJob: Bool) {
        self.body = body
        self.isJob = isJob
    }

    /// Erases the type of the actor.
    ///
    /// Soundness. Both closures are stored in a struct of one field, so that no reabstraction thunk (an allocation) is
    /// put between them, and the bits are reused: (1) `isolated` on a synchronous function has no representation: the
    /// standard library's `assumeIsolated` rests on the same fact; (2) a parameter of a class-bound generic type is
    /// passed as one object reference, as `AnyObject` is. The isolation that the cast drops is kept by the mailbox: it
    /// delivers a message only while its worker holds it, and only to the object that it was sent to.
    ///
    /// `assumeIsolated` itself would do, but allocates a box for the closure at each message (about 120 ns).
    @inlinable
    package static func erasing<A: Actor>(_ body: @escaping @Sendable (isolated A) throws -> Void) -> Message {
        let erased = unsafeBitCast(TypedCall(body: body), to: ErasedCall.self)
        return Message(body: erased.body, isJob: false)
    }
}

@usableFromInline
struct TypedCall<A: Actor> {
    @usableFromInline let body: @Sendable (isolated A) throws -> Void
    @inlinable init(body: @escaping @Sendable (isolated A) throws -> Void) { self.body = body }
}

@usableFromInline
struct ErasedCall {
    @usableFromInline let body: @Sendable (AnyObject) throws -> Void
    @inlinable init(body: @escaping @Sendable (AnyObject) throws -> Void) { self.body = body }
}

/// A message that waits in a mailbox behind another one; allocated by the sender, freed by the worker that delivers it.
struct MessageNode {
    var next: UnsafeMutablePointer<MessageNode>?
    var message: Message
}
