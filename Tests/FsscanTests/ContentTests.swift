// Digests and types from the program, against independent programs.

import Foundation
import Glibc
import LinuxKernel
import TestSupport
import Testing

@Suite struct ContentTests {
    private static let algorithms: [ByteString] = ["sha256", "sha1", "sha512", "md5", "blake2b", "xxh128", "git"]

    /// Odd names, empty directories, names that sort differently with and without git's slash, executables, links.
    private static let odd: Tree = [
        .directory("a", [.file("x", "1"), .directory("empty")]), .file("a.c", "2"), .file("a-", "3"), .file("a0", "4"),
        .directory("b", [.hardLink("link", to: "a.c"), .symlink("up", to: "../a")]), .file("b.", "b"),
        .file([0xff, 0x0a, 0x27], "odd", mode: 0o755), .file("none"), .symlink([0xc3], to: [0xfe, 0x20]),
        .directory([0x09, 0x5c], [.file("-n", "option", mode: 0o744), .file(" ", "space")]),
        .file("large", "head", size: 17 << 20), .file("buffer", size: 1 << 20),
        .chain("deep", depth: 40, [.file("f", "f")]),
    ]
    private static let special: Tree = [.fifo("pipe"), .socket("socket", mode: 0o755)]

    private func scan(
        _ arguments: [ByteString], threads: Int = 2, _ options: ProcessOptions = ProcessOptions(),
        program: ByteString = Fsscan.path
    ) throws -> (outcome: ProcessOutcome, report: [String: Any]) {
        let run = try ScanRun(arguments, threads: threads, options, program: program)
        let json = try JSONSerialization.jsonObject(with: Data(run.outcome.standardOutput))
        return (run.outcome, try #require(json as? [String: Any]))
    }

    private func digests(_ report: [String: Any]) throws -> [[String: String]?] {
        let roots = try #require(report["roots"] as? [[String: Any]])
        return roots.map { $0["digests"] as? [String: String] }
    }

    private func errors(_ report: [String: Any]) throws -> [String] {
        let records = try #require(report["errors"] as? [[String: Any]])
        return records.map { "\($0["operation"] ?? "") \($0["code"] ?? "")" }
    }

    private func total(_ name: String, _ report: [String: Any]) throws -> Int {
        let totals = try #require(report["totals"] as? [String: Any])
        return try #require(totals[name] as? Int)
    }

    private func firstWord(_ command: [ByteString], in directory: ByteString? = nil) throws -> String {
        let text = try output(of: command, ProcessOptions { $0.directory = directory })
        return String(decoding: text.prefix { $0 != UInt8(ascii: " ") && $0 != UInt8(ascii: "\n") }, as: UTF8.self)
    }

    private var all: ByteString { ByteString(Self.algorithms.map(\.text).joined(separator: ",")) }

    // MARK: Oracles

    @Test func digestsOfFilesAreThoseOfTheirPrograms() throws {
        let directory = try TemporaryDirectory(Self.odd)
        let files = ["a.c", "none", "large", "buffer"].map { directory.appending($0) }
        let answers = try digests(try scan(["--hash", all] + files).report)
        for (file, answer) in zip(files, answers) {
            let answer = try #require(answer)
            for program in ["sha256", "sha1", "sha512", "md5"] {
                #expect(answer[program] == (try firstWord(["\(program)sum", file])), "\(program) of \(file)")
            }
            #expect(answer["blake2b"] == (try firstWord(["b2sum", file])))
            #expect(answer["xxh128"] == (try firstWord(["xxhsum", "-H2", file])))
            #expect(answer["git"] == (try firstWord(["git", "hash-object", "--no-filters", file])))
        }
    }

    @Test func digestsOfDirectoriesAreThoseOfOtherPrograms() throws {
        let directory = try TemporaryDirectory(Self.odd + Self.special)
        let answer = try #require(try digests(try scan(["--hash", all, directory.path]).report).first ?? nil)
        let merkle = Repository.path("Tests/oracles/merkle.py")
        for algorithm in ["sha256", "sha1", "sha512", "md5", "blake2b"] {
            let theirs = try firstWord([Repository.python(), merkle, ByteString(algorithm), directory.path])
            #expect(answer[algorithm] == theirs, "\(algorithm)")
        }
        // swh.model treats special files as empty, and any execute bit as the owner's; so does the tree above.
        let theirs = try firstWord([Repository.path(".venv/bin/swh"), "identify", "--no-filename", directory.path])
        #expect(theirs == "swh:1:dir:" + (answer["git"] ?? ""))
    }

    @Test func theGitDigestOfFilesAndSymlinksIsThatOfWriteTree() throws {
        let directory = try TemporaryDirectory(Self.odd)
        let repository = try TemporaryDirectory()
        let tree = directory.path
        _ = try output(of: ["rmdir", tree.appending("a/empty")])
        let answer = try #require(try digests(try scan(["--hash", "git", tree]).report).first ?? nil)
        let git: [ByteString] = [
            "git", "--git-dir", repository.path, "--work-tree", tree, "-c", "core.autocrlf=false",
        ]
        _ = try output(of: git + ["init", "-q"])
        _ = try output(of: git + ["add", "-A", "."], ProcessOptions { $0.directory = tree })
        #expect(answer["git"] == (try firstWord(git + ["write-tree"])))
    }

    @Test func theReportIsTheSameBytesForAnyNumberOfThreads() throws {
        let directory = try TemporaryDirectory(
            Self.odd + Self.special + [.directory("many", Tree((0..<1500).map { .file("file \($0)", "\($0 % 70)") }))])
        let reports = try threadCounts.map {
            try ScanRun(["--hash", all, "--mime", "--depth", "9", directory.path], threads: $0).timeless()
        }
        #expect(reports[1] == reports[0] && reports[2] == reports[0])
    }

    @Test func typesAreThoseOfFile() throws {
        let list = try output(of: ["find", "/usr/share", "-type", "f", "-size", "-200k", "-print0"])
        let files = list.split(separator: 0).enumerated().filter { $0.offset % 199 == 0 }.prefix(150).map(\.element)
        let directory = try TemporaryDirectory()
        _ = try output(
            of: ["xargs", "-0", "cp", "--backup=numbered", "-t", directory.path],
            ProcessOptions { $0.input = Array(files.joined(separator: [0])) })
        let names = try output(of: ["find", directory.path, "-type", "f", "-print0"])
        let answers = try output(
            of: ["xargs", "-0", "file", "-b", "--mime-type", "--"], ProcessOptions { $0.input = names })
        var expected: [String: Int] = [:]
        for line in answers.split(separator: UInt8(ascii: "\n")) {
            expected[String(decoding: line, as: UTF8.self), default: 0] += 1
        }
        let types = try #require(try scan(["--mime", directory.path]).report["mime_types"] as? [[String: Any]])
        var counted: [String: Int] = [:]
        for type in types { counted[try #require(type["type"] as? String)] = type["files"] as? Int }
        #expect(counted == expected)
    }

    // MARK: What is opened

    @Test(.disabled(if: isSanitized, "LeakSanitizer does not work under strace"), arguments: [1, 2])
    func aHardLinkedFileIsReadOnceAndAFifoNever(threads: Int) throws {
        let links = Tree((0..<30).map { .directory("d\($0)", [.hardLink("link", to: "original")]) })
        let directory = try TemporaryDirectory(
            links + [.file("original", "once"), .fifo("pipe"), .socket("socket"), .symlink("to pipe", to: "pipe")])
        let trace = directory.path + ".trace"
        defer { trace.withCString { _ = unlink($0) } }
        let status = try run(
            [
                "strace", "-f", "-e", "trace=openat", "-o", trace, Fsscan.path, "--threads", "\(threads)", "--json",
                "--hash", "sha256", "--mime", directory.path,
            ],
            // LeakSanitizer does not work in a traced process.
            ProcessOptions { $0.environment = ["LSAN_OPTIONS": "detect_leaks=0"] }
        ).status
        #expect(status == 0)
        let lines = String(decoding: try Data(contentsOf: URL(fileURLWithPath: trace.text)), as: UTF8.self)
            .split(separator: "\n")
        let opened = lines.filter { $0.contains("\"original\"") || $0.contains("\"link\"") }
        #expect(opened.count == 1, "\(opened)")
        #expect(!lines.contains { $0.contains("\"pipe\"") || $0.contains("\"socket\"") || $0.contains("\"to pipe\"") })
    }

    @Test func filesAboveTheLimitAreErrorsAndPseudoFilesAreSkippedUnlessAskedFor() throws {
        let directory = try TemporaryDirectory([.file("small", "12"), .file("large", size: 1 << 41)])
        let large = try scan(["--hash", "md5", directory.path])
        #expect(try errors(large.report) == ["read EFBIG"])
        #expect(try digests(large.report) == [nil])
        #expect(large.outcome.end == .exited(1))
        let limited = try scan(["--hash", "md5", "--max-read", "1", directory.appending("small")])
        #expect(try errors(limited.report) == ["read EFBIG"])

        let skipped = try scan(["--hash", "md5", "--mime", "/proc/version"])
        #expect(skipped.outcome.end == .exited(0))
        #expect(try total("skipped", skipped.report) == 1)
        #expect(try digests(skipped.report) == [nil])
        let read = try digests(try scan(["--hash", "md5", "--read-pseudo", "/proc/version"]).report)
        #expect(read.first??["md5"] == (try firstWord(["md5sum", "/proc/version"])))
    }

    // MARK: What cannot be read

    @Test(.enabled(if: isRoot, "needs root")) func anUnreadableFileIsAnErrorAndTheDirectoriesAboveHaveNoDigests() throws
    {
        let directory = try TemporaryDirectory([
            .directory("closed", [.directory("in", [.file("secret", "x", mode: 0)])]),
            .directory("open", [.file("f", "x")]),
        ])
        let tools = try TemporaryDirectory()
        let result = try scan(
            ["--hash", "sha256", directory.path], ProcessOptions { $0.asOrdinaryUser = true },
            program: try Fsscan.copy(to: tools))
        #expect(result.outcome.end == .exited(1))
        #expect(try errors(result.report) == ["openat EACCES"])
        #expect(try digests(result.report) == [nil])
        let roots = try #require(result.report["roots"] as? [[String: Any]])
        let tree = try #require(roots.first?["tree"] as? [String: Any])
        let children = try #require(tree["children"] as? [[String: Any]])
        #expect(children.map { $0["digests"] is NSNull } == [true, false])
    }

    /// A log that is written to all the time: each scan ends, and reports the change.
    @Test(arguments: threadCounts)
    func aGrowingFileHasChangedAndHangsNothing(threads: Int) throws {
        let directory = try TemporaryDirectory([.file("log", "start", size: 64 << 20), .file("other", "x")])
        let writer = try RunningProcess(
            ["sh", "-c", "while :; do echo line; done >>log"], ProcessOptions { $0.directory = directory.path })
        defer {
            writer.send(SIGKILL)
            _ = try? writer.finish()
        }
        let before = try output(of: ["stat", "-c", "%s", directory.appending("log")])
        while try output(of: ["stat", "-c", "%s", directory.appending("log")]) == before { usleep(1000) }
        func rescan() throws -> (outcome: ProcessOutcome, report: [String: Any]) {
            try scan(["--hash", "sha256", directory.path], threads: threads, ProcessOptions { $0.timeout = 60 })
        }
        var result = try rescan()
        // On a busy machine the writer may get no processor while the file is read.
        for _ in 0..<50 where result.outcome.end == .exited(0) { result = try rescan() }
        #expect(result.outcome.end == .exited(1))
        #expect(try errors(result.report) == ["read CHANGED"])
        #expect(try digests(result.report) == [nil])
    }

    /// Each link requests the same large file, which changes: all get an answer, and the answers do not nest on the
    /// stack.
    @Test func linksOfAFileThatChangesAreErrors() throws {
        let directory = try TemporaryDirectory([.file("log", "start", size: 64 << 20), .directory("links")])
        _ = try output(
            of: ["python3", "-c", "import os\nfor i in range(20000): os.link('log', 'links/%d' % i)"],
            ProcessOptions { $0.directory = directory.path })
        let writer = try RunningProcess(
            ["sh", "-c", "while :; do echo line; done >>log"], ProcessOptions { $0.directory = directory.path })
        defer {
            writer.send(SIGKILL)
            _ = try? writer.finish()
        }
        let result = try scan(
            ["--hash", "xxh128", directory.path],
            ProcessOptions {
                $0.timeout = 60
                $0.limits = ["stack": 256 << 10]
            })
        #expect(result.outcome.end == .exited(1))
        // How many see a change depends on how often the writer gets a processor.
        #expect(try total("errors", result.report) > 0)
        #expect(try total("files", result.report) == 20_001)
        #expect(Set(try errors(result.report)) == ["read CHANGED"])
    }
}
