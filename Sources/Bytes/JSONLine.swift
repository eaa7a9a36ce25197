/// A JSON value. Strings are bytes: UTF-8, except for bytes that Python escaped because they were not UTF-8.
package enum JSONValue {
    case null
    case bool(Bool)
    /// Exact, also beyond 2^53.
    case integer(Int64)
    /// Beyond 2^63−1.
    case large(UInt64)
    /// A number that is not a 64-bit integer. No field that is read here has one, so its value is not kept.
    case number
    case string([UInt8])
    case array([JSONValue])
    case object(JSONObject)

    package var object: JSONObject? { if case .object(let object) = self { object } else { nil } }
    package var string: [UInt8]? { if case .string(let bytes) = self { bytes } else { nil } }
    package var array: [JSONValue]? { if case .array(let items) = self { items } else { nil } }
    package var bool: Bool? { if case .bool(let value) = self { value } else { nil } }
    package var integer: Int64? { if case .integer(let value) = self { value } else { nil } }
    package var isNull: Bool { if case .null = self { true } else { false } }

    package var unsigned: UInt64? {
        switch self {
        case .integer(let value): UInt64(exactly: value)
        case .large(let value): value
        default: nil
        }
    }
}

/// Members in their order. Of a repeated key the last one counts, as in jq and Python.
package struct JSONObject {
    package var members: [(key: [UInt8], value: JSONValue)]

    package init(members: [(key: [UInt8], value: JSONValue)] = []) { self.members = members }

    /// - Parameter ending: a suffix of the key.
    package subscript(key: StaticString, ending: StaticString = "") -> JSONValue? {
        let name = UnsafeBufferPointer(start: key.utf8Start, count: key.utf8CodeUnitCount)
        let rest = UnsafeBufferPointer(start: ending.utf8Start, count: ending.utf8CodeUnitCount)
        return members.last { member in
            member.key.count == name.count + rest.count && member.key.starts(with: name)
                && member.key[name.count...].elementsEqual(rest)
        }?.value
    }
}

/// Why a line is not JSON, and where: a byte of the line, from 1.
package struct JSONFailure: Error, Equatable {
    package var message: String
    package var column: Int

    package var text: String { "not JSON: \(message) (byte \(column))" }
}

