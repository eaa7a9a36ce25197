/// One pattern of a `.gitignore` or of `--exclude`, compiled into the store of its list.
///
/// A pattern is a chain of globs, one for each component of the path, the last for the entry's own name; a `**` matches
/// any number of components. The last glob is tried first: it nearly always decides, and the directories above are
/// compared only if it matches.
@usableFromInline package struct IgnorePattern: BitwiseCopyable, Sendable {
    /// It began with `!`: entries that it matches are kept.
    @usableFromInline var isNegated = false
    /// It ended with `/`.
    @usableFromInline var isDirectoryOnly = false
    /// It matches at any depth: it had no slash, or was `**/name`.
    @usableFromInline var floats = false
    /// There is a `**` among the globs of the directories.
    @usableFromInline var hasGlobstar = false
    /// The number of components that it matches; with a `**` the minimum.
    @usableFromInline var depth: UInt32 = 1
    /// For the entry's own name.
    @usableFromInline var name: GlobSegment
    /// For the directories above, outermost first: a range of the list's `directories`.
    @usableFromInline var firstDirectory: UInt32 = 0
    @usableFromInline var directoryCount: UInt32 = 0
}

/// A pattern as written, before its globs are compiled.
struct IgnorePatternSyntax {
    var isNegated = false
    var isDirectoryOnly = false
    var isAnchored = false
    /// The rest: globs separated by slashes. More than one if the pattern is equivalent to several; none if it matches
    /// nothing.
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
        // Any slash, even escaped or in brackets.
        isAnchored = rest.contains(Self.slash)
        if rest.first == Self.slash { rest.removeFirst() }
        guard !rest.isEmpty else { return }
        bodies = isAnchored ? Self.alternatives(Array(rest)) : [Array(rest)]
    }

    /// The end of a run of two or more stars: a slash, or the end of the pattern.
    enum GlobstarEnd {
        case end
        case slash
        /// `\/`; before it, git requires `**` to match at least one component.
        case escapedSlash
    }

    /// The run of stars at `index`, if it matches components (provided that a component begins there); `index` is then
    /// after its slash.
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

    /// Patterns that together match the same as `body`, without git's special case.
    ///
    /// git compares the text before the first wildcard byte by byte and gives only the rest to its matcher. The matcher
    /// therefore takes a `**` right after that text for the start of the pattern: `/foo**/bar` matches `foobar` and
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
