// The atomics of the protocols: operations of the standard library's `Atomic`, each of which is also a step of the
// explorer (Interleaving.swift). In a release build nothing is left of the steps.
//
// An operation on `plain` is no step: hints, and what happens between runs.

import CLinux
import Synchronization

/// An atomic whose operations are steps: in debug builds a test can decide when each is taken.
///
/// The operations have the attributes of those that they call: the compiler sees each ordering as a constant.
struct SteppedAtomic<Value: AtomicRepresentable & Sendable>: ~Copyable, Sendable {
    let plain: Atomic<Value>

    init(_ value: consuming Value) { plain = Atomic(value) }

    /// Identifies the atomic in tests: an atomic never moves.
    var identity: UInt { withUnsafePointer(to: plain) { UInt(bitPattern: $0) } }
}

extension SteppedAtomic where Value.AtomicRepresentation == _Atomic8BitStorage {
    @_semantics("atomics.requires_constant_orderings")
    @_transparent
    func load(ordering: AtomicLoadOrdering, from source: StaticString = #function, line: UInt = #line) -> Value {
        interleavingPoint(.read, identity, from: source, line: line)
        return plain.load(ordering: ordering)
    }

    @_semantics("atomics.requires_constant_orderings")
    @_transparent
    func store(
        _ value: consuming Value, ordering: AtomicStoreOrdering, from source: StaticString = #function,
        line: UInt = #line
    ) {
        interleavingPoint(.write, identity, from: source, line: line)
        return plain.store(value, ordering: ordering)
    }

    @_semantics("atomics.requires_constant_orderings")
    @_transparent
    func exchange(
        _ value: consuming Value, ordering: AtomicUpdateOrdering, from source: StaticString = #function,
        line: UInt = #line
    ) -> Value {
        interleavingPoint(.write, identity, from: source, line: line)
        return plain.exchange(value, ordering: ordering)
    }
}

extension SteppedAtomic where Value.AtomicRepresentation == _Atomic16BitStorage {
    @_semantics("atomics.requires_constant_orderings")
    @_transparent
    func load(ordering: AtomicLoadOrdering, from source: StaticString = #function, line: UInt = #line) -> Value {
        interleavingPoint(.read, identity, from: source, line: line)
        return plain.load(ordering: ordering)
    }

    @_semantics("atomics.requires_constant_orderings")
    @_transparent
    func store(
        _ value: consuming Value, ordering: AtomicStoreOrdering, from source: StaticString = #function,
        line: UInt = #line
    ) {
        interleavingPoint(.write, identity, from: source, line: line)
        return plain.store(value, ordering: ordering)
    }
}

extension SteppedAtomic where Value.AtomicRepresentation == _Atomic32BitStorage {
    @_semantics("atomics.requires_constant_orderings")
    @_transparent
    func load(ordering: AtomicLoadOrdering, from source: StaticString = #function, line: UInt = #line) -> Value {
        interleavingPoint(.read, identity, from: source, line: line)
        return plain.load(ordering: ordering)
    }

    @_semantics("atomics.requires_constant_orderings")
    @_transparent
    func store(
        _ value: consuming Value, ordering: AtomicStoreOrdering, from source: StaticString = #function,
        line: UInt = #line
    ) {
        interleavingPoint(.write, identity, from: source, line: line)
        return plain.store(value, ordering: ordering)
    }

    @_semantics("atomics.requires_constant_orderings")
    @_transparent
    func exchange(
        _ value: consuming Value, ordering: AtomicUpdateOrdering, from source: StaticString = #function,
        line: UInt = #line
    ) -> Value {
        interleavingPoint(.write, identity, from: source, line: line)
        return plain.exchange(value, ordering: ordering)
    }

