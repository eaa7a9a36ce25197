// `fsscan diff A B` of two trees: files that may be equal are read on both sides.

import TestSupport
import Testing

@Suite struct TreeDiffTests {
    private static let tree: Tree = [
        .directory(
            "a",
            [
                .file("same", "same"), .file("quiet", "before", mtime: 1_000_000_000), .file("longer", "1"),
                .file("empty"), .file([0xFF], "odd"), .symlink("link", to: "same"), .file("gone", "g"),
                .directory("d", [.file("deep", "deep"), .hardLink("other", to: "a/same"), .fifo("pipe")]),
                .file("becomes a directory", "x"),
            ])
    ]

    /// A copy with these changes. Neither the size nor the mtime of `quiet` shows its change.
    private static let changes: ByteString = """
        cp -a a b
        printf beforE >b/quiet; touch -d @1000000000 b/quiet; printf 22 >b/longer; printf deeP >b/d/deep
        rm b/gone; echo n >b/new; ln -sfn there b/link; rm 'b/becomes a directory'; mkdir 'b/becomes a directory'
        """

    private static func shell(
        _ script: ByteString, in directory: TemporaryDirectory, status: Int32 = 0,
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws -> String {
        let outcome = try Fsscan.shell("set -o pipefail\n" + script, in: directory)
        #expect(outcome.status == status, "\(outcome.outputText)\(outcome.errorText)", sourceLocation: sourceLocation)
        return outcome.outputText
    }

    @Test func aCopyIsTheSameAndWasRead() throws {
        let directory = try TemporaryDirectory(Self.tree)
        // All ctimes differ.
        let text = try Self.shell("cp -a a b; $F diff a b", in: directory)
        #expect(text.hasPrefix("No difference.\n"), "\(text)")
        let json = try Self.shell("$F diff --json a b | jq -c '.compared[-1], .status, .changes'", in: directory)
        #expect(json == "\"xxh128\"\n0\n[]\n")
        #expect(try Self.shell("$F diff --also ctime a b", in: directory, status: 1).contains("! b/same  ctime "))
    }

    @Test func diffReportsTheSameDifferences() throws {
        let directory = try TemporaryDirectory(Self.tree)
        _ = try Self.shell(Self.changes, in: directory)
        let theirs = try Self.shell(
            """
            LC_ALL=C diff -rq --no-dereference a b | grep -v fifo | sed -E "
              s/^Only in (a|b)(\\/[^:]*)?: (.*)/\\1\\2\\/\\3/; s/^(Files|Symbolic links) a\\/(.*) and b.* differ/b\\/\\2/
              s/^File a\\/(.*) is a .* while file .*/b\\/\\1/" | sort
            """, in: directory, status: 1)
        let ours = try Self.shell(
            "$F diff --json --only added,removed,content,kind a b | jq -r '.changes[].path' | sort; exit 0",
            in: directory)
        #expect(theirs == ours)
        #expect(theirs.split(separator: "\n").count == 7, "\(theirs)")
    }

    @Test func rsyncReportsTheSameDifferences() throws {
        let directory = try TemporaryDirectory(Self.tree)
        _ = try Self.shell(Self.changes + "\nchmod 600 b/empty; touch -d @5 b/same", in: directory)
        // From b to a: what rsync would transfer or change, except directories' times.
        let theirs = try Self.shell(
            """
            rsync -nac --specials --omit-dir-times --delete --itemize-changes b/ a/ \\
              | sed -E 's/^[^ ]+ +//; s/ -> .*//; s/ => .*//; s/\\/$//' | sort -u
            """, in: directory)
        let ours = try Self.shell(
            "$F diff --json --ignore nlink a b | jq -r '.changes[] | .path[2:]' | sort -u; exit 0", in: directory)
        #expect(theirs == ours)
    }

    /// Files of equal size are opened, and none with --quick.
    @Test(.disabled(if: isSanitized, "LeakSanitizer does not work under strace"))
    func onlyFilesThatMayBeEqualAreOpened() throws {
        let directory = try TemporaryDirectory(Self.tree)
        _ = try Self.shell(Self.changes, in: directory)
        func opened(_ options: ByteString) throws -> String {
            let trace: ByteString =
                #"grep -oE '"[a-z]+", O_RDONLY\|O_NON[^ ]*' t | grep -v DIRECTORY | cut -d '"' -f 2"#
            return try Self.shell(
                "strace -f -e trace=openat -o t $F diff " + options + " a b >out; " + trace
                    + " | sort | uniq -c; exit 0",
                in: directory
            ).replacing(" ", with: "")
        }
        // Links are read once for both names, by the first one.
        let names = try opened("").split(separator: "\n").map { $0.drop(while: \.isNumber) }
        #expect(Set(names).subtracting(["same", "other"]) == ["deep", "empty", "quiet"], "\(names)")
        #expect(try opened("--quick") == "")
        #expect(try opened("--ignore content") == "")
    }

    @Test func unreadFilesAreNotCalledEqual() throws {
        let directory = try TemporaryDirectory([
            .directory("a", [.file("quiet", "before", mtime: 1_000_000_000), .file("longer", "1", mtime: 5)])
        ])
        _ = try Self.shell("cp -a a b; printf beforE >b/quiet; touch -d @1000000000 b/quiet", in: directory)
        let quick = try Self.shell("$F diff --quick a b", in: directory)
        #expect(
            quick.hasPrefix(
                """
                No difference in what was compared.
                Content was not compared: the two sides have no digest in common (sizes and times were).

                """), "\(quick)")
        #expect(try Self.shell("$F diff a b", in: directory, status: 1).hasPrefix("* b/quiet  xxh128 "))
        let other = try Self.shell("$F diff --algorithm sha256 a b", in: directory, status: 1)
        #expect(other.hasPrefix("* b/quiet  sha256 "), "\(other)")
        // If content is not to be compared, nothing says that it was not.
        #expect(try Self.shell("$F diff --ignore content a b", in: directory).hasPrefix("No difference.\n"))
        #expect(try Self.shell("$F diff --ignore xxh128 a b", in: directory, status: 1).hasPrefix("* b/quiet  "))
        // A different size is enough.
        _ = try Self.shell("printf 22 >b/longer; touch -d @5 b/longer", in: directory)
        let sizes = try Self.shell("$F diff --json --quick a b | jq -c '.changes[].fields'", in: directory, status: 1)
        #expect(sizes == #"[{"field":"size","old":1,"new":2}]"# + "\n")
    }

