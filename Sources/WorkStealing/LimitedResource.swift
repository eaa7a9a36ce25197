// Named limits: how many users a resource may have at a time, for actors and `async` functions alike.
//
// Nothing blocks and nothing polls. A request that cannot have a token now goes on a list, and a returned token goes to
// the oldest (or the newest) request on it. A token cannot be copied and is returned when it is released, so it can be
// neither forgotten nor returned twice.

import Synchronization

/// Something with a limited number of simultaneous users: 1 for a library that is not thread-safe, 4 for a disk.
///
/// ```swift
/// let disk = LimitedResource("disk", limit: 4)
/// file.send(holding: disk) { file, place in file.read() }         // the message is sent when a token is free
/// try await disk.withToken { await download() }                   // the same for async code
/// ```
///
/// First come, first served, by default. A token that is held across messages is kept in the actor that uses it.
public final class LimitedResource: Sendable {
    /// Which waiter gets a returned token.
    public enum Order: Sendable {
        /// The one that has waited longest: no waiter starves.
        case oldestFirst
        /// The newest. For work that creates more of its own kind, as a directory does: depth-first order keeps the
        /// queue short. Not for work without an end, where the oldest waiter would starve.
        case newestFirst
    }

    /// For people: profiles and diagrams.
    public let name: String
    /// How many tokens there are.
    public let limit: Int

    private let order: Order
    private let state: Locked<State>

    private struct State: Sendable {
        var free: Int
        /// Each waiter's use of its token. Not run under the lock.
        var waiting = WaitList<@Sendable (_ admitted: Bool) -> Void>()
    }

    /// A resource with all tokens free.
    ///
    /// - Parameters:
    ///   - name: for people.
    ///   - limit: 1 or more.
    ///   - order: the order in which waiters are served.
    public init(_ name: String, limit: Int, serving order: Order = .oldestFirst) {
        require(limit >= 1, "the limit of a resource is 1 or more, not \(limit): nothing could use \(name)")
        self.name = name
        self.limit = limit
        self.order = order
        state = Locked(State(free: limit))
    }

    /// The right to use the resource, until it is released.
    public struct Token: ~Copyable, Sendable {
        private let resource: LimitedResource

        /// Represents a token that was already counted out.
        fileprivate init(countedBy resource: LimitedResource) { self.resource = resource }

        deinit { resource.giveBack() }
    }

    /// A token, if one is free.
    public func tryTake() -> Token? { countOut() ? Token(countedBy: self) : nil }

    /// Waits for a token, without blocking a thread.
    ///
    /// - Throws: `CancellationError` if the calling task is cancelled while it has to wait.
    public func take() async throws(CancellationError) -> Token {
        guard await waitAndCountOut() else { throw CancellationError() }
        return Token(countedBy: self)
    }

    /// Runs `body` with a token in hand.
    ///
    /// - Throws: as `take()`, and what `body` throws.
    @discardableResult
    public func withToken<Success>(_ body: () async throws -> sending Success) async throws -> sending Success {
        guard await waitAndCountOut() else { throw CancellationError() }
        defer { giveBack() }
        return try await body()
    }

    // MARK: Tokens as counts, for callers that keep their own accounts

    package func countOut() -> Bool {
        state.withLock { state in
            guard state.free > 0 else { return false }
            state.free -= 1
            return true
        }
    }

    /// - Returns: false if the task was cancelled while it waited: nothing was counted out then.
    package func waitAndCountOut() async -> Bool {
        if countOut() { return true }
        let waiter = Waiter<@Sendable (Bool) -> Void>()
        Waiting.began()
        defer { Waiting.ended() }
        return await withTaskCancellationHandler {
            await withUnsafeContinuation { continuation in
                countOut(waiter) { continuation.resume(returning: $0) }
            }
        } onCancel: {
            let waiting = state.withLock { $0.waiting.giveUp(waiter) }
            waiting?(false)
        }
    }

    /// Calls `admitted` with true as soon as a token has been counted out, at once or by the thread that returns one;
    /// with false if `waiter` has given up. It must do no more than send a message or resume a task.
    fileprivate func countOut(
        _ waiter: Waiter<@Sendable (Bool) -> Void>, _ admitted: @escaping @Sendable (_ admitted: Bool) -> Void
    ) {
        let answer: Bool? = state.withLock { state in
            guard state.free == 0 else {
                state.free -= 1
                return true
            }
            return state.waiting.append(waiter, admitted) ? nil : false
        }
        if let answer { admitted(answer) }
    }

    package func giveBack() {
        let next = state.withLock { state in
            let next = order == .oldestFirst ? state.waiting.popFirst() : state.waiting.popLast()
            if next == nil { state.free += 1 }
            return next
        }
        next?(true)
    }
}

extension MailboxActor {
    /// Sends a message that holds a token of `resource`: now, if one is free, else when it is this message's turn.
    ///
    /// `body` may keep the token in the actor beyond the message; otherwise it is returned when `body` returns. A
    /// message that a cancelled run drops returns its token. While it waits for a token, the message is not pending
    /// with the scheduler: the holder of the last token must have something pending itself, or the run ends. Such
    /// messages are not ordered with other messages.
    public nonisolated func send(
        holding resource: LimitedResource,
        _ body: @escaping @Sendable (isolated Self, consuming LimitedResource.Token) throws -> Void
    ) {
        resource.countOut(Waiter()) { _ in
            let envelope = Envelope(LimitedResource.Token(countedBy: resource))
            self.send { actor in try body(actor, envelope.open()) }
        }
    }
}

/// Carries a token in a message: closures cannot give away what they captured.
final class Envelope: Sendable {
    private let token: Mutex<LimitedResource.Token?>

    init(_ token: consuming sending LimitedResource.Token) { self.token = Mutex(token) }

    /// Once: a message is delivered once.
    func open() -> LimitedResource.Token {
        token.withLock { $0.take() }!
    }
}
