/// A set of byte values: the bytes that a `[…]` of a pattern matches.
struct ByteSet: BitwiseCopyable, Sendable {
    /// Bit `b & 63` of word `b >> 6` is set when `b` is a member.
    private var words: SIMD4<UInt64> = .zero

    init() {}

    @inline(__always)  // one test for each byte of a name
    func contains(_ byte: UInt8) -> Bool { words[Int(byte >> 6)] >> UInt64(byte & 63) & 1 != 0 }

    mutating func insert(_ byte: UInt8) { words[Int(byte >> 6)] |= 1 << UInt64(byte & 63) }

    /// Inserts the range, both ends included; nothing if `first` is greater.
    mutating func insert(from first: UInt8, through last: UInt8) {
        guard first <= last else { return }
        for byte in first...last { insert(byte) }
    }

    mutating func complement() { words = ~words }

    /// Inserts the members of `[:name:]`. False if there is no such class.
    ///
    /// ASCII and independent of the locale, as in git: vertical tab and form feed are not in `space`, unlike in C.
    mutating func insert(className name: ArraySlice<UInt8>) -> Bool {
        guard let found = Self.classes.first(where: { name.elementsEqual($0.name.utf8) }) else { return false }
        for range in found.members { insert(from: range.lowerBound, through: range.upperBound) }
        return true
    }

    private static let classes: [(name: String, members: [ClosedRange<UInt8>])] = {
        let digit: ClosedRange<UInt8> = 0x30...0x39
        let upper: ClosedRange<UInt8> = 0x41...0x5a
        let lower: ClosedRange<UInt8> = 0x61...0x7a
        return [
            ("alnum", [digit, upper, lower]),
            ("alpha", [upper, lower]),
            ("blank", [0x09...0x09, 0x20...0x20]),
            ("cntrl", [0x00...0x1f, 0x7f...0x7f]),
            ("digit", [digit]),
            ("graph", [0x21...0x7e]),
            ("lower", [lower]),
            ("print", [0x20...0x7e]),
            ("punct", [0x21...0x2f, 0x3a...0x40, 0x5b...0x60, 0x7b...0x7e]),
            ("space", [0x09...0x0a, 0x0d...0x0d, 0x20...0x20]),
            ("upper", [upper]),
            ("xdigit", [digit, 0x41...0x46, 0x61...0x66]),
        ]
    }()
}
