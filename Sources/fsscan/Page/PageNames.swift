import ScanEngine

/// Names as shown on a page: text that reads from left to right whatever it contains. Control characters, invalid UTF-8
/// and characters that reorder text are escaped as in the summary, so that two names never look the same.
enum PageNames {
    private static let quoting = Quoting(escapesBidirectional: true, escapesNonASCII: false, usesCurlyQuotes: true)

    static func name(_ name: [UInt8]) -> [UInt8] { quoting.escaped(name) }

    /// A path may have megabytes: only the beginning and the end of a long one.
    static func path(_ path: [UInt8]) -> [UInt8] {
        if path.count <= 1000 { return quoting.escaped(path) }
        return quoting.escaped(Array(path.prefix(400))) + Array(" … ".utf8) + quoting.escaped(Array(path.suffix(400)))
    }

    /// The size of a shown name in the page: `<` becomes `\u003c`, and a quotation mark or backslash takes two bytes.
    static func cost(_ shown: [UInt8]) -> Int {
        shown.reduce(0) { sum, byte in
            sum + (byte == UInt8(ascii: "<") ? 6 : byte == UInt8(ascii: "\\") || byte == UInt8(ascii: "\"") ? 2 : 1)
        }
    }
}
