// Only compared entries are called equal: entries unreadable on one side, fields missing on one side, and the messages
// about them.

import TestSupport
import Testing

@Suite struct UncomparedTests {
    private static func shell(_ script: ByteString, in directory: TemporaryDirectory) throws -> ProcessOutcome {
        try Fsscan.shell(script, in: directory)
    }

    /// The changes of a comparison as `path kind… reason`, and its status. The JSON is validated, too.
    private static func changes(
        _ arguments: ByteString, in directory: TemporaryDirectory, status: Int32, asOrdinaryUser: Bool = false,
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws -> [String] {
        let outcome = try Fsscan.shell(
            "exec ./f " + arguments + " --ndjson", in: directory,
            ProcessOptions {
                $0.asOrdinaryUser = asOrdinaryUser
            })
        #expect(outcome.status == status, "\(outcome.outputText)\(outcome.errorText)", sourceLocation: sourceLocation)
        try expectValid("diff", outcome.standardOutput)
        let filter: ByteString = #"select(.changes) | .path + " " + (.changes | join("+")) + " " + (.reason // "")"#
        let lines = try run(["jq", "-r", filter], ProcessOptions { $0.input = outcome.standardOutput })
        return lines.outputText.split(separator: "\n").map(String.init)
    }

    /// With the program as `f`, for ordinary users too.
    private static func place(_ tree: Tree) throws -> TemporaryDirectory {
        let directory = try TemporaryDirectory(tree)
        _ = try output(of: [
            "sh", "-ec", #"chmod 777 "$0"; cp "$1" "$0/f"; chmod 755 "$0/f""#, directory.path, Fsscan.path,
        ])
        return directory
    }

    private static let tree: Tree = [
        .directory(
            "d",
            [
                .directory("closed", [.file("in", "in"), .directory("deep", [.file("er", "x")])], mode: 0o700),
                .directory("next", [.file("in", "in")], mode: 0o700), .file("secret", "s", mode: 0o600),
                .file("open", "o"),
            ])
    ]

    // MARK: What could not be read

    @Test(
        .enabled(if: isRoot, "needs root, which can read everything"),
        arguments: ["--save old --hash sha256 d >out", "--ndjson --hash sha256 d >old"])
    func unreadableEntriesAreNotEqual(_ save: ByteString) throws {
        let directory = try Self.place(Self.tree)
        let user = ProcessOptions { $0.asOrdinaryUser = true }
        #expect(try Fsscan.shell("./f " + save, in: directory, user).status == 1)
        // A file is rewritten and another added, where the scan could not look.
        _ = try Self.shell(
            "touch -r d/closed t; echo no >d/closed/in; echo >d/closed/new; touch -r t d/closed", in: directory)
        let unknown = [
            "d/closed", "d/closed/deep", "d/closed/deep/er", "d/closed/in", "d/closed/new", "d/next", "d/next/in",
            "d/secret",
        ]
        let lines = unknown.map { "\($0) unknown not known before" }
        #expect(try Self.changes("verify old", in: directory, status: 2) == lines)
        #expect(try Self.changes("diff old d", in: directory, status: 2) == lines)
        // --only hides no trouble, and reports what it hides.
        #expect(try Self.changes("verify old --only added,content", in: directory, status: 2) == [])
        let only = try Self.shell("./f verify old --only content", in: directory)
        #expect(
            only.outputText.hasPrefix(
                "No difference in the kinds of --only.\nNot shown, because --only does not name"))
        #expect(only.outputText.contains(": 8 unknown.\n"), "\(only.outputText)")
        // In the other direction, none of it counts as removed.
        #expect(try Self.shell("./f --save all --mode 644 --hash sha256 d >out", in: directory).status == 0)
        let now = [
            "d/closed unreadable ", "d/closed/deep unknown not known now", "d/closed/deep/er unknown not known now",
            "d/closed/in unknown not known now", "d/closed/new unknown not known now", "d/next unreadable ",
            "d/next/in unknown not known now", "d/secret unreadable ",
        ]
        #expect(try Self.changes("diff all old", in: directory, status: 2) == now)
        #expect(try Self.changes("verify all", in: directory, status: 2, asOrdinaryUser: true) == now)
        // Unreadable then, and unreadable now.
        let neither = ["closed", "next", "secret"].map { "d/\($0) unknown known neither before nor now" }
        #expect(try Self.changes("verify old", in: directory, status: 2, asOrdinaryUser: true) == neither)
    }

