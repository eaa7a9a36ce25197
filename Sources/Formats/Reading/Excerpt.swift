import Bytes
import ScanEngine

/// Bytes of a file in a message.
enum Excerpt {
    private static let longest = 60

    /// In quotation marks: bytes that are not text are in octal, and long text is cut.
    static func quoted(_ bytes: some Collection<UInt8>) -> String {
        var text = "\""
        let beginning = Array(bytes.prefix(longest))
        beginning.withUnsafeBytes { bytes in
            var offset = 0
            while offset < bytes.count {
                let element = UTF8Element(bytes, at: offset)
                let range = offset..<offset + element.length
                offset = range.upperBound
                if element.isWellFormed, !element.isControl {
                    text += String(decoding: bytes[range], as: UTF8.self)
                } else {
                    for byte in bytes[range] {
                        let digits = String(byte, radix: 8)
                        text += "\\" + String(repeating: "0", count: 3 - digits.count) + digits
                    }
                }
            }
        }
        return text + (beginning.count < bytes.count ? "...\"" : "\"")
    }
}
