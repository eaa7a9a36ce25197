import Bytes

/// A file name extension: at most 16 lower-case ASCII letters and digits, in two words, so that neither finding it nor
/// counting by it allocates.
struct FileExtension: Hashable, Sendable {
    /// Bytes in memory order, padded with zeros, which no extension contains; (0, 0) is "no extension".
    private(set) var low: UInt64 = 0
    private(set) var high: UInt64 = 0

    static let none = FileExtension()

    private init() {}

    /// The part after the last dot, if the dot is not the first byte and 1–16 ASCII letters or digits follow.
    ///
    /// Trailing numbers are ignored, and a number is no extension: `libz.so.1.3` is `so`, `frame.0001` has none.
    init(name: UnsafeRawBufferPointer) {
        var key = (UInt64(0), UInt64(0))
        var length = 0
        /// Bit 6 is set as soon as one of the bytes is a letter.
        var bits: UInt8 = 0
        var index = name.count - 1
        // From the end: the bytes come in reverse, and are shifted in from the other side.
        while index > 0 {
            let byte = name[index]
            index &-= 1
            if byte == UInt8(ascii: ".") {
                guard length > 0 else { return }
                if bits & 0x40 != 0 {
                    (low, high) = key
                    return
                }
                (key, length) = ((0, 0), 0)
                continue
            }
            // To lower case; digits are unchanged.
            let lowered = byte | 0x20
            guard lowered &- UInt8(ascii: "a") < 26 || byte &- UInt8(ascii: "0") < 10 else { return }
            bits |= byte
            length &+= 1
            // A number may have any length.
            if length > 16, bits & 0x40 != 0 { return }
            key.1 = key.1 << 8 | key.0 >> 56
            key.0 = key.0 << 8 | UInt64(lowered)
        }
    }

    private var bytes: [UInt8] {
        [low, high].flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> ($0 * 8)) } }.filter { $0 != 0 }
    }

    var text: String { String(decoding: bytes, as: UTF8.self) }

    /// In the order of the bytes.
    static func < (left: FileExtension, right: FileExtension) -> Bool {
        (left.low.byteSwapped, left.high.byteSwapped) < (right.low.byteSwapped, right.high.byteSwapped)
    }

    /// Of two names of an inode: the smaller one that is not empty.
    func merged(with other: FileExtension) -> FileExtension {
        if self == .none { return other }
        return other == .none || self < other ? self : other
    }

    /// FNV-1a, 64 bits: it decides which extensions a report lists, so it is part of the format.
    var hash: UInt64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for word in [low, high] {
            var rest = word
            while rest != 0 {
                hash = (hash ^ rest & 0xFF) &* 0x100_0000_01B3
                rest >>= 8
            }
        }
        return hash
    }
}

extension FileExtension: PartialCodable {
    func encode(to encoder: inout PartialEncoder) { encoder.out.put(string: bytes) }

    init(from decoder: inout PartialDecoder) throws(BinaryFailure) {
        let bytes = try decoder.input.string()
        // As the end of a name, after its dot.
        self = (Array("x.".utf8) + bytes).withUnsafeBytes { FileExtension(name: $0) }
        guard self.bytes == bytes else { throw BinaryFailure("has an impossible extension") }
    }
}
