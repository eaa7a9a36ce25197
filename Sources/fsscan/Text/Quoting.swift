import Bytes
import Glibc
import ScanEngine

/// Names for people: nothing that a file's name contains may act on the terminal, and every name can be read back.
///
/// Control characters, line separators and invalid bytes are written as `ls -b` does (`\n`, `\033`, `\377`), a backslash
/// as `\\`. Spaces stay as they are. On a terminal, characters that reorder text are escaped, too, and in a locale that
/// is not UTF-8 everything beyond ASCII.
struct Quoting {
    var escapesBidirectional: Bool
    var escapesNonASCII: Bool
    /// Around a name inside a sentence; find's choice: ‘’ in a UTF-8 locale, '' in others, where a ' inside is escaped.
    var usesCurlyQuotes: Bool

    /// For text that goes to `descriptor`.
    init(for descriptor: CInt) {
        let isTerminal = isatty(descriptor) == 1
        let isUTF8 = Self.localeIsUTF8
        escapesBidirectional = isTerminal
        escapesNonASCII = isTerminal && !isUTF8
        usesCurlyQuotes = isUTF8
    }

    init(escapesBidirectional: Bool, escapesNonASCII: Bool, usesCurlyQuotes: Bool) {
        self.escapesBidirectional = escapesBidirectional
        self.escapesNonASCII = escapesNonASCII
        self.usesCurlyQuotes = usesCurlyQuotes
    }

    static let forErrors = Quoting(for: 2)

    /// What the environment says, without loading a locale: names are UTF-8 by convention, this is about the terminal.
    static let localeIsUTF8: Bool = {
        for variable in ["LC_ALL", "LC_CTYPE", "LANG"] {
            guard let value = getenv(variable), value.pointee != 0 else { continue }
            let name = String(cString: value).lowercased()
            return name.contains("utf-8") || name.contains("utf8")
        }
        return false
    }()

    func escaped(_ name: [UInt8]) -> [UInt8] { escape(name, escapingApostrophe: false) }

    /// A sentence with bytes of arguments in it: like a name, but a backslash of its own stays one.
    func escapedMessage(_ message: [UInt8]) -> [UInt8] {
        escape(message, escapingApostrophe: false, escapingBackslash: false)
    }

    /// Whole lines, whose ends (LF, CR LF) stay.
    func escapedLines(_ lines: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        for line in lines.split(separator: 0x0A, omittingEmptySubsequences: false) {
            let hasReturn = line.last == 0x0D
            result += escapedMessage(Array(hasReturn ? line.dropLast() : line)) + (hasReturn ? [0x0D, 0x0A] : [0x0A])
        }
        // Behind the last line nothing follows.
        result.removeLast()
        return result
    }

    /// In quotation marks, for a sentence.
    func quoted(_ name: [UInt8]) -> [UInt8] {
        let (open, close) = usesCurlyQuotes ? ("‘", "’") : ("'", "'")
        return Array(open.utf8) + escape(name, escapingApostrophe: !usesCurlyQuotes) + Array(close.utf8)
    }

    private func escape(
        _ name: [UInt8], escapingApostrophe: Bool, escapingBackslash: Bool = true
    ) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(name.count)
        name.withUnsafeBytes { bytes in
            var offset = 0
            while offset < bytes.count {
                let element = UTF8Element(bytes, at: offset)
                let range = offset..<offset + element.length
                offset = range.upperBound
                if (escapingBackslash && element.scalar == 0x5C) || (escapingApostrophe && element.scalar == 0x27) {
                    result += [0x5C, UInt8(element.scalar)]
                } else if let letter = Self.letter(for: element.scalar) {
                    result += [0x5C, letter]
                } else if mustBeOctal(element) {
                    for byte in bytes[range] {
                        result += [0x5C, 0x30 + (byte >> 6), 0x30 + (byte >> 3 & 7), 0x30 + (byte & 7)]
                    }
                } else {
                    result += bytes[range]
                }
            }
        }
        return result
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
