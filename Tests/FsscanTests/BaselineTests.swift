// `--baseline`: files that look unchanged are not read, and all others are.

import Foundation
import TestSupport
import Testing

@Suite struct BaselineTests {
    /// Longer than the program's granularity of time stamps: 2 s.
    private static let untilSettled = 2.2

    private static let tree: Tree = [
        .file("a", "first"), .file("b", "second", mode: 0o755), .file("empty"), .symlink("link", to: "a"),
        .directory(
            "d", [.file("same", "same"), .hardLink("twice", to: "tree/a"), .file([0xff], "odd"), .fifo("pipe")]),
        .file("large", "head", size: 20 << 20),
    ]
    /// Names of regular files in it.
    private static let files = 7

    private func directory(_ tree: Tree = tree, settled: Bool = true) throws -> TemporaryDirectory {
        let directory = try TemporaryDirectory([.directory("tree", tree)])
        if settled { Thread.sleep(forTimeInterval: Self.untilSettled) }
        return directory
    }

    private func saved(
        _ directory: TemporaryDirectory, _ options: [ByteString] = ["--hash", "sha256"]
    ) throws -> ByteString {
        let file = directory.appending("saved.db")
        let outcome = try Fsscan.run(["--save", file] + options + [directory.appending("tree")])
        #expect(outcome.end == .exited(0), "\(outcome.errorText)")
        return file
    }

    private struct Use: Equatable { var reused, read: Int }

    private func scan(_ arguments: [ByteString], threads: Int = 2) throws -> (use: Use, report: [String: Any]) {
        let run = try ScanRun(arguments, threads: threads)
        #expect(run.outcome.end == .exited(0), "\(run.outcome.errorText)")
        let problems = try run.schemaProblems()
        #expect(problems == "")
        let json = try JSONSerialization.jsonObject(with: Data(run.outcome.standardOutput))
        let report = try #require(json as? [String: Any])
        let use = try #require(report["baseline"] as? [String: Int])
        return (Use(reused: use["reused"] ?? -1, read: use["read"] ?? -1), report)
    }

    /// The report without the baseline and timing.
    private func comparable(_ report: [String: Any]) throws -> Data {
        var report = report
        for key in ["baseline", "timing"] { report[key] = nil }
        return try JSONSerialization.data(withJSONObject: report, options: .sortedKeys)
    }

