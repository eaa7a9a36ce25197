// Passes values between coroutines.
//
//   send() ──▶ [ waiting senders, each with its value ] ──▶ [ buffer, at most `capacity` ] ──▶ receive()
//                                                                      [ waiting receivers ] ──▶
//
// Senders wait only while the buffer is full, receivers only while it is empty and no sender waits. So at most one of
// the two waiting queues is in use, and nobody overtakes. `ChannelState`, a plain value under the lock, decides; the
// continuation that it names is resumed after the lock is released.
//
// Inlinable throughout, so that the compiler specialises it for the client's element type. Without that, three quarters
// of the instructions per value are lookups of generic metadata.

/// A bounded queue between `async` functions: any number of senders, any number of receivers, each value to one of
/// them.
///
/// ```swift
/// let squares = Channel<Int>(capacity: 16)
/// scheduler.spawn {
///     for number in 1...1000 { try await squares.send(number * number) }
///     squares.finish()
/// }
/// scheduler.spawn { for await square in squares { print(square) } }
/// ```
///
/// A coroutine receives input with `receive()` when it starts or is resumed, yields output with `send(_:)`, and
/// announces its end with `finish()`.
///
/// First in, first out, for values, waiting senders and waiting receivers alike. No lock is held while a task is
/// suspended, and none for longer than it takes to move one value. A waiting task must be served or cancelled: on a
/// scheduler, the run does not end before that, and prints a warning if nothing else is left to do.
public final class Channel<Element: Sendable>: Sendable {
    /// How many values wait for a receiver before `send(_:)` suspends. 0: each send waits for its receiver.
    public let capacity: Int

    @usableFromInline let state: Locked<ChannelState<Element>>

    /// An empty channel.
    ///
    /// - Parameter capacity: 0 or more.
    @inlinable
    public init(capacity: Int) {
        require(capacity >= 0, "the capacity of a channel is 0 or more, not \(capacity)")
        self.capacity = capacity
        state = Locked(ChannelState(capacity: capacity))
    }

    /// Hands `element` over, or leaves it in the buffer. Suspends while the buffer is full.
    ///
    /// - Throws: `finished` after `finish()`; `cancelled` if the calling task is cancelled while it has to wait. The
    ///   element is not sent then.
    @inlinable
    public func send(_ element: Element) async throws(ChannelError) {
        switch state.withLock({ $0.send(element) }) {
        case .buffered: return
        case .handOver(let receiver): receiver.resume(returning: element)
        case .finished: throw .finished
        case .wait: try await waitAndSend(element)
        }
    }

    @inlinable
    func waitAndSend(_ element: Element) async throws(ChannelError) {
        let waiter = Waiter<ChannelState<Element>.Sender>()
        Waiting.began()
        defer { Waiting.ended() }
        let sent: Result<Void, ChannelError> = await withTaskCancellationHandler {
            await withUnsafeContinuation { continuation in
                // Asks again: a place may have become free in the meantime.
                switch state.withLock({ $0.send(element, waiter, continuation) }) {
                case .buffered: continuation.resume(returning: .success(()))
                case .handOver(let receiver):
                    receiver.resume(returning: element)
                    continuation.resume(returning: .success(()))
                case .finished: continuation.resume(returning: .failure(.finished))
                case .wait(let isWaiting):
                    if !isWaiting { continuation.resume(returning: .failure(.cancelled)) }
                }
            }
        } onCancel: {
            let sender = state.withLock { $0.senders.giveUp(waiter) }
            sender?.continuation.resume(returning: .failure(.cancelled))
        }
        try sent.get()
    }

    /// Takes the oldest value. Suspends while there is none.
    ///
    /// - Returns: nil if the channel is finished and empty, or the calling task is cancelled while it has to wait.
    @inlinable
    public func receive() async -> Element? {
        switch state.withLock({ $0.receive() }) {
        case .value(let element, let sender):
            sender?.resume(returning: .success(()))
            return element
        case .finished: return nil
        case .wait: return await waitAndReceive()
        }
    }

    @inlinable
    func waitAndReceive() async -> Element? {
        let waiter = Waiter<ChannelState<Element>.Receiver>()
        Waiting.began()
        defer { Waiting.ended() }
        return await withTaskCancellationHandler {
            await withUnsafeContinuation { continuation in
                switch state.withLock({ $0.receive(waiter, continuation) }) {
                case .value(let element, let sender):
                    sender?.resume(returning: .success(()))
                    continuation.resume(returning: element)
                case .finished: continuation.resume(returning: nil)
                case .wait(let isWaiting):
                    if !isWaiting { continuation.resume(returning: nil) }
                }
            }
        } onCancel: {
            let receiver = state.withLock { $0.receivers.giveUp(waiter) }
            receiver?.resume(returning: nil)
        }
    }

