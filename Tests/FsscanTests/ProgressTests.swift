import Entries
import Glibc
import ScanEngine
import TestSupport
import Testing

@testable import fsscan

private let usesMembarrier = sysconf(Int32(_SC_NPROCESSORS_ONLN)) <= 8

/// Progress of a long run: on a terminal, in a log, on SIGUSR1.
@Suite("Progress") struct ProgressTests {
    /// Each repeated PATH is scanned again: this would take minutes.
    private static let paths = [ByteString](repeating: "/usr", count: 2000)

    @Test func aSignalAsksForALineWithoutATerminal() throws {
        let process = try RunningProcess([Fsscan.path, "--json", "-o", "/dev/null"] + Self.paths)
        try process.waitUntilItHandles(SIGUSR1)
        // The path comes from a worker that passed after the previous question. A busy machine takes its time.
        for _ in 0..<10 {
            usleep(300_000)
            process.send(SIGUSR1)
        }
        usleep(500_000)
        process.send(SIGTERM)
        let outcome = try process.finish()
        #expect(outcome.end == .exited(128 + SIGTERM))
        let lines = outcome.errorText.split(separator: "\n").filter { $0.contains(" entries, ") }
        #expect(!lines.isEmpty && lines.count <= 10)
        #expect(lines.contains { $0.hasPrefix("fsscan: ") && $0.contains("  /usr") }, "\(lines)")
        #expect(!outcome.errorText.contains(" read"))
    }

    @Test func theBytesReadAreShown() throws {
        let arguments: [ByteString] = ["--hash", "sha256,sha512,md5", "--json", "-o", "/dev/null", "--progress"]
        let process = try RunningProcess([Fsscan.path] + arguments + Self.paths)
        try process.waitUntilItHandles(SIGUSR1)
        var amounts: [String] = []
        for _ in 0..<2 {
            usleep(700_000)
            process.send(SIGUSR1)
        }
        usleep(500_000)
        process.send(SIGTERM)
        for line in try process.finish().errorText.split(separator: "\n") {
            amounts += line.split(separator: ", ").filter { $0.hasSuffix(" read") }.map(String.init)
        }
        #expect(amounts.count == 2 && Set(amounts).count == 2, "\(amounts)")
        #expect(!amounts.contains("0 B read"))
    }

