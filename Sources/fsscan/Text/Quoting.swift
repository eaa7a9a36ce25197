import Bytes
import Glibc
import ScanEngine

/// Names for people: nothing in a file's name may act on the terminal, and every name can be read back.
///
/// Control characters, line separators and invalid bytes are escaped as `ls -b` does (`\n`, `\033`, `\377`), a
/// backslash as `\\`. Spaces are unchanged. On a terminal, characters that reorder text are also escaped, and in a
/// locale that is not UTF-8 everything beyond ASCII.
struct Quoting {
    var escapesBidirectional: Bool
    var escapesNonASCII: Bool
    /// Quotation marks around a name in a sentence, as in find: ‘’ in a UTF-8 locale, '' in others, where a ' inside is
    /// escaped.
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

    /// From the environment, without loading a locale: names are UTF-8 by convention, this is about the terminal.
    static let localeIsUTF8: Bool = {
        for variable in ["LC_ALL", "LC_CTYPE", "LANG"] {
            guard let value = getenv(variable), value.pointee != 0 else { continue }
            let name = String(cString: value).lowercased()
            return name.contains("utf-8") || name.contains("utf8")
        }
        return false
    }()

    func escaped(_ name: [UInt8]) -> [UInt8] { escape(name, escapingApostrophe: false) }

    /// A sentence that contains bytes of arguments: escaped like a name, but its own backslashes stay.
    func escapedMessage(_ message: [UInt8]) -> [UInt8] {
        escape(message, escapingApostrophe: false, escapingBackslash: false)
    }

    /// Whole lines, whose ends (LF, CR LF, or NUL) stay.
    func escapedLines(_ lines: [UInt8], end: UInt8 = 0x0A) -> [UInt8] {
        var result: [UInt8] = []
        for line in lines.split(separator: end, omittingEmptySubsequences: false) {
            let hasReturn = end == 0x0A && line.last == 0x0D
            result += escapedMessage(Array(hasReturn ? line.dropLast() : line)) + (hasReturn ? [0x0D, end] : [end])
        }
        // There is nothing after the last line.
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
        var escaping = NameEscaping()
        escaping.escapesBackslash = escapingBackslash
        escaping.escapesApostrophe = escapingApostrophe
        escaping.escapesBidirectional = escapesBidirectional
        escaping.escapesNonASCII = escapesNonASCII
        var buffer = ByteBuffer(capacity: name.count)
        name.withUnsafeBytes { escaping.append($0, to: &buffer) }
        return Array(buffer.bytes)
    }
}