    /// No more values: buffered values can still be received, waiting senders throw, waiting receivers get nil. May be
    /// called more than once.
    @inlinable
    public func finish() {
        var (senders, receivers) = state.withLock { $0.finish() }
        while let sender = senders.popFirst() { sender.continuation.resume(returning: .failure(.finished)) }
        while let receiver = receivers.popFirst() { receiver.resume(returning: nil) }
    }
}

/// Why a value was not sent.
public enum ChannelError: Error {
    /// The channel had been finished.
    case finished
    /// The sending task was cancelled.
    case cancelled
}

/// Receives until the channel is finished or the task is cancelled. Several loops over one channel share its values.
extension Channel: AsyncSequence {
    public struct AsyncIterator: AsyncIteratorProtocol {
        @usableFromInline let channel: Channel

        @inlinable init(channel: Channel) { self.channel = channel }

        @inlinable
        public func next() async -> Element? { await channel.receive() }

        @inlinable
        public func next(isolation actor: isolated (any Actor)?) async -> Element? { await channel.receive() }
    }

    @inlinable
    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(channel: self) }
}

/// The channel as a value: events in, decisions out. It never resumes a task itself.
@usableFromInline
struct ChannelState<Element: Sendable>: Sendable {
    @usableFromInline typealias SenderContinuation = UnsafeContinuation<Result<Void, ChannelError>, Never>
    @usableFromInline typealias Receiver = UnsafeContinuation<Element?, Never>

    @usableFromInline
    struct Sender: Sendable {
        @usableFromInline let element: Element
        @usableFromInline let continuation: SenderContinuation

        @inlinable init(element: Element, continuation: SenderContinuation) {
            self.element = element
            self.continuation = continuation
        }
    }

    @usableFromInline let capacity: Int
    @usableFromInline var buffer = FIFO<Element>()
    @usableFromInline var isFinished = false
    @usableFromInline var senders = WaitList<Sender>()
    @usableFromInline var receivers = WaitList<Receiver>()

    @inlinable init(capacity: Int) { self.capacity = capacity }

    @usableFromInline
    enum SendStep: Sendable {
        case buffered, finished
        case handOver(to: Receiver)
        /// False: the task is cancelled, so it does not wait either.
        case wait(isWaiting: Bool)
    }

    /// - Parameters: `waiter` and `continuation`: the caller, if it has to wait; nil to ask only.
    @inlinable
    mutating func send(
        _ element: Element, _ waiter: Waiter<Sender>? = nil, _ continuation: SenderContinuation? = nil
    ) -> SendStep {
        if isFinished { return .finished }
        if let receiver = receivers.popFirst() { return .handOver(to: receiver) }
        if buffer.count < capacity {
            buffer.append(element)
            return .buffered
        }
        guard let waiter, let continuation else { return .wait(isWaiting: false) }
        return .wait(isWaiting: senders.append(waiter, Sender(element: element, continuation: continuation)))
    }

    @usableFromInline
    enum ReceiveStep: Sendable {
        case finished
        /// `sender`'s value is on its way, so the sender can continue.
        case value(Element, sender: SenderContinuation?)
        case wait(isWaiting: Bool)
    }

    @inlinable
    mutating func receive(_ waiter: Waiter<Receiver>? = nil, _ continuation: Receiver? = nil) -> ReceiveStep {
        if let element = buffer.popFirst() {
            let next = senders.popFirst()
            if let next { buffer.append(next.element) }
            return .value(element, sender: next?.continuation)
        }
        // Without a buffer the value goes directly from sender to receiver.
        if let sender = senders.popFirst() { return .value(sender.element, sender: sender.continuation) }
        if isFinished { return .finished }
        guard let waiter, let continuation else { return .wait(isWaiting: false) }
        return .wait(isWaiting: receivers.append(waiter, continuation))
    }

    /// - Returns: all waiters.
    @inlinable
    mutating func finish() -> (WaitList<Sender>, WaitList<Receiver>) {
        isFinished = true
        defer { (senders, receivers) = (WaitList(), WaitList()) }
        return (senders, receivers)
    }
}
