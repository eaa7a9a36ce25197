// Globs of single names: `*.o`, `[a-z]?`, `lib*.so`. No glob here ever sees a slash: `IgnoreRules` cuts patterns at
// their slashes, and a `[…]` that lists one cannot match it, because no name contains it.
//
// All globs of a list of patterns share two arrays, so a list of any length needs only a few allocations, and matching
// reads memory in order, without a reference count for each pattern.

/// A glob for one name, compiled into a `GlobStore`. Only that store can read it.
@usableFromInline struct GlobSegment: BitwiseCopyable, Sendable {
    @frozen @usableFromInline enum Shape: UInt8, BitwiseCopyable {
        /// Any number of directories, including none: `**` between slashes. Matches no single name.
        case globstar
        /// Exactly these bytes. Like the two below, a common form that is matched by comparing bytes.
        case literal
        /// `*`, then the bytes.
        case suffix
        /// The bytes, then `*`.
        case prefix
        /// Anything else: run by `GlobStore.run`.
        case program
    }

    @usableFromInline var shape: Shape
    /// The start of its instructions, without the star of `suffix` and `prefix`.
    @usableFromInline var start: UInt32 = 0
    @usableFromInline var count: UInt32 = 0

    static let globstar = GlobSegment(shape: .globstar)
}

/// The compiled globs of one list of patterns.
@usableFromInline struct GlobStore: Sendable {
    /// Instructions: below 256 the byte itself, then `any`, `star`, and from `firstSet` on an index into `sets`.
    @usableFromInline private(set) var code: [UInt32] = []
    private var sets: [ByteSet] = []

    private static let any: UInt32 = 256
    private static let star: UInt32 = 257
    private static let firstSet: UInt32 = 258

    /// No name in a Linux file system is longer (PATH_MAX; NAME_MAX is 255): a glob that needs more matches nothing, so
    /// the cost of matching stays bounded.
    private static let longestName = 4096
}

// MARK: - Matching

extension GlobStore {
    /// Whether the whole of `name` matches.
    @inline(__always)  // nearly every call ends at the first comparison
    @inlinable func matches(_ segment: GlobSegment, _ name: Span<UInt8>) -> Bool {
        let start = Int(segment.start)
        let count = Int(segment.count)
        switch segment.shape {
        case .globstar: return false
        case .literal: return name.count == count && equal(start, count, name, 0)
        case .suffix: return name.count >= count && equal(start, count, name, name.count - count)
        case .prefix: return name.count >= count && equal(start, count, name, 0)
        case .program: return run(start, start + count, name)
        }
    }

    @inline(__always)
    @inlinable func equal(_ start: Int, _ count: Int, _ name: Span<UInt8>, _ offset: Int) -> Bool {
        let code = code.span
        for index in 0..<count where code[start + index] != UInt32(name[offset + index]) { return false }
        return true
    }

    /// Runs the instructions `start..<end` against `name`.
    ///
    /// Only the last star is ever retried with one more byte: whatever an earlier star could skip, the last one can
    /// skip too. So the worst case is the product of both lengths, while recursion would be exponential (`a*a*a*a*b`).
    @usableFromInline func run(_ start: Int, _ end: Int, _ name: Span<UInt8>) -> Bool {
        let code = code.span
        let sets = sets.span
        var at = start
        var position = 0
        var afterStar = -1
        var starPosition = 0
        while true {
            if at == end {
                if position == name.count { return true }
            } else if code[at] == Self.star {
                at += 1
                if at == end { return true }
                afterStar = at
                starPosition = position
                continue
            } else if position == name.count {
                // The rest needs at least one byte, and a star that skips more leaves even fewer.
                return false
            } else {
                let instruction = code[at]
                let byte = name[position]
                let accepted =
                    if instruction < Self.any {
                        instruction == UInt32(byte)
                    } else {
                        instruction == Self.any || sets[Int(instruction - Self.firstSet)].contains(byte)
                    }
                if accepted {
                    at += 1
                    position += 1
                    continue
                }
            }
            guard afterStar >= 0, starPosition < name.count else { return false }
            starPosition += 1
            position = starPosition
            at = afterStar
        }
    }
}

// MARK: - Compiling

extension GlobStore {
    /// The result of `compile`.
    enum Compiled {
        case segment(GlobSegment)
        /// Can match no name: empty, a `[` without its `]`, an unknown `[:class:]`, a backslash at the end.
        case matchesNothing
    }

