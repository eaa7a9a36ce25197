// `fsscan verify`: a saved scan against the current state.

import Foundation
import TestSupport
import Testing

@Suite struct VerifyTests {
    private static let tree: Tree = [
        .file("a", "first", mtime: 1_000), .file("b", "second", mode: 0o755), .symlink("link", to: "a"),
        .directory("d", [.file("deep", "deep"), .fifo("pipe"), .directory("empty")]), .file([0xff], "odd"),
    ]

    private struct Saved {
        var directory: TemporaryDirectory
        var file: ByteString
        var outcome: ProcessOutcome

        var tree: ByteString { directory.appending("tree") }

        func verify(_ arguments: [ByteString] = []) throws -> ProcessOutcome {
            try Fsscan.run(["verify"] + arguments + [file])
        }

        /// In the tree.
        func shell(_ script: ByteString) throws {
            _ = try output(of: ["sh", "-ec", script], ProcessOptions { $0.directory = tree })
        }

        func sqlite(_ sql: ByteString) throws { _ = try output(of: ["sqlite3", file, sql]) }

        /// The output of `--save` on standard error.
        func printed(_ what: String) throws -> ByteString {
            let line = outcome.errorText.split(separator: "\n").first { $0.contains(what) }
            return ByteString(String(try #require(line?.split(separator: " ").last)))
        }
    }

    private func save(_ options: [ByteString] = ["--hash", "sha256"], _ tree: Tree = tree) throws -> Saved {
        let directory = try TemporaryDirectory([.directory("tree", tree)])
        let file = directory.appending("saved.db")
        let outcome = try Fsscan.run(["--save", file] + options + [directory.appending("tree")])
        #expect(outcome.end == .exited(0), "\(outcome.errorText)")
        return Saved(directory: directory, file: file, outcome: outcome)
    }

    // MARK: What is detected

    @Test(arguments: [["--hash", "sha256"], ["--hash", "md5,git", "--mime"], []] as [[ByteString]])
    func anUnchangedTreeIsTheSame(_ options: [ByteString]) throws {
        let saved = try save(options)
        for arguments in [[], ["--quick"], ["--threads", "1"]] as [[ByteString]] {
            let outcome = try saved.verify(arguments)
            #expect(outcome.end == .exited(0), "\(outcome.outputText)\(outcome.errorText)")
        }
    }

    /// A change, and the beginning of the line that reports it.
    @Test(
        arguments: [
            ("printf 'FIRST' > a; touch -d @1000 a", "* %/a  sha256 "),
            ("chmod 4755 b", "! %/b  mode 0755 -> 4755"), ("ln -sfn b link", "* %/link"), ("rm d/deep", "- %/d/deep"),
            ("mkdir new", "+ %/new"), ("mv a c", "= %/a -> %/c"), ("touch -d @2000 a", "! %/a  mtime "),
            ("rm d/pipe; mkdir d/pipe", "* %/d/pipe  kind fifo -> directory"),
        ] as [(String, String)])
    func aChangeShowsAndExits1(_ change: String, _ line: String) throws {
        for quick in [[], ["--quick"]] as [[ByteString]] {
            let saved = try save()
            try saved.shell(ByteString(change))
            let outcome = try saved.verify(quick)
            #expect(outcome.end == .exited(1), "\(outcome.errorText)")
            let expected = line.replacing("%", with: saved.tree.text)
            #expect(
                outcome.outputText.split(separator: "\n").contains { $0.hasPrefix(expected) }, "\(outcome.outputText)")
        }
    }

    @Test(.enabled(if: isRoot, "only root can change owners")) func anOwnerShows() throws {
        let saved = try save()
        try saved.shell("chown 4711 a; chgrp 4712 b")
        let text = try saved.verify().outputText
        #expect(text.contains("uid 0 -> 4711") && text.contains("gid 0 -> 4712"), "\(text)")
    }

    @Test func unreadableEntriesExitWith2() throws {
        let saved = try save()
        try saved.shell("mv ../tree ../elsewhere")
        let outcome = try saved.verify()
        #expect(outcome.end == .exited(2), "\(outcome.outputText)\(outcome.errorText)")
    }

