// A list of patterns: those of the command line, or those of one `.gitignore`.
//
// The rules are git's (gitignore(5), and dir.c and wildmatch.c for its gaps), but the representation is not: git keeps
// the pattern as text and matches it recursively against the whole path. Here a pattern is cut at its slashes once, so
// a name is compared with one glob, no path has to be built, and neither depth nor stars recurse.

/// A directory for pattern matching: a name and the way up to the PATH.
///
/// Patterns with a slash inside need the names of the directories above an entry; most do not, so names are fetched one
/// at a time and only when the entry's own name has matched.
@usableFromInline package protocol IgnoreDirectory {
    /// The directory above; nil for the PATH itself.
    var ignoreParent: Self? { get }
    /// Calls `body` with the directory's own name. Never called for the PATH.
    ///
    /// Where the name is a stored array: `let name = name; return body(name.span)`.
    func withIgnoreName<R>(_ body: (Span<UInt8>) -> R) -> R
}

/// The result of matching an entry.
@frozen @usableFromInline package enum IgnoreVerdict: Equatable, Sendable {
    case kept
    case ignored
    /// A pattern for directories matches the name: find out the kind and ask again.
    case dependsOnKind
}

/// A list of patterns; the last one that matches decides.
///
/// Not copyable, so that a query cannot become a copy: a copy counts references that all workers share.
@usableFromInline package struct IgnoreRules: ~Copyable, Sendable {
    /// git ignores larger files (100 MiB), and callers of `append(contentsOfFile:)` should do the same.
    package static let maximumFileSize = 100 << 20

    @usableFromInline private(set) var patterns: [IgnorePattern] = []
    @usableFromInline private(set) var directories: [GlobSegment] = []
    @usableFromInline private(set) var globs = GlobStore()

    package init() {}

    /// The number of patterns; an appended one may have become several, or none.
    package var count: Int { patterns.count }

    /// No pattern can match anything.
    package var isEmpty: Bool { patterns.isEmpty }

    /// The verdict of the list on an entry, nil if there is none.
    ///
    /// - Parameters:
    ///   - isDirectory: nil if it is not known.
    ///   - depth: The entry's depth below the directory where the list is anchored: 1 directly in it.
    ///   - directory: The directory of the entry.
    @inlinable package func verdict(
        _ name: Span<UInt8>, isDirectory: Bool?, depth: Int, in directory: some IgnoreDirectory
    ) -> IgnoreVerdict? {
        guard let index = lastMatch(name, isDirectory: isDirectory, depth: depth, in: directory) else { return nil }
        let pattern = patterns[index]
        if pattern.isDirectoryOnly, isDirectory == nil { return .dependsOnKind }
        return pattern.isNegated ? .kept : .ignored
    }

    /// The number of the last pattern that matches an entry; nil if none does. The same parameters.
    @inlinable package func lastMatch(
        _ name: Span<UInt8>, isDirectory: Bool?, depth: Int, in directory: some IgnoreDirectory
    ) -> Int? {
        let patterns = patterns.span
        var index = patterns.count
        while index > 0 {
            index -= 1
            let pattern = patterns[index]
            if pattern.isDirectoryOnly, isDirectory == false { continue }
            guard globs.matches(pattern.name, name) else { continue }
            guard pattern.floats || matchesDirectories(pattern, depth: depth, directory) else { continue }
            return index
        }
        return nil
    }

    /// Whether the directories above an entry match, innermost first.
    ///
    /// Of several `**` only the last is ever given one more directory: whatever an earlier one could skip, it can too.
    /// Each glob meets each name at most once for each `**`.
    @inlinable func matchesDirectories<D: IgnoreDirectory>(
        _ pattern: IgnorePattern, depth: Int, _ directory: D
    ) -> Bool {
        if pattern.hasGlobstar ? depth < Int(pattern.depth) : depth != Int(pattern.depth) { return false }
        let first = Int(pattern.firstDirectory)
        var state = UnmatchedDirectories(
            globs: Int(pattern.directoryCount), above: depth - 1, directory: depth > 1 ? directory : nil)
        var lastGlobstar: UnmatchedDirectories<D>?
        while true {
            if state.globs > 0, directories[first + state.globs - 1].shape == .globstar {
                state.globs -= 1
                if state.globs == 0 { return true }
                lastGlobstar = state
                continue
            }
            if state.globs == 0, state.above == 0 { return true }
            if state.globs > 0, state.above > 0 {
                guard let directory = state.directory else {
                    preconditionFailure("an entry's depth is the number of directories between it and the PATH, plus 1")
                }
                let glob = directories[first + state.globs - 1]
                if directory.withIgnoreName({ globs.matches(glob, $0) }) {
                    state.globs -= 1
                    state.goUp()
                    continue
                }
            }
            guard var retry = lastGlobstar, retry.above > 0 else { return false }
            retry.goUp()
            lastGlobstar = retry
            state = retry
        }
    }
}

