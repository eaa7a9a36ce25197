// Waiters in the order of arrival, which may give up: shared by `Channel` and `LimitedResource`.
//
// Inlinable throughout, for the same reason as `Channel`.

/// A queue that grows and never moves its elements one by one.
@usableFromInline
struct FIFO<Element: Sendable>: Sendable {
    /// A power of two long, or empty.
    @usableFromInline var storage: [Element?] = []
    @usableFromInline var head = 0
    @usableFromInline var count = 0

    @inlinable init() {}

    @inlinable
    mutating func append(_ element: Element) {
        if count == storage.count { grow() }
        storage[(head + count) & (storage.count - 1)] = element
        count += 1
    }

    @inlinable
    mutating func popFirst() -> Element? {
        guard count > 0 else { return nil }
        let element = storage[head].take()
        head = (head + 1) & (storage.count - 1)
        count -= 1
        return element
    }

    mutating func popLast() -> Element? {
        guard count > 0 else { return nil }
        count -= 1
        return storage[(head + count) & (storage.count - 1)].take()
    }

    @usableFromInline
    mutating func grow() {
        var larger = [Element?](repeating: nil, count: max(storage.count * 2, 8))
        for index in 0..<count { larger[index] = storage[(head + index) & (storage.count - 1)] }
        storage = larger
        head = 0
    }
}

/// A task that waits, or may have to.
///
/// `@unchecked Sendable`: only the methods of the `WaitList` that it is in read and write `state`, under the lock of
/// that list's channel or resource.
@usableFromInline
final class Waiter<Payload: Sendable>: @unchecked Sendable {
    @usableFromInline
    enum State {
        case new
        case waiting(Payload)
        /// Was served, or has given up.
        case gone
    }

    @usableFromInline var state = State.new

    @inlinable init() {}
}

/// The waiters, oldest first. Those that have given up are skipped, and removed when they are the majority.
@usableFromInline
struct WaitList<Payload: Sendable>: Sendable {
    @usableFromInline var queue = FIFO<Waiter<Payload>>()
    @usableFromInline var gone = 0

    @inlinable init() {}

    /// - Returns: false if the waiter has already given up: cancellation may come before the wait.
    @inlinable
    mutating func append(_ waiter: Waiter<Payload>, _ payload: Payload) -> Bool {
        guard case .new = waiter.state else { return false }
        waiter.state = .waiting(payload)
        queue.append(waiter)
        return true
    }

    /// Takes the oldest that still waits.
    @inlinable
    mutating func popFirst() -> Payload? {
        while let waiter = queue.popFirst() {
            if let payload = serve(waiter) { return payload }
        }
        return nil
    }

    /// Takes the newest that still waits.
    mutating func popLast() -> Payload? {
        while let waiter = queue.popLast() {
            if let payload = serve(waiter) { return payload }
        }
        return nil
    }

    /// - Returns: nil if the waiter, which has left the queue, had given up.
    @inlinable
    mutating func serve(_ waiter: Waiter<Payload>) -> Payload? {
        guard case .waiting(let payload) = waiter.state else {
            gone -= 1
            return nil
        }
        waiter.state = .gone
        return payload
    }

    /// Removes a waiter.
    ///
    /// - Returns: nil if it was not waiting (any more, or not yet: then it never will).
    @inlinable
    mutating func giveUp(_ waiter: Waiter<Payload>) -> Payload? {
        defer { waiter.state = .gone }
        guard case .waiting(let payload) = waiter.state else { return nil }
        waiter.state = .gone
        gone += 1
        if gone > 16, gone > queue.count / 2 { clear() }
        return payload
    }

    @usableFromInline
    mutating func clear() {
        var kept = FIFO<Waiter<Payload>>()
        while let waiter = queue.popFirst() {
            if case .waiting = waiter.state { kept.append(waiter) }
        }
        queue = kept
        gone = 0
    }
}
