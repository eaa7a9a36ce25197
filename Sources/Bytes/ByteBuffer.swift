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

    @inlinable package mutating func append(_ byte: UInt8) {
        if count == capacity { grow(by: 1) }
        base[count] = byte
        count &+= 1
    }

    @inlinable package mutating func append(_ text: StaticString) {
        append(UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    package mutating func append(_ text: String) {
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
        append(decimal: value.magnitude, width: 1)
    }

    /// With leading zeros up to `width` digits, 20 at most.
    package mutating func append(decimal value: UInt64, width: Int) {
        appendUnchecked(atMost: 20) { target in
            withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 20) { digits in
                // From the last digit to the first; 2^64 has 20 digits.
                var rest = value
                var first = 20
                repeat {
                    first &-= 1
                    digits[first] = UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: rest % 10)
                    rest /= 10
                } while rest > 0
                while 20 &- first < min(width, 20) {
                    first &-= 1
                    digits[first] = UInt8(ascii: "0")
                }
                target.copyMemory(from: digits.baseAddress! + first, byteCount: 20 &- first)
                return 20 &- first
            }
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
