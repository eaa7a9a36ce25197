/// Up to 16 bytes of text, appended with two stores: for keys that a loop writes and that are not literals.
@usableFromInline package struct ShortText: Sendable {
    @usableFromInline let first: UInt64
    @usableFromInline let second: UInt64
    @usableFromInline let count: Int

    /// - Precondition: 16 bytes at most.
    package init(_ text: String) {
        let bytes = Array(text.utf8)
        precondition(bytes.count <= 16, "a short text has 16 bytes at most")
        func word(_ start: Int) -> UInt64 {
            (start..<start + 8).reversed().reduce(0) { $0 << 8 | UInt64($1 < bytes.count ? bytes[$1] : 0) }
        }
        (first, second, count) = (word(0), word(8), bytes.count)
    }

    @inline(__always) @inlinable
    func write(to target: UnsafeMutableRawPointer) -> Int {
        target.storeBytes(of: first.littleEndian, as: UInt64.self)
        target.storeBytes(of: second.littleEndian, toByteOffset: 8, as: UInt64.self)
        return count
    }
}

extension ByteBuffer {
    @inline(__always) @inlinable package mutating func append(_ text: ShortText) {
        appendUnchecked(atMost: 16) { text.write(to: $0) }
    }
}
