/// Reading names, which are bytes, as UTF-8, without trusting them.

/// An element of a byte string: a character, or ill-formed bytes.
@usableFromInline package struct UTF8Element {
    /// The Unicode scalar; U+FFFD for bytes that are ill-formed.
    @usableFromInline package var scalar: UInt32
    /// How many bytes it takes. For ill-formed ones, the length of the maximal ill-formed subsequence.
    @usableFromInline package var length: Int
    @usableFromInline package var isWellFormed: Bool

    /// Decodes the element at `offset`, which must be less than `bytes.count`.
    ///
    /// Well-formed is what Unicode's table 3-7 lists: no overlong forms, no surrogates, nothing past U+10FFFF. A
    /// maximal ill-formed subsequence is the longest beginning of a well-formed one, or a single byte: the cut that the
    /// WHATWG decoder, Python's `errors="replace"` and ICU make.
    @inline(__always)
    @inlinable package init(_ bytes: UnsafeRawBufferPointer, at offset: Int) {
        let lead = bytes[offset]
        let rest: Int
        var second: ClosedRange<UInt8> = 0x80...0xBF
        switch lead {
        case 0x00...0x7F:
            self.init(scalar: UInt32(lead), length: 1, isWellFormed: true)
            return
        case 0xC2...0xDF: rest = 1
        case 0xE0: (rest, second) = (2, 0xA0...0xBF)
        case 0xED: (rest, second) = (2, 0x80...0x9F)
        case 0xE1...0xEF: rest = 2
        case 0xF0: (rest, second) = (3, 0x90...0xBF)
        case 0xF4: (rest, second) = (3, 0x80...0x8F)
        case 0xF1...0xF3: rest = 3
        default:
            self.init(scalar: 0xFFFD, length: 1, isWellFormed: false)
            return
        }
        // The lead byte of a sequence of n + 1 bytes carries 6 - n bits.
        var scalar = UInt32(lead) & (0x3F >> UInt32(rest))
        for index in 1...rest {
            guard offset + index < bytes.count, second.contains(bytes[offset + index]) else {
                self.init(scalar: 0xFFFD, length: index, isWellFormed: false)
                return
            }
            scalar = scalar << 6 | UInt32(bytes[offset + index] & 0x3F)
            second = 0x80...0xBF
        }
        self.init(scalar: scalar, length: rest + 1, isWellFormed: true)
    }

    @inlinable init(scalar: UInt32, length: Int, isWellFormed: Bool) {
        self.scalar = scalar
        self.length = length
        self.isWellFormed = isWellFormed
    }

    /// Control characters (C0, DEL, C1) and the line and paragraph separators: what `iswprint(3)` rejects below U+10000
    /// among assigned characters.
    @inlinable package var isControl: Bool {
        switch scalar {
        case 0x00...0x1F, 0x7F...0x9F, 0x2028, 0x2029: true
        default: false
        }
    }

    /// Marks, embeddings, overrides and isolates that reorder what a terminal shows.
    @inlinable package var isBidirectionalControl: Bool {
        switch scalar {
        case 0x061C, 0x200E, 0x200F, 0x202A...0x202E, 0x2066...0x2069: true
        default: false
        }
    }
}