    /// A removed entry existed before: that much is known.
    @Test(.enabled(if: isRoot, "needs root, which can read everything")) func unreadableEntriesCanBeRemoved() throws {
        let directory = try Self.place(Self.tree)
        #expect(
            try Fsscan.shell("./f --save old d >out", in: directory, ProcessOptions { $0.asOrdinaryUser = true }).status
                == 1)
        _ = try Self.shell("rm -r d/closed", in: directory)
        #expect(
            try Self.changes("verify old --only removed", in: directory, status: 2)
                == ["d/closed removed+unknown not known before"])
    }

    @Test func tooLargeAndChangingFilesAreNotEqual() throws {
        let directory = try Self.place([
            .directory("d", [.file("a", "long"), .file("b", "x"), .directory("e", [.file("c")])])
        ])
        #expect(
            try Self.shell(
                "./f --save old --hash sha256 --max-read 2 d >out; ./f --save old --hash sha256 d >out", in: directory
            ).status == 0)
        let states = try Self.shell(
            "sqlite3 old 'SELECT scan, path, state FROM entry WHERE state IS NOT NULL ORDER BY 1'", in: directory)
        #expect(states.outputText == "1|d/a|too large\n")
        #expect(try Self.changes("diff old#1 old#2", in: directory, status: 2) == ["d/a unknown not known before"])
        #expect(try Self.changes("diff old#2 old#1", in: directory, status: 2) == ["d/a unreadable "])
        #expect(
            try Self.changes("diff old#1 old#1", in: directory, status: 2) == [
                "d/a unknown known neither before nor now"
            ])
        // As a scan records a file that changed during reading.
        _ = try Self.shell(
            """
            sqlite3 old "UPDATE entries SET state = 1, sha256 = NULL WHERE series = 2 AND key = CAST('b' AS BLOB);
              INSERT INTO errors
                VALUES (2, 0, CAST('b' AS BLOB), 'read', 'CHANGED', 'File changed while it was read', 2, NULL)"
            """, in: directory)
        #expect(try Self.changes("verify old", in: directory, status: 2) == ["d/b unknown not known before"])
    }

    /// Files that the kernel generates: their content is read only with --read-pseudo.
    @Test func contentSkippedOnBothSidesIsReported() throws {
        let directory = try Self.place([])
        let path: ByteString = "/proc/sys/kernel/random"
        _ = try Self.shell(
            "for o in '' --read-pseudo; do ./f --save old --hash sha256 $o " + path + " >out; done", in: directory)
        let states = try Self.shell(
            "sqlite3 old 'SELECT DISTINCT scan, state FROM entry WHERE state IS NOT NULL'", in: directory)
        #expect(states.outputText == "1|skipped\n")
        let both = try Self.shell("./f diff --ignore mtime,ctime old#1 " + path, in: directory)
        #expect(both.status == 0)
        #expect(both.outputText.contains("Skipped on both sides, not compared: content of "), "\(both.outputText)")
        let json = try Self.shell(
            "./f diff --json --ignore mtime,ctime old#1 old#1 | jq -c .not_compared[1]", in: directory)
        #expect(json.outputText.hasPrefix(#"{"field":"content","reason":"both skipped","entries":"#))
        let one = try Self.changes("diff --ignore mtime,ctime old#1 old#2", in: directory, status: 2)
        #expect(!one.isEmpty && one.allSatisfy { $0.hasSuffix(" unknown not known before") }, "\(one)")
        let other = try Self.changes("diff --ignore mtime,ctime old#2 old#1", in: directory, status: 2)
        #expect(other.count == one.count && other.allSatisfy { $0.hasSuffix(" unknown not known now") })
        // A comparison without content misses none.
        #expect(try Self.changes("diff --ignore mtime,ctime,content old#2 old#1", in: directory, status: 0) == [])
    }

    @Test func changesHiddenByOnlyAreReported() throws {
        let directory = try Self.place([.directory("d", [.file("a", "a")])])
        _ = try Self.shell(
            "./f --save old --hash sha256 d >out; touch -d @7 d/a; echo >d/b; echo c >d/c", in: directory)
        let text = try Self.shell("./f verify --ignore xattrs --only content old", in: directory)
        #expect(text.status == 0)
        #expect(
            text.outputText.hasPrefix(
                """
                No difference in the kinds of --only.
                Not shown, because --only does not name it: 2 added, 1 with other metadata.
                Evidence\u{20}
                """))
        #expect(try Self.changes("verify --only content old", in: directory, status: 0) == [])
        #expect(try Self.changes("verify --only content,metadata old", in: directory, status: 1) == ["d/a metadata "])
        let json = try Self.shell(
            "./f verify --json --only metadata old | jq -c '[.only, .totals.added, .totals.not_shown]'", in: directory)
        #expect(json.outputText == "[[\"metadata\"],2,2]\n")
    }

    // MARK: What one side does not say

    /// `b` has a digest of an algorithm that the other list lacks for it.
    @Test func ofEachFileTheListsAgreeOnADigestOrItIsSaid() throws {
        let directory = try Self.place([.directory("d", [.file("a", "a"), .file("b", "b")])])
        let script: ByteString = """
            cd d; sha256sum --tag a b >../new
            { sha256sum --tag a; sha512sum --tag b; } >../old
            """
        _ = try Self.shell(script, in: directory)
        #expect(try Self.changes("diff old new", in: directory, status: 2) == [])
        let text = try Self.shell("./f diff old new", in: directory)
        #expect(
            text.outputText.hasPrefix(
                "No difference in what was compared.\nUnknown in NEW, not compared: sha512 (1 entry);"))
        #expect(try Self.changes("diff --ignore sha512 old new", in: directory, status: 0) == [])
        // A tree gets all digests that a list has.
        #expect(try Self.changes("verify old d", in: directory, status: 0) == [])
        _ = try Self.shell("echo B >d/b", in: directory)
        #expect(try Self.changes("verify old d", in: directory, status: 1) == ["d/b content "])
    }

    @Test func namesThatNoSideHasCannotBeIgnored() throws {
        let directory = try Self.place([.directory("d", [.file("a", "a")])])
        _ = try Self.shell("sha256sum d/a >list; ./f --save old d >out", in: directory)
        for command in ["verify --ignore sha999 list d", "diff --ignore sha999 d d", "diff --ignore sha999 old list"] {
            let outcome = try Self.shell("./f " + ByteString(command), in: directory)
            #expect(outcome.status == 64 && outcome.outputText == "", "\(command)")
            #expect(outcome.errorText.contains("--ignore: 'sha999' is not one of "))
        }
        #expect(try Self.shell("./f verify --ignore sha512,content list d", in: directory).status == 0)
    }

    /// "Sizes and times were" appears only if they were compared.
    @Test func statementsAboutContentAreTrue() throws {
        let directory = try Self.place([.directory("d", [.file("a", "abc"), .file("b", "abc")])])
        let lists: [(String, String)] = [
            ("mode=0644", "common.\n"), ("size=3", "common (sizes were).\n"),
            ("size=3 time=$(stat -c %Y.000000000 d/a)", "common (sizes and times were).\n"),
        ]
        for (keywords, end) in lists {
            let script = """
                touch -d @1000000000 d/a d/b
                { echo '#mtree'; echo '. type=dir'; for n in a b; do echo "$n type=file \(keywords)"; done; } >list
                ./f diff --ignore ctime list d
                """
            let outcome = try Self.shell(ByteString(script), in: directory)
            #expect(outcome.status == 0, "\(outcome.outputText)")
            #expect(outcome.outputText.contains("Content was not compared: the two sides have no digest in \(end)"))
        }
        // The size is compared for one file, nothing for the other.
        let mixed = try Self.shell(
            "printf '#mtree\\na type=file size=3\\nb type=file mode=0644\\n' >list; ./f diff list d", in: directory)
        #expect(mixed.outputText.contains("no digest in common.\n"), "\(mixed.outputText)")
    }

    // MARK: What TAMPER.md saves

    @Test(.enabled(if: isRoot && hasAttributes, "needs root, and a file system with attributes and ACLs"))
    func capabilitiesAndACLsAreSeen() throws {
        let directory = try Self.place([.directory("d", [.directory("dir"), .file("file", "x"), .file("plain", "x")])])
        _ = try Self.shell(
            "./f --save with --hash sha256 --xattrs d >out; ./f --save without --hash sha256 d >out", in: directory)
        let change: ByteString = "setcap cap_net_raw+ep d/file && setfacl -m u:7:r-x d/dir && setfacl -m u:7:r d/plain"
        #expect(try Self.shell(change, in: directory).status == 0)
        let seen = try Self.shell("./f verify --ignore mtime,ctime with", in: directory)
        #expect(seen.status == 1)
        for line in ["! d/dir  xattrs +system.posix_acl_access", "! d/file  xattrs +security.capability"] {
            #expect(seen.outputText.contains(line), "\(seen.outputText)")
        }
        #expect(seen.outputText.contains("! d/plain  ") && seen.outputText.contains("3 with other metadata.\n"))
        // Without them neither is reported, but the fields that were not compared are.
        let blind = try Self.shell("./f verify --ignore mode,mtime,ctime without", in: directory)
        #expect(blind.status == 0)
        #expect(
            blind.outputText.hasPrefix(
                """
                No difference.
                OLD was scanned without --xattrs, not compared: extended attributes, ACLs and capabilities.
                Evidence\u{20}
                """))
        let json = try Self.shell(
            "./f verify --json --ignore mode,mtime,ctime without | jq -c .not_compared", in: directory)
        #expect(json.outputText == #"[{"field":"xattrs","reason":"neither says"}]"# + "\n")
        #expect(
            try Self.shell("./f verify --ignore mode,mtime,ctime,xattrs without", in: directory).outputText
                .hasPrefix("No difference.\nEvidence "))
    }

    // MARK: Moves

    @Test func aListWithoutSizesKnowsMoves() throws {
        let directory = try Self.place([.directory("d", [.file("a", "content")])])
        _ = try Self.shell("cd d; sha256sum a >../list; mv a b", in: directory)
        #expect(try Self.changes("verify list d", in: directory, status: 1) == ["d/b moved "])
    }

    /// Paths of 74 MB: they are reported, and not all of them are kept.
    @Test func aChainThatIsTooDeepIsAdded() throws {
        let name = ByteString(String(repeating: "n", count: 40))
        let directory = try Self.place([.directory("one", [.chain(name, depth: 1900, [])]), .directory("two")])
        let totals: ByteString = "| jq -c '.totals | [.added, .removed, .all_moves_sought]'"
        #expect(try Self.shell("./f diff --json two one " + totals, in: directory).outputText == "[1900,0,false]\n")
    }
}
