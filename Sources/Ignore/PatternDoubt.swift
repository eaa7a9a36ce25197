/// Why a pattern of `--exclude` probably does not do what the user intended: it can match no entry, or means something
/// else.
package enum PatternDoubt: Equatable, Sendable {
    /// It can match nothing: it is empty, or has an unfinished bracket or escape.
    case matchesNothing
    /// It means the PATH itself, which is never excluded.
    case matchesThePath
    /// A component is `..`: patterns do not lead out of the PATH.
    case leadsUp
    /// No name is `.` or empty. Without those components the pattern is `instead`.
    case emptyComponent(instead: [UInt8])
    /// `/usr/share` for the PATH `/usr`: a leading slash represents the PATH. Relative to it the pattern is `instead`.
    case isAbsolute(instead: [UInt8])
    /// Braces are literal, unlike in a shell, which would expand them to `instead`.
    case hasBraces(instead: [[UInt8]])

    /// A problem that is visible without looking at files; nil if there is none.
    package init?(_ pattern: [UInt8]) {
        let body = Body(pattern)
        if body.components.allSatisfy({ $0.isEmpty }) {
            self = .matchesNothing
        } else if body.components.contains(Array("..".utf8)) {
            self = .leadsUp
        } else if body.components.contains(where: Self.isNoName) {
            let rest = body.components.filter { !Self.isNoName($0) }
            self = rest.isEmpty ? .matchesThePath : .emptyComponent(instead: body.pattern(anchoredAt: rest))
        } else if IgnoreScope(excludes: [pattern]) == nil {
            self = .matchesNothing
        } else if let expanded = Self.expanded(pattern) {
            self = .hasBraces(instead: expanded)
        } else {
            return nil
        }
    }

    /// Whether a pattern is an absolute path in or of a PATH, although patterns are relative to it.
    ///
    /// - Parameter path: the absolute path of the PATH.
    /// - Returns: nil also if the PATH contains the first component of the pattern.
    package init?(_ pattern: [UInt8], in path: [UInt8], exists: (_ name: [UInt8]) -> Bool) {
        let body = Body(pattern)
        let directories = path.split(separator: Body.slash).map { Array($0) }
        guard body.isAbsolute, !directories.isEmpty, body.components.starts(with: directories) else { return nil }
        if exists(body.components[0]) { return nil }
        let rest = Array(body.components.dropFirst(directories.count))
        self = rest.isEmpty ? .matchesThePath : .isAbsolute(instead: body.pattern(anchoredAt: rest))
    }

    private static func isNoName(_ component: [UInt8]) -> Bool { component.isEmpty || component == [UInt8(ascii: ".")] }

    /// A pattern cut at its slashes.
    private struct Body {
        static let slash = UInt8(ascii: "/")

        var prefix: [UInt8] = []
        var suffix: [UInt8] = []
        var isAbsolute = false
        var components: [[UInt8]]

        init(_ pattern: [UInt8]) {
            var rest = pattern[...]
            if rest.first == UInt8(ascii: "!") { prefix = [rest.removeFirst()] }
            isAbsolute = rest.first == Self.slash
            if rest.last == Self.slash { suffix = [rest.removeLast()] }
            if rest.first == Self.slash { rest.removeFirst() }
            components = rest.split(separator: Self.slash, omittingEmptySubsequences: false).map { Array($0) }
        }

        func pattern(anchoredAt components: [[UInt8]]) -> [UInt8] {
            prefix + components.flatMap { [Self.slash] + $0 } + suffix
        }
    }

    /// The shell's expansion of the first braces with a comma; nil if there are none.
    private static func expanded(_ pattern: [UInt8]) -> [[UInt8]]? {
        let (open, close, comma) = (UInt8(ascii: "{"), UInt8(ascii: "}"), UInt8(ascii: ","))
        guard let start = pattern.firstIndex(of: open), let end = pattern[start...].firstIndex(of: close) else {
            return nil
        }
        let items = pattern[(start + 1)..<end].split(separator: comma, omittingEmptySubsequences: false)
        guard items.count > 1 else { return nil }
        return items.map { Array(pattern[..<start] + $0 + pattern[(end + 1)...]) }
    }
}
