// Deleting in the browser: the deleted entries, and above all the ones that must stay.

import Entries
import Glibc
import LinuxKernel
import ScanEngine
import TestSupport
import Testing

@testable import fsscan

@Suite struct BrowseDeletionTests {
    private func target(_ directory: TemporaryDirectory, _ name: String) throws -> DeletionTarget {
        // The clock of files ticks some hundred times a second.
        usleep(30_000)
        return try DeletionTarget(
            ScanOptions(paths: [directory.path.bytes], threads: 1), names: [], name: Array(name.utf8))
    }

    private func delete(_ target: DeletionTarget) -> DeletionOutcome { Deletion(target) { false }.run() }

    private func found(_ directory: TemporaryDirectory) throws -> [String] {
        try run(["find", ".", "-mindepth", "1"], ProcessOptions { $0.directory = directory.path }).outputText
            .split(separator: "\n").map(String.init).sorted()
    }

    @Test func everythingBelowGoesAndNothingElse() throws {
        let outside = try TemporaryDirectory([.file("precious", "x"), .directory("d", [.file("precious")])])
        let directory = try TemporaryDirectory([
            .directory(
                "go",
                [
                    .file("f"), .symlink("s", to: "../stay"), .symlink("t", to: outside.path), .fifo("p"),
                    .directory(
                        "e", [.file([0xFF, 0x0A]), .hardLink("h", to: "stay/f"), .hardLink("i", to: "stay/f")]),
                    .chain("deep", depth: 3_000, [.file("x")]),
                ]),
            .directory("stay", [.file("f", "1")]), .symlink("link", to: outside.path),
        ])
        let outcome = delete(try target(directory, "go"))
        #expect(outcome.failureCount == 0)
        #expect(outcome.deleted == 10 + 3_000)
        #expect(try found(directory) == ["./link", "./stay", "./stay/f"])
        #expect(delete(try target(directory, "link")).deleted == 1)
        #expect(try found(outside) == ["./d", "./d/precious", "./precious"])
    }

    @Test func entriesChangedAfterTheQuestionStay() throws {
        let directory = try TemporaryDirectory([
            .directory("go", [.directory("a", [.file("changed"), .file("other")]), .file("chmod"), .file("plain")])
        ])
        let target = try target(directory, "go")
        usleep(30_000)
        let script = "echo x >> go/a/changed; chmod 600 go/chmod; touch go/new; mkdir go/newdir; touch -d @1 go/old"
        _ = try output(of: ["sh", "-c", ByteString(script)], ProcessOptions { $0.directory = directory.path })
        let outcome = delete(target)
        // The directory itself has changed, too, because it contains something new: all of it stays.
        #expect(outcome.deleted == 0)
        #expect(outcome.failures.map { String(decoding: $0.path, as: UTF8.self) } == ["go"])
        // One that was seen with all this, and changes deeper down.
        let again = try self.target(directory, "go")
        usleep(30_000)
        _ = try output(of: ["sh", "-c", "echo y >> go/a/changed"], ProcessOptions { $0.directory = directory.path })
        let second = delete(again)
        #expect(second.failures.map { String(decoding: $0.path, as: UTF8.self) } == ["go/a/changed"])
        #expect(try found(directory) == ["./go", "./go/a", "./go/a/changed"])
    }

    @Test func aReplacementStays() throws {
        let outside = try TemporaryDirectory([.file("precious", "x")])
        let directory = try TemporaryDirectory([.directory("go", [.file("f")])])
        let target = try target(directory, "go")
        _ = try output(
            of: ["sh", "-c", "mv go was && ln -s \"$0\" go", outside.path],
            ProcessOptions { $0.directory = directory.path })
        let outcome = delete(target)
        #expect(outcome.deleted == 0)
        #expect(outcome.failureCount == 1)
        #expect(try found(directory) == ["./go", "./was", "./was/f"])
        #expect(try found(outside) == ["./precious"])
    }

    /// A directory on the way is repeatedly exchanged for a symlink.
    @Test func aSymlinkThatIsSwappedInIsNeverFollowed() throws {
        let outside = try TemporaryDirectory([.file("precious", "x"), .directory("sub", [.file("precious")])])
        for round in 0..<20 {
            let directory = try TemporaryDirectory([
                .directory("go", [.directory("swapped", [.directory("sub", [.file("f"), .file("g")]), .file("h")])])
            ])
            let target = try target(directory, "go")
            let (path, elsewhere) = (directory.path, outside.path)
            let swapper = try RunningProcess([
                "sh", "-c",
                """
                cd "$0/go" || exit
                while [ -e swapped ] || [ -e aside ]; do
                    mv swapped aside && ln -s "$1" swapped; rm -f swapped; mv aside swapped
                done 2>/dev/null
                """, path, elsewhere,
            ])
            usleep(UInt32(round) * 500)
            _ = delete(target)
            kill(swapper.pid, SIGKILL)
            _ = try swapper.finish()
            #expect(try found(outside) == ["./precious", "./sub", "./sub/precious"])
        }
    }

