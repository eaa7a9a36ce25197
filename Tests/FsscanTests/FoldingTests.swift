// A directory that was added, removed or moved is one line; and the other forms of the output: counts, paths, items.

import TestSupport
import Testing

@Suite struct FoldingTests {
    private static func shell(
        _ script: ByteString, in directory: TemporaryDirectory, status: Int32 = 0,
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws -> String {
        let outcome = try Fsscan.shell("set -o pipefail\n" + script, in: directory)
        #expect(outcome.status == status, "\(outcome.outputText)\(outcome.errorText)", sourceLocation: sourceLocation)
        return outcome.outputText
    }

    private static func saved(_ tree: Tree) throws -> TemporaryDirectory {
        let directory = try TemporaryDirectory([.directory("t", tree)])
        _ = try shell("$F --save s.db --hash sha256 t >out 2>&1", in: directory)
        return directory
    }

    /// The lines of changes.
    private static func lines(_ text: String) -> [String] {
        text.split(separator: "\n").map(String.init)
            .filter { "+-*!=?".contains($0.first!) && $0.dropFirst().first == " " }
    }

    private static let many = Tree((0..<30).map { .file(ByteString("f\($0)"), ByteString("content \($0)")) })

    @Test(
        arguments: [
            ("mkdir -p new/deep; echo 1 >new/a; echo 22 >new/deep/b", ["+ t/new  with 3 entries, 5 B"]),
            ("rm -r d", ["- t/d  with 32 entries, 294 B"]), ("mkdir new", ["+ t/new"]),
            ("mv d e", ["= t/d -> t/e  with 32 entries, 294 B"]),
            ("mkdir new; mv d new/d", ["+ t/new", "= t/d -> t/new/d  with 32 entries, 294 B"]),
            // An entry that did not go the same way has a line of its own.
            (
                "mv d e; rm e/f1; echo >e/x; chmod 600 e/f2; mv e/f3 f3",
                [
                    "- t/d/f1", "= t/d -> t/e  with 29 entries, 267 B", "= t/d/f2 -> t/e/f2  mode 0644 -> 0600",
                    "+ t/e/x", "= t/d/f3 -> t/f3",
                ]
            ),
            (
                "mkdir new; echo x >new/x; mv d/f1 new/f1; echo y >new/y",
                ["+ t/new  with 2 entries, 4 B", "= t/d/f1 -> t/new/f1"]
            ),
            ("mv d e; mv e/sub s", ["= t/d -> t/e  with 30 entries, 290 B", "= t/d/sub -> t/s  with 1 entry, 4 B"]),
            ("chmod 700 d; mv d e", ["= t/d -> t/e  mode 0755 -> 0700, with 32 entries, 294 B"]),
        ] as [(ByteString, [String])])
    func aDirectoryIsOneLine(_ change: ByteString, _ expected: [String]) throws {
        let directory = try Self.saved([.directory("d", Self.many + [.directory("sub", [.file("g", "deep")])])])
        _ = try Self.shell("cd t; " + change, in: directory)
        let lines = Self.lines(try Self.shell("$F verify --ignore mtime,ctime s.db", in: directory, status: 1))
        #expect(lines.sorted() == expected.sorted(), "\(lines.joined(separator: "\n"))")
        // Nothing is lost: the totals include everything, and JSON and --unfold list everything.
        let json = try Self.shell(
            "$F verify --ignore mtime,ctime --json s.db >j; jq '.changes | length' j; jq -c .totals j", in: directory)
        let unfolded = try Self.shell("$F verify --ignore mtime,ctime --unfold s.db", in: directory, status: 1)
        let count = try #require(json.split(separator: "\n").first.flatMap { Int($0) })
        #expect(Self.lines(unfolded).count == count && count >= expected.count)
        let summary = { (text: String) in text.split(separator: "\n").first { $0.last == "." } }
        let folded = try Self.shell("$F verify --ignore mtime,ctime s.db", in: directory, status: 1)
        #expect(summary(folded) == summary(unfolded))
    }

    @Test func changesHiddenByOnlyAreAllCounted() throws {
        let directory = try Self.saved([.directory("d", Self.many)])
        _ = try Self.shell("rm -r t/d", in: directory)
        let text = try Self.shell("$F verify --only added s.db", in: directory)
        #expect(text.contains("Not shown, because --only does not name it: 31 removed.\n"), "\(text)")
    }

    // MARK: Other forms

    @Test func pathsAreThoseOfTheChanges() throws {
        let directory = try Self.saved([
            .file("a", "1"), .file([0xFF, 0x0A], "2"), .directory("d", [.file("gone", "3")]),
        ])
        _ = try Self.shell("cd t; echo new >a; rm -r d; echo >$'\\xff\\n'; mkdir new; echo 1 >new/x", in: directory)
        let nul = try Self.shell("$F verify --paths -0 s.db | sort -z | base64 -w0", in: directory, status: 1)
        let jq = try Self.shell(
            #"""
            $F verify --json s.db | jq -r '.changes[] | if .path_b64 then .path_b64 else .path | @base64 end' \
              | while read -r line; do base64 -d <<<"$line"; printf '\0'; done | sort -z | base64 -w0
            """#, in: directory, status: 1)
        #expect(nul == jq)
        let lines = try Self.shell("$F verify --paths --only removed s.db", in: directory, status: 1)
        #expect(lines == "t/d\nt/d/gone\n")
    }

    @Test func countsAreByDirectory() throws {
        let directory = try Self.saved([.file("a", "1"), .directory("d", Self.many)])
        _ = try Self.shell("cd t; echo new >a; rm d/f1 d/f2; echo >d/x; mkdir e; echo >e/y", in: directory)
        let text = try Self.shell("$F verify --stat s.db", in: directory, status: 1)
        #expect(
            text.hasPrefix(
                """
                t  1 added, 1 with other content
                t/d  1 added, 2 removed
                t/e  1 added
                3 added, 2 removed, 1 with other content.

                """), "\(text)")
    }

    /// The lines of a dry run of rsync, in any order.
    @Test(.enabled(if: isRoot, "needs root")) func itemsAreThoseOfRsync() throws {
        let directory = try TemporaryDirectory([
            .directory(
                "a",
                [
                    .file("same", "same"), .file("quiet", "before", mtime: 1_000_000_000), .file("longer", "1"),
                    .file("mode", "m"), .file("owner", "o"), .file("time", "t"), .symlink("link", to: "same"),
                    .symlink("old link", to: "x"), .file("gone", "g"), .fifo("pipe"),
                    .directory("d", [.file("deep", "deep"), .directory("empty")]), .directory("closed"),
                    .file("becomes a directory", "x"), .directory("becomes a file", [.file("in", "in")]),
                ])
        ])
        let change: ByteString = """
            find a -exec touch -hd @1000 {} +; cp -a a b; cd b
            printf beforE >quiet; touch -d @1000 quiet; printf 22 >longer; chmod 4711 mode
            chown 7:8 owner; touch -d @5 time; ln -sfn there link; rm 'old link' gone; ln -s y 'new link'
            printf deeP >d/deep; mkfifo d/pipe; mkdir -p new/sub; echo n >new/n; chmod 700 closed
            rm 'becomes a directory'; mkdir 'becomes a directory'; rm -r 'becomes a file'; echo x >'becomes a file'
            find . -newermt @2000 -exec touch -hd @3000 {} +
            """
        _ = try Self.shell(change, in: directory)
        let theirs = try Self.shell(
            "rsync -nac --omit-dir-times --delete --itemize-changes b/ a/ | sed 's/ *$//' | sort", in: directory)
        let ours = try Self.shell("$F diff --itemize --ignore nlink a b >o; sort o", in: directory)
        #expect(ours == theirs)
        #expect(theirs.contains(">fcst...... longer\n"), "\(theirs)")
    }

    /// rsync compares whole seconds, and then prints no line; a line without letters means that something differs.
    @Test func partsOfASecondHaveNoLetter() throws {
        let directory = try TemporaryDirectory([.directory("a", [.file("part", "x"), .file("second", "y")])])
        _ = try Self.shell(
            "cp -a a b; touch -d @5.1 a/part; touch -d @5.9 b/part; touch -d @5.9 a/second; touch -d @6.1 b/second",
            in: directory)
        let theirs = try Self.shell("rsync -nac --omit-dir-times --itemize-changes b/ a/", in: directory)
        let ours = try Self.shell("$F diff --itemize a b", in: directory, status: 1)
        #expect(theirs == ".f..t...... second\n")
        #expect(ours == ".f......... part\n" + theirs)
    }

    /// Detected by the digest of the directory: inodes differ, and neither empty files nor several files with the same
    /// content show their origin by themselves.
    @Test func aDirectoryOfACopyMovesInOneStep() throws {
        let tree: Tree = [
            .directory(
                "d",
                [
                    .file("one", "same"), .file("two", "same"), .file("empty"), .symlink("link", to: "one"),
                    .directory("sub", [.file("three", "same"), .file("alone", "alone")]), .directory("none"),
                ])
        ]
        let directory = try Self.saved(tree)
        _ = try Self.shell("cp -a t u; rm -r t; mv u/d u/e; mv u t", in: directory)
        let lines = Self.lines(try Self.shell("$F verify --ignore ctime s.db", in: directory, status: 1))
        #expect(lines == ["= t/d -> t/e  with 8 entries, 17 B"], "\(lines)")
        // Two equal ones may each be either; trees without content are all the same.
        let copies = try Self.saved(tree + [.directory("x", [.file("empty"), .directory("none")])])
        _ = try Self.shell("cd t; cp -a d f; cp -a d e; cp -a x y; rm -r d x", in: copies)
        let both = Self.lines(try Self.shell("$F verify --ignore ctime s.db", in: copies, status: 1))
        #expect(
            both == [
                "- t/d  with 8 entries, 17 B", "+ t/e  with 8 entries, 17 B", "+ t/f  with 8 entries, 17 B",
                "- t/x  with 2 entries, 0 B", "+ t/y  with 2 entries, 0 B",
            ], "\(both)")
    }

    @Test func standardErrorHasTheSummaryOfPaths() throws {
        let directory = try Self.saved([.file("a", "1"), .file("b", "2")])
        let outcome = try Fsscan.shell("rm t/b; $F verify --exclude b --paths s.db", in: directory)
        #expect(outcome.status == 0 && outcome.outputText == "")
        #expect(outcome.errorText == "fsscan: Left out by rules: 1 entry of OLD, 0 names of NEW.\n")
    }

    @Test(arguments: [
        "--paths --stat", "--itemize --json", "-0", "--stat --ndjson", "--paths --itemize",
    ]) func oneFormAtATime(_ options: ByteString) throws {
        let directory = try Self.saved([.file("a", "1")])
        _ = try Self.shell("$F verify " + options + " s.db 2>&1", in: directory, status: 64)
    }
}
