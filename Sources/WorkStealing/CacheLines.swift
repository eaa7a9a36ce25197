// Keeps what one processor writes apart from what another one reads.

/// Unused bytes between two groups of fields: the groups are on different cache lines, wherever the object lies. Two
/// lines of 64 bytes, because processors fetch lines in pairs.
struct CacheLines: Sendable {
    static let size = 128
    private let unused = InlineArray<16, UInt64>(repeating: 0)
}

extension UnsafeMutableRawPointer {
    /// Memory on cache lines of its own. Freed by `deallocate()`.
    static func allocateOnOwnLines<Value: ~Copyable>(_ type: Value.Type, capacity: Int) -> UnsafeMutablePointer<Value> {
        let lines = (MemoryLayout<Value>.stride * capacity + CacheLines.size - 1) / CacheLines.size
        return allocate(byteCount: lines * CacheLines.size, alignment: CacheLines.size).bindMemory(
            to: type, capacity: capacity)
    }
}
