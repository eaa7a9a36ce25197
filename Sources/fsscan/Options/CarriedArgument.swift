import CLinux

/// Arguments are bytes, but swift-argument-parser takes strings; the conversion must be lossless in both directions.
///
/// `CommandLine.arguments` turns bytes that are not UTF-8 into U+FFFD. Here each byte that is not printable ASCII, part
/// of valid UTF-8 or not, becomes one private-use character, U+10F700 plus the byte, and only such bytes do. The
/// mapping is a bijection for any argument (even one with these very characters, because their own bytes are mapped,
/// too).
///
/// Mapping only invalid bytes would be easier to follow in a debugger, but then `--output=` followed by a combining
/// accent has no `=` for a parser that compares `Character`s. Control characters are mapped as well, so that a newline
/// in an error message is the parser's own.
struct CarriedArgument: Equatable {
    var bytes: [UInt8]

    private static let firstScalar: UInt32 = 0x10F700

    init(bytes: [UInt8]) { self.bytes = bytes }

    /// Reads what `carried` wrote.
    init(carried text: String) {
        bytes = text.unicodeScalars.flatMap { scalar in
            if (Self.firstScalar...Self.firstScalar + 0xFF).contains(scalar.value) {
                return [UInt8(scalar.value - Self.firstScalar)]
            }
            // The parser's own text in messages: curly quotes, for instance.
            return Array(String(scalar).utf8)
        }
    }

    /// As a string for the parser: only ASCII and private-use characters, which do not combine with each other.
    var carried: String {
        var text = String.UnicodeScalarView()
        for byte in bytes {
            let isPlain = (0x20...0x7E).contains(byte)
            text.append(Unicode.Scalar(isPlain ? UInt32(byte) : Self.firstScalar + UInt32(byte))!)
        }
        return String(text)
    }

    /// The arguments of this process, without its name.
    static func ofProcess() -> [CarriedArgument] {
        // Not `CommandLine`, which is empty without /proc: see `clinux_get_argument`.
        (0..<clinux_get_argument_count()).dropFirst().compactMap { index in
            guard var byte = clinux_get_argument(index) else { return nil }
            var bytes: [UInt8] = []
            while byte.pointee != 0 {
                bytes.append(UInt8(bitPattern: byte.pointee))
                byte += 1
            }
            return CarriedArgument(bytes: bytes)
        }
    }
}
