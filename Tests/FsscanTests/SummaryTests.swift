// The summary for people, of constructed reports and of trees.

import Entries
import LinuxKernel
import TestSupport
import Testing

@testable import ScanEngine
@testable import fsscan

@Suite struct SummaryTests {
    private func summary(
        _ report: ScanReport, top: Int = 2, table: SummaryTable? = nil,
        _ change: (inout TextStyle, inout ScanOptions) -> Void = { _, _ in }
    ) -> String {
        String(
            decoding: SummaryGoldenTests.summary(report, isUTF8: false, top: top, table: table, change), as: UTF8.self)
    }

    /// Directories as `path: entries, bytes`; each except the first is inside an earlier one.
    private func report(_ directories: [(String, Int64, Int64)]) -> ScanReport {
        var report = ScanReport()
        report.roots = [RootReport(path: Array("r".utf8))]
        for (path, entries, bytes) in directories {
            let parts = path.split(separator: "/")
            let above = parts.dropLast().joined(separator: "/")
            report.map.append(
                MapNode(
                    parent: directories.firstIndex { $0.0 == above }, name: Array(parts.last!.utf8), isDirectory: true,
                    isLinked: false, entries: entries, apparentBytes: 0, diskBytes: bytes, ownBytes: 0, lastChange: nil,
                    uid: 0))
        }
        report.totals.entries = directories[0].1
        report.totals.diskBytes = directories[0].2
        return report
    }

