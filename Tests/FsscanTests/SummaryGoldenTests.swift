// The reviewed summary for people: fixtures/summary-*.txt, renewed by `make fixtures`.

import CNcurses
import Entries
import LinuxKernel
import TestSupport
import Testing

@testable import ScanEngine
@testable import fsscan

@Suite struct SummaryGoldenTests {
    /// The C library knows widths only of the characters of its locale.
    init() { _ = cncurses_set_locale(1) }

    private static let gibibyte = Int64(1) << 30

    /// Directories by path below `/srv`: their entries and tenths of a GiB.
    private static let directories: [(path: [ByteString], entries: Int64, tenths: Int64)] = [
        ([], 412_306, 1182), (["backup"], 184_200, 710), (["backup", "2026-10"], 61_003, 402),
        (["backup", "2026-10", "daily"], 61_002, 402), (["backup", "2026-10", "daily", "full"], 61_001, 401),
        (["vm"], 61, 389),
        (["backup", "\u{5199}\u{771F}\u{306E}\u{30D0}\u{30C3}\u{30AF}\u{30A2}\u{30C3}\u{30D7}"], 9, 152),
        (
            [
                "vm",
                "a name with\nanother line \u{1B}[31mand \u{202E}an escape, and so long that no terminal has room for it",
            ], 12, 94
        ),
        (["vm", [0x63, 0x61, 0x66, 0xE9]], 4, 31), (["www"], 90_114, 7),
    ]

    private static var map: [MapNode] {
        directories.enumerated().map { number, directory in
            MapNode(
                parent: number == 0 ? nil : directories.firstIndex { $0.path == directory.path.dropLast() },
                name: directory.path.last?.bytes ?? Array("/srv".utf8), isDirectory: true, isLinked: false,
                entries: directory.entries, apparentBytes: directory.tenths * gibibyte / 12,
                diskBytes: directory.tenths * gibibyte / 10, ownBytes: 4096, lastChange: nil, uid: 0)
        }
    }

    static var report: ScanReport {
        var report = ScanReport()
        report.totals.entries = 412_306
        (report.totals.files, report.totals.directories, report.totals.symlinks) = (389_201, 21_005, 2100)
        (report.totals.diskBytes, report.totals.apparentBytes) = (1182 * gibibyte / 10, 1101 * gibibyte / 10)
        (report.totals.hardLinkedFiles, report.totals.errors) = (1204, 3)
        report.roots = [RootReport(path: Array("/srv".utf8))]
        report.map = map
        func bytes(_ tenths: Int64, _ files: Int64) -> FileCounts {
            FileCounts(files: files, apparentBytes: tenths * gibibyte / 11, diskBytes: tenths * gibibyte / 10)
        }
        report.largestFiles = [
            ("vm/production/images/database-server-2026-11.qcow2", 310), ("backup/\u{1B}]0;title\u{7}.tar", 9),
        ].map { path, tenths in
            LargestFile(
                path: Array("/srv/\(path)".utf8), apparentBytes: tenths * gibibyte / 10,
                diskBytes: tenths * gibibyte / 10, lastChange: FileTime(seconds: 1_764_441_000, nanoseconds: 5))
        }
        report.extensions = [
            ("tar", 300, 1204), ("qcow2", 381, 9), ("", 92, 100_001), ("log", 91, 6000), ("sql", 77, 12), ("so", 3, 40),
        ].map { ExtensionCount(fileExtension: $0, bytes($1, $2)) }
        report.ages = [
            (FileAge.day, 2, 900), (.week, 0, 0), (.month, 121, 8000), (.quarter, 10, 77), (.year, 410, 9),
            (.older, 422, 300_000),
        ].map { AgeCount(age: $0, bytes($1, $2)) }
        report.sizes = [(0, 0, 12), (1, 1, 90), (1024, 2, 90), (1 << 30, 900, 20)].map {
            SizeCount(size: $0, bytes($1, $2))
        }
        report.owners = [(0, "root", 701), (33, "www-data", 318), (1000, nil, 163)].map { id, name, tenths in
            OwnerCount(id: id, name: name, entries: Int64(tenths) * 100, bytes(tenths, 50))
        }
        report.groups = report.owners
        report.timing.elapsedSeconds = 1.94
        report.timing.threads = 2
        return report
    }

    private static func style(_ columns: Int?, isUTF8: Bool) -> TextStyle {
        let isTerminal = columns != nil
        let quoting = Quoting(
            escapesBidirectional: isTerminal, escapesNonASCII: isTerminal && !isUTF8, usesCurlyQuotes: isUTF8)
        var style = TextStyle(quoting: quoting, isUTF8: isUTF8)
        (style.isTerminal, style.width) = (isTerminal, columns)
        return style
    }

    static func summary(
        _ report: ScanReport = report, columns: Int? = nil, isUTF8: Bool = true, top: Int = 10,
        table: SummaryTable? = nil, _ change: (inout TextStyle, inout ScanOptions) -> Void = { _, _ in }
    ) -> [UInt8] {
        var options = ScanOptions(paths: [], threads: 2)
        options.top = top
        var style = style(columns, isUTF8: isUTF8)
        change(&style, &options)
        var summary = TextSummary(report, options: options, style: style, table: table)
        return summary.bytes()
    }

    @Test(arguments: [40, 80, 200, nil], [true, false])
    func theSummaryIsTheReviewedOne(columns: Int?, isUTF8: Bool) throws {
        let text = Self.summary(columns: columns, isUTF8: isUTF8)
        let name = "summary-\(columns.map(String.init) ?? "pipe")\(isUTF8 ? "" : "-c").txt"
        let difference = try Golden.difference(text, from: ByteString(name))
        #expect(difference == nil)
        guard let columns else { return }
        let screen = ScreenText(quoting: Self.style(columns, isUTF8: isUTF8).quoting, isUTF8: isUTF8)
        for line in text.split(separator: 0x0A) {
            #expect(screen.width(Array(line)) <= columns, "\(String(decoding: line, as: UTF8.self))")
            #expect(isUTF8 || line.allSatisfy { $0 < 0x7F })
        }
    }

    @Test(arguments: SummaryTable.allCases, [40, 80])
    func tablesFit(_ table: SummaryTable, columns: Int) throws {
        var report = Self.report
        report.mimeTypes = [("application/x-qemu-disk", 381), ("text/plain", 3)].map { type, tenths in
            MIMETypeCount(
                type: type, FileCounts(files: 9, apparentBytes: tenths << 20, diskBytes: tenths * Self.gibibyte / 10))
        }
        let text = Self.summary(report, columns: columns, table: table)
        let lines = String(decoding: text, as: UTF8.self).split(separator: "\n")
        #expect(lines.allSatisfy { $0.count <= columns })
        let difference = try Golden.difference(text, from: ByteString("summary-\(columns)-\(table.rawValue).txt"))
        #expect(difference == nil)
    }
}