    @Test func anotherPathIsComparedRelatively() throws {
        let saved = try save()
        let copy = saved.directory.appending("copy")
        _ = try output(of: ["cp", "-a", saved.tree, copy])
        let same = try Fsscan.run(["verify", "--ignore", "ctime", saved.file, copy])
        #expect(same.end == .exited(0), "\(same.outputText)\(same.errorText)")
        _ = try output(of: ["rm", copy.appending("a")])
        let other = try Fsscan.run(["verify", "--ignore", "ctime", saved.file, copy])
        #expect(other.end == .exited(1))
        #expect(other.outputText.contains("a\n1 removed"), "\(other.outputText)")
    }

    @Test func theScanIsMadeWithTheOptionsThatWereSaved() throws {
        let saved = try save(["--exclude", "*.log", "--hash", "xxh128"])
        try saved.shell("echo > x.log")
        #expect(try saved.verify().end == .exited(0))
        try saved.shell("echo > x.lag")
        #expect(try saved.verify().end == .exited(1))
    }

    /// Lists of other programs are verified as far as they go.
    @Test(arguments: [
        "mtree -c -K sha256 -p tree", "cd tree && sha256sum a b d/deep", "sha256sum $PWD/tree/a $PWD/tree/b",
        "hashdeep -c sha256 -r $PWD/tree",
    ])
    func otherProgramsFilesAreVerified(_ command: String) throws {
        let directory = try TemporaryDirectory([
            .directory("tree", [.file("a", "1"), .file("b", "2"), .directory("d", [.file("deep", "3")])])
        ])
        let list = directory.appending("list")
        let options = ProcessOptions { $0.directory = directory.path }
        _ = try output(of: ["sh", "-ec", ByteString("{ \(command); } > list")], options)
        let arguments: [ByteString] = ["verify", "--only", "content,removed", list, directory.appending("tree")]
        #expect(try Fsscan.run(arguments).end == .exited(0))
        _ = try output(of: ["sh", "-ec", "echo changed > tree/a"], options)
        let changed = try Fsscan.run(arguments)
        #expect(changed.end == .exited(1) && changed.outputText.contains("/tree/a  "), "\(changed.outputText)")
        // They contain no PATH, or none by which --quick could identify files.
        #expect(try Fsscan.run(["verify", "--quick", list, directory.appending("tree")]).end == .exited(2))
    }

