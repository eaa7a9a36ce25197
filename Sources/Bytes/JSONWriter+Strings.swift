/// Strings: the part of JSON where untrusted names meet a grammar.
extension JSONWriter {
    package mutating func appendEscaped(_ text: String) {
        var text = text
        text.withUTF8 { _ = appendEscaped(UnsafeRawBufferPointer($0)) }
    }

    /// Appends bytes as the inside of a JSON string and returns whether they were UTF-8.
    ///
    /// Each maximal ill-formed subsequence becomes one U+FFFD. In addition to the characters required by JSON, DEL, C1
    /// controls, line separators and the characters that reorder text are escaped: a report printed to a terminal must
    /// not change the display.
    package mutating func appendEscaped(_ bytes: UnsafeRawBufferPointer) -> Bool {
        var isUTF8 = true
        // The longest output of one byte is \u00XX. Each branch below writes at most six bytes for each one it
        // consumes.
        buffer.appendUnchecked(atMost: bytes.count * 6) { target in
            var out = target
            var offset = 0
            while offset < bytes.count {
                let plain = Self.plainPrefix(UnsafeRawBufferPointer(rebasing: bytes[offset...]))
                if plain > 0 {
                    out.copyMemory(from: bytes.baseAddress! + offset, byteCount: plain)
                    out += plain
                    offset += plain
                    if offset == bytes.count { break }
                }
                let element = UTF8Element(bytes, at: offset)
                if !element.isWellFormed {
                    isUTF8 = false
                    Self.write([0xEF, 0xBF, 0xBD], to: &out)
                } else if element.scalar == 0x22 || element.scalar == 0x5C {
                    Self.write([0x5C, UInt8(element.scalar)], to: &out)
                } else if element.isControl || element.isBidirectionalControl {
                    Self.writeEscape(UInt16(element.scalar), to: &out)
                } else {
                    out.copyMemory(from: bytes.baseAddress! + offset, byteCount: element.length)
                    out += element.length
                }
                offset += element.length
            }
            return out - target
        }
        return isUTF8
    }

    /// How many bytes at the front need no escape: printable ASCII except `"` and `\`. Eight at a time, because nearly
    /// all names have only such bytes.
    @inline(__always)
    private static func plainPrefix(_ bytes: UnsafeRawBufferPointer) -> Int {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let highs: UInt64 = 0x8080_8080_8080_8080
        /// Sets the high bit of each byte that is zero. Bytes above a zero one can be wrong, so only the lowest counts.
        @inline(__always) func zeros(_ word: UInt64) -> UInt64 { (word &- ones) & ~word & highs }
        /// The high bit of the first byte at `offset` that does not stand for itself.
        @inline(__always) func special(_ offset: Int) -> UInt64 {
            let word = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
            let below0x20 = (word &- ones &* 0x20) & ~word & highs
            return below0x20 | (word & highs) | zeros(word ^ ones &* 0x22) | zeros(word ^ ones &* 0x5C)
                | zeros(word ^ ones &* 0x7F)
        }
        let count = bytes.count
        var offset = 0
        while offset &+ 8 <= count {
            let special = special(offset)
            if special != 0 { return offset + special.trailingZeroBitCount / 8 }
            offset &+= 8
        }
        if offset == count { return count }
        if count >= 8 {
            // The last eight once more: those before `offset` stand for themselves.
            let special = special(count - 8)
            return special == 0 ? count : count - 8 + special.trailingZeroBitCount / 8
        }
        while offset < count {
            let byte = bytes[offset]
            if byte < 0x20 || byte >= 0x7F || byte == 0x22 || byte == 0x5C { break }
            offset += 1
        }
        return offset
    }

    @inline(__always)
    private static func write<let count: Int>(_ bytes: [count of UInt8], to out: inout UnsafeMutableRawPointer) {
        for index in 0..<count { out.storeBytes(of: bytes[index], toByteOffset: index, as: UInt8.self) }
        out += count
    }

    /// `\n` and its kind where JSON has a short form, otherwise `\uXXXX`.
    private static func writeEscape(_ scalar: UInt16, to out: inout UnsafeMutableRawPointer) {
        switch scalar {
        case 0x08: write([0x5C, UInt8(ascii: "b")], to: &out)
        case 0x09: write([0x5C, UInt8(ascii: "t")], to: &out)
        case 0x0A: write([0x5C, UInt8(ascii: "n")], to: &out)
        case 0x0C: write([0x5C, UInt8(ascii: "f")], to: &out)
        case 0x0D: write([0x5C, UInt8(ascii: "r")], to: &out)
        default:
            func digit(_ shift: UInt16) -> UInt8 {
                let value = UInt8(scalar >> shift & 0xF)
                return value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10
            }
            write([0x5C, UInt8(ascii: "u"), digit(12), digit(8), digit(4), digit(0)], to: &out)
        }
    }
}
