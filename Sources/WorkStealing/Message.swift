// The content of a mailbox: calls through `send`, and next steps of `async` functions that await the actor.
//
//    kind       first      second     third
//    call       function   context                 a closure, its actor's type erased; the context is owned
//    plainCall  function   ┌── value (16 bytes) ─┐  a function of the actor and a plain value, which captures nothing
//    job        job        └ its executor ───────┘  owned by whoever runs it

import Glibc

/// One message to an actor. Three words and a kind, no allocation of its own; a closure that captures has a context.
///
/// Delivered once or dropped once, which the compiler guarantees: a message cannot be copied, and its `deinit` releases
/// its captures.
///
/// `@unchecked Sendable`: the words represent `@Sendable` closures, plain `Sendable` values and jobs.
@usableFromInline
package struct Message: ~Copyable, @unchecked Sendable {
    @usableFromInline
    enum Kind: UInt8 {
        case call = 1, plainCall, job
    }

    let kind: Kind
    let words: Words

    @usableFromInline typealias Words = (first: UInt, second: UInt, third: UInt)

    /// The words own what the message owns.
    @usableFromInline
    init(kind: Kind, words: Words) {
        self.kind = kind
        self.words = words
    }

    deinit {
        if kind == .call { _ = Self.call(words.first, words.second) }
    }

    // MARK: Making

    /// Erases the type of the actor.
    ///
    /// Soundness. Both closures are stored in a struct of one field, so that no reabstraction thunk (an allocation)
    /// comes between them, and the bits are reused: (1) `isolated` on a synchronous function has no representation: the
    /// standard library's `assumeIsolated` relies on the same fact; (2) a parameter of a class-bound generic type is
    /// passed as one object reference, like `AnyObject`; (3) one of an unconstrained generic type is passed by address,
    /// like an `UnsafeRawPointer` (`erasing(_:_:)`); (4) a closure is two words, function and context, and the latter
    /// is null if nothing was captured. The mailbox maintains the isolation that the cast drops: it delivers a message
    /// only while its worker holds it, and only to the object that it was sent to.
    ///
    /// `assumeIsolated` itself would work, but allocates a box for the closure at each message (about 120 ns).
    @inlinable
    package static func erasing<A: Actor>(_ body: @escaping @Sendable (isolated A) throws -> Void) -> Message {
        let call = unsafeBitCast(TypedCall(body: body), to: ErasedCall.self)
        var words: Words = (0, 0, 0)
        withUnsafeMutableBytes(of: &words) { bytes in
            _ = bytes.baseAddress!.initializeMemory(as: ErasedCall.self, to: call)
        }
        return Message(kind: .call, words: words)
    }

    /// The same for a call with a plain value. The value travels in the message if `body` captures nothing and the
    /// value has at most two words; otherwise a closure captures both.
    @inlinable
    package static func erasing<A: Actor, Value: BitwiseCopyable & Sendable>(
        _ value: Value, _ body: @escaping @Sendable (isolated A, Value) throws -> Void
    ) -> Message {
        let function = unsafeBitCast(TypedPlainCall(body: body), to: (function: UInt, context: UInt).self)
        guard function.context == 0, MemoryLayout<Value>.size <= 16, MemoryLayout<Value>.alignment <= 8 else {
            return .erasing { (actor: isolated A) in try body(actor, value) }
        }
        var words: Words = (function.function, 0, 0)
        withUnsafeMutableBytes(of: &words) { bytes in
            bytes.storeBytes(of: value, toByteOffset: MemoryLayout<UInt>.size, as: Value.self)
        }
        return Message(kind: .plainCall, words: words)
    }

    /// The next step of an `async` function. It is delivered even after the run was cancelled, because a task that is
    /// never resumed leaks, together with everything that waits for it.
    ///
    /// Soundness. A job is one word and an executor two (object and witness table), and neither counts references. The
    /// casts, here and in `deliver`, copy bits, and trap if the sizes differ.
    init(_ job: UnownedJob, on executor: UnownedSerialExecutor) {
        let executor = unsafeBitCast(executor, to: (UInt, UInt).self)
        self.init(kind: .job, words: (unsafeBitCast(job, to: UInt.self), executor.0, executor.1))
    }

    // MARK: Delivering

    /// The words, which now own what the message owned.
    @inline(__always)
    consuming func takeApart() -> (Kind, Words) {
        let parts = (kind, words)
        discard self
        return parts
    }

    /// Makes the call. Expects the actor that the message was sent to, entered by `worker`, which holds its mailbox and
    /// so keeps it alive: nothing is retained here.
    @inline(__always)
    consuming func deliver(to actor: Unmanaged<AnyObject>, on worker: Worker) throws {
        let (kind, words) = takeApart()
        switch kind {
        case .call:
            let call = Self.call(words.first, words.second)
            try actor._withUnsafeGuaranteedRef { try call.body($0) }
        case .plainCall:
            let call = Self.plainCall(words.first)
            var value = (words.second, words.third)
            try withUnsafeMutableBytes(of: &value) { value in
                let value = UnsafeRawPointer(value.baseAddress.unsafelyUnwrapped)
                try actor._withUnsafeGuaranteedRef { try call.body($0, value) }
            }
        case .job: Self.runJob(words, on: worker)
        }
    }

    /// Runs the job in the message, outside a pool if there is no worker.
    consuming func runJob(on worker: Worker?) { Self.runJob(takeApart().1, on: worker) }

    @inline(__always)
    private static func runJob(_ words: Words, on worker: Worker?) {
        let executor = unsafeBitCast((words.second, words.third), to: UnownedSerialExecutor.self)
        let job = unsafeBitCast(words.first, to: UnownedJob.self)
        guard let worker else { return job.runSynchronously(on: executor) }
        job.runSynchronously(isolatedTo: executor, taskExecutor: worker.scheduler.asUnownedTaskExecutor())
    }

    /// The closure of a `call`, with the ownership of the words: it is moved, not copied.
    @inline(__always)
    private static func call(_ function: UInt, _ context: UInt) -> ErasedCall {
        var closure = (function, context)
        return withUnsafeMutableBytes(of: &closure) { bytes in
            bytes.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: ErasedCall.self).move()
        }
    }

    @inline(__always)
    private static func plainCall(_ function: UInt) -> ErasedPlainCall {
        unsafeBitCast((function, 0 as UInt), to: ErasedPlainCall.self)
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
}