    @_semantics("atomics.requires_constant_orderings")
    @_transparent
    func compareExchange(
        expected: consuming Value, desired: consuming Value, successOrdering: AtomicUpdateOrdering,
        failureOrdering: AtomicLoadOrdering, from source: StaticString = #function, line: UInt = #line
    ) -> (exchanged: Bool, original: Value) {
        interleavingPoint(.write, identity, from: source, line: line)
        return plain.compareExchange(
            expected: expected, desired: desired, successOrdering: successOrdering, failureOrdering: failureOrdering)
    }

    @_semantics("atomics.requires_constant_orderings")
    @_transparent
    func weakCompareExchange(
        expected: consuming Value, desired: consuming Value, successOrdering: AtomicUpdateOrdering,
        failureOrdering: AtomicLoadOrdering, from source: StaticString = #function, line: UInt = #line
    ) -> (exchanged: Bool, original: Value) {
        interleavingPoint(.write, identity, from: source, line: line)
        return plain.weakCompareExchange(
            expected: expected, desired: desired, successOrdering: successOrdering, failureOrdering: failureOrdering)
    }
}

extension SteppedAtomic where Value.AtomicRepresentation == _Atomic64BitStorage {
    @_semantics("atomics.requires_constant_orderings")
    @_transparent
    func load(ordering: AtomicLoadOrdering, from source: StaticString = #function, line: UInt = #line) -> Value {
        interleavingPoint(.read, identity, from: source, line: line)
        return plain.load(ordering: ordering)
    }

    @_semantics("atomics.requires_constant_orderings")
    @_transparent
    func store(
        _ value: consuming Value, ordering: AtomicStoreOrdering, from source: StaticString = #function,
        line: UInt = #line
    ) {
        interleavingPoint(.write, identity, from: source, line: line)
        return plain.store(value, ordering: ordering)
    }

    @_semantics("atomics.requires_constant_orderings")
    @_transparent
    func exchange(
        _ value: consuming Value, ordering: AtomicUpdateOrdering, from source: StaticString = #function,
        line: UInt = #line
    ) -> Value {
        interleavingPoint(.write, identity, from: source, line: line)
        return plain.exchange(value, ordering: ordering)
    }

    @_semantics("atomics.requires_constant_orderings")
    @_transparent
    func compareExchange(
        expected: consuming Value, desired: consuming Value, ordering: AtomicUpdateOrdering,
        from source: StaticString = #function, line: UInt = #line
    ) -> (exchanged: Bool, original: Value) {
        interleavingPoint(.write, identity, from: source, line: line)
        return plain.compareExchange(expected: expected, desired: desired, ordering: ordering)
    }

    @_semantics("atomics.requires_constant_orderings")
    @_transparent
    func compareExchange(
        expected: consuming Value, desired: consuming Value, successOrdering: AtomicUpdateOrdering,
        failureOrdering: AtomicLoadOrdering, from source: StaticString = #function, line: UInt = #line
    ) -> (exchanged: Bool, original: Value) {
        interleavingPoint(.write, identity, from: source, line: line)
        return plain.compareExchange(
            expected: expected, desired: desired, successOrdering: successOrdering, failureOrdering: failureOrdering)
    }

    @_semantics("atomics.requires_constant_orderings")
    @_transparent
    func weakCompareExchange(
        expected: consuming Value, desired: consuming Value, ordering: AtomicUpdateOrdering,
        from source: StaticString = #function, line: UInt = #line
    ) -> (exchanged: Bool, original: Value) {
        interleavingPoint(.write, identity, from: source, line: line)
        return plain.weakCompareExchange(expected: expected, desired: desired, ordering: ordering)
    }

    @_semantics("atomics.requires_constant_orderings")
    @_transparent
    func weakCompareExchange(
        expected: consuming Value, desired: consuming Value, successOrdering: AtomicUpdateOrdering,
        failureOrdering: AtomicLoadOrdering, from source: StaticString = #function, line: UInt = #line
    ) -> (exchanged: Bool, original: Value) {
        interleavingPoint(.write, identity, from: source, line: line)
        return plain.weakCompareExchange(
            expected: expected, desired: desired, successOrdering: successOrdering, failureOrdering: failureOrdering)
    }
}