/// The state of matching the directories above an entry.
@usableFromInline struct UnmatchedDirectories<D: IgnoreDirectory> {
    /// The number of globs and directories that are still to be matched.
    @usableFromInline var globs: Int
    @usableFromInline var above: Int
    /// The innermost of these directories, nil if there is none.
    @usableFromInline var directory: D?

    @inlinable init(globs: Int, above: Int, directory: D?) {
        self.globs = globs
        self.above = above
        self.directory = directory
    }

    /// Skips the innermost directory.
    @inlinable mutating func goUp() {
        above -= 1
        directory = above > 0 ? directory?.ignoreParent : nil
    }
}

// MARK: - Reading

extension IgnoreRules {
    /// Appends a pattern of the command line unchanged: no comments, no trailing spaces removed, as in `git ls-files
    /// --exclude`.
    package mutating func append(pattern: [UInt8]) { append(pattern[...]) }

    /// Appends the patterns of a `.gitignore`.
    ///
    /// Lines end with LF or CR LF; the last one may end with the file. Ignored are a UTF-8 byte order mark at the
    /// start, empty lines, lines that begin with `#`, and trailing spaces without a backslash. For git a line ends at a
    /// NUL.
    package mutating func append(contentsOfFile contents: [UInt8]) {
        Self.forEachPattern(inFile: contents) { append($0) }
    }

    /// The patterns in a file like a `.gitignore`, in the form of the command line.
    package static func patterns(inFile contents: [UInt8]) -> [[UInt8]] {
        var patterns: [[UInt8]] = []
        forEachPattern(inFile: contents) { if !$0.isEmpty { patterns.append(Array($0)) } }
        return patterns
    }

    private static func forEachPattern(inFile contents: [UInt8], _ body: (ArraySlice<UInt8>) -> Void) {
        var rest = contents[...]
        if rest.starts(with: [0xef, 0xbb, 0xbf]) { rest.removeFirst(3) }
        while !rest.isEmpty {
            let end = rest.firstIndex(of: UInt8(ascii: "\n")) ?? rest.endIndex
            var line = rest[..<end]
            rest = rest[min(end + 1, rest.endIndex)...]
            if line.first == UInt8(ascii: "#") { continue }
            if line.last == UInt8(ascii: "\r") { line.removeLast() }
            if let nul = line.firstIndex(of: 0) { line = line[..<nul] }
            body(trimmed(line))
        }
    }

    /// The line without trailing spaces; a space after a backslash stays.
    private static func trimmed(_ line: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        var end = line.startIndex
        var index = line.startIndex
        while index < line.endIndex {
            let byte = line[index]
            index = min(index + (byte == UInt8(ascii: "\\") ? 2 : 1), line.endIndex)
            if byte != UInt8(ascii: " ") { end = index }
        }
        return line[..<end]
    }

    private mutating func append(_ text: ArraySlice<UInt8>) {
        let syntax = IgnorePatternSyntax(text)
        for body in syntax.bodies {
            guard var pattern = compile(body, isAnchored: syntax.isAnchored) else { continue }
            pattern.isNegated = syntax.isNegated
            pattern.isDirectoryOnly = syntax.isDirectoryOnly
            patterns.append(pattern)
        }
    }

    /// Nil if it can match nothing.
    private mutating func compile(_ body: [UInt8], isAnchored: Bool) -> IgnorePattern? {
        let first = directories.count
        guard compileGlobs(body, isAnchored: isAnchored), let name = directories.popLast() else {
            directories.removeSubrange(first...)
            return nil
        }
        var pattern = IgnorePattern(name: name)
        let above = directories[first...]
        pattern.hasGlobstar = above.contains { $0.shape == .globstar }
        pattern.floats = !isAnchored || above.count == 1 && pattern.hasGlobstar
        pattern.depth = UInt32(1 + above.count { $0.shape != .globstar })
        pattern.firstDirectory = UInt32(first)
        pattern.directoryCount = UInt32(above.count)
        return pattern
    }

    /// Appends the globs of all components to `directories`. False if one of them can match nothing.
    private mutating func compileGlobs(_ body: [UInt8], isAnchored: Bool) -> Bool {
        let first = directories.count
        func endsWithGlobstar() -> Bool { directories.count > first && directories.last?.shape == .globstar }
        var index = 0
        while true {
            if isAnchored, let end = IgnorePatternSyntax.globstar(body, at: &index) {
                if end == .escapedSlash { directories.append(globs.compileStar()) }
                // Two in a row are equivalent to one.
                if !endsWithGlobstar() { directories.append(.globstar) }
                if end != .end { continue }
                // `a/**` matches everything below `a`, but not `a` itself: any name, then any number of directories.
                directories.append(globs.compileStar())
                return true
            }
            guard case .segment(let segment) = globs.compile(body, at: &index) else { return false }
            directories.append(segment)
            if index == body.count { return true }
            // At a slash; the backslash of `\/` is already consumed.
            index += 1
        }
    }
}
