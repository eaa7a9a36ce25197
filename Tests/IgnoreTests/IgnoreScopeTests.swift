import Ignore
import TestSupport
import Testing

@Suite struct IgnoreScopeTests {
    private func verdict(
        _ scope: IgnoreScope?, _ path: String, isDirectory: Bool? = false
    ) -> IgnoreVerdict? {
        let components = path.utf8.split(separator: slash).map { Array($0) }
        let directory = IgnoreTestDirectory(components: components.dropLast())
        let name = components[components.count - 1]
        return scope?.verdict(
            name.span, isDirectory: isDirectory, in: directory, directoryDepth: components.count - 1)
    }

    private func excludes(_ patterns: String...) -> IgnoreScope? {
        IgnoreScope(excludes: patterns.map { Array($0.utf8) })
    }

    @Test(arguments: [
        ("*.o", "a/b.o", true), ("*.o", "a/b.oo", false), ("/a", "a", true), ("/a", "b/a", false), ("a/b", "a/b", true),
        ("a/b", "x/a/b", false), ("**/a/b", "x/a/b", true), ("a/**", "a/x/y", true), ("a/**", "a", false),
        ("a/**/b", "a/b", true), ("a/**/b", "a/x/y/b", true), ("[[:digit:]]*", "7up", true), ("[!a]", "b", true),
        ("\\!a", "!a", true), ("#a", "#a", true), ("a ", "a ", true), ("a ", "a", false),
        ("/foo**/bar", "foobar", true),
    ])
    func aPatternOfTheCommandLineMatches(pattern: String, path: String, isIgnored: Bool) {
        #expect(verdict(excludes(pattern), path) == (isIgnored ? .ignored : .kept))
    }

    @Test func theLastPatternThatMatchesDecides() {
        #expect(verdict(excludes("*.o", "!keep.o"), "keep.o") == .kept)
        #expect(verdict(excludes("!keep.o", "*.o"), "keep.o") == .ignored)
    }

    @Test func patternsThatMatchNothingLeaveNoScope() {
        #expect(IgnoreScope(excludes: []) == nil)
        #expect(excludes("", "!", "/", "//", "a//b", "[a", "[[:nope:]]", "a\\") == nil)
        #expect(IgnoreScope.child(of: nil, gitignore: Array("# nothing\n\n".utf8), depth: 3) == nil)
    }

    @Test func aFileWithoutPatternsSharesTheScopeAbove() {
        let scope = excludes("a")
        #expect(IgnoreScope.child(of: scope, gitignore: Array("\n#a\n".utf8), depth: 1) === scope)
    }

    @Test func theKindIsAskedForOnlyWhereItDecides() {
        let scope = excludes("build/", "*.o", "/x/y/", "!z/")
        #expect(verdict(scope, "build", isDirectory: nil) == .dependsOnKind)
        #expect(verdict(scope, "build", isDirectory: false) == .kept)
        #expect(verdict(scope, "build", isDirectory: true) == .ignored)
        #expect(verdict(scope, "a.o", isDirectory: nil) == .ignored)
        #expect(verdict(scope, "a", isDirectory: nil) == .kept)
        #expect(verdict(scope, "y", isDirectory: nil) == .kept)
        #expect(verdict(scope, "x/y", isDirectory: nil) == .dependsOnKind)
        #expect(verdict(excludes("z/", "z"), "z", isDirectory: nil) == .ignored)
    }

    @Test func theCommandLineRanksOverEveryGitignore() {
        let scope = IgnoreScope.child(of: excludes("a", "!b"), gitignore: Array("!a\nb\nc\n".utf8), depth: 0)
        #expect(verdict(scope, "a") == .ignored)
        #expect(verdict(scope, "b") == .kept)
        #expect(verdict(scope, "c") == .ignored)
    }

    @Test func patternsOfAGitignoreAreAnchoredAtItsDirectory() {
        let scope = IgnoreScope.child(of: excludes("/x/c"), gitignore: Array("/a\nb/c\n".utf8), depth: 1)
        #expect(verdict(scope, "x/a") == .ignored)
        #expect(verdict(scope, "x/y/a") == .kept)
        #expect(verdict(scope, "x/b/c") == .ignored)
        #expect(verdict(scope, "b/c") == .kept)
        #expect(verdict(scope, "x/c") == .ignored)
    }

    @Test func scopesLiveAsLongAsAScopeBelowThem() throws {
        weak var top: IgnoreScope?
        weak var middle: IgnoreScope?
        do {
            var bottom: IgnoreScope?
            do {
                let first = try #require(excludes("a"))
                let second = IgnoreScope.child(of: first, gitignore: [0x62], depth: 0)
                bottom = IgnoreScope.child(of: second, gitignore: [0x63], depth: 1)
                (top, middle) = (first, second)
            }
            #expect(top != nil && middle != nil)
            for path in ["x/a", "x/b", "x/c"] { #expect(verdict(bottom, path) == .ignored) }
            bottom = nil
        }
        #expect(top == nil && middle == nil)
    }

    /// A recursive release would need a stack frame for each of the scopes.
    @Test func manyNestedScopesAreFreedOneAfterTheOther() throws {
        var scope: IgnoreScope?
        for depth in 0..<200_000 { scope = .child(of: scope, gitignore: [0x61], depth: depth) }
        let second = try #require(IgnoreScope.child(of: scope, gitignore: [0x62], depth: 200_000))
        scope = nil
        let directory = IgnoreTestDirectory(components: [[UInt8]](repeating: [0x78], count: 200_000)[...])
        let name: [UInt8] = [0x63]
        let verdict = second.verdict(name.span, isDirectory: false, in: directory, directoryDepth: 200_000)
        #expect(verdict == .kept)
    }

    /// Exponential for a matcher that retries every star: here all of them take a second together.
    @Test(.timeLimit(.minutes(patience)))
    func hostilePatternsTakeTheProductOfTheLengths() {
        let long = String(repeating: "a", count: 250)
        let stars = String(repeating: "a*", count: 100)
        #expect(verdict(excludes(stars + "b"), long) == .kept)
        #expect(verdict(excludes(String(repeating: "*a", count: 120) + "*b*"), long) == .kept)
        #expect(verdict(excludes(String(repeating: "*[ab]?", count: 60) + "c"), long) == .kept)
        #expect(verdict(excludes(String(repeating: "*", count: 100_000) + "b"), long) == .kept)
        let deep = String(repeating: "a/", count: 2_000) + "a"
        #expect(verdict(excludes(String(repeating: "**/a/", count: 500) + "b/**/a"), deep) == .kept)
        #expect(verdict(excludes(String(repeating: "a/**/", count: 500) + "a"), deep) == .ignored)
        #expect(verdict(excludes("x/" + String(repeating: "**/*a*/", count: 100) + "a"), deep) == .kept)
        #expect(verdict(excludes(String(repeating: "**/", count: 50_000) + "a"), deep) == .ignored)
        #expect(verdict(excludes(String(repeating: "/**/" + stars, count: 20) + "b/a"), deep) == .kept)
        #expect(verdict(excludes(String(repeating: "[", count: 100_000)), long) == nil)
        #expect(verdict(excludes(String(repeating: "[[:", count: 50_000)), long) == nil)
        #expect(verdict(excludes(String(repeating: "[a]", count: 100_000)), long) == nil)
    }
}
