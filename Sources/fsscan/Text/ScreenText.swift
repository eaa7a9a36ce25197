import Bytes
import CLinux

/// The style of a piece of text. Never colour alone: a sign says the same.
enum ScreenStyle: Equatable {
    case plain, dim, strong, accent, warning, bar
}

/// A row of the screen, built from left to right from pieces of printable text of known width.
struct ScreenRow: Equatable {
    struct Piece: Equatable {
        var text: [UInt8]
        var style: ScreenStyle
        var columns: Int
    }

    private(set) var pieces: [Piece] = []
    /// Columns used so far.
    private(set) var width = 0
    /// The whole row is highlighted.
    var isSelected = false

    var text: [UInt8] { pieces.flatMap(\.text) }

    /// Appends ASCII, or other text of one column for each of `columns`.
    mutating func append(_ text: String, _ style: ScreenStyle = .plain, columns: Int? = nil) {
        append(Array(text.utf8), style, columns: columns ?? text.utf8.count)
    }

    mutating func append(_ text: [UInt8], _ style: ScreenStyle, columns: Int) {
        if text.isEmpty { return }
        pieces.append(Piece(text: text, style: style, columns: columns))
        width += columns
    }

    /// Appends right-aligned text in a field.
    mutating func append(_ text: String, right field: Int, _ style: ScreenStyle = .plain) {
        fill(to: width + field - text.utf8.count)
        append(text, style)
    }

    /// Appends spaces up to a column.
    mutating func fill(to column: Int) {
        if column > width { append(String(repeating: " ", count: column - width)) }
    }
}

/// Names and other text of files, for a terminal: printable, with a known width.
struct ScreenText {
    let quoting: Quoting
    /// The terminal shows UTF-8.
    let isUTF8: Bool

    var ellipsis: String { isUTF8 ? "…" : "~" }

    /// Makes bytes printable: unprintable characters are escaped as `ls -b` does.
    func printable(_ name: some Collection<UInt8>) -> [UInt8] {
        let escaped = quoting.escaped(Array(name))
        guard escaped.contains(where: { $0 > 0x7F }) else { return escaped }
        var result: [UInt8] = []
        forEachElement(of: escaped) { bytes, width in
            if width >= 0 {
                result += bytes
            } else {
                for byte in bytes {
                    result += [0x5C, 0x30 + (byte >> 6), 0x30 + (byte >> 3 & 7), 0x30 + (byte & 7)]
                }
            }
        }
        return result
    }

    /// The width of printable text in columns.
    func width(_ text: [UInt8]) -> Int {
        guard text.contains(where: { $0 > 0x7F }) else { return text.count }
        var sum = 0
        forEachElement(of: text) { sum += max(0, $1) }
        return sum
    }

    /// The text if it fits, or its beginning and an ellipsis. A character that needs two columns is not cut.
    func fitted(_ text: [UInt8], _ columns: Int) -> (text: [UInt8], width: Int) {
        let full = width(text)
        if full <= columns { return (text, full) }
        guard columns > 0 else { return ([], 0) }
        return shortened(text, columns)
    }

    private func shortened(_ text: [UInt8], _ columns: Int) -> (text: [UInt8], width: Int) {
        let (start, width) = beginning(text, columns - 1)
        return (start + Array(ellipsis.utf8), width + 1)
    }

    /// The longest prefix of the text that fits.
    private func beginning(_ text: [UInt8], _ columns: Int) -> (text: [UInt8], width: Int) {
        var result: [UInt8] = []
        var sum = 0
        var isFull = false
        forEachElement(of: text) { bytes, width in
            if isFull || sum + max(0, width) > columns {
                isFull = true
                return
            }
            result += bytes
            sum += max(0, width)
        }
        return (result, sum)
    }

    /// Shortens text whose end matters, such as a path.
    func fittedAtEnd(_ text: [UInt8], _ columns: Int) -> (text: [UInt8], width: Int) {
        let full = width(text)
        if full <= columns { return (text, full) }
        guard columns > 0 else { return ([], 0) }
        var excess = full - (columns - 1)
        var result = Array(ellipsis.utf8)
        var sum = 1
        forEachElement(of: text) { bytes, width in
            if excess > 0 {
                excess -= max(0, width)
                return
            }
            // Combining marks of an omitted character are omitted, too.
            if sum == 1, width == 0 { return }
            result += bytes
            sum += max(0, width)
        }
        return (result, sum)
    }

    /// Shortens text whose both ends matter, such as a path in a list, in the middle.
    func fittedInMiddle(_ text: [UInt8], _ columns: Int) -> (text: [UInt8], width: Int) {
        let full = width(text)
        if full <= columns { return (text, full) }
        guard columns > 0 else { return ([], 0) }
        // The end of a path is more informative than its beginning.
        let start = beginning(text, (columns - 1) * 2 / 5)
        let end = fittedAtEnd(text, columns - start.width)
        return (start.text + end.text, start.width + end.width)
    }

    /// - Parameter body: gets a character and its width, negative if it is not printable.
    private func forEachElement(of text: [UInt8], _ body: (ArraySlice<UInt8>, Int) -> Void) {
        text.withUnsafeBytes { bytes in
            var offset = 0
            while offset < bytes.count {
                let element = UTF8Element(bytes, at: offset)
                let end = offset + element.length
                let width =
                    element.scalar < 0x7F
                    ? 1 : element.isWellFormed ? Int(clinux_character_width(element.scalar)) : -1
                body(text[offset..<end], width)
                offset = end
            }
        }
    }
}
