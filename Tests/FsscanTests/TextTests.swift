import Entries
import Glibc
import LinuxKernel
import ScanEngine
import TestSupport
import Testing

@testable import fsscan

@Suite struct TextTests {
    private let plain = Quoting(escapesBidirectional: false, escapesNonASCII: false, usesCurlyQuotes: true)
    private let terminal = Quoting(escapesBidirectional: true, escapesNonASCII: false, usesCurlyQuotes: true)
    private let cLocale = Quoting(escapesBidirectional: true, escapesNonASCII: true, usesCurlyQuotes: false)

    private func escaped(_ name: [UInt8], _ quoting: Quoting) -> String {
        String(decoding: quoting.escaped(name), as: UTF8.self)
    }

    @Test func namesAreEscapedAsLsDoes() throws {
        // ls -b escapes spaces, which the summary does not.
        var names = (1...255).filter { $0 != 0x2F && $0 != 0x20 }.map { ByteString([UInt8($0), 0x21]) }
        names += ["\u{85}", "\u{E9}", "\u{2028}", "\u{1F600}", [0xED, 0xA0, 0x80], [0xE2, 0x82], "a\\b\nc"]
        let directory = try TemporaryDirectory(Tree(names.map { .file($0) }))
        for (locale, quoting) in [("C.UTF-8", plain), ("C", cLocale)] {
            let listing = try output(
                of: ["ls", "-bUA1", directory.path], ProcessOptions { $0.environment = ["LC_ALL": locale] })
            let expected = listing.split(separator: 0x0A).map { ByteString($0) }.sorted()
            #expect(names.map { ByteString(quoting.escaped($0.bytes)) }.sorted() == expected)
        }
    }

    @Test func charactersThatReorderTextAreEscapedOnATerminal() {
        let name = Array("a\u{202E}b\u{2066}".utf8)
        #expect(escaped(name, plain) == "a\u{202E}b\u{2066}")
        #expect(escaped(name, terminal) == #"a\342\200\256b\342\201\246"#)
    }

    @Test func quotationMarksAreFinds() {
        let name = Array("it's".utf8)
        #expect(String(decoding: plain.quoted(name), as: UTF8.self) == "‘it's’")
        #expect(String(decoding: cLocale.quoted(name), as: UTF8.self) == #"'it\'s'"#)
    }

