/// RFC 4648.
package enum Base64 {
    /// Nil for text that is not base64 with padding.
    package static func decoded(_ text: some Collection<UInt8>) -> [UInt8]? {
        guard text.count % 4 == 0 else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.count / 4 * 3)
        var group: UInt32 = 0
        var count = 0
        var padding = 0
        for character in text {
            var sextet: UInt32 = 0
            if character == UInt8(ascii: "=") {
                padding += 1
            } else {
                guard padding == 0, let value = sextetValue(character) else { return nil }
                sextet = value
            }
            group = group << 6 | sextet
            count += 1
            if count % 4 == 0 {
                for index in 0..<3 - min(padding, 3) {
                    bytes.append(UInt8(truncatingIfNeeded: group >> (16 - 8 * index)))
                }
                group = 0
            }
        }
        return padding <= 2 ? bytes : nil
    }

    private static func sextetValue(_ character: UInt8) -> UInt32? {
        switch character {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): UInt32(character - UInt8(ascii: "A"))
        case UInt8(ascii: "a")...UInt8(ascii: "z"): UInt32(character - UInt8(ascii: "a")) + 26
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(character - UInt8(ascii: "0")) + 52
        case UInt8(ascii: "+"): 62
        case UInt8(ascii: "/"): 63
        default: nil
        }
    }
}

extension ByteBuffer {
    /// RFC 4648, with padding.
    package mutating func append(base64 bytes: UnsafeRawBufferPointer) {
        let alphabet: StaticString = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
        var offset = 0
        while offset < bytes.count {
            let taken = min(3, bytes.count - offset)
            var group: UInt32 = 0
            for index in 0..<3 { group = group << 8 | (index < taken ? UInt32(bytes[offset + index]) : 0) }
            for index in 0..<4 {
                let sextet = Int(group >> UInt32(18 - 6 * index) & 0x3F)
                append(index <= taken ? alphabet.utf8Start[sextet] : UInt8(ascii: "="))
            }
            offset += taken
        }
    }
}
