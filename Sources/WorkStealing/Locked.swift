public import Synchronization

/// A value behind a lock. ThreadSanitizer does not understand how `Mutex` orders its holders, so in debug builds an
/// atomic orders them a second time, as in `SharedRing`.
@usableFromInline
struct Locked<Value: Sendable>: ~Copyable, Sendable {
    @usableFromInline let value: Mutex<Value>
    #if INTERLEAVING
    @usableFromInline let holders = Atomic<UInt>(0)
    #endif

    @inlinable init(_ value: Value) { self.value = Mutex(value) }

    @inlinable
    func withLock<Result: Sendable>(_ body: (inout Value) -> Result) -> Result {
        value.withLock { value in
            #if INTERLEAVING
            _ = holders.load(ordering: .acquiring)
            defer { holders.store(0, ordering: .releasing) }
            #endif
            return body(&value)
        }
    }
}
