/// A buffer for appending bytes that are then handed over, filled by the writers of reports and records.
///
/// An array would check for uniqueness at each append; this one has a single owner by type. It grows by doubling and
/// never shrinks, so a writer that drains it now and then stops allocating.
@usableFromInline package struct ByteBuffer: ~Copyable {
    @usableFromInline var base: UnsafeMutablePointer<UInt8>
    @usableFromInline var capacity: Int
    @usableFromInline package internal(set) var count = 0

    package init(capacity: Int = 4096) {
        self.capacity = max(capacity, 64)
        base = .allocate(capacity: self.capacity)
    }

    deinit { base.deallocate() }

    /// The bytes so far; valid until the next change.
    @inlinable package var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: base, count: count) }

    /// Hands all bytes to `body` and forgets them, unless `body` throws.
    @inlinable package mutating func drain<Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Void
    ) throws(Failure) {
        try body(bytes)
        count = 0
    }

    @inlinable package mutating func removeAll() { count = 0 }

    @inlinable package mutating func append(_ byte: UInt8) {
        if count == capacity { grow(by: 1) }
        base[count] = byte
        count &+= 1
    }

    /// Of a literal the length is known where this is called, so that the copy becomes a few stores there.
    @inline(__always) @inlinable package mutating func append(_ text: StaticString) {
        let length = text.utf8CodeUnitCount
        if capacity &- count < length { grow(by: length) }
        UnsafeMutableRawPointer(base + count).copyMemory(from: text.utf8Start, byteCount: length)
        count &+= length
    }

    /// Disfavoured, so that a literal is a `StaticString`: of two overloads a literal takes the one of `String`.
    @_disfavoredOverload package mutating func append(_ text: String) {
        var text = text
        text.withUTF8 { append(UnsafeRawBufferPointer($0)) }
    }

    @inlinable package mutating func append(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { append($0) }
    }

    @usableFromInline package mutating func append(_ bytes: UnsafeRawBufferPointer) {
        guard let start = bytes.baseAddress else { return }
        appendUnchecked(atMost: bytes.count) { target in
            target.copyMemory(from: start, byteCount: bytes.count)
            return bytes.count
        }
    }

    package mutating func append(repeating byte: UInt8, count times: Int) {
        appendUnchecked(atMost: times) { target in
            target.initializeMemory(as: UInt8.self, repeating: byte, count: times)
            return times
        }
    }

    package mutating func append(decimal value: Int64) {
        if value < 0 { append(UInt8(ascii: "-")) }
        append(decimal: value.magnitude)
    }

    @inlinable package mutating func append(decimal value: UInt64) {
        if value < 10 { return append(UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: value)) }
        append(decimal: value, width: 1)
    }

    /// With leading zeros up to `width` digits, 20 at most.
    @usableFromInline package mutating func append(decimal value: UInt64, width: Int) {
        let count = max(DecimalDigits.count(value), min(width, 20))
        appendUnchecked(atMost: count) { target in
            DecimalDigits.write(value, count, to: target)
            return count
        }
    }

    /// Lets `body` write up to `limit` bytes to raw memory and return their number: for loops that know a bound in
    /// advance and would otherwise check for room at each byte.
    @inlinable package mutating func appendUnchecked(atMost limit: Int, _ body: (UnsafeMutableRawPointer) -> Int) {
        if capacity &- count < limit { grow(by: limit) }
        let written = body(UnsafeMutableRawPointer(base + count))
        precondition(written <= limit, "more bytes were written than announced")
        count &+= written
    }

    @usableFromInline mutating func grow(by extra: Int) {
        capacity = max(capacity * 2, count + extra)
        let larger = UnsafeMutablePointer<UInt8>.allocate(capacity: capacity)
        larger.update(from: base, count: count)
        base.deallocate()
        base = larger
    }
}
