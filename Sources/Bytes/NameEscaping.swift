/// Writes names so that they have no effect on the program or terminal that shows them, and can be read back.
///
/// Control characters, line separators and invalid bytes are written as `ls -b` does (`\n`, `\033`, `\377`), a
/// backslash as `\\`. Spaces stay as they are.
package struct NameEscaping: Sendable {
    package var escapesBackslash = true
    package var escapesApostrophe = false
    package var escapesBidirectional = false
    package var escapesNonASCII = false

    package init() {}

    package func append(_ name: UnsafeRawBufferPointer, to buffer: inout ByteBuffer) {
        var offset = 0
        while offset < name.count {
            let element = UTF8Element(name, at: offset)
            let range = offset..<offset + element.length
            offset = range.upperBound
            if (escapesBackslash && element.scalar == 0x5C) || (escapesApostrophe && element.scalar == 0x27) {
                buffer.append(UInt8(ascii: "\\"))
                buffer.append(UInt8(element.scalar))
            } else if let letter = Self.letter(for: element.scalar) {
                buffer.append(UInt8(ascii: "\\"))
                buffer.append(letter)
            } else if mustBeOctal(element) {
                for index in range { buffer.append(octalEscapeOf: name[index]) }
            } else {
                buffer.append(UnsafeRawBufferPointer(rebasing: name[range]))
            }
        }
    }

    private func mustBeOctal(_ element: UTF8Element) -> Bool {
        !element.isWellFormed || element.isControl || (escapesNonASCII && element.scalar > 0x7F)
            || (escapesBidirectional && element.isBidirectionalControl)
    }

    /// C's one-letter escapes, \a to \r.
    private static func letter(for scalar: UInt32) -> UInt8? {
        switch scalar {
        case 0x07: UInt8(ascii: "a")
        case 0x08: UInt8(ascii: "b")
        case 0x09: UInt8(ascii: "t")
        case 0x0A: UInt8(ascii: "n")
        case 0x0B: UInt8(ascii: "v")
        case 0x0C: UInt8(ascii: "f")
        case 0x0D: UInt8(ascii: "r")
        default: nil
        }
    }
}

extension ByteBuffer {
    /// A backslash and three octal digits.
    package mutating func append(octalEscapeOf byte: UInt8) {
        append(UInt8(ascii: "\\"))
        for shift: UInt8 in [6, 3, 0] { append(UInt8(ascii: "0") + (byte >> shift & 7)) }
    }
}
