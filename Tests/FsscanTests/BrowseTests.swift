// `fsscan browse` in a real terminal.

import Glibc
import TestSupport
import Testing

@Suite(.serialized) struct BrowseTests {
    private let tree: Tree = [
        .directory(
            "large", [.file("l", ByteString(Array(repeating: 0x78, count: 300_000))), .directory("in", [.file("f")])]),
        .directory("small", [.file("s", "x"), .hardLink("t", to: "small/s")]),
        .file("middle", ByteString(Array(repeating: 0x79, count: 100_000))),
    ]

    /// The size on the line of a name.
    private func size(_ name: String, in screen: String) -> String? {
        let line = screen.split(separator: "\n").first { $0.hasSuffix(" " + name) }
        return line?.split(separator: " ").prefix(2).joined(separator: " ")
    }

    /// As `du` prints it.
    private func expected(_ path: ByteString) throws -> String {
        let bytes = String(decoding: try output(of: ["du", "-s", "-B1", path]).prefix { $0 != 9 }, as: UTF8.self)
        return try #require(Int64(bytes).map { HumanBytes.text($0) })
    }

    @Test func theScreenHasTheSumsOfDu() throws {
        let directory = try TemporaryDirectory(tree)
        let terminal = try Terminal()
        try terminal.type("cd '\(directory.path)' && $F browse .")
        let screen = try terminal.waitFor { $0.contains("middle") && !$0.contains("scanning") && $0.contains("large/") }
        for name in ["large/", "small/", "middle"] {
            #expect(size(name, in: screen) == (try expected(directory.appending(ByteString(name)))))
        }
        #expect(screen.contains("9 entries, \(try expected(directory.path))"))
        // The largest is selected.
        try terminal.press("Enter")
        let inside = try terminal.waitFor { size("l", in: $0) != nil && $0.contains("in/") }
        #expect(size("l", in: inside) == (try expected(directory.appending("large/l"))))
        try terminal.press("h", "q")
        try terminal.waitFor { try !$0.contains("middle") && !terminal.isTakenOver() }
        try terminal.type("echo status=$?")
        try terminal.waitFor("status=0")
    }

    @Test func itFollowsTheSizeOfTheTerminal() throws {
        let directory = try TemporaryDirectory(tree)
        let terminal = try Terminal(columns: 120, rows: 30)
        try terminal.type("$F browse '\(directory.path)'")
        try terminal.waitFor { $0.contains("%") && $0.contains("middle") }
        try terminal.resize(columns: 40, rows: 10)
        try terminal.waitFor { screen in
            let lines = screen.split(separator: "\n", omittingEmptySubsequences: false)
            return !screen.contains("%") && screen.contains("middle") && lines.allSatisfy { $0.count <= 40 }
                && lines.dropFirst(9).first?.contains("s size") == true
        }
        try terminal.resize(columns: 120, rows: 30)
        try terminal.waitFor { $0.contains("%") }
        try terminal.press("q")
    }

    /// Whether the terminal settings are restored: the shell's line editor does not affect them at this point.
    private func settings(_ terminal: Terminal, _ mark: String) throws -> String {
        try terminal.type("clear; stty -a; echo \(mark)")
        let screen = try terminal.waitFor { $0.contains("\n\(mark)\n") }
        // The next prompt follows, drawn or not yet.
        return String(screen[..<(screen.firstRange(of: "\n\(mark)\n")?.lowerBound ?? screen.endIndex)])
    }

    @Test(arguments: ["INT", "TERM", "HUP", "QUIT", "ABRT", "SEGV", "USR2"])
    func aSignalGivesTheTerminalBack(signal: String) throws {
        let directory = try TemporaryDirectory(tree)
        let terminal = try Terminal()
        let before = try settings(terminal, "before")
        try terminal.type("clear; ulimit -c 0; $F browse '\(directory.path)'; echo status=$?")
        try terminal.waitFor("middle")
        _ = try output(of: ["pkill", "-\(signal)", "-f", "browse \(directory.path)"])
        try terminal.waitFor { try $0.contains("status=1") && !terminal.isTakenOver() }
        #expect(try settings(terminal, "before") == before)
    }

    /// In other commands SIGUSR1 prints the progress; it must not end this one.
    @Test func askedHowFarItIsItGoesOn() throws {
        let directory = try TemporaryDirectory(tree)
        let terminal = try Terminal()
        try terminal.type("clear; $F browse '\(directory.path)'; echo status=$?")
        try terminal.waitFor("9 entries")
        _ = try output(of: ["pkill", "-USR1", "-f", "browse \(directory.path)"])
        try terminal.press("Enter")
        try terminal.waitFor { $0.contains("in/") && !$0.contains("middle") }
        try terminal.press("q")
        try terminal.waitFor { try $0.contains("status=0") && !terminal.isTakenOver() }
    }

    @Test func itCanBeStoppedAndContinued() throws {
        let directory = try TemporaryDirectory(tree)
        let terminal = try Terminal()
        let before = try settings(terminal, "before")
        try terminal.type("clear; $F browse '\(directory.path)'")
        try terminal.waitFor("middle")
        try terminal.press("C-z")
        try terminal.waitFor { try $0.contains("Stopped") && !terminal.isTakenOver() }
        #expect(try settings(terminal, "before") == before)
        try terminal.type("fg")
        try terminal.waitFor { try $0.contains("middle") && terminal.isTakenOver() }
        try terminal.press("n", "q")
        try terminal.waitFor { _ in try !terminal.isTakenOver() }
    }

