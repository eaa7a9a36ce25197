import Ignore
import Testing

/// The matcher and `git check-ignore` on the same trees.
@Suite struct IgnoreGitTests {
    /// Compares all paths and reports the first differences. Returns how many paths are ignored.
    @discardableResult
    private func compare(_ tree: IgnoreTestTree, _ paths: [[UInt8]], _ comment: String = "") throws -> Int {
        let expected = try GitRepository(tree).ignored(paths)
        let wrong = paths.filter { tree.isIgnored($0) != expected.contains($0) }
        let shown = wrong.prefix(10).map { path in
            let top = Array(path.prefix { $0 != slash })
            let kind = tree.directories.contains(path) ? " (directory)" : ""
            let lists = tree.gitignores.filter { $0.key.isEmpty || $0.key.starts(with: top) }
                .map { "\(quoted($0.key))/.gitignore: \(quoted($0.value))" }
            return "git \(expected.contains(path) ? "ignores" : "keeps") \(quoted(path))\(kind); \(lists)"
        }
        #expect(wrong.isEmpty, "\(comment) \(wrong.count) of \(paths.count) differ: \(shown.joined(separator: "\n"))")
        return expected.count
    }

    /// One directory for each pattern, every path in each of them.
    private func tree(_ patterns: [[UInt8]], _ paths: [[UInt8]]) -> (IgnoreTestTree, [[UInt8]]) {
        var tree = IgnoreTestTree()
        var all: [[UInt8]] = []
        for (index, pattern) in patterns.enumerated() {
            let top = Array("d\(index)".utf8)
            tree.addGitignore(pattern + [0x0a], in: top)
            for path in paths {
                if path.last == slash { tree.addDirectory(top + [slash] + path.dropLast()) }
                all.append(top + [slash] + (path.last == slash ? path.dropLast() : path))
            }
        }
        return (tree, all)
    }

    @Test func patternsMatchAsInGit() throws {
        let patterns = [
            "a", "*.o", "lib*", "*", "**", "***", "?", "a?c", "a*c", "*a*b*c*", "/a", "a/", "/a/", "a/b", "/a/b",
            "a/b/",
            "a/*", "a/**", "**/a", "**/a/", "**/a/b", "a/**/b", "a/**/b/", "**/a/**", "/**", "/**/", "**/", "/*", "/*/",
            "a/**/**/b", "**/**/a", "a**b", "a/**b", "a**/b", "/a**/b", "/a**", "/a**/", "a**/**/b", "/a***/b",
            "a**//b", "/a**\\/b", "a**/**\\/b", "a**\\/**", "/a**/**", "**\\/b", "a/**\\/b", "a\\/b", "\\/a", "a//b",
            "//a", "//", "///", "/", "a/\\", "a\\", "a\\/", "a\\//", "!a", "!", "!/", "\\!a", "\\#a", "#a", "a#b", " a",
            "a ", "a  ", "a\\ ", "a\\  ", "a \\ ", "a\\\\ ", "\\a", "\\*", "a\\*c", "[abc]", "[a-c]", "[c-a]", "[!a]",
            "[^a]", "[]a]", "[!]a]", "[a-]", "[-a]", "[a-c-z]", "[\\]a]", "[\\a-c]", "[a-\\c]", "[a", "[", "[]", "[!]",
            "a[", "[a/b]", "a[/]b", "[!/]", "[[:alpha:]]", "[[:alpha:]-c]", "[[:foo:]]", "[[:alpha]]", "[[:alpha:]",
            "[[:]", "[[::]]", "[[:alpha:][:digit:]]", "[![:alpha:]]", "[[:ALPHA:]]", "[[a]", "[*]", "[?]", "[\\",
            "[a\\",
            "a\r", "a\r\r", "\r", "a\rb", "é", "[é]", "?\\", "*\\", "**a", "a**", "**.o", "*/a", "*/*", "*/*/b",
            "a/*/b",
            "?/b", "/?/b", "a/[!b]", ".*", "*.*", "!*", "a/b/c", "a/b/**/c/d", "**/b/**/d", "a/**/d/**", "*/**/b",
        ].map { Array($0.utf8) }
        let paths = [
            "a", "b", "c", "-", "]", "[", "*", "?", "!", "#a", "!a", " a", "a ", "a  ", "a\\", "\\", "a\\ ", "ab", "ac",
            "abc", "a*c", "axc", "xaybzc", "a.o", ".o", "x.o", ".a", "lib", "libx", "a#b", "a\r", "a\rb", "é", "1",
            "[a",
            "a[", "[[:foo:]]", ":a", "D/", "x/a/", "x/y/a", "x/y/a2/", "a2/b", "a3/x/b", "aD/b/", "b/a/b", "b/x/y/b",
            "x/b", "x/b/c", "x/a/b", "x/b/y/d", "x/a/b/c", "q/a/b/x/c/d", "a0/b/c/d", "a1/x/y/d",
        ].map { Array($0.utf8) }
        let (tree, all) = tree(patterns, paths)
        let count = try compare(tree, all)
        #expect(count > all.count / 10 && count < all.count * 9 / 10)
        // The same names with `a` as a directory, and as a file that is not there.
        let inA = ["a/", "a/b/", "a/b/c", "a/x/b", "a/x/y/b/", "a/b/c/d", "a/b/x/y/c/d", "a/d/e", "b/", "b/a", "c/a/b"]
        let (second, allInA) = self.tree(patterns, inA.map { Array($0.utf8) })
        try compare(second, allInA)
    }

