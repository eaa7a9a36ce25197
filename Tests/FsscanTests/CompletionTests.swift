// The completions of bash, zsh and fish: real shells, each on its own terminal.

import Foundation
import TestSupport
import Testing

@testable import fsscan

@Suite struct CompletionTests {
    /// Lines, and the words that each shell must offer, in the directory of `place()`.
    private static let cases: [(line: String, offers: [String])] = [
        ("fsscan ver", ["verify", "version"]), ("fsscan d", ["diff", "duplicates", "data", "diffs"]),
        ("fsscan da", ["data"]),
        ("fsscan scan da", ["data"]), ("fsscan -x d", ["data", "diffs"]), ("fsscan help ver", ["verify", "version"]),
        ("fsscan --hash sha", ["sha256", "sha1", "sha512", "sha384"]), ("fsscan --hash md5,sha5", ["md5,sha512"]),
        ("fsscan diff --hash md5,bl", ["md5,blake2b"]), ("fsscan --hash=sha2", ["--hash=sha256"]),
        ("fsscan --format n", ["ncdu", "ndjson"]), ("fsscan diff --format n", ["ndjson"]),
        ("fsscan diff --only a", ["added"]), ("fsscan verify --only added,rem", ["added,removed"]),
        ("fsscan verify --ignore mt", ["mtime"]), ("fsscan verify --ignore mtime,ct", ["mtime,ctime"]),
        ("fsscan verify --also bt", ["btime"]), ("fsscan diff --algorithm b", ["blake2b"]),
        ("fsscan --max-s", ["--max-size"]), ("fsscan diff --ow", ["--owner"]),
        ("fsscan --exclude-from sc", ["scans.db"]),
        ("fsscan diff sc", ["scans.db"]), ("fsscan diff scans.db da", ["data"]), ("fsscan saved sc", ["scans.db"]),
        ("fsscan diff scans.db#", ["scans.db#1", "scans.db#2", "scans.db#monday", "scans.db#other day"]),
        ("fsscan verify scans.db#m", ["scans.db#monday"]), ("fsscan --baseline scans.db#m", ["scans.db#monday"]),
        ("fsscan --baseline=scans.db#mo", ["--baseline=scans.db#monday"]), ("fsscan -o sc", ["scans.db"]),
        ("fsscan --files-from sc", ["scans.db"]), ("fsscan --top d", []), ("fsscan diff --save", []),
        ("fsscan diff --mim", []), ("fsscan --quick", []), ("fsscan saved --has", []), ("fsscan -- --j", []),
    ]

    private static func place() throws -> TemporaryDirectory {
        let place = try TemporaryDirectory([.directory("data"), .directory("diffs"), .directory("tree", [.file("f")])])
        for label in ["monday", "other day"] as [ByteString] {
            let outcome = try Fsscan.run(
                ["--save", "scans.db", "--label", label, "tree"], ProcessOptions { $0.directory = place.path })
            #expect(outcome.status == 0)
        }
        return place
    }

    /// The completion of each line by `shell`: the words that replace the last one; for fish its offers.
    private static func completed(_ shell: CompletionShell, _ lines: [String]) throws -> [[String]] {
        let place = try place()
        let programs = try TemporaryDirectory()
        let script = programs.appending(ByteString("script.\(shell)"))
        let written = try Fsscan.run(
            ["--generate-completion-script", ByteString(shell.rawValue)],
            ProcessOptions { $0.standardOutput = .file(script) })
        #expect(written.status == 0)
        // The script calls the completed program for labels: it is `fsscan` in PATH.
        _ = try output(of: ["ln", "-s", Fsscan.path, programs.appending("fsscan")])
        let search = ProcessInfo.processInfo.environment["PATH"] ?? ""
        let outcome = try run(
            ["python3", Repository.path("Tests/oracles/complete.py"), ByteString(shell.rawValue), script]
                + lines.map { ByteString($0) },
            ProcessOptions {
                $0.directory = place.path
                $0.environment = ["PATH": "\(programs.path.text):\(search)"]
                $0.timeout = 600
            })
        try #require(outcome.status == 0, "\(outcome.errorText)")
        let printed = outcome.outputText.split(separator: "\n")
        let said = printed.filter { $0.hasPrefix("!") }
        #expect(said.isEmpty, "\(shell) says: \(said)")
        return try printed.filter { !$0.hasPrefix("!") }.enumerated().map { index, line in
            let words = try JSONDecoder().decode([String].self, from: Data(line.utf8))
            if shell == .fish { return words.map { $0.hasSuffix("/") ? String($0.dropLast()) : $0 } }
            // The line so far stays; a word without a completion is unchanged.
            let given = lines[index].split(separator: " ", omittingEmptySubsequences: false).map(String.init)
            let offers = Array(words.dropFirst(given.count - 1))
            return offers == [given.last!] || (offers.isEmpty && given.last == "") ? [] : offers
        }
    }