    /// Compiles the glob from `index` to a slash, escaped or not, or to the end of the pattern; `index` is then at the
    /// slash or at the end.
    mutating func compile(_ pattern: [UInt8], at index: inout Int) -> Compiled {
        let start = code.count
        let setCount = sets.count
        var stars = 0
        let isValid = compileInstructions(pattern, at: &index, stars: &stars)
        let length = code.count - start
        guard isValid, length > 0, length - stars <= Self.longestName else {
            code.removeSubrange(start...)
            sets.removeSubrange(setCount...)
            return .matchesNothing
        }
        var segment = GlobSegment(shape: .program, start: UInt32(start), count: UInt32(length))
        let literals = code[start...].count { $0 < Self.any }
        if literals == length {
            segment.shape = .literal
        } else if literals == length - 1, code[start] == Self.star {
            segment = GlobSegment(shape: .suffix, start: segment.start + 1, count: segment.count - 1)
        } else if literals == length - 1, code[code.count - 1] == Self.star {
            segment = GlobSegment(shape: .prefix, start: segment.start, count: segment.count - 1)
        }
        return .segment(segment)
    }

    /// The glob `*`.
    mutating func compileStar() -> GlobSegment { GlobSegment(shape: .suffix) }

    private mutating func compileInstructions(_ pattern: [UInt8], at index: inout Int, stars: inout Int) -> Bool {
        var isValid = true
        let start = code.count
        while index < pattern.count {
            let byte = pattern[index]
            switch byte {
            case UInt8(ascii: "/"): return isValid
            case UInt8(ascii: "*"):
                // Two stars that stand for no directories are one.
                if code.count == start || code[code.count - 1] != Self.star {
                    code.append(Self.star)
                    stars += 1
                }
            case UInt8(ascii: "?"): code.append(Self.any)
            case UInt8(ascii: "["):
                guard let set = ByteSet(bracket: pattern, at: &index) else { return false }
                code.append(Self.firstSet + UInt32(sets.count))
                sets.append(set)
                continue
            case UInt8(ascii: "\\"):
                index += 1
                if index == pattern.count {
                    isValid = false
                    continue
                }
                // An escaped slash separates names like any other.
                if pattern[index] == UInt8(ascii: "/") { return isValid }
                code.append(UInt32(pattern[index]))
            default: code.append(UInt32(byte))
            }
            index += 1
        }
        return isValid
    }
}

extension ByteSet {
    /// Reads a `[…]`; `index` moves from its `[` to after its `]`. Nil if git matches nothing with it: no `]`, or an
    /// unknown class.
    ///
    /// The rules of wildmatch: a leading `!` or `^` negates, a `]` in first place is a member, `-` makes a range unless
    /// it is first or last, or follows a range or a class; a backslash makes the next byte literal.
    init?(bracket pattern: [UInt8], at index: inout Int) {
        self.init()
        func byte(at index: Int) -> UInt8? { index < pattern.count ? pattern[index] : nil }
        var at = index + 1
        let isNegated = byte(at: at) == UInt8(ascii: "!") || byte(at: at) == UInt8(ascii: "^")
        if isNegated { at += 1 }
        /// The member before, if a following `-` can make a range of it.
        var previous: UInt8?
        repeat {
            guard let current = byte(at: at) else { return nil }
            if current == UInt8(ascii: "\\") {
                at += 1
                guard let escaped = byte(at: at) else { return nil }
                insert(escaped)
                previous = escaped
            } else if current == UInt8(ascii: "-"), let first = previous, let next = byte(at: at + 1),
                next != UInt8(ascii: "]")
            {
                at += next == UInt8(ascii: "\\") ? 2 : 1
                guard let last = byte(at: at) else { return nil }
                insert(from: first, through: last)
                previous = nil
            } else if current == UInt8(ascii: "["), byte(at: at + 1) == UInt8(ascii: ":") {
                guard let end = pattern[(at + 2)...].firstIndex(of: UInt8(ascii: "]")) else { return nil }
                if end > at + 2, pattern[end - 1] == UInt8(ascii: ":") {
                    guard insert(className: pattern[(at + 2)..<(end - 1)]) else { return nil }
                    at = end
                    previous = nil
                } else {
                    // `[:` without a closing `:]`: two members.
                    insert(current)
                    previous = current
                }
            } else {
                insert(current)
                previous = current
            }
            at += 1
        } while byte(at: at) != UInt8(ascii: "]")
        index = at + 1
        if isNegated { complement() }
    }
}