    @Test func classesHaveTheMembersThatTheyHaveForGit() throws {
        let names = [
            "alnum", "alpha", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space", "upper", "xdigit",
        ]
        let patterns = names.flatMap { ["x[[:\($0):]]", "x[![:\($0):]]"] }.map { Array($0.utf8) }
        let bytes = (1...255).filter { $0 != Int(slash) }.map { UInt8($0) }
        let (tree, all) = tree(patterns, bytes.map { [UInt8(ascii: "x"), $0] })
        try compare(tree, all)
    }

    @Test func rangesAndEscapesOfAnyByteAreThoseOfGit() throws {
        let bytes = (1...255).filter { $0 != Int(slash) && $0 != 0x0a }.map { UInt8($0) }
        let patterns: [[UInt8]] = bytes.flatMap { byte -> [[UInt8]] in
            [[0x78, 0x5c, byte], [0x78, byte], [0x78, 0x5b, byte, 0x2d, 0xc3, 0x5d]]
        }
        let names = [0x01, 0x20, 0x21, 0x2a, 0x2d, 0x3f, 0x5b, 0x5c, 0x5d, 0x61, 0x7f, 0x80, 0xc3, 0xff].map {
            [0x78, UInt8($0)]
        }
        let (tree, all) = tree(patterns, names + [[0x78], [0x78, 0x5c, 0x61]])
        try compare(tree, all)
    }

    @Test func filesWithOddLinesReadAsForGit() throws {
        let contents: [[UInt8]] =
            [
                "a\nb", "a\r\nb\r\n", "a\r", "\n\n\na\n\n", "#a\nb\n", " #a\n", "\\#a\n", "a \nb\t\n", "a\\ \n",
                "!a\na\n",
                "a\n!a\n", "*\n!*/\n!a\n", "a\u{0}b\nc\n", "#\u{0}\na\n", "\u{0}a\nb\n", "a \u{0}\n", "!\n",
                "\r\n\r\na", "",
                "\u{feff}a\n", "\u{feff}#a\nb\n", "\n\u{feff}a\n", "\u{feff}", "\u{feff}\r\na", "a\n\r", "a  \r\n",
                "a\r \n",
            ].map { Array($0.utf8) } + [[0xef, 0xbb], [0xef, 0xbb, 0x61], [0xff, 0x0a, 0x62]]
        let names: [[UInt8]] =
            ["a", "b", "c", " #a", "#a", "a ", "a\t", "b\t", "a\r", "ab", "\u{feff}a"].map { Array($0.utf8) } + [[0xff]]
        var tree = IgnoreTestTree()
        var all: [[UInt8]] = []
        for (index, content) in contents.enumerated() {
            let top = Array("d\(index)".utf8)
            tree.addGitignore(content, in: top)
            all += names.map { top + [slash] + $0 }
        }
        try compare(tree, all)
    }

    @Test func nestedFilesRankAsForGit() throws {
        var tree = IgnoreTestTree()
        for (path, contents) in [
            ("", "*.log\n/top\nbuild/\n!keep.log\ndoc/**/*.tmp\n"), ("src", "!*.log\n/gen\nlib/*.a\n"),
            ("src/lib", "*.log\n!b.a\n"), ("src/lib/deep/er", "!x.log\n*\n!*.c\n"), ("build", "!*\n"),
            ("doc/a", "!*.tmp\n"),
        ] { tree.addGitignore(Array(contents.utf8), in: Array(path.utf8)) }
        for path in ["doc/a/b", "src/build", "src/gen", "src/x/gen", "src/top"] { tree.addDirectory(Array(path.utf8)) }
        let names = ["a.log", "keep.log", "top", "gen", "b.a", "c.a", "build", "x.tmp", "x.log", "y.c", "lib"]
        var all: [[UInt8]] = []
        for directory in tree.directories.union([[]]) {
            all += names.map { directory + (directory.isEmpty ? [] : [slash]) + Array($0.utf8) }
        }
        try compare(tree, all)
    }