    @Test(.enabled(if: isRoot, "needs root, which can read everything")) func unreadableFilesAreNotEqual() throws {
        let directory = try TemporaryDirectory([
            .directory("a", [.file("secret", "one", mode: 0o600)]),
            .directory("b", [.file("secret", "one", mode: 0o600)]),
        ])
        let program = try Fsscan.copy(to: directory)
        _ = try output(of: ["touch", "-d", "@7", directory.appending("a/secret"), directory.appending("b/secret")])
        let outcome = try run(
            [program, "diff", "a", "b"],
            ProcessOptions {
                $0.asOrdinaryUser = true
                $0.directory = directory.path
            })
        #expect(outcome.status == 2, "\(outcome.outputText)")
        #expect(
            outcome.outputText.hasPrefix("? b/secret  known neither before nor now, openat: "), "\(outcome.outputText)")
    }

    @Test func quickIsForTwoDirectories() throws {
        let directory = try TemporaryDirectory(Self.tree)
        _ = try Self.shell("$F --save s a >out 2>&1", in: directory)
        for command in ["--quick s a", "--quick a s", "--quick --hash sha256 a a", "--quick --growth a a"] {
            let outcome = try Fsscan.shell("$F diff " + ByteString(command), in: directory)
            #expect(outcome.status == 64 && outcome.errorText.contains("--quick"), "\(command): \(outcome.errorText)")
        }
    }
}
