extension ByteBuffer {
    /// In lower-case hex digits.
    package mutating func append(hex bytes: UnsafeRawBufferPointer) {
        appendUnchecked(atMost: 2 * bytes.count) { target in
            for index in 0..<bytes.count {
                let byte = bytes[index]
                target.storeBytes(of: Self.hexDigit(byte >> 4), toByteOffset: 2 * index, as: UInt8.self)
                target.storeBytes(of: Self.hexDigit(byte & 15), toByteOffset: 2 * index + 1, as: UInt8.self)
            }
            return 2 * bytes.count
        }
    }

    @inline(__always)
    private static func hexDigit(_ value: UInt8) -> UInt8 {
        value < 10 ? UInt8(ascii: "0") &+ value : UInt8(ascii: "a") &+ value &- 10
    }
}

/// The value of a hex digit.
package func hexDigit(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
    default: nil
    }
}

/// Bytes from hex digits; nil if they are something else.
package func bytes(ofHex text: some Collection<UInt8>) -> [UInt8]? {
    guard text.count.isMultiple(of: 2) else { return nil }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(text.count / 2)
    var high: UInt8?
    for byte in text {
        guard let digit = hexDigit(byte) else { return nil }
        if let first = high {
            bytes.append(first << 4 | digit)
            high = nil
        } else {
            high = digit
        }
    }
    return bytes
}