    /// In a real terminal, whose shell has its own mounts.
    @Test(.enabled(if: canMount, "needs root, to mount")) func anotherFileSystemIsNotEntered() throws {
        let directory = try TemporaryDirectory([.directory("go", [.directory("mnt"), .file("f")])])
        let other = try TemporaryDirectory([.file("precious", "x")])
        let terminal = try Terminal()
        // A bind mount of the same device: its device number is the same, its mount differs.
        let script = "mount --bind '\(other.path)' go/mnt && $F browse --delete ."
        try terminal.type("cd '\(directory.path)' && unshare -m sh -c \"\(script)\"")
        try terminal.waitFor { $0.contains("go/") && !$0.contains("scanning") && $0.contains("s size") }
        try terminal.press("d")
        try terminal.waitFor("Delete go?")
        try terminal.press("y")
        try terminal.waitFor("go/mnt: is on another file system")
        try terminal.press("q", "q")
        try terminal.waitFor { _ in try !terminal.isTakenOver() }
        #expect(try found(other) == ["./precious"])
        #expect(try found(directory) == ["./go", "./go/mnt"])
    }

    @Test func nothingIsDeletedWithoutTheOptionAndTheAnswer() throws {
        let directory = try TemporaryDirectory([.directory("d", [.file("f", "12345")]), .file("g")])
        let quoting = Quoting(escapesBidirectional: true, escapesNonASCII: false, usesCurlyQuotes: true)
        let text = ScreenText(quoting: quoting, isUTF8: true)
        let options = ScanOptions(paths: [directory.path.bytes], threads: 1)
        let plain = BrowseModel(try LiveBrowse(options), text: text)
        plain.waitUntilQuiet()
        plain.press("d")
        #expect(plain.panel == nil)
        #expect(plain.message == "deleting needs --delete")

        usleep(30_000)
        let model = BrowseModel(try LiveBrowse(options, allowsDeleting: true), text: text)
        model.waitUntilQuiet()
        model.press("nd")
        let size = HumanUnits.bytes(model.facts(of: model.lines[0]).diskBytes)
        let question = model.text(rows: 10, columns: 100)
        #expect(question.contains { $0.contains("2 entries, \(size) on disk") })
        model.press("d")
        #expect(try found(directory) == ["./d", "./d/f", "./g"])
        #expect(model.names == ["d", "g"])
        model.press("dy")
        #expect(try found(directory) == ["./g"])
        #expect(model.names == ["g"])
        #expect(model.message == "2 entries were deleted")
        let du = String(
            decoding: try output(of: ["du", "-s", "-B1", directory.path]).prefix { $0 != 9 }, as: UTF8.self)
        #expect("\(model.tree.sums(of: 0).diskBytes)" == du)
    }

    /// Only the directory that contains the entry recorded that a pattern excludes it.
    @Test func excludedEntriesAreNotDeletedFromAbove() throws {
        let directory = try TemporaryDirectory([
            .directory("p", [.directory("q", [.file("x.o", "x"), .file("y", "y")])])
        ])
        let quoting = Quoting(escapesBidirectional: true, escapesNonASCII: false, usesCurlyQuotes: true)
        var options = ScanOptions(paths: [directory.path.bytes], threads: 1)
        options.exclude = [Array("*.o".utf8)]
        let model = BrowseModel(
            try LiveBrowse(options, allowsDeleting: true), text: ScreenText(quoting: quoting, isUTF8: true))
        model.waitUntilQuiet()
        model.press("d")
        #expect(model.message?.contains("left out some of its contents") == true)
        model.press("y")
        #expect(try found(directory) == ["./p", "./p/q", "./p/q/x.o", "./p/q/y"])
    }

    /// A terminal that is too small shows no question.
    @Test func anInvisibleQuestionIsNotAnswered() throws {
        let directory = try TemporaryDirectory([.directory("d", [.file("f")])])
        usleep(30_000)
        let quoting = Quoting(escapesBidirectional: true, escapesNonASCII: false, usesCurlyQuotes: true)
        let model = BrowseModel(
            try LiveBrowse(ScanOptions(paths: [directory.path.bytes], threads: 1), allowsDeleting: true),
            text: ScreenText(quoting: quoting, isUTF8: true))
        model.waitUntilQuiet()
        _ = model.text(rows: 20, columns: 80)
        model.press("d")
        #expect(model.panel != nil)
        _ = model.text(rows: 20, columns: 19)
        model.press("y")
        #expect(try found(directory) == ["./d", "./d/f"])
    }

    @Test func entriesThatStayAreListed() throws {
        let directory = try TemporaryDirectory([.directory("d", [.file("f"), .file("g")])])
        usleep(30_000)
        let quoting = Quoting(escapesBidirectional: true, escapesNonASCII: false, usesCurlyQuotes: true)
        let options = ScanOptions(paths: [directory.path.bytes], threads: 1)
        let model = BrowseModel(
            try LiveBrowse(options, allowsDeleting: true), text: ScreenText(quoting: quoting, isUTF8: true))
        model.waitUntilQuiet()
        model.press("d")
        usleep(30_000)
        _ = try output(of: ["sh", "-c", "echo x > \"$0/d/f\"", directory.path])
        model.press("y")
        #expect(model.text(rows: 10, columns: 100).contains { $0.contains("d/f: was changed after it was listed") })
        #expect(try found(directory) == ["./d", "./d/f"])
        model.press("q")
        #expect(model.tree.sums(of: 0).entries == 3)
    }
}