@usableFromInline
struct TypedPlainCall<A: Actor, Value> {
    @usableFromInline let body: @Sendable (isolated A, Value) throws -> Void
    @inlinable init(body: @escaping @Sendable (isolated A, Value) throws -> Void) { self.body = body }
}

struct ErasedPlainCall {
    let body: @Sendable (AnyObject, UnsafeRawPointer) throws -> Void
}

/// A message that waits in a mailbox behind another one. Created by the sender, freed by the worker that delivers it.
struct MessageNode: ~Copyable {
    var next: UnsafeMutablePointer<MessageNode>?
    private let message: Message

    /// A node for `message`. From malloc(3), not from Swift's `allocate`, which calls posix_memalign(3) and costs half
    /// as much again.
    static func make(_ message: consuming Message) -> UnsafeMutablePointer<MessageNode> {
        guard let memory = malloc(MemoryLayout<MessageNode>.size) else {
            misuse("out of memory: no room for a message")
        }
        let node = memory.bindMemory(to: MessageNode.self, capacity: 1)
        node.initialize(to: MessageNode(next: nil, message: message))
        return node
    }

    /// The message of a node that is in no list any more. `next` must have been read.
    static func open(_ node: UnsafeMutablePointer<MessageNode>) -> Message {
        let message = node.move().message
        free(node)
        return message
    }
}