    /// The lines of the tree without bars.
    private func tree(_ report: ScanReport, top: Int = 9) -> [String] {
        summary(report, top: top).split(separator: "\n").filter { $0.contains("%") }.map { line in
            line.replacing(#/ [#.]+ +/#, with: " ").trimmingPrefix(#/ +/#).description
        }
    }

    /// A line of the overview has a title and something beside it: without files there are no ages and no kinds.
    @Test func aTreeWithoutFilesHasNoEmptyLines() throws {
        let empty = try TemporaryDirectory()
        let lines = try run(empty.path)
        #expect(lines.contains { $0.hasPrefix("Owners  ") }, "\(lines)")
        #expect(!lines.contains { $0.hasPrefix("Ages") || $0.hasPrefix("Kinds") }, "\(lines)")
    }

    @Test func theTreeIsThatOfTheLargestDirectories() {
        let report = report([
            ("r", 100, 1000), ("r/a", 50, 800), ("r/a/x", 20, 700), ("r/b", 30, 100), ("r/a/y", 10, 90), ("r/c", 5, 50),
        ])
        #expect(
            tree(report) == [
                "1000 B 100%  r", "800 B 80%  |- a", "700 B 70%  |  |- x", "90 B 9%  |  |- y",
                "10 B 1%  |  `- 19 others",
                "100 B 10%  |- b", "50 B 5%  |- c", "50 B 5%  `- 14 others",
            ])
        #expect(
            tree(report, top: 2) == [
                "1000 B 100%  r", "800 B 80%  |- a", "700 B 70%  |  |- x", "100 B 10%  |  `- 29 others",
                "200 B 20%  `- 49 others",
            ])
        #expect(tree(report, top: 0) == [])
    }

    @Test func aChainOfSingleDirectoriesIsALine() {
        let report = report([
            ("r", 100, 1000), ("r/a", 99, 990), ("r/a/b", 98, 980), ("r/a/b/c", 97, 970), ("r/a/b/c/d", 50, 900),
            ("r/a/b/c/e", 46, 60),
        ])
        #expect(tree(report) == ["1000 B 100%  r", "990 B 99%  `- a/b/c", "900 B 90%     |- d", "60 B 6%     `- e"])
        // It uses one of the lines.
        #expect(
            tree(report, top: 2) == [
                "1000 B 100%  r", "990 B 99%  `- a/b/c", "900 B 90%     |- d", "70 B 7%     `- 46 others",
            ])
    }

    /// A file with names in two directories counts in both, and once in the one above.
    @Test func theRestIsNeverNegative() {
        let report = report([("r", 10, 100), ("r/a", 4, 90), ("r/b", 4, 90)])
        #expect(tree(report) == ["100 B 100%  r", "90 B 90%  |- a", "90 B 90%  |- b", "0 B 0%  `- 1 other"])
    }

    @Test func aTreeOfAnyDepthIsOneOfLines() {
        // There is a file beside each.
        let levels = (0..<500).map { level in
            ("r" + String(repeating: "/d", count: level), Int64(2000 - 2 * level), Int64(2000 - 2 * level))
        }
        let text = SummaryGoldenTests.summary(report(levels), columns: 60, isUTF8: false, top: 1000)
        let lines = text.split(separator: 0x0A)
        #expect(lines.count > 998 && lines.allSatisfy { $0.count <= 60 })
    }

    @Test func theFirstLinesAreTheTotals() {
        #expect(
            summary(SummaryGoldenTests.report).hasPrefix(
                """
                /srv
                412,306 entries: 389,201 files, 21,005 directories, 2,100 symlinks
                118.2 GiB on disk, 110.1 GiB apparent
                1,204 hard-linked files, counted once
                1.9 s with 2 threads


                """))
        var empty = SummaryGoldenTests.report
        empty.roots = [RootReport(path: [])]
        #expect(summary(empty).hasPrefix("412,306 entries"))
    }

    @Test func listsByTimeShowTimes() {
        var report = SummaryGoldenTests.report
        report.largestDirectories = [
            LargestDirectory(path: Array("/srv\n".utf8), entries: 1, apparentBytes: 1, diskBytes: 2, lastChange: nil)
        ]
        let text = summary(report) { $1.rank = .newest }
        #expect(
            text.contains(
                #"""
                Latest changes: directories
                DISK  APPARENT  ENTRIES  CHANGED  PATH
                 2 B       1 B        1        -  /srv\n

                Latest changes: files
                     DISK   APPARENT           CHANGED  PATH
                 31.0 GiB   31.0 GiB  2025-11-29 18:30  /srv/vm/
                """#))
        #expect(!summary(report).contains("CHANGED"))
    }

    @Test func tablesAddUpToTheTotals() {
        var report = SummaryGoldenTests.report
        report.otherExtensions = FileCounts(files: 100, apparentBytes: 1024, diskBytes: 2048)
        for table in SummaryTable.allCases where table != .mime {
            for top in [1, 2, 10] {
                let text = summary(report, top: top, table: table) { style, _ in style.units = .exact }
                // The last table's rows.
                let rows = text.split(separator: "\n").drop { !$0.contains("SHARE") }.dropFirst().prefix {
                    $0.contains("%")
                }
                let numbers = rows.map { $0.split(separator: " ").map { Int64($0.replacing(",", with: "")) ?? 0 } }
                #expect(numbers.reduce(0) { $0 + $1[0] } == report.totals.diskBytes, "\(table), \(top)")
            }
        }
        #expect(summary(report, table: .extension).contains("  others, more than 4\n"))
    }

    /// Sorted by the shown size: the report has another order.
    @Test func tablesAreSortedByDiskBytes() {
        let text = summary(SummaryGoldenTests.report, table: .extension)
        #expect(text.contains("  .qcow2\n"))
        let places = [".qcow2", ".tar"].map { text.firstRange(of: "  \($0)\n")?.lowerBound }
        #expect(places[0]! < places[1]!)
    }

    @Test func colourChangesNothingElse() {
        let coloured = summary(SummaryGoldenTests.report) { style, _ in style.usesColour = true }
        #expect(coloured != summary(SummaryGoldenTests.report))
        #expect(coloured.replacing(/\u{1B}\[[0-9;]*m/, with: "") == summary(SummaryGoldenTests.report))
    }

    @Test func severalPathsHaveALineEach() {
        var several = SummaryGoldenTests.report
        several.roots = (0..<30).map { RootReport(path: Array("/p\($0)".utf8)) }
        several.totals.errors = 2
        several.complete = false
        let lines = summary(several).split(separator: "\n")
        #expect(lines.first == "Stopped before the end: the figures are incomplete.")
        #expect(lines.last == "! 2 errors: not everything could be read, see standard error.")
        // All of them in a file, a screenful on a terminal.
        #expect(lines.filter { $0.contains("  /p") }.count == 30)
        let terminal = summary(several) { style, _ in style.isTerminal = true }
        #expect(terminal.contains("and 10 more; files, pipes and --json get all of them"))
    }

    @Test func sizesOfPseudoFileSystemsAreNamed() {
        var pseudo = SummaryGoldenTests.report
        pseudo.pseudoFileSystems = ["sysfs", "proc"].map {
            PseudoFileSystemCount(type: $0, entries: 1, FileCounts(files: 1, apparentBytes: 1 << 46))
        }
        #expect(summary(pseudo).contains("\nof these, pseudo file systems (proc, sysfs): 128.0 TiB apparent\n"))
    }

    // MARK: Of a tree

    private static let tree: Tree = [
        .directory(
            "t",
            [
                .directory("a", [.directory("b", [.directory("c", [.file("libz.so.4", zeros(200_000))])])]),
                .directory("d", [.file("x", zeros(90_000)), .directory("e", [.file("y.txt", zeros(50_000))])]),
                .directory("small\n\u{1B}[2J", [.file("z", zeros(9000)), .hardLink("l", to: "t/d/x")]), .file("f"),
            ])
    ]

    private static func zeros(_ count: Int) -> ByteString { ByteString([UInt8](repeating: 0, count: count)) }

    private func run(_ arguments: ByteString..., locale: String = "C.UTF-8") throws -> [String] {
        let directory = try TemporaryDirectory(Self.tree)
        let outcome = try Fsscan.run(
            arguments,
            ProcessOptions {
                $0.directory = directory.path
                $0.environment = ["LC_ALL": locale]
            })
        #expect(outcome.status == 0, "\(outcome.errorText)")
        return outcome.outputText.split(separator: "\n").map(String.init)
    }

    @Test(arguments: threadCounts) func figuresAreThoseOfDu(threads: Int) throws {
        let directory = try TemporaryDirectory(Self.tree)
        let script: ByteString = """
            $F --bytes --threads \(ByteString("\(threads)")) t | sed -n 's/^ *\\([0-9,]*\\) B [#.]* *[0-9]*%  \\([-`| ]*\\)/\\1 /p' |
                tr -d ',' > ours
            cat ours
            """
        let outcome = try Fsscan.shell(script, in: directory, ProcessOptions { $0.environment = ["LC_ALL": "C"] })
        let lines = outcome.outputText.split(separator: "\n").map { $0.split(separator: " ", maxSplits: 1) }
        func du(_ path: ByteString) throws -> Substring {
            let printed = try output(of: ["du", "-s", "-B1", directory.appending(path)])
            return String(decoding: printed, as: UTF8.self).prefix { $0 != "\t" }
        }
        let expected = try [
            (du("t"), "t"), (du("t/a"), "a/b/c"), (du("t/d"), "d"), (du("t/d/e"), "e"),
            (du("t/small\n\u{1B}[2J"), #"small\n\033[2J"#),
        ]
        for (size, name) in expected {
            #expect(lines.contains { $0[0] == size && $0.last == Substring(name) }, "\(name): \(lines)")
        }
        #expect(lines.filter { $0.last?.contains("other") == true }.count == 2)
    }

    @Test func depthIsThatOfTheTree() throws {
        func names(_ depth: ByteString) throws -> [Substring] {
            try run("--depth", depth, "t").filter { $0.contains("%") }.map { $0.split(separator: "%  ").last! }
        }
        #expect(try names("0") == ["t"])
        #expect(try names("1") == ["t", "├─ a", "├─ d", #"├─ small\n\033[2J"#, "└─ 1 other"])
        #expect(try names("2").contains("├─ a/b"))
        #expect(try names("9").contains("├─ a/b/c"))
    }

    @Test func barsAreASCIIWhereTheLocaleIs() throws {
        #expect(try run("t", locale: "C").joined().utf8.allSatisfy { $0 < 0x7F })
        #expect(try run("t").contains { $0.contains("████") && $0.hasSuffix("100%  t") })
        #expect(try run("t", locale: "C").contains { $0.hasSuffix("#################### 100%  t") })
    }

    @Test func theKindOfALibraryIsThatOfTheReport() throws {
        #expect(try run("t").contains { $0.hasPrefix("Kinds") && $0.contains(" .so ") })
        #expect(try run("--table", "ext", "t").contains { $0.hasSuffix("  .so") })
        #expect(!(try run("--table", "ext", "t").contains { $0.hasPrefix("Owners") }))
        #expect(try run("--table", "mime", "t").contains("MIME types"))
    }

    @Test func unitsAndColoursAreThoseThatAreAskedFor() throws {
        #expect(try run("--si", "t").contains { $0.contains(" kB on disk") })
        #expect(try run("--bytes", "t").contains { $0.hasSuffix(" B apparent") && $0.contains(",") })
        #expect(try run("--color", "always", "t").contains { $0.contains("\u{1B}[") })
        for choice: ByteString in ["never", "auto"] {
            #expect(!(try run("--color", choice, "t").contains { $0.contains("\u{1B}") }))
        }
    }

    @Test(
        arguments: [
            (["--si", "--bytes", "/"], "one unit at a time: --si or --bytes"),
            (["--si", "--json", "/"], "--si is for the summary: use it with --format text"),
            (["--table", "ext", "--format", "du", "/"], "--table is for the summary: use it with --format text"),
            (["--table", "kind", "/"], "--table: 'kind' is not one of ext owner group age size mime"),
            (["--color", "yes", "/"], "--color: 'yes' is not one of auto always never"),
        ] as [([ByteString], String)])
    func contradictoryOptionsAreRefused(_ arguments: [ByteString], _ message: String) throws {
        let outcome = try Fsscan.run(arguments)
        #expect(outcome.status == 64)
        #expect(outcome.errorText == "fsscan: \(message)\n")
    }

    @Test func terminalOutputFitsTheWidth() throws {
        let long = ByteString(String(repeating: "long-", count: 20))
        let directory = try TemporaryDirectory([.directory("t", [.directory(long, [.file("f", Self.zeros(50_000))])])])
        for (columns, environment) in [(40, [:]), (100, ["LC_ALL": "C"])] as [(Int, [String: String])] {
            var variables = environment
            variables["D"] = directory.path.text
            let terminal = try Terminal(columns: columns, rows: 50, environment: variables)
            try terminal.type("cd $D; clear; $F --no-progress t; echo end$((1+1))")
            let lines = try terminal.waitFor("end2").split(separator: "\n")
            let line = try #require(lines.first { $0.contains("- long-") || $0.contains("─ long-") })
            #expect(line.contains(columns == 40 ? "…" : "~") && line.hasSuffix("long-"), "\(line)")
            #expect(line.count <= columns && line.count > columns - 3, "\(line)")
            // The end of an overlong line would be on a line of its own.
            #expect(!lines.contains { $0.hasPrefix("ong-") || $0.hasPrefix("long-") || $0.hasPrefix("g-") })
        }
    }
}