/// Reads a line with exactly one JSON object, strictly as in RFC 8259.
package struct JSONLine {
    private let bytes: UnsafeRawBufferPointer
    private var position = 0
    private var depth = 0

    /// Far more than any record has.
    private static let deepest = 32

    private init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    package static func object(in line: UnsafeRawBufferPointer) throws(JSONFailure) -> JSONObject {
        var parser = JSONLine(line)
        let value = try parser.value()
        parser.skipSpace()
        guard parser.position == line.count else { throw parser.failure("something follows the object") }
        guard let object = value.object else { throw JSONFailure(message: "no object", column: 1) }
        return object
    }

    private func failure(_ message: String) -> JSONFailure { JSONFailure(message: message, column: position + 1) }

    private var current: UInt8? { position < bytes.count ? bytes[position] : nil }

    private mutating func skipSpace() {
        while let byte = current, byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D { position += 1 }
    }

    private mutating func take(_ byte: UInt8) -> Bool {
        guard current == byte else { return false }
        position += 1
        return true
    }

    private mutating func value() throws(JSONFailure) -> JSONValue {
        skipSpace()
        guard let first = current else { throw failure("the line ends too early") }
        switch first {
        case UInt8(ascii: "{"): return .object(try nested { (parser) throws(JSONFailure) in try parser.object() })
        case UInt8(ascii: "["): return .array(try nested { (parser) throws(JSONFailure) in try parser.array() })
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try number()
        default: throw failure("unexpected character")
        }
    }

    private mutating func nested<Result>(
        _ body: (inout JSONLine) throws(JSONFailure) -> Result
    ) throws(JSONFailure) -> Result {
        guard depth < Self.deepest else { throw failure("nested too deeply") }
        depth += 1
        position += 1
        let result = try body(&self)
        depth -= 1
        return result
    }

    private mutating func object() throws(JSONFailure) -> JSONObject {
        var object = JSONObject()
        skipSpace()
        if take(UInt8(ascii: "}")) { return object }
        repeat {
            skipSpace()
            guard current == UInt8(ascii: "\"") else { throw failure("no key") }
            let key = try string()
            skipSpace()
            guard take(UInt8(ascii: ":")) else { throw failure("no colon") }
            object.members.append((key, try value()))
            skipSpace()
        } while take(UInt8(ascii: ","))
        guard take(UInt8(ascii: "}")) else { throw failure("the object does not end") }
        return object
    }

    private mutating func array() throws(JSONFailure) -> [JSONValue] {
        var items: [JSONValue] = []
        skipSpace()
        if take(UInt8(ascii: "]")) { return items }
        repeat {
            items.append(try value())
            skipSpace()
        } while take(UInt8(ascii: ","))
        guard take(UInt8(ascii: "]")) else { throw failure("the array does not end") }
        return items
    }

    private mutating func word(_ text: StaticString, _ value: JSONValue) throws(JSONFailure) -> JSONValue {
        for index in 0..<text.utf8CodeUnitCount {
            guard take(text.utf8Start[index]) else { throw failure("unexpected character") }
        }
        return value
    }

    // MARK: Numbers

    private mutating func number() throws(JSONFailure) -> JSONValue {
        let isNegative = take(UInt8(ascii: "-"))
        var magnitude: UInt64? = 0
        let first = position
        while let digit = takeDigit() {
            let (product, overflow) = (magnitude ?? 0).multipliedReportingOverflow(by: 10)
            let (sum, carry) = product.addingReportingOverflow(UInt64(digit))
            magnitude = magnitude == nil || overflow || carry ? nil : sum
        }
        guard position > first else { throw failure("no digit") }
        if position - first > 1, bytes[first] == UInt8(ascii: "0") { throw failure("a number with a leading zero") }
        var isInteger = true
        if take(UInt8(ascii: ".")) {
            isInteger = false
            try digits()
        }
        if take(UInt8(ascii: "e")) || take(UInt8(ascii: "E")) {
            isInteger = false
            if !take(UInt8(ascii: "+")) { _ = take(UInt8(ascii: "-")) }
            try digits()
        }
        guard isInteger, let magnitude else { return .number }
        if isNegative {
            guard magnitude <= UInt64(Int64.max) + 1 else { return .number }
            return .integer(Int64(truncatingIfNeeded: 0 &- magnitude))
        }
        return Int64(exactly: magnitude).map { .integer($0) } ?? .large(magnitude)
    }

    private mutating func takeDigit() -> UInt8? {
        guard let byte = current, (0x30...0x39).contains(byte) else { return nil }
        position += 1
        return byte - 0x30
    }

    private mutating func digits() throws(JSONFailure) {
        guard takeDigit() != nil else { throw failure("no digit") }
        while takeDigit() != nil {}
    }

    // MARK: Strings

    private mutating func string() throws(JSONFailure) -> [UInt8] {
        position += 1
        var text: [UInt8] = []
        while true {
            guard let byte = current else { throw failure("the string does not end") }
            switch byte {
            case UInt8(ascii: "\""):
                position += 1
                return text
            case UInt8(ascii: "\\"):
                position += 1
                try escape(&text)
            case 0..<0x20: throw failure("a control character in a string")
            case 0x20..<0x80:
                text.append(byte)
                position += 1
            default:
                let element = UTF8Element(bytes, at: position)
                guard element.isWellFormed else { throw failure("not UTF-8") }
                text.append(contentsOf: bytes[position..<position + element.length])
                position += element.length
            }
        }
    }

    private mutating func escape(_ text: inout [UInt8]) throws(JSONFailure) {
        guard let byte = current else { throw failure("the string does not end") }
        position += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(byte)
        case UInt8(ascii: "b"): text.append(0x08)
        case UInt8(ascii: "f"): text.append(0x0C)
        case UInt8(ascii: "n"): text.append(0x0A)
        case UInt8(ascii: "r"): text.append(0x0D)
        case UInt8(ascii: "t"): text.append(0x09)
        case UInt8(ascii: "u"): try unicodeEscape(&text)
        default: throw failure("no such escape")
        }
    }

    private mutating func unicodeEscape(_ text: inout [UInt8]) throws(JSONFailure) {
        let unit = try hexUnit()
        var scalar = UInt32(unit)
        if (0xD800..<0xDC00).contains(unit) {
            // A pair, or a high surrogate alone, which encodes nothing.
            let afterHigh = position
            if take(UInt8(ascii: "\\")), take(UInt8(ascii: "u")), case let low = try hexUnit(),
                (0xDC00..<0xE000).contains(low)
            {
                scalar = 0x1_0000 + (UInt32(unit) - 0xD800) << 10 + (UInt32(low) - 0xDC00)
            } else {
                position = afterHigh
                scalar = 0xFFFD
            }
        } else if (0xDC80..<0xDD00).contains(unit) {
            // Python's way to write a byte that is not UTF-8 (PEP 383).
            return text.append(UInt8(truncatingIfNeeded: unit))
        } else if (0xDC00..<0xE000).contains(unit) {
            scalar = 0xFFFD
        }
        text.append(contentsOf: String(Unicode.Scalar(scalar) ?? "\u{FFFD}").utf8)
    }

    private mutating func hexUnit() throws(JSONFailure) -> UInt16 {
        var unit: UInt16 = 0
        for _ in 0..<4 {
            guard let byte = current, let digit = hexDigit(byte) else { throw failure("not four hex digits") }
            position += 1
            unit = unit << 4 | UInt16(digit)
        }
        return unit
    }
}
