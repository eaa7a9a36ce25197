// `--format journal`: entries as journald takes them. A journald of systemd's own gets them in LeastPrivilegeTests.

import Foundation
import TestSupport
import Testing

@Suite(.enabled(if: canMount, "\(mountObstacle ?? "")")) struct JournalTests {
    /// An entry's fields in their order, and whether it came as a datagram or in a file.
    private struct Entry {
        var fields: [(name: String, value: String)]
        var way: String

        subscript(name: String) -> [String] { fields.filter { $0.name == name }.map(\.value) }
    }

    /// With a /run of its own, in which a journald listens.
    private static func run(_ arguments: [ByteString], in directory: ByteString) throws -> (ProcessOutcome, [Entry]) {
        let outcome = try TestSupport.run(
            ["unshare", "-m", "sh", "-c", #"mount -t tmpfs none /run; exec "$@""#, "sh", Repository.python()]
                + [Repository.path("Tests/oracles/journald.py"), Fsscan.path] + arguments,
            ProcessOptions { $0.directory = directory })
        let entries = try outcome.outputText.split(separator: "\n").map { line in
            let fields = try JSONDecoder().decode([[String]].self, from: Data(line.utf8))
            return Entry(fields: fields.map { ($0[0], $0[1]) }, way: fields[0][2])
        }
        return (outcome, entries)
    }

    private static let arguments: [ByteString] = ["verify", "--format", "journal", "--ignore", "mtime,ctime", "saved"]

    private static func changedTree(_ long: Int = 1) throws -> TemporaryDirectory {
        let directory = try TemporaryDirectory([
            .directory("t", [.file("a", "a"), .file("b", "b"), .file("gone", "g")])
        ])
        _ = try Fsscan.shell(
            """
            set -e; "$F" --save saved --hash sha256 --xattrs t >/dev/null 2>&1
            echo c >t/a; chmod 600 t/a; rm t/gone; mkdir t/new; echo x >t/new/x
            """, in: directory)
        return directory
    }

    @Test func eachChangeIsAnEntryThatCanBeSearchedFor() throws {
        let directory = try Self.changedTree()
        // A name that would end its field and begin others.
        let name = directory.appending("t/x\nFSSCAN_CHANGE=none\nMESSAGE=all is well")
        _ = try output(of: ["touch", name])
        let (outcome, entries) = try Self.run(Self.arguments, in: directory.path)
        #expect(outcome.end == .exited(1), "\(outcome.errorText)")
        #expect(
            entries.map { $0["FSSCAN_CHANGE"] } == [["content", "metadata"], ["removed"], ["added"], ["added"], []])
        #expect(
            entries.dropLast().map { $0["FSSCAN_PATH"] } == [
                ["t/a"], ["t/gone"], ["t/new"], ["t/x\nFSSCAN_CHANGE=none\nMESSAGE=all is well"],
            ])
        try #require(entries.count == 5)
        #expect(entries[0]["FSSCAN_FIELD"] == ["size", "sha256", "mode"] && entries[0]["FSSCAN_KIND"] == ["file"])
        #expect(entries[0]["PRIORITY"] == ["4"] && entries[0]["SYSLOG_IDENTIFIER"] == ["fsscan"])
        // The lines are those of the text, and have nothing in them that acts.
        let text = try Fsscan.run(
            ["verify", "--ignore", "mtime,ctime", "saved"], ProcessOptions { $0.directory = directory.path })
        #expect(entries.flatMap { $0["MESSAGE"] }.joined(separator: "\n") + "\n" == text.outputText)
        let summary = try #require(entries.last)
        #expect(summary["FSSCAN_STATUS"] == ["1"] && summary["FSSCAN_COUNT_ADDED"] == ["3"])
        #expect(summary["FSSCAN_EVIDENCE"].first?.count == 64 && summary["FSSCAN_SCAN"] == ["1"])
        #expect(summary["MESSAGE_ID"] != entries[0]["MESSAGE_ID"])
        #expect(entries.allSatisfy { $0.way == "datagram" && $0["MESSAGE"].count == 1 })
    }

    @Test func whereNothingChangedThereIsTheSummaryAlone() throws {
        let directory = try TemporaryDirectory([.directory("t", [.file("a")])])
        _ = try Fsscan.run(
            ["--save", "saved", "--hash", "sha256", "t"], ProcessOptions { $0.directory = directory.path })
        let (outcome, entries) = try Self.run(Self.arguments, in: directory.path)
        #expect(outcome.end == .exited(0), "\(outcome.errorText)")
        try #require(entries.count == 1)
        #expect(entries[0]["FSSCAN_STATUS"] == ["0"] && entries[0]["PRIORITY"] == ["6"])
    }

    /// A summary names all PATHs: here more than the kernel takes in a datagram.
    @Test func anEntryThatIsTooLargeForADatagramComesInASealedFile() throws {
        let directory = try TemporaryDirectory()
        let made = try Fsscan.shell(
            """
            set -e; part=$(printf 'd%.0s' {1..200}); place=t
            for _ in {1..9}; do place=$place/$part; done
            mkdir -p $place; touch $place/f{1..300}
            "$F" --save saved --hash sha256 $place/f* >/dev/null 2>&1
            """, in: directory)
        try #require(made.status == 0, "\(made.errorText)")
        let (outcome, entries) = try Self.run(Self.arguments, in: directory.path)
        #expect(outcome.end == .exited(0), "\(outcome.errorText)")
        try #require(entries.count == 1)
        #expect(entries[0].way == "file")
        #expect(entries[0]["FSSCAN_PATH"].count == 300 && entries[0]["FSSCAN_STATUS"] == ["0"])
    }

    @Test func aFloodOfChangesIsCountedAndDoesNotFillTheJournal() throws {
        let directory = try TemporaryDirectory([.directory("t")])
        _ = try Fsscan.run(["--save", "saved", "t"], ProcessOptions { $0.directory = directory.path })
        _ = try output(of: ["sh", "-c", #"cd "$0/t"; seq 5100 | xargs touch"#, directory.path])
        let (outcome, entries) = try Self.run(Self.arguments, in: directory.path)
        #expect(outcome.end == .exited(1), "\(outcome.errorText)")
        #expect(entries.count == 5001)
        #expect(entries.last?["FSSCAN_COUNT_ADDED"] == ["5100"])
        #expect(entries.last?["MESSAGE"].first?.contains("100 further changes have no entry in the journal.") == true)
    }

    @Test func withoutAJournalNothingIsScanned() throws {
        let directory = try Self.changedTree()
        let outcome = try TestSupport.run(
            ["unshare", "-m", "sh", "-c", #"mount -t tmpfs none /run; exec "$@""#, "sh", Fsscan.path] + Self.arguments,
            ProcessOptions { $0.directory = directory.path })
        #expect(outcome.end == .exited(74))
        #expect(outcome.errorText.contains("/run/systemd/journal/socket’: No such file or directory"))
        for other: [ByteString] in [["--growth"], ["-o", "file"], ["--stat"], ["--json"]] {
            let outcome = try Fsscan.run(["diff", "--format", "journal"] + other + ["a", "b"])
            #expect(outcome.end == .exited(64), "\(other)")
        }
    }
}