    private func without(_ arguments: [ByteString]) throws -> Data {
        let outcome = try ScanRun(arguments).outcome
        let json = try JSONSerialization.jsonObject(with: Data(outcome.standardOutput))
        return try comparable(try #require(json as? [String: Any]))
    }

    @Test func theReportIsThatOfAScanThatReads() throws {
        let directory = try directory()
        let options: [ByteString] = ["--hash", "sha256,git,xxh128", "--mime"]
        let file = try saved(directory, options)
        let arguments = options + ["--depth", "9", directory.appending("tree")]
        for threads in threadCounts {
            let (use, report) = try scan(["--baseline", file] + arguments, threads: threads)
            #expect(use == Use(reused: Self.files, read: 0))
            #expect(try comparable(report) == without(arguments))
        }
        // Fewer than were saved, in another order.
        let fewer: [ByteString] = ["--hash", "git", directory.appending("tree")]
        let (use, report) = try scan(["--baseline", file] + fewer)
        #expect(use == Use(reused: Self.files, read: 0))
        #expect(try comparable(report) == without(fewer))
    }

    @Test(.disabled(if: isSanitized, "LeakSanitizer does not work under strace"))
    func filesThatAreTakenOverAreNotOpened() throws {
        let directory = try directory()
        let file = try saved(directory)
        _ = try output(of: ["sh", "-c", "echo more >> tree/b"], ProcessOptions { $0.directory = directory.path })
        let trace = directory.appending("trace")
        let outcome = try run([
            "strace", "-f", "-e", "trace=openat", "-o", trace, Fsscan.path, "--hash", "sha256", "--baseline", file,
            directory.appending("tree"),
        ])
        #expect(outcome.end == .exited(0), "\(outcome.errorText)")
        let names = #"grep -v O_DIRECTORY "$1" | grep -o ', "[^"/]*", O_RDONLY|O_NON'"#
        let opened = String(decoding: try output(of: ["sh", "-c", ByteString(names), "sh", trace]), as: UTF8.self)
        #expect(opened == ", \"b\", O_RDONLY|O_NON\n")
    }

    /// Changes to a file since it was saved; its size and mtime are restored.
    @Test(arguments: [
        "printf 'FIRST' > a && touch -r b a", "cp -p a new && printf 'FIRST' > new && touch -r a new && mv new a",
        "chmod 600 a", "ln a other && rm other",
    ])
    func filesWithAnotherCtimeOrInodeAreReadAgain(_ change: String) throws {
        let directory = try directory([.file("a", "first", mtime: 1_000), .file("b", "second", mtime: 1_000)])
        let file = try saved(directory)
        _ = try output(
            of: ["sh", "-c", ByteString(change)], ProcessOptions { $0.directory = directory.appending("tree") })
        let arguments: [ByteString] = ["--hash", "sha256", directory.appending("tree")]
        let (use, report) = try scan(["--baseline", file] + arguments)
        #expect(use == Use(reused: 1, read: 1))
        #expect(try comparable(report) == without(arguments))
    }

    @Test func aFileWrittenWithinTheGranularityIsReadAgain() throws {
        let directory = try directory([.file("old", "old")])
        _ = try output(
            of: ["sh", "-c", "echo new > new"], ProcessOptions { $0.directory = directory.appending("tree") })
        let file = try saved(directory)
        Thread.sleep(forTimeInterval: Self.untilSettled)
        let arguments: [ByteString] = ["--hash", "sha256", "--baseline", file, directory.appending("tree")]
        #expect(try scan(arguments).use == Use(reused: 1, read: 1))
        // It has been read since, so the next saved scan has it.
        let next = try saved(directory, ["--hash", "sha256", "--baseline", file])
        #expect(try scan(["--hash", "sha256", "--baseline", next, directory.appending("tree")]).use.reused == 2)
    }

    @Test func withoutTheAlgorithmEverythingIsReadAndTheWarningSaysWhy() throws {
        let directory = try directory()
        let file = try saved(directory)
        let run = try ScanRun(["--hash", "sha256,md5", "--baseline", file, directory.appending("tree")])
        #expect(run.outcome.errorText.contains("no md5 was saved"))
        #expect(run.outcome.outputText.contains(#""baseline": {"reused": 0, "read": 7, "#))
    }

    @Test func theSummariesSayHowManyWereReused() throws {
        let directory = try directory()
        let file = try saved(directory)
        let arguments: [ByteString] = ["--hash", "sha256", "--baseline", file, directory.appending("tree")]
        #expect(try Fsscan.run(arguments).outputText.contains("\n7 files unchanged since the baseline, 0 read\n"))
        let records = try Fsscan.run(["--ndjson"] + arguments)
        #expect(records.outputText.contains(#""baseline":{"reused":7,"read":0,"reread":0,"contradicted":0}"#))
        let validation = try run(
            [Repository.python(), Repository.path("Tests/oracles/validate.py"), "records"],
            ProcessOptions { $0.input = records.standardOutput })
        #expect(validation.status == 0, "\(validation.outputText)")
        // A chain of saved scans, in one file: the newest is the baseline of the next.
        #expect(try Fsscan.run(["--save", file] + arguments).end == .exited(0))
        #expect(try scan(arguments).use.reused == 7)
    }

    @Test func anythingButASavedScanIsRefused() throws {
        let directory = try directory(settled: false)
        let tree = directory.appending("tree")
        let file = try saved(directory)
        for bad: ByteString in [directory.appending("missing"), tree, tree.appending("b"), file + "#9", file + "#name"]
        {
            let outcome = try Fsscan.run(["--hash", "sha256", "--baseline", bad, tree])
            #expect(outcome.end == .exited(64), "\(bad): \(outcome.errorText)")
            #expect(outcome.errorText.hasPrefix("fsscan: --baseline: ") && outcome.standardOutput.isEmpty)
        }
        #expect(try Fsscan.run(["--baseline", file, tree]).end == .exited(64))
    }

    /// A damaged saved scan: at worst the scan refuses it or reads the files, and ends normally.
    @Test func aDamagedFileIsNoWorseThanNone() throws {
        let directory = try directory()
        let file = try saved(directory)
        let whole = [UInt8](try Data(contentsOf: URL(filePath: file.text)))
        let damaged = directory.appending("damaged.db")
        var random = SeededGenerator(seed: 6)
        for round in 0..<40 {
            var bytes = whole
            if round % 4 == 0 { bytes.removeLast(Int.random(in: 1...bytes.count, using: &random)) }
            for _ in 0..<round where !bytes.isEmpty {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            try Data(bytes).write(to: URL(filePath: damaged.text))
            let arguments: [ByteString] = ["--hash", "sha256", "--baseline", damaged, directory.appending("tree")]
            let scan = try Fsscan.run(arguments)
            #expect([0, 64].contains(scan.status), "\(scan.end) \(scan.errorText)")
            let verify = try Fsscan.run(["verify", "--quick", damaged])
            #expect([0, 1, 2].contains(verify.status), "\(verify.end) \(verify.errorText)")
        }
    }
}
