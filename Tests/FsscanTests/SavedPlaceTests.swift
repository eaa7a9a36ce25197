// Where a file of saved scans is, how its scans are named, and from where they can be verified.

import TestSupport
import Testing

@Suite struct SavedPlaceTests {
    private let directory: TemporaryDirectory

    init() throws {
        directory = try TemporaryDirectory([.directory("tree", [.file("a", "first"), .directory("d", [.file("b")])])])
    }

    private func shell(_ script: ByteString) throws -> ProcessOutcome { try Fsscan.shell(script, in: directory) }

    /// Without the lines of digests: see `EvidenceTests` and `AcceptTests`.
    private func expect(_ script: ByteString, _ status: Int32, _ output: String) throws {
        let outcome = try shell("set -o pipefail; { \(script); } | { grep -vE '^(Evidence|Changes) ' || true; }")
        #expect(outcome.status == status && outcome.outputText == output, "\(outcome.outputText)\(outcome.errorText)")
    }

    @Test(arguments: ["tree/s.db", "tree/d/s.db", "tree/./d/../s.db"])
    func aFileInTheTreeIsLeftOut(_ file: ByteString) throws {
        let saved = try shell("$F --save \(file) --hash sha256 --xattrs tree | head -2")
        #expect(saved.outputText.contains("4 entries: 2 files, 2 directories"))
        #expect(saved.errorText.contains("warning: is inside the saved tree, and is left out"), "\(saved.errorText)")
        try expect(
            "$F verify \(file); $F --save \(file) --hash sha256 --xattrs tree > /dev/null; $F verify \(file)", 0,
            "No difference.\nNo difference.\n")
        // Another file with that name belongs to the tree.
        try expect(
            "touch tree/d/other; mkdir tree/e; touch tree/e/s.db; $F verify --ignore mtime,ctime \(file)", 1,
            "+ tree/d/other\n+ tree/e  with 1 entry, 0 B\n3 added.\n")
    }

    /// A shell expands it: `fsscan --save s.db *`.
    @Test func aFileThatIsAPATHIsLeftOut() throws {
        let save: ByteString = "$F --save s.db --hash md5 --xattrs"
        try expect(
            "cd tree; \(save) a > ../log; \(save) * > ../log; $F verify --only content s.db", 0,
            "No difference.\n")
    }

    /// 0.1.0 listed the database, in the middle of its change, and its journal.
    @Test func aFileThatWasSavedWithTheTreeIsNoDifference() throws {
        try expect(
            """
            touch tree/s.db tree/s.db-journal; $F --save s.db --hash sha256 --xattrs tree > /dev/null
            rm tree/s.db-journal; mv s.db tree/s.db; $F verify tree/s.db
            """, 0, "No difference.\n")
    }

    @Test(arguments: ["a#b", "3", "-3", "+3", "", "#"]) func aLabelThatSelectsNothingIsRefused(
        _ label: ByteString
    ) throws {
        let outcome = try Fsscan.run(["--save", directory.appending("s.db"), "--label", label, directory.path])
        #expect(outcome.status == 64 && outcome.errorText.hasPrefix("fsscan: --label: "), "\(outcome.errorText)")
        #expect(try shell("ls").outputText == "tree\n")
    }

    @Test(arguments: ["3a", "v1.0/rc", "a b", "\u{e9}", "-"]) func everyOtherLabelSelectsItsScan(
        _ label: ByteString
    ) throws {
        let file = directory.appending("s.db")
        for name in [label, "later"] {
            #expect(try Fsscan.run(["--save", file, "--label", name, directory.appending("tree")]).status == 0)
        }
        let outcome = try Fsscan.run(["verify", file + "#" + label])
        #expect(outcome.status == 0, "\(outcome.errorText)")
    }

    @Test func aRelativePATHIsFoundFromElsewhere() throws {
        let odd: ByteString = "d\u{fc}\u{1}"
        try expect(
            "mkdir \(odd) && mv tree \(odd) && cd \(odd) && $F --save ../s.db --hash md5 --xattrs tree > /dev/null", 0,
            "")
        try expect("mkdir x; cd x; $F verify ../s.db", 0, "No difference.\n")
        // In the place where it was saved, paths are shown as given; elsewhere as found.
        try expect("touch \(odd)/tree/new; cd \(odd); $F verify ../s.db", 1, "+ tree/new\n1 added.\n")
        let elsewhere = try shell("$F verify s.db")
        #expect(elsewhere.status == 1 && elsewhere.outputText.hasPrefix("+ \(directory.path.text)/"))
        // A PATH is shown as the caller gives it.
        try expect("cd \(odd)/tree; $F verify ../../s.db .", 1, "+ ./new\n1 added.\n")
        try expectValid("saved", try output(of: [Fsscan.path, "saved", "--json", directory.appending("s.db")]))
    }
}