extension SteppedAtomic where Value == UInt32 {
    @discardableResult
    @_semantics("atomics.requires_constant_orderings")
    @_transparent
    func wrappingAdd(
        _ operand: Value, ordering: AtomicUpdateOrdering, from source: StaticString = #function, line: UInt = #line
    ) -> (oldValue: Value, newValue: Value) {
        interleavingPoint(.write, identity, from: source, line: line)
        return plain.wrappingAdd(operand, ordering: ordering)
    }
}

extension SteppedAtomic where Value == UInt64 {
    @discardableResult
    @_semantics("atomics.requires_constant_orderings")
    @_transparent
    func add(
        _ operand: Value, ordering: AtomicUpdateOrdering, from source: StaticString = #function, line: UInt = #line
    ) -> (oldValue: Value, newValue: Value) {
        interleavingPoint(.write, identity, from: source, line: line)
        return plain.add(operand, ordering: ordering)
    }

    @discardableResult
    @_semantics("atomics.requires_constant_orderings")
    @_transparent
    func wrappingAdd(
        _ operand: Value, ordering: AtomicUpdateOrdering, from source: StaticString = #function, line: UInt = #line
    ) -> (oldValue: Value, newValue: Value) {
        interleavingPoint(.write, identity, from: source, line: line)
        return plain.wrappingAdd(operand, ordering: ordering)
    }

    @discardableResult
    @_semantics("atomics.requires_constant_orderings")
    @_transparent
    func wrappingSubtract(
        _ operand: Value, ordering: AtomicUpdateOrdering, from source: StaticString = #function, line: UInt = #line
    ) -> (oldValue: Value, newValue: Value) {
        interleavingPoint(.write, identity, from: source, line: line)
        return plain.wrappingSubtract(operand, ordering: ordering)
    }
}

extension SteppedAtomic where Value == Int {
    @discardableResult
    @_semantics("atomics.requires_constant_orderings")
    @_transparent
    func add(
        _ operand: Value, ordering: AtomicUpdateOrdering, from source: StaticString = #function, line: UInt = #line
    ) -> (oldValue: Value, newValue: Value) {
        interleavingPoint(.write, identity, from: source, line: line)
        return plain.add(operand, ordering: ordering)
    }

    @discardableResult
    @_semantics("atomics.requires_constant_orderings")
    @_transparent
    func subtract(
        _ operand: Value, ordering: AtomicUpdateOrdering, from source: StaticString = #function, line: UInt = #line
    ) -> (oldValue: Value, newValue: Value) {
        interleavingPoint(.write, identity, from: source, line: line)
        return plain.subtract(operand, ordering: ordering)
    }
}

/// A futex: a word on which threads sleep until others wake them. The corresponding system call is `futex(2)`.
extension SteppedAtomic where Value == UInt32 {
    /// Sleeps if the word is zero, until `wake` or a spurious wake-up.
    ///
    /// - Parameter limit: the longest time; nil: none.
    func waitWhileZero(atMost limit: UnsafePointer<timespec>? = nil) {
        #if INTERLEAVING
        if let conductor = Conductor.current {
            conductor.sleep(on: identity, hasLimit: limit != nil) { plain.load(ordering: .relaxed) == 0 }
            return
        }
        #endif
        _ = clinux_futex_wait(address, 0, limit)
        // The process may have given up on its workers; a late answer to one of them must not wake the others.
        clinux_stop_if_abandoned()
    }

    /// Wakes up to `count` threads that sleep on the word.
    func wake(_ count: Int) {
        #if INTERLEAVING
        if let conductor = Conductor.current {
            interleavingPoint(.write, identity)
            conductor.wake(count, on: identity)
            return
        }
        #endif
        clinux_futex_wake(address, Int32(clamping: count))
    }

    /// Sound: an atomic never moves, and the kernel compares the word itself.
    private var address: UnsafeRawPointer { withUnsafePointer(to: plain) { UnsafeRawPointer($0) } }
}
