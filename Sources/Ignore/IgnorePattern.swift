/// One pattern of a `.gitignore` or of `--exclude`, compiled into the store of its list.
///
/// A pattern is a chain of globs, one for each component of the path, the last for the entry's own name; a `**` stands
/// for any number of components. The last glob is tried first: it decides nearly always, and the directories above
/// are asked only if it matches.
@usableFromInline package struct IgnorePattern: BitwiseCopyable, Sendable {
    /// It began with `!`: what it matches is kept.
    @usableFromInline var isNegated = false
    /// It ended with `/`.
    @usableFromInline var isDirectoryOnly = false
    /// It matches at any depth: it had no slash, or was `**/name`.
    @usableFromInline var floats = false
    /// A `**` is among the globs of the directories.
    @usableFromInline var hasGlobstar = false
    /// Components that it matches; at least so many with a `**`.
    @usableFromInline var depth: UInt32 = 1
    /// For the entry's own name.
    @usableFromInline var name: GlobSegment
    /// For the directories above, outermost first: a range of the list's `directories`.
    @usableFromInline var firstDirectory: UInt32 = 0
    @usableFromInline var directoryCount: UInt32 = 0
}

/// A pattern as it is written, before its globs are compiled.
struct IgnorePatternSyntax {
    var isNegated = false
    var isDirectoryOnly = false
    var isAnchored = false
    /// What is left: globs with slashes between them. More than one when the pattern stands for several; none when it
    /// matches nothing.
    var bodies: [[UInt8]] = []

    private static let slash = UInt8(ascii: "/")
    private static let star = UInt8(ascii: "*")
    private static let backslash = UInt8(ascii: "\\")

    init(_ pattern: ArraySlice<UInt8>) {
        var rest = pattern
        if rest.first == UInt8(ascii: "!") {
            isNegated = true
            rest.removeFirst()
        }
        if rest.last == Self.slash {
            isDirectoryOnly = true
            rest.removeLast()
        }
        // Any slash, be it escaped or between brackets.
        isAnchored = rest.contains(Self.slash)
        if rest.first == Self.slash { rest.removeFirst() }
        guard !rest.isEmpty else { return }
        bodies = isAnchored ? Self.alternatives(Array(rest)) : [Array(rest)]
    }

    /// A run of two or more stars with a slash or the end behind it.
    enum GlobstarEnd {
        case end
        case slash
        /// `\/`, behind which git takes the `**` for at least one component.
        case escapedSlash
    }

    /// The run of stars at `index`, if it stands for components provided that a component begins there; `index` is left
    /// behind its slash.
    static func globstar(_ body: [UInt8], at index: inout Int) -> GlobstarEnd? {
        var at = index
        while at < body.count, body[at] == star { at += 1 }
        guard at - index >= 2 else { return nil }
        if at == body.count {
            index = at
            return .end
        }
        if body[at] == slash {
            index = at + 1
            return .slash
        }
        if body[at] == backslash, at + 1 < body.count, body[at + 1] == slash {
            index = at + 2
            return .escapedSlash
        }
        return nil
    }

    /// The patterns that together match what `body` does, without git's special case.
    ///
    /// git compares what stands before the first wildcard byte by byte and gives only the rest to its matcher, which
    /// thus takes a `**` right behind for the first thing in the pattern: `/foo**/bar` matches `foobar` and
    /// `foo1/2/bar`, as if `foo**/` were `foo`, then anything up to a slash or nothing at all.
    private static func alternatives(_ body: [UInt8]) -> [[UInt8]] {
        let special: [UInt8] = [star, UInt8(ascii: "?"), UInt8(ascii: "["), backslash]
        let length = body.firstIndex { special.contains($0) } ?? body.count
        guard length > 0, body[length - 1] != slash else { return [body] }
        var index = length
        var needsSlash = false
        var isGlobstar = false
        while let end = globstar(body, at: &index) {
            isGlobstar = true
            if end == .end {
                let below = body[..<length] + [star, slash, star, star]
                return needsSlash ? [Array(below)] : [body[..<length] + [star], Array(below)]
            }
            if end == .escapedSlash { needsSlash = true }
        }
        guard isGlobstar else { return [body] }
        let rest = body[index...]
        let below = body[..<length] + [star, slash, star, star, slash] + rest
        return needsSlash ? [Array(below)] : [Array(body[..<length] + rest), Array(below)]
    }
}