    @Test(
        arguments: [
            (0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (1536, "1.5 KiB"), (1024 * 1024 - 1, "1.0 MiB"),
            (1_048_524, "1023.9 KiB"), (5 << 30, "5.0 GiB"), (.max, "8.0 EiB"),
        ] as [(Int64, String)])
    func bytesAreForPeople(_ count: Int64, _ text: String) { #expect(HumanUnits.bytes(count) == text) }

    @Test(arguments: [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")] as [(Int64, String)])
    func countsAreGrouped(_ count: Int64, _ text: String) { #expect(HumanUnits.count(count) == text) }

    @Test(arguments: [(0, "0.000 s"), (0.0214, "0.021 s"), (59.96, "59.9 s"), (61, "1 min 1 s")] as [(Double, String)])
    func secondsAreShort(_ seconds: Double, _ text: String) { #expect(HumanUnits.seconds(seconds) == text) }

    private func summary(_ report: ScanReport, top: Int = 2, colour: Bool = false) -> String {
        var options = ScanOptions(paths: [], threads: 2)
        options.top = top
        let style = TextStyle(isTerminal: colour, usesColour: colour, quoting: plain)
        var summary = TextSummary(report, options: options, style: style)
        return String(decoding: summary.bytes(), as: UTF8.self)
    }

    private var report: ScanReport {
        var report = ScanReport()
        report.totals.entries = 1876
        (report.totals.files, report.totals.directories) = (1875, 1)
        (report.totals.diskBytes, report.totals.apparentBytes) = (5 << 30, 4 << 30)
        report.roots = [RootReport(path: Array("/data\n".utf8))]
        report.largestDirectories = [
            LargestDirectory(
                path: Array("/data\n".utf8), entries: 1235, apparentBytes: 4 << 30, diskBytes: 5 << 30,
                lastChange: nil)
        ]
        report.largestFiles = [
            LargestFile(
                path: [0xFF], apparentBytes: 1 << 20, diskBytes: 4096,
                lastChange: FileTime(seconds: 1_764_441_000, nanoseconds: 5)),
            LargestFile(
                path: Array("é".utf8), apparentBytes: 10, diskBytes: 0, lastChange: FileTime(seconds: 0, nanoseconds: 0)
            ),
        ]
        report.extensions = ["so", "", "c", "h"].enumerated().map { index, name in
            let bytes = Int64(100_000 >> index)
            return ExtensionCount(
                fileExtension: name,
                FileCounts(files: Int64(1000 >> index), apparentBytes: bytes, diskBytes: bytes + 1000))
        }
        report.timing.elapsedSeconds = 0.25
        report.timing.threads = 2
        return report
    }

    @Test func theSummaryLooksLikeThis() {
        #expect(
            summary(report) == #"""
                /data\n
                1,876 entries: 1,875 files, 1 directory
                5.0 GiB on disk, 4.0 GiB apparent
                0.250 s with 2 threads

                Largest directories
                   DISK  APPARENT  ENTRIES  PATH
                5.0 GiB   4.0 GiB    1,235  /data\n

                Largest files
                   DISK  APPARENT  PATH
                4.0 KiB   1.0 MiB  \377
                    0 B      10 B  é

                Kinds of files
                    DISK  APPARENT  ENTRIES  EXTENSION
                98.6 KiB  97.7 KiB    1,000  .so
                49.8 KiB  48.8 KiB      500  (none)
                38.6 KiB  36.6 KiB      375  2 others
                 5.0 GiB   4.0 GiB        1  (not files)

                """#)
    }

    @Test func agesAndSizesAreThoseThatThereAre() {
        var aged = report
        let counts = FileCounts(files: 3, apparentBytes: 2048, diskBytes: 4096)
        aged.ages = [AgeCount(age: .day, counts), AgeCount(age: .week, FileCounts()), AgeCount(age: .future, counts)]
        aged.sizes = [0, 1, 1024, 4096].map { SizeCount(size: $0, counts) } + [SizeCount(size: nil, counts)]
        #expect(
            summary(aged).hasSuffix(
                """

                Ages of files
                   DISK  APPARENT  FILES  AGE
                4.0 KiB   2.0 KiB      3  < 1 day
                4.0 KiB   2.0 KiB      3  in the future

                Sizes of files
                   DISK  APPARENT  FILES  SIZE
                4.0 KiB   2.0 KiB      3  empty
                8.0 KiB   4.0 KiB      6  < 4 KiB
                4.0 KiB   2.0 KiB      3  < 64 KiB
                4.0 KiB   2.0 KiB      3  unknown

                """))
    }

    @Test func listsByTimeShowTimes() {
        var options = ScanOptions(paths: [], threads: 2)
        options.rank = .newest
        let style = TextStyle(isTerminal: false, usesColour: false, quoting: plain)
        var summary = TextSummary(report, options: options, style: style)
        #expect(
            String(decoding: summary.bytes(), as: UTF8.self).contains(
                #"""
                Latest changes: directories
                   DISK  APPARENT  ENTRIES  CHANGED  PATH
                5.0 GiB   4.0 GiB    1,235        -  /data\n

                Latest changes: files
                   DISK  APPARENT           CHANGED  PATH
                4.0 KiB   1.0 MiB  2025-11-29 18:30  \377
                    0 B      10 B  1970-01-01 00:00  é

                """#))
    }

    @Test func whatTheListLeavesOutIsInItsSum() {
        var many = report
        many.otherExtensions = FileCounts(files: 100, apparentBytes: 1024, diskBytes: 2048)
        many.totals.files += 100
        many.totals.entries += 100
        #expect(summary(many).contains("40.6 KiB  37.6 KiB      475  others, more than 2\n"))
        #expect(summary(many, top: 4).contains(" 2.0 KiB   1.0 KiB      100  others, more than 0\n"))
    }

    @Test func sizesOfPseudoFileSystemsAreNamed() {
        var pseudo = report
        pseudo.pseudoFileSystems = ["sysfs", "proc"].map {
            PseudoFileSystemCount(type: $0, entries: 1, FileCounts(files: 1, apparentBytes: 1 << 46))
        }
        #expect(summary(pseudo).contains("\nof these, pseudo file systems (proc, sysfs): 128.0 TiB apparent\n"))
    }

    @Test func anEmptyPathHasNoTitle() {
        var empty = report
        empty.roots = [RootReport(path: [])]
        #expect(summary(empty).hasPrefix("1,876 entries"))
    }

    @Test func colourChangesNothingElse() {
        let coloured = summary(report, colour: true)
        #expect(coloured != summary(report))
        #expect(coloured.replacing(/\u{1B}\[[0-9;]*m/, with: "") == summary(report))
    }

    @Test func severalPathsHaveALineEach() {
        var several = report
        several.roots = (0..<30).map { RootReport(path: Array("/p\($0)".utf8)) }
        several.totals.errors = 2
        several.complete = false
        let lines = summary(several).split(separator: "\n")
        #expect(lines.first == "Stopped before the end: what follows is only what was seen until then.")
        #expect(lines.last == "2 errors: not everything could be read, see standard error.")
        // All of them in a file, a screenful on a terminal.
        #expect(lines.filter { $0.contains("/p") }.count == 30)
        #expect(summary(several, colour: true).contains("and 10 more, all of them in a file or pipe and with --json"))
    }
}
