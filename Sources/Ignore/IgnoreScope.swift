// Which entries a scan leaves out: the patterns of `--exclude` and of the `.gitignore` files on the way down.
//
//     PATH            IgnoreScope(excludes:)              --exclude, anchored at the PATH
//      ├─ .gitignore  └─ child(… depth: 0)                anchored at the PATH
//      └─ src
//          ├─ .gitignore └─ child(… depth: 1)             anchored at PATH/src
//          └─ lib                 same scope as src: no .gitignore, nothing allocated
//
// Precedence, as git's: `--exclude` over every `.gitignore`, as its command-line patterns are; a deeper `.gitignore` over
// those above it; in one list the last pattern that matches. The first of these lists with a pattern that matches
// decides. What is below an ignored directory cannot come back, because nobody goes there: that is up to the walk.
//
// What git does beyond the patterns is not done: no core.excludesFile, no .git/info/exclude, no `.gitignore` above the
// PATH, no exception for `.git` or for files in an index.

/// The patterns that apply in a directory. Immutable, shared by all directories below that have no `.gitignore` of their
/// own.
///
/// Asking about an entry allocates nothing and counts no references: a scope is shared by all workers, and a counter that
/// each of them touches for each entry would travel between their caches. It takes 3 ns for each pattern of the chain.
///
/// Functions that are generic over the directory are `@inlinable`, so that the caller's module specialises them.
/// Unspecialised they cost a scan with `--exclude` 13 % more instructions.
@usableFromInline package final class IgnoreScope: Sendable {
    /// The patterns of the command line, or those of one `.gitignore`.
    @usableFromInline let rules: IgnoreRules
    /// Components from the PATH to the directory of that `.gitignore`.
    @usableFromInline let depth: Int
    /// The scope of the next `.gitignore` above; a reference that is counted, by hand.
    ///
    /// Set in `init`, released in `deinit`, or taken away by the `deinit` of a scope below that was the last to hold this
    /// one; between these it is only read. So no access can overlap a change, and asking about an entry does not pay for
    /// the check of it, which the compiler cannot leave out for other modules.
    @exclusivity(unchecked) @usableFromInline nonisolated(unsafe) private(set) var parent: Unmanaged<IgnoreScope>?
    /// The scope of `--exclude`, with which the chain of parents ends; nil if there is none, and in that scope itself. Not
    /// counted: the chain is.
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
    /// It knows nothing of the PATH: one serves all of them.
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
    ///   - contents: What is in the file. git reads no symlink, and no file larger than `IgnoreRules.maximumFileSize`.
    ///   - depth: Components from the PATH to the directory: 0 for the PATH itself.
    /// - Returns: `scope` if no pattern in the file can match anything.
    package static func child(of scope: IgnoreScope?, gitignore contents: [UInt8], depth: Int) -> IgnoreScope? {
        var rules = IgnoreRules()
        rules.append(contentsOfFile: contents)
        if rules.isEmpty { return scope }
        return IgnoreScope(rules: rules, depth: depth, parent: scope)
    }

    deinit {
        // One after the other: left to themselves, the scopes of a deep tree would each free the next on the stack.
        var next = parent?.takeRetainedValue()
        while isKnownUniquelyReferenced(&next) {
            let above = next?.parent
            next?.parent = nil
            next = above?.takeRetainedValue()
        }
    }

    /// What the patterns say of an entry.
    ///
    /// - Parameters:
    ///   - name: The entry's name, without a NUL behind it.
    ///   - isDirectory: Whether it is a directory, which a symlink to one is not; nil if that is not known yet. Then the
    ///     answer may be `.dependsOnKind`.
    ///   - directory: The directory that the entry is in.
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
        // All on the way are held by the chain that the caller holds.
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