    private static func check(_ shell: CompletionShell) throws {
        let results = try completed(shell, cases.map(\.line))
        try #require(results.count == cases.count)
        for (result, (line, offers)) in zip(results, cases) {
            // Of several values after an `=`, readline inserts the first with it and the others without.
            #expect(Set(result) == Set(offers), "\(shell): \(line)")
        }
    }

    /// Each command's options, and no other command's.
    private static func checkOptions(_ shell: CompletionShell) throws {
        let commands = CommandSyntax.all
        let results = try completed(shell, commands.map { "fsscan \($0.name) --" })
        for (command, offers) in zip(commands, results) {
            // An option without a value has its name alone, one with a value may have an `=` behind it.
            let names = Set(offers.map { $0.hasSuffix("=") ? String($0.dropLast()) : $0 })
            let long = Set(command.options.flatMap(\.names).filter { $0.hasPrefix("--") })
            #expect(names.filter { $0.hasPrefix("--") } == long, "\(shell): fsscan \(command.name) --")
        }
    }

    @Test(.enabled(if: isInstalled("bash"), "bash is not installed")) func bashCompletes() throws {
        try Self.check(.bash)
        try Self.checkOptions(.bash)
    }

    @Test(.enabled(if: isInstalled("zsh"), "zsh is not installed")) func zshCompletes() throws {
        try Self.check(.zsh)
        try Self.checkOptions(.zsh)
    }

    @Test(.enabled(if: isInstalled("fish"), "fish is not installed")) func fishCompletes() throws {
        try Self.check(.fish)
        try Self.checkOptions(.fish)
    }

    /// It showed all values there, which hides the description of the option.
    @Test(.enabled(if: isInstalled("fish"), "fish is not installed")) func aDescriptionIsNoListOfValues() throws {
        for option in CommandSyntax.all.flatMap(\.options) {
            #expect(!option.summary.isEmpty && !option.summary.contains(": "), "\(option.names)")
        }
        let options = CommandSyntax.all[0].options
        #expect(options.first { $0.names == ["--no-progress"] }?.summary == "Do not show progress")
        let script = try Fsscan.run(["--generate-completion-script", "fish"]).standardOutput
        let offers = try output(
            of: ["fish", "--no-config", "-c", "source -; complete -C 'fsscan --has'"],
            ProcessOptions { $0.input = script })
        #expect(ByteString(offers) == "--hash\tDigests of files and directories\n")
    }

    @Test func aScriptIsAskedForInFrontOfAnythingElse() throws {
        for shell in CompletionShell.allCases {
            let script = try Fsscan.run(["--generate-completion-script", ByteString(shell.rawValue)]).standardOutput
            #expect(!script.isEmpty)
            for arguments: [ByteString] in [
                ["--generate-completion-script=" + ByteString(shell.rawValue)],
                ["diff", "--json", "--generate-completion-script", ByteString(shell.rawValue)],
            ] {
                #expect(try Fsscan.run(arguments).standardOutput == script)
            }
        }
        let outcome = try Fsscan.run(["--", "--generate-completion-script", "bash"])
        #expect(outcome.status == 1)
    }
}