    @Test func wrongUsageExits64() throws {
        let saved = try save()
        let lines: [[ByteString]] = [
            [], [saved.file, "a", "b"], ["--expect", "12", saved.file], ["--ignore", "nothing", saved.file],
        ]
        for arguments in lines { #expect(try Fsscan.run(["verify"] + arguments).end == .exited(64), "\(arguments)") }
        for missing in [saved.tree, saved.directory.appending("missing"), saved.file + "#7"] {
            #expect(try Fsscan.run(["verify", missing]).end == .exited(2), "\(missing)")
        }
    }

    // MARK: Evidence

    @Test func savingPrintsTheDigestsOfTheFileAndOfTheRoot() throws {
        let saved = try save(["--hash", "sha256,git"])
        let theirs = try output(of: ["sha256sum", saved.file])
        #expect(try saved.printed("of the file").bytes == Array(theirs[..<64]))
        let merkle = Repository.path("Tests/oracles/merkle.py")
        let root = try output(of: [Repository.python(), merkle, "sha256", saved.tree])
        #expect(try saved.printed("sha256 of the root").bytes == Array(root[..<64]))
        #expect(try saved.printed("git of the root").bytes.count == 40)
        // There is only the file: no journal, no write-ahead log.
        let names = try output(of: ["ls", saved.directory.path])
        #expect(String(decoding: names, as: UTF8.self) == "saved.db\ntree\n")
    }

    @Test func theExpectedScanIsVerifiedAndAnyOtherIsNot() throws {
        let saved = try save(["--hash", "sha256,git"])
        for name in ["of the file", "evidence"] {
            #expect(try saved.verify(["--expect", try saved.printed(name)]).end == .exited(0), "\(name)")
        }
        // A root's digest covers too little, and the message says so.
        for name in ["sha256 of the root", "git of the root"] {
            let outcome = try saved.verify(["--expect", try saved.printed(name)])
            #expect(outcome.status == 2 && outcome.standardOutput.isEmpty, "\(name)")
            #expect(outcome.errorText.contains("use the evidence that --save printed, or the SHA-256 of the file"))
        }
        let other = ByteString(String(repeating: "a", count: 64))
        let refused = try saved.verify(["--expect", other])
        #expect(refused.end == .exited(2))
        #expect(refused.errorText.contains("does not match --expect") && refused.standardOutput.isEmpty)
        #expect(try saved.verify(["--expect", other, "--expect", try saved.printed("of the file")]).end == .exited(0))
    }

    /// An attacker who changes a file and its row leaves the saved digest of the root unchanged.
    @Test func aForgedRowIsNoticedByTheEvidence() throws {
        let saved = try save()
        let evidence = try saved.printed("evidence")
        try saved.shell("echo backdoor > b")
        let digest = String(decoding: try output(of: ["sha256sum", saved.tree.appending("b")])[..<64], as: UTF8.self)
        try saved.sqlite(ByteString("UPDATE entries SET sha256 = x'\(digest)', size = 9 WHERE key = CAST('b' AS BLOB)"))
        let times: [ByteString] = ["--ignore", "mtime,ctime"]
        #expect(try saved.verify(times).end == .exited(0))
        #expect(try saved.verify(times + ["--expect", evidence]).end == .exited(2))
    }

    @Test func quickTakesEvidenceToo() throws {
        let saved = try save()
        #expect(try saved.verify(["--quick", "--expect", try saved.printed("of the root")]).end == .exited(2))
        #expect(try saved.verify(["--quick", "--expect", try saved.printed("of the file")]).end == .exited(0))
        #expect(try saved.verify(["--quick", "--expect", try saved.printed("evidence")]).end == .exited(0))
    }

    @Test func diffTakesTheEvidenceOfOld() throws {
        let saved = try save()
        let copy = saved.directory.appending("copy.db")
        _ = try output(of: ["cp", saved.file, copy])
        func diff(_ evidence: ByteString, _ new: ByteString) throws -> ProcessOutcome {
            try Fsscan.run(["diff", "--expect", evidence, saved.file, new])
        }
        let (evidence, sum) = (try saved.printed("evidence"), try saved.printed("of the file"))
        #expect(try diff(evidence, copy).end == .exited(0))
        #expect(try diff(sum, copy).end == .exited(0))
        let refused = try diff(ByteString(String(repeating: "0", count: 64)), copy)
        #expect(refused.end == .exited(2) && refused.errorText.contains("does not match --expect"))
        #expect(try diff("0123", copy).end == .exited(64))
        // A directory as OLD is scanned, and has none.
        let live = try Fsscan.run(["diff", "--expect", evidence, saved.directory.path, copy])
        #expect(live.end == .exited(64))
        // A forged OLD cannot serve as a baseline. Before, diff had no such option.
        _ = try output(of: ["sqlite3", saved.file, "UPDATE entries SET mode = mode | 2048"])
        #expect(try diff(evidence, copy).end == .exited(2))
        #expect(try diff(sum, copy).end == .exited(2))
    }

    // MARK: Several roots

    @Test func severalRootsHaveOneEvidence() throws {
        let directory = try TemporaryDirectory([.directory("x", [.file("f", "1")]), .directory("y", [.file("f", "2")])])
        let file = directory.appending("saved.db")
        let outcome = try Fsscan.run(
            ["--save", file, "--hash", "sha256", directory.appending("x"), directory.appending("y")])
        let saved = Saved(directory: directory, file: file, outcome: outcome)
        let (x, y) = (try saved.printed("/x"), try saved.printed("/y"))
        #expect(try saved.verify(["--expect", y, "--expect", x]).end == .exited(2))
        #expect(try saved.verify(["--expect", try saved.printed("evidence")]).end == .exited(0))
        #expect(try Fsscan.run(["verify", file, directory.appending("x")]).end == .exited(2))
    }
}
