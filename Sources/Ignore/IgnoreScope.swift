// The entries that a scan excludes: the patterns of `--exclude` and of the `.gitignore` files on the way down.
//
//     PATH            IgnoreScope(excludes:)              --exclude, anchored at the PATH
//      ├─ .gitignore  └─ child(… depth: 0)                anchored at the PATH
//      └─ src
//          ├─ .gitignore └─ child(… depth: 1)             anchored at PATH/src
//          └─ lib                 same scope as src: no .gitignore, nothing allocated
//
// Precedence, as in git: `--exclude` over every `.gitignore`, like git's command-line patterns; a deeper `.gitignore`
// over those above it; within a list the last pattern that matches. The first of these lists with a matching pattern
// decides. Entries below an ignored directory cannot come back, because the walk does not go there.
//
// Not implemented are git's other sources: core.excludesFile, .git/info/exclude, a `.gitignore` above the PATH, and
// exceptions for `.git` or for files in an index.

/// The patterns that apply in a directory. Immutable, shared by all directories below without a `.gitignore` of their
/// own.
///
/// A query allocates nothing and counts no references: all workers share a scope, and a counter that each of them
/// changes for each entry would travel between their caches. A query takes 3 ns for each pattern of the chain.
///
/// Functions that are generic over the directory are `@inlinable`, so that the caller's module specialises them.
/// Unspecialised they cost a scan with `--exclude` 13 % more instructions.
@usableFromInline package final class IgnoreScope: Sendable {
    /// The patterns of the command line, or those of one `.gitignore`.
    @usableFromInline let rules: IgnoreRules
    /// Components from the PATH to the directory of that `.gitignore`.
    @usableFromInline let depth: Int
    /// The scope of the next `.gitignore` above; a reference that is counted manually.
    ///
    /// Set in `init`, released in `deinit`, or taken away by the `deinit` of a scope below that was the last to hold
    /// this one; in between it is only read. So no access can overlap a change, and queries avoid the exclusivity
    /// check, which the compiler cannot omit for other modules.
    @exclusivity(unchecked) @usableFromInline nonisolated(unsafe) private(set) var parent: Unmanaged<IgnoreScope>?
    /// The scope of `--exclude`, at the end of the chain of parents; nil if there is none, and in that scope itself.
    /// Not reference-counted: the chain is.
    @usableFromInline let commandLine: Unmanaged<IgnoreScope>?
    private let isCommandLine: Bool

    /// The scope of the command line.
    private init(excludes: consuming IgnoreRules) {
        rules = excludes
        depth = 0
        parent = nil
        commandLine = nil
        isCommandLine = true
    }

    /// The scope of a `.gitignore`.
    private init(rules: consuming IgnoreRules, depth: Int, parent: IgnoreScope?) {
        self.rules = rules
        self.depth = depth
        isCommandLine = false
        self.parent = parent.map { Unmanaged.passRetained($0) }
        commandLine = parent.flatMap { $0.isCommandLine ? Unmanaged.passUnretained($0) : $0.commandLine }
    }

    /// The scope of a PATH, with the patterns of `--exclude` in their order. Nil if they can match nothing.
    ///
    /// It does not depend on the PATH: one serves all PATHs.
    package convenience init?(excludes patterns: [[UInt8]]) {
        var excludes = IgnoreRules()
        for pattern in patterns { excludes.append(pattern: pattern) }
        if excludes.isEmpty { return nil }
        self.init(excludes: excludes)
    }

    /// The scope of a directory that has a `.gitignore`.
    ///
    /// - Parameters:
    ///   - scope: That of the directory above; at a PATH, the scope of `--exclude`.
    ///   - contents: The contents of the file. git reads no symlink, and no file larger than
    ///     `IgnoreRules.maximumFileSize`.
    ///   - depth: Components from the PATH to the directory: 0 for the PATH itself.
    /// - Returns: `scope` if no pattern in the file can match anything.
    package static func child(of scope: IgnoreScope?, gitignore contents: [UInt8], depth: Int) -> IgnoreScope? {
        var rules = IgnoreRules()
        rules.append(contentsOfFile: contents)
        if rules.isEmpty { return scope }
        return IgnoreScope(rules: rules, depth: depth, parent: scope)
    }

    deinit {
        // One after the other: otherwise the scopes of a deep tree would free each other recursively on the stack.
        var next = parent?.takeRetainedValue()
        while isKnownUniquelyReferenced(&next) {
            let above = next?.parent
            next?.parent = nil
            next = above?.takeRetainedValue()
        }
    }

    /// The verdict of the patterns on an entry.
    ///
    /// - Parameters:
    ///   - name: The entry's name, without a trailing NUL.
    ///   - isDirectory: Whether it is a directory (a symlink to one is not); nil if that is not known yet. Then the
    ///     answer may be `.dependsOnKind`.
    ///   - directory: The directory of the entry.
    ///   - directoryDepth: Components from the PATH to that directory: 0 for the PATH itself.
    @inlinable package func verdict(
        _ name: Span<UInt8>, isDirectory: Bool?, in directory: some IgnoreDirectory, directoryDepth: Int
    ) -> IgnoreVerdict {
        if let commandLine {
            let verdict = commandLine._withUnsafeGuaranteedRef {
                $0.ownVerdict(name, isDirectory: isDirectory, in: directory, directoryDepth: directoryDepth)
            }
            if let verdict { return verdict }
        }
        // The caller's chain keeps all of these scopes alive.
        var scope = Unmanaged.passUnretained(self)
        while true {
            let verdict = scope._withUnsafeGuaranteedRef {
                $0.ownVerdict(name, isDirectory: isDirectory, in: directory, directoryDepth: directoryDepth)
            }
            if let verdict { return verdict }
            let parent = scope._withUnsafeGuaranteedRef { $0.parent }
            guard let parent, parent.toOpaque() != commandLine?.toOpaque() else { return .kept }
            scope = parent
        }
    }

    @inlinable func ownVerdict(
        _ name: Span<UInt8>, isDirectory: Bool?, in directory: some IgnoreDirectory, directoryDepth: Int
    ) -> IgnoreVerdict? {
        rules.verdict(name, isDirectory: isDirectory, depth: directoryDepth + 1 - depth, in: directory)
    }
}