    @Test(arguments: [1, 2, 3, 4] as [UInt64])
    func randomPatternsAndPathsAgreeWithGit(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        var tree = IgnoreTestTree()
        var all: [[UInt8]] = []
        for index in 0..<120 {
            let top = Array("d\(index)".utf8)
            var directories = [top]
            for _ in 0..<12 {
                let path = top + [slash] + randomPath(&random)
                all.append(path)
                if Int.random(in: 0..<4, using: &random) == 0 {
                    tree.addDirectory(path)
                    directories.append(path)
                }
            }
            tree.addGitignore(randomFile(&random), in: top)
            if let inner = directories.randomElement(using: &random), inner != top {
                tree.addGitignore(randomFile(&random), in: inner)
            }
        }
        let count = try compare(tree, all, "seed \(seed):")
        #expect(count > all.count / 20 && count < all.count * 19 / 20, "seed \(seed): \(count) of \(all.count)")
    }

    @Test(arguments: [11, 12, 13] as [UInt64])
    func randomExcludesRankOverGitignoreAsOnGitsCommandLine(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        var tree = IgnoreTestTree()
        let files = Set((0..<60).map { _ in randomPath(&random) + Array("/f".utf8) + randomName(&random) })
        for file in files { tree.addDirectory(Array(file[..<file.lastIndex(of: slash)!])) }
        tree.addGitignore(randomFile(&random), in: [])
        for directory in tree.directories.sorted(by: { $0.lexicographicallyPrecedes($1) }).prefix(4) {
            tree.addGitignore(randomFile(&random), in: directory)
        }
        let repository = try GitRepository(tree)
        for file in files where !tree.directories.contains(file) { try repository.write([], to: file) }
        for _ in 0..<40 {
            let patterns = (0..<Int.random(in: 1...3, using: &random)).map { _ in randomPattern(&random) }
            let output = try repository.git(
                ["ls-files", "-z", "--others", "--ignored", "--exclude-per-directory=.gitignore"].map { Array($0.utf8) }
                    + patterns.map { Array("--exclude=".utf8) + $0 })
            let expected = Set(output.split(separator: 0).map { Array($0) }).intersection(files)
            let scope = IgnoreScope(excludes: patterns)
            let ignored = files.filter { tree.isIgnored($0, excludes: scope) }
            let wrong = expected.symmetricDifference(ignored).map { quoted($0) }
            #expect(
                wrong.isEmpty,
                "seed \(seed), \(patterns.map { quoted($0) }), \(tree.gitignores.mapValues { quoted($0) })")
        }
    }
}

private func randomName(_ random: inout SeededGenerator) -> [UInt8] {
    let pieces: [[UInt8]] =
        ["a", "a", "b", "b", "c", "ab", "ba", "-", "]", "[", "\\", " ", "#", "!", ".o", "é"].map { Array($0.utf8) } + [
            [0xff]
        ]
    return (0..<Int.random(in: 1...3, using: &random)).flatMap { _ in pieces.randomElement(using: &random)! }
}

private func randomPath(_ random: inout SeededGenerator) -> [UInt8] {
    let names = (0..<Int.random(in: 1...4, using: &random)).map { _ in randomName(&random) }
    return Array(names.joined(separator: [slash]))
}

private func randomPattern(_ random: inout SeededGenerator) -> [UInt8] {
    let pieces: [[UInt8]] =
        [
            "a", "a", "b", "b", "c", "ab", "*", "*", "*", "**", "**/", "**/", "/**", "/**/", "/", "/", "?", "[ab]",
            "[!a]", "[a-c]",
            "[[:alpha:]]", "[[:punct:]-]", "[", "]", "-", "\\", "\\/", "\\a", "!", "^", "#", " ", "\\ ", "*.o", "é",
            "[^]]",
        ].map { Array($0.utf8) } + [[0xff]]
    return (0..<Int.random(in: 1...6, using: &random)).flatMap { _ in pieces.randomElement(using: &random)! }
}

private func randomFile(_ random: inout SeededGenerator) -> [UInt8] {
    let ends: [[UInt8]] = [[0x0a], [0x0a], [0x0a], [0x0d, 0x0a], [0x20, 0x0a], [0x0a, 0x0a]]
    return (0..<Int.random(in: 1...3, using: &random)).flatMap { _ in
        randomPattern(&random) + ends.randomElement(using: &random)!
    }
}