    @Test func controlCEndsIt() throws {
        let directory = try TemporaryDirectory(tree)
        let terminal = try Terminal()
        try terminal.type("$F browse '\(directory.path)'; echo status=$?")
        try terminal.waitFor("middle")
        try terminal.press("C-c")
        try terminal.waitFor { try $0.contains("status=130") && !terminal.isTakenOver() }
    }

    @Test func withoutATerminalItSaysSo() throws {
        let directory = try TemporaryDirectory(tree)
        let outcome = try Fsscan.run(["browse", directory.path])
        #expect(outcome.status == 64)
        #expect(outcome.errorText == "fsscan: browse needs a terminal: for a summary use fsscan PATH\n")
        let terminal = try Terminal()
        for type in ["dumb", "''", "nosuchterminal"] {
            try terminal.type("clear; TERM=\(type) $F browse '\(directory.path)'; echo status=$?")
            let screen = try terminal.waitFor("status=64")
            #expect(screen.contains("fsscan: browse "))
        }
    }

    @Test func itNeedsADirectory() throws {
        let directory = try TemporaryDirectory(tree)
        let nothing = try Fsscan.run(["browse", directory.appending("nothing")])
        #expect(nothing.status == 2)
        #expect(nothing.errorText.hasSuffix("No such file or directory\n"))
        #expect(try Fsscan.run(["browse"]).status == 64)
        #expect(try Fsscan.run(["browse", "a", "b", "c"]).status == 64)
        #expect(try Fsscan.run(["browse", "--delete", "a", "b"]).status == 64)
        #expect(try Fsscan.run(["browse", "--help"]).status == 0)
    }

    @Test(arguments: [
        ["TERM": "vt100"], ["TERM": "xterm-256color"], ["TERM": "xterm", "NO_COLOR": "1"], ["TERM": "linux"],
    ])
    func terminalsOfManyTypesAreDrawnOn(environment: [String: String]) throws {
        let directory = try TemporaryDirectory(tree)
        let terminal = try Terminal(environment: environment)
        try terminal.type("$F browse '\(directory.path)'")
        try terminal.waitFor { $0.contains("middle") && $0.contains("large/") }
        try terminal.press("j", "j", "q")
        // Not all of them have an alternate screen.
        try terminal.waitFor { $0.split(separator: "\n").last == "$" }
        try terminal.type("echo over")
        try terminal.waitFor("\nover")
    }

    /// Of 8 and 16 colours, which the system's terminfo need not have.
    @Test(arguments: [("xterm", 8), ("screen", 8), ("xterm-16color", 16), ("xterm-256color", 256), ("vt100", 0)])
    func theColoursAreThoseThatEveryTerminalHas(type: String, count: Int) throws {
        let directory = try TemporaryDirectory(tree)
        let terminfo = try TemporaryDirectory()
        let number = "%?%p1%{8}%<%t%p1%{30}%+%e%p1%{82}%+%;%d"
        let entry = """
            xterm-16color|of 16 colours,
            \tcolors#16, pairs#256, setaf=\\E[\(number)m, setab=\\E[\(number.replacing("30", with: "40"))m, use=xterm,

            """
        let compile = try run(
            ["tic", "-x", "-o", terminfo.path, "-"],
            ProcessOptions { $0.input = Array(entry.utf8) })
        try #require(compile.status == 0, "\(compile.errorText)")
        // More than the system's own, not in their place.
        let terminal = try Terminal(environment: [
            "TERM": type, "TERMINFO_DIRS": terminfo.path.text + ":",
        ])
        try terminal.type("echo $(tput colors) colours")
        try terminal.waitFor(count == 0 ? "-1 colours" : "\(count) colours")
        try terminal.type("$F browse '\(directory.path)'")
        try terminal.waitFor { $0.contains("middle") && $0.contains("large/") && !$0.contains("scanning") }
        let screen = try terminal.colours()
        // The bar of a line that is not selected: cyan, and no colour of a palette that another terminal would lack.
        let bar = screen.split(separator: "\n").first { $0.hasSuffix("middle") }
        #expect(bar?.contains("\u{1B}[36m") == (count > 0), "\(screen)")
        #expect(!screen.contains("38;5") && !screen.contains("\u{1B}[9"))
        try terminal.press("q")
    }

    /// Records are sorted before anything of them can be shown, which may take minutes.
    @Test func readingRecordsShowsHowFarItIs() throws {
        let directory = try TemporaryDirectory([.directory("tree", [.file("f", "x")])])
        let script = #"""
            "$0" --ndjson "$1/tree" >"$1/few"
            head -1 "$1/few" >"$1/many"
            grep '"path":"[^"]*/f"' "$1/few" | python3 -c '
            import sys
            line = sys.stdin.readline()
            for number in range(100000):
                sys.stdout.write(line.replace("/f" + chr(34), "/f%d" % number + chr(34)))
            ' >>"$1/many"
            tail -1 "$1/few" >>"$1/many"
            """#
        _ = try output(of: ["sh", "-ec", ByteString(script), Fsscan.path, directory.path])
        let terminal = try Terminal()
        try terminal.type("$F browse '\(directory.appending("many"))'; echo status=$?")
        let screen = try terminal.waitFor("reading: ")
        #expect(screen.contains(" %, "))
        // It can be given up.
        try terminal.press("C-c")
        try terminal.waitFor { try $0.contains("status=130") && !terminal.isTakenOver() }
    }
}

/// `HumanUnits` of the program, reimplemented: one decimal, powers of 1024.
private enum HumanBytes {
    static func text(_ bytes: Int64) -> String {
        var (value, unit) = (Double(bytes), "B")
        for next in ["KiB", "MiB", "GiB"] where value >= 1024 { (value, unit) = (value / 1024, next) }
        return unit == "B" ? "\(bytes) B" : "\((value * 10).rounded() / 10) \(unit)"
    }
}