    /// A comparison of 20 s was silent.
    @Test func savingAndComparingShowTheirProgress() throws {
        let directory = try TemporaryDirectory()
        let file = directory.appending("s.db")
        let commands: [[ByteString]] = [
            ["--save", file, "/usr"], ["verify", file], ["diff", file, "/usr"], ["diff", "/usr", "/usr"],
        ]
        for command in commands {
            let process = try RunningProcess([Fsscan.path] + command)
            try process.waitUntilItHandles(SIGUSR1)
            for _ in 0..<20 {
                process.send(SIGUSR1)
                usleep(50_000)
            }
            let outcome = try process.finish()
            // Others may write to /usr meanwhile.
            #expect([0, 1].contains(outcome.status), "\(command): \(outcome.errorText)")
            let lines = outcome.errorText.split(separator: "\n").filter { $0.contains(" entries, ") }
            #expect(
                lines.contains { $0.contains(" s") && !$0.contains(": 0 entries") }, "\(command): \(outcome.errorText)")
        }
    }

    @Test func comparingAndReadingAFileHaveALine() {
        let counter = EntryCounter()
        for _ in 0..<1500 { counter.add() }
        func line(_ work: ProgressDisplay.Work) -> String {
            var rate = ProgressRate()
            return String(decoding: ProgressLine(work, elapsed: 10, &rate).whole, as: UTF8.self)
        }
        #expect(line(.comparing(counter, of: 6000)) == "comparing: 25 %, 1,500 entries, 10 s, 30 s left")
        #expect(line(.comparing(counter, of: nil)) == "comparing: 1,500 entries, 10 s")
        #expect(line(.nothing) == "starting")
    }

    @Test func aDispositionOfTheParentStays() throws {
        let process = try RunningProcess(
            ["env", "--ignore-signal=USR1", "--", Fsscan.path, "--json", "-o", "/dev/null"] + Self.paths)
        try process.waitUntilItHandles(SIGTERM)
        usleep(300_000)
        process.send(SIGUSR1)
        usleep(200_000)
        process.send(SIGTERM)
        let outcome = try process.finish()
        #expect(outcome.end == .exited(128 + SIGTERM) && !outcome.errorText.contains(" entries, "))
    }

    @Test func theLineFitsTheTerminalAndGoesAway() throws {
        let terminal = try Terminal(columns: 70, rows: 8)
        try terminal.type("$F --json -o /dev/null $(yes /usr | head -n 2000)")
        try terminal.waitFor { screen in
            let lines = screen.split(separator: "\n")
            return lines.contains { $0.contains(" entries, ") && $0.contains(" s  /usr") && $0.count <= 69 }
        }
        try terminal.press("C-c")
        try terminal.waitFor { $0.split(separator: "\n").last == "$" && !$0.contains(" entries, ") }
    }

    // MARK: The line

    private func line(_ progress: ScanProgress, reads: Bool, entries: Int64? = nil, bytes: Int64? = nil) -> ProgressLine
    {
        var rate = ProgressRate()
        return ProgressLine(
            scanning: progress, readsFiles: reads, ProgressDisplay.Expected(entries: entries, bytes: bytes), 10, &rate)
    }

    @Test func howFarAndHowLong() {
        var progress = ScanProgress()
        (progress.entries, progress.diskBytes, progress.bytesRead) = (1000, 8192, 1 << 20)
        (progress.errors, progress.path) = (1, Array("/a/b".utf8))
        let scan = line(progress, reads: false, entries: 4000, bytes: 1)
        #expect(
            String(decoding: scan.whole, as: UTF8.self)
                == "25 %, 1,000 entries, 8.0 KiB, 100/s, 1 error, 10 s, 30 s left  /a/b")
        let digests = line(progress, reads: true, entries: 1, bytes: 4 << 20)
        #expect(
            String(decoding: digests.whole, as: UTF8.self)
                == "25 %, 1,000 entries, 1.0 MiB read, 102.4 KiB/s, 1 error, 10 s, 30 s left  /a/b")
        // There is more than expected.
        #expect(line(progress, reads: false, entries: 999).fitted(to: 9) == "1,000 ent")
    }

    @Test func aLongPathIsShortenedInTheMiddle() {
        var progress = ScanProgress()
        progress.path =
            Array("/".utf8) + Array(repeating: UInt8(ascii: "x"), count: 5000) + [0x1B, 0xFF] + Array("/end".utf8)
        let text = line(progress, reads: false).fitted(to: 60)
        #expect(text.utf8.count == 60)
        #expect(text.hasPrefix("0 entries, 0 B, 0/s, 10 s  /xx") && text.contains("x...x") && text.hasSuffix("x??/end"))
        #expect(line(progress, reads: false).fitted(to: 30) == "0 entries, 0 B, 0/s, 10 s")
    }

    @Test func theRateIsOfTheLastSeconds() {
        var rate = ProgressRate()
        #expect(rate.perSecond(100, at: 1) == 100)
        #expect(rate.perSecond(100, at: 2) == 0)
        #expect(rate.perSecond(100, at: 4) == 0)
        #expect(rate.perSecond(1100, at: 5) > 300)
    }

    @Test func durations() {
        #expect(
            [0, 59.9, 60, 3599, 3600, 90_000].map(ProgressLine.duration)
                == ["0 s", "59 s", "1 min 0 s", "59 min 59 s", "1 h 0 min", "25 h 0 min"])
    }

    // MARK: How much there is to do

    @Test func anEarlierSaveSaysHowMuchThereIs() throws {
        let directory = try TemporaryDirectory([.directory("tree", [.file("a", "12345"), .file("b", "123")])])
        let (tree, file) = (directory.appending("tree"), directory.appending("s.db"))
        #expect(ProgressDisplay.Expected.earlier(in: file.bytes, of: [tree.bytes]) == nil)
        #expect(try Fsscan.run(["--save", file, tree]).status == 0)
        let earlier = ProgressDisplay.Expected.earlier(in: file.bytes, of: [tree.bytes])
        #expect(ProgressDisplay.Expected.earlier(in: file.bytes, of: [directory.path.bytes]) == nil)
        let options = ScanOptions(paths: [tree.bytes], threads: 1)
        let expected = ProgressDisplay.Expected(earlier, options, isQuick: false)
        #expect(expected.entries == 3 && expected.bytes == 8)
        #expect(ProgressDisplay.Expected(earlier, options, isQuick: true).bytes == nil)
        #expect(ProgressDisplay.Expected(nil, options, isQuick: false).entries == nil)
    }

    @Test func aFileSystemSaysHowMuchThereIs() throws {
        var options = ScanOptions(paths: [Array("/".utf8)], threads: 1)
        #expect(ProgressDisplay.Expected(nil, options, isQuick: false).bytes == nil)
        options.oneFileSystem = true
        let used = try #require(ProgressDisplay.Expected(nil, options, isQuick: false).bytes)
        let words = String(decoding: try output(of: ["df", "-B1", "--output=used", "/"]), as: UTF8.self).split {
            $0.isWhitespace
        }
        let told = try #require(words.last.flatMap { Int64($0) })
        // Other processes write meanwhile.
        #expect(abs(used - told) <= max(used, told) / 4)
        options.paths = [Array("/usr/bin".utf8)]
        #expect(ProgressDisplay.Expected(nil, options, isQuick: false).bytes == nil)
    }

    /// With a second thread, the kernel waits some 10 ms when a process registers for membarrier(2).
    @Test(
        .disabled(if: isSanitized, "sanitizers have threads of their own"),
        .enabled(if: usesMembarrier, "with more than 8 processors nothing is registered"))
    func theProcessRegistersItsFencesWhileItHasOneThread() throws {
        let directory = try TemporaryDirectory([.file("f", "content")])
        let place = try TemporaryDirectory()
        let trace = place.appending("trace")
        for command: [ByteString] in [[], ["duplicates"]] {
            _ = try run(
                ["strace", "-f", "-qq", "-o", trace, "-e", "trace=membarrier,clone3,clone", Fsscan.path] + command
                    + ["--threads", "2", directory.path])
            let calls = String(decoding: try output(of: ["cat", trace]), as: UTF8.self).split(separator: "\n")
            #expect(calls.count > 1 && calls[0].contains("REGISTER_PRIVATE_EXPEDITED"), "\(calls.prefix(3))")
        }
    }
}
