/// Words of mtree, as vis(3) encodes them in any of its styles.
package enum Vis {
    /// The bytes that a word encodes; nil if it is not valid. The corresponding library call is `strunvis(3)`.
    package static func decoded(_ word: some Collection<UInt8>) -> [UInt8]? {
        var bytes: [UInt8] = []
        var rest = Array(word)[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "\\") else {
                bytes.append(byte)
                continue
            }
            guard let escape = rest.popFirst() else { return nil }
            switch escape {
            case UInt8(ascii: "0")...UInt8(ascii: "7"):
                // One to three octal digits.
                var value = UInt16(escape - UInt8(ascii: "0"))
                for _ in 0..<2 {
                    guard let digit = rest.first, (UInt8(ascii: "0")...UInt8(ascii: "7")).contains(digit) else { break }
                    value = value << 3 | UInt16(digit - UInt8(ascii: "0"))
                    rest.removeFirst()
                }
                guard value < 256 else { return nil }
                bytes.append(UInt8(value))
            case UInt8(ascii: "x"):
                guard let high = rest.popFirst().flatMap(hexDigit), let low = rest.popFirst().flatMap(hexDigit) else {
                    return nil
                }
                bytes.append(high << 4 | low)
            case UInt8(ascii: "M"):
                guard let style = rest.popFirst(), let byte = rest.popFirst() else { return nil }
                switch style {
                case UInt8(ascii: "-"): bytes.append(byte | 0x80)
                case UInt8(ascii: "^"): bytes.append(control(byte) | 0x80)
                default: return nil
                }
            case UInt8(ascii: "^"):
                guard let byte = rest.popFirst() else { return nil }
                bytes.append(control(byte))
            case UInt8(ascii: "$"): break
            default:
                guard let plain = named(escape) else { return nil }
                bytes.append(plain)
            }
        }
        return bytes
    }

    private static func control(_ byte: UInt8) -> UInt8 { byte == UInt8(ascii: "?") ? 0x7F : byte & 0x1F }

    private static func named(_ escape: UInt8) -> UInt8? {
        switch escape {
        case UInt8(ascii: "n"): 0x0A
        case UInt8(ascii: "r"): 0x0D
        case UInt8(ascii: "b"): 0x08
        case UInt8(ascii: "a"): 0x07
        case UInt8(ascii: "v"): 0x0B
        case UInt8(ascii: "t"): 0x09
        case UInt8(ascii: "f"): 0x0C
        case UInt8(ascii: "s"): 0x20
        case UInt8(ascii: "E"): 0x1B
        case UInt8(ascii: "\\"), UInt8(ascii: "#"), UInt8(ascii: "\""), UInt8(ascii: "'"), UInt8(ascii: "="),
            UInt8(ascii: "*"), UInt8(ascii: "?"), UInt8(ascii: "["), UInt8(ascii: "]"), UInt8(ascii: " "),
            UInt8(ascii: "$"):
            escape
        default: nil
        }
    }
}

extension ByteBuffer {
    /// As vis(3) encodes words of mtree: everything except graphic ASCII, and `\` and `#`, as a backslash and three
    /// octal digits.
    package mutating func append(vis bytes: UnsafeRawBufferPointer) {
        for byte in bytes {
            let isPlain = (0x21...0x7E).contains(byte) && byte != UInt8(ascii: "\\") && byte != UInt8(ascii: "#")
            if isPlain {
                append(byte)
            } else {
                append(octalEscapeOf: byte)
            }
        }
    }
}
