// The command line seen from outside: refusals, exit statuses, where the output goes.

import Glibc
import TestSupport
import Testing

@Suite struct CommandTests {
    static let refused: [[ByteString]] = [
        [], ["--json"], ["--threads", "0", "/usr"], ["--threads", "-1", "/usr"], ["--threads", "many", "/usr"],
        ["--threads", "1025", "/usr"], ["--threads", "2x", "/usr"], ["--threads"], ["--no-such-option", "/usr"],
        ["--format", "yaml", "/usr"], ["--depth", "-1", "/usr"], ["--top", "x", "/usr"],
        ["--hash", "crc32", "/usr"],
    ]

    @Test(arguments: refused)
    func aWrongCommandLineIsRefusedWithAPlainLine(arguments: [ByteString]) throws {
        let outcome = try Fsscan.run(arguments, ProcessOptions { $0.timeout = 10 })
        #expect(outcome.end == .exited(64))
        #expect(outcome.standardOutput.isEmpty)
        let lines = outcome.errorText.split(separator: "\n")
        #expect(!lines.isEmpty && lines.count <= 3, "\(outcome.errorText)")
    }

    @Test func helpAndVersionSucceed() throws {
        for option: ByteString in ["--help", "--version"] {
            let outcome = try Fsscan.run([option])
            #expect(outcome.end == .exited(0))
            #expect(!outcome.standardOutput.isEmpty && outcome.standardError.isEmpty)
        }
    }

    @Test func outputThatCannotBeWrittenEndsWith74() throws {
        let directory = try TemporaryDirectory([.file("x")])
        for target in [OutputTarget.file("/dev/full"), .closed] {
            let outcome = try Fsscan.run(["--json", directory.path], ProcessOptions { $0.standardOutput = target })
            #expect(outcome.end == .exited(74))
            #expect(!outcome.standardError.isEmpty)
        }
        let nowhere = try Fsscan.run(["--json", "-o", directory.appending("no/such/file"), directory.path])
        #expect(nowhere.end == .exited(74))
        let missing = try Fsscan.run(
            ["--json", directory.appending("missing")], ProcessOptions { $0.standardOutput = .file("/dev/full") })
        #expect(missing.end == .exited(74), "74 wins over 1")
    }

    @Test func aReaderThatGoesAwayEndsItSilently() throws {
        let directory = try TemporaryDirectory(Tree((0..<3_000).map { .directory("a directory with a name \($0)") }))
        let outcome = try run([
            "bash", "-c", #""$1" --json "$2" | head -c 10 >/dev/null; echo "${PIPESTATUS[0]}""#, "bash", Fsscan.path,
            directory.path,
        ])
        #expect(outcome.outputText == "141\n")
        #expect(outcome.errorText == "")
    }

    @Test func theOutputFileIsReplacedWholeAndNeverHalf() throws {
        let directory = try TemporaryDirectory([
            .directory("tree", [.file("x")]), .file("old", "old content", mode: 0o640), .symlink("link", to: "old"),
        ])
        let tree = directory.appending("tree")
        let expected = try ScanRun([tree]).timeless()
        for name: ByteString in ["old", "new", "link"] {
            let outcome = try Fsscan.run(["--json", "--output", directory.appending(name), tree])
            #expect(outcome.end == .exited(0))
            #expect(outcome.standardOutput.isEmpty)
            let written = try output(of: ["cat", directory.appending(name)])
            #expect(written.starts(with: expected.bytes))
        }
        #expect(try output(of: ["readlink", directory.appending("link")]) == Array("old\n".utf8))
        #expect(try names(in: directory.descriptor).sorted() == ["link", "new", "old", "tree"])
    }

    @Test func statisticsAreThereWhenAskedFor() throws {
        let directory = try TemporaryDirectory(mixedTree)
        let scan = try ScanRun(["--stats", directory.path])
        #expect(scan.outcome.outputText.contains(#""statistics""#))
        #expect(try scan.schemaProblems() == "")
        #expect(!(try ScanRun([directory.path]).outcome.outputText.contains(#""statistics""#)))
    }

    @Test func theTextSummaryIsOneScreenAndEscapesControlCharacters() throws {
        let directory = try TemporaryDirectory(
            Tree((0..<300).map { .directory("d\($0)", [.file("\u{1b}[31mred\n\($0)", "x")]) }))
        let outcome = try Fsscan.run([directory.path])
        #expect(outcome.end == .exited(0))
        #expect(!outcome.standardOutput.contains(0x1b))
        #expect(outcome.outputText.contains(#"\033[31mred\n"#))
        #expect(outcome.outputText.split(separator: "\n", omittingEmptySubsequences: false).count < 80)
    }

    @Test func theSchemasAcceptAndRefuseTheirSamples() throws {
        let outcome = try run([Repository.python(), Repository.path("Tests/oracles/validate.py"), "schemas"])
        #expect(outcome.outputText == "")
        #expect(outcome.end == .exited(0), "\(outcome.errorText)")
    }
}
