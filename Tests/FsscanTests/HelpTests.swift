// Commands, their help, and the messages about mistyped ones.

import TestSupport
import Testing

@testable import fsscan

@Suite struct HelpTests {
    @Test func helpPrintsTheSameAsTheOption() throws {
        for command in Command.all {
            let name = ByteString(command.name)
            let help = try Fsscan.run([name, "--help"])
            #expect(help.status == 0 && help.outputText.contains("USAGE: fsscan"), "\(command.name)")
            #expect(try Fsscan.run(["help", name]).standardOutput == help.standardOutput)
            #expect(try Fsscan.run([name, "-h"]).standardOutput == help.standardOutput)
        }
        let first = try Fsscan.run(["--help"]).standardOutput
        for arguments: [ByteString] in [["help"], ["help", "scan"], ["scan", "--help"]] {
            #expect(try Fsscan.run(arguments).standardOutput == first)
        }
    }

    @Test func theFirstPageHasAllCommandsWithAnExampleEach() throws {
        let lines = try Fsscan.run(["--help"]).outputText.split(separator: "\n")
        for command in Command.all {
            let index = try #require(lines.firstIndex { $0.hasPrefix("  \(command.name) ") }, "\(command.name)")
            if command.name != "scan" {
                // A longer summary is wrapped, and breaks the table.
                #expect(lines[index].hasSuffix(command.summary), "\(command.name): more than a line")
            }
            #expect(lines[index + 1].trimmingPrefix { $0 == " " } == command.example)
            #expect(lines[index].count <= 80 && lines[index + 1].count <= 80)
        }
        for option in ["--hash <ALG[,ALG]>", "--save <FILE>", "-V, --version"] {
            #expect(lines.contains { $0.hasPrefix("  \(option)") }, "\(option)")
        }
    }

    @Test(arguments: [["version"], ["-V"], ["--version"], ["diff", "-V"], ["saved", "--version"], ["-x", "-V", "/"]])
    func theVersion(_ arguments: [String]) throws {
        let outcome = try Fsscan.run(arguments.map { ByteString($0) })
        #expect(outcome.outputText.hasPrefix("\(Program.version)\nMIME types: "))
        #expect(outcome.status == 0 && outcome.errorText.isEmpty)
    }

    /// They were scanned as missing PATHs.
    @Test(
        arguments: [
            (["verfy", "x"], "PATH: 'verfy' is missing: did you mean 'verify'? (see fsscan --help)"),
            (["dif", "a", "b"], "PATH: 'dif' is missing: did you mean 'diff'? (see fsscan --help)"),
            (["svaed"], "PATH: 'svaed' is missing: did you mean 'saved'? (see fsscan --help)"),
            (["hlep"], "PATH: 'hlep' is missing: did you mean 'help'? (see fsscan --help)"),
            (["help", "verfy"], "help: 'verfy' is no command: did you mean 'verify'? (see fsscan --help)"),
            (["help", "nonsense"], "help: 'nonsense' is no command (see fsscan --help)"),
            (["help", "diff", "x"], "help takes at most one COMMAND (see fsscan --help)"),
        ] as [([ByteString], String)])
    func aMistypedCommandIsWrongUsage(_ arguments: [ByteString], _ message: String) throws {
        let directory = try TemporaryDirectory()
        let outcome = try Fsscan.run(arguments, ProcessOptions { $0.directory = directory.path })
        #expect(outcome.errorText == "fsscan: \(message)\n")
        #expect(outcome.status == 64 && outcome.standardOutput.isEmpty)
    }

    @Test func anExistingNameIsNotMistyped() throws {
        let directory = try TemporaryDirectory([
            .directory("dif"), .symlink("verfy", to: "nowhere"), .directory("diff"), .directory("help"),
        ])
        let options = ProcessOptions { $0.directory = directory.path }
        for arguments: [ByteString] in [["dif"], ["verfy"], ["./diff"], ["-x", "help"], ["--", "diff"]] {
            #expect(try Fsscan.run(arguments, options).status == 0, "\(arguments)")
        }
        // These are certainly PATHs, or not similar to a command.
        for arguments: [ByteString] in [["./hlep"], ["-x", "hlep"], ["--", "hlep"], ["/hlep"], ["dfif2"], ["x"]] {
            #expect(try Fsscan.run(arguments, options).status == 1, "\(arguments)")
        }
    }

    @Test(
        arguments: [
            ("--dupes", nil), ("--units", nil), ("--colour", "--color"), ("--tables", "--table"),
            ("--exclud", "--exclude"),
            ("--hsah", "--hash"), ("--one-filesystem", "--one-file-system"), ("--tread", nil),
            ("--treads", "--threads"),
        ] as [(String, String?)])
    func onlyANearOptionIsSuggested(_ option: String, _ near: String?) throws {
        let outcome = try Fsscan.run([ByteString(option), "/"])
        let suggestion = near.map { ". Did you mean '\($0)'?" } ?? ""
        #expect(outcome.errorText == "fsscan: unknown option '\(option)'\(suggestion) (see fsscan --help)\n")
        #expect(outcome.status == 64)
    }

    @Test(
        arguments: [
            ("", "", 0), ("verify", "verfy", 1), ("verify", "veriify", 1), ("verify", "verofy", 1),
            ("verify", "vreify", 1), ("diff", "", 4), ("ab", "ba", 1), ("abc", "ca", 3), ("diff", "verify", 4),
        ])
    func editsAreCounted(_ first: String, _ second: String, _ edits: Int) {
        #expect(EditDistance(first.utf8, second.utf8).value == edits)
        #expect(EditDistance(second.utf8, first.utf8).value == edits)
    }
}
