// The browser's display and keys, without a terminal.

import CNcurses
import Entries
import Glibc
import LinuxKernel
import ScanEngine
import TestSupport
import Testing

@testable import fsscan

/// A browser on a finished scan, with its files listed.
func browser(_ directory: TemporaryDirectory, _ change: (inout ScanOptions) -> Void = { _ in }) throws -> BrowseModel {
    var options = ScanOptions(paths: [directory.path.bytes], threads: 2)
    change(&options)
    let source = try LiveBrowse(options)
    let quoting = Quoting(escapesBidirectional: true, escapesNonASCII: false, usesCurlyQuotes: true)
    let model = BrowseModel(source, text: ScreenText(quoting: quoting, isUTF8: true))
    model.waitUntilQuiet()
    return model
}

extension BrowseModel {
    /// Until all started work is finished.
    func waitUntilQuiet() {
        while isBusy {
            update()
            usleep(1000)
        }
        update()
    }

    func press(_ text: String) {
        for byte in text.utf8 {
            _ = press(.character(byte))
            waitUntilQuiet()
        }
    }

    var names: [String] { lines.map { String(decoding: facts(of: $0).name, as: UTF8.self) } }

    var selectedName: String? { selected.map { String(decoding: facts(of: $0).name, as: UTF8.self) } }

    func text(rows: Int, columns: Int) -> [String] {
        screen(rows: rows, columns: columns).map { String(decoding: $0.text, as: UTF8.self) }
    }
}

@Suite struct BrowseModelTests {
    init() { _ = cncurses_set_locale(1) }

    private let tree: Tree = [
        .directory("small", [.file("s", "x")], mtime: 1_000_000_000),
        .directory(
            "large", [.file("l", String(repeating: "x", count: 300_000).byteString), .directory("in", [.file("f")])]),
        .file("middle.txt", String(repeating: "y", count: 100_000).byteString, mtime: 1_500_000_000),
        .file(".dotted", "z"),
    ]

    @Test func sizesComeLargestFirst() throws {
        let model = try browser(try TemporaryDirectory(tree))
        #expect(model.names.prefix(2) == ["large", "middle.txt"])
    }

    @Test func aKeyPressedTwiceTurnsTheOrderAround() throws {
        let model = try browser(try TemporaryDirectory(tree))
        model.press("n")
        #expect(model.names == [".dotted", "large", "middle.txt", "small"])
        model.press("n")
        #expect(model.names == ["small", "middle.txt", "large", ".dotted"])
        model.press("C")
        #expect(model.names.prefix(2) == ["large", "small"])
        model.press("nt")
        #expect(model.names == ["large", "small", ".dotted", "middle.txt"])
        model.press("e")
        #expect(model.names == ["large", "small", "middle.txt"])
    }

    @Test func enteringAndLeavingComesBackToTheSameLine() throws {
        let directory = try TemporaryDirectory(tree)
        defer { withExtendedLifetime(directory) {} }
        let model = try browser(directory)
        model.press("nj")
        #expect(model.selectedName == "large")
        model.press("l")
        #expect(Set(model.names) == ["l", "in"])
        model.press("h")
        #expect(model.selectedName == "large")
        // There is nothing above the PATH.
        model.press("h")
        #expect(model.selectedName == "large")
    }

    @Test func theSelectedLineStaysSelectedAndInItsPlace() throws {
        let nodes = (0..<100).map { Node.file(ByteString("f\($0)"), ByteString(Array(repeating: 1, count: $0 * 5000))) }
        let model = try browser(try TemporaryDirectory(Tree(nodes)))
        _ = model.screen(rows: 14, columns: 80)
        for _ in 0..<30 { _ = model.press(.down) }
        let name = model.selectedName
        let row = model.cursor - model.top
        model.press("n")
        _ = model.screen(rows: 14, columns: 80)
        #expect(model.selectedName == name)
        #expect(model.cursor - model.top == row)
        #expect(model.screen(rows: 14, columns: 80).filter(\.isSelected).count == 1)
    }

    @Test func untilALineIsChosenTheFirstIsSelected() throws {
        let model = try browser(try TemporaryDirectory(tree))
        #expect(model.selectedName == "large")
        model.press("n")
        #expect(model.selectedName == ".dotted")
    }

    @Test func theFilterNarrowsWithEachLetter() throws {
        let model = try browser(try TemporaryDirectory(tree))
        model.press("/L")
        #expect(Set(model.names) == ["large", "small", "middle.txt"])
        model.press("L")
        #expect(model.names == ["small"])
        #expect(model.text(rows: 10, columns: 60).last?.contains("/LL") == true)
        _ = model.press(.backspace)
        _ = model.press(.enter)
        model.waitUntilQuiet()
        #expect(model.names.count == 3)
        // Letters are keys again.
        model.press("n")
        #expect(model.names == ["large", "middle.txt", "small"])
        _ = model.press(.escape)
        model.waitUntilQuiet()
        #expect(model.names.count == 4)
    }

    @Test func qEndsIt() throws {
        let model = try browser(try TemporaryDirectory(tree))
        #expect(!model.press(.character(UInt8(ascii: "q"))))
        #expect(model.press(.character(UInt8(ascii: "?"))))
        #expect(model.text(rows: 24, columns: 100).contains { $0.contains("go into the directory") })
        // In the help it closes the help.
        #expect(model.press(.character(UInt8(ascii: "q"))))
        #expect(model.panel == nil)
    }

    @Test func informationNamesTheExactBytes() throws {
        let directory = try TemporaryDirectory(tree)
        let model = try browser(directory)
        model.press("nji")
        let apparent = model.facts(of: model.selected!).apparentBytes
        let text = model.text(rows: 24, columns: 200).joined(separator: "\n")
        #expect(text.contains("(\(HumanUnits.count(apparent)) B)"))
        #expect(text.contains(String(decoding: directory.path.bytes, as: UTF8.self) + "/"))
    }

    private static let oddNames: [ByteString] = [
        "plain", "wide \u{65E5}\u{672C}\u{8A9E}\u{65E5}\u{672C}\u{8A9E}", "e\u{301}\u{301}\u{301} combined",
        [0xFF, 0xFE, 0x41], "esc\u{1B}[31mred", "new\nline", "tab\tname", "\u{202E}reversed", "back\\slash",
        ByteString(Array(repeating: UInt8(ascii: "n"), count: 255)), "\u{301}", "\u{1F468}\u{200D}\u{1F469}",
        ByteString(Array(String(repeating: "\u{5B57}", count: 85).utf8)), "\u{AD}soft", "\u{E000}private", "\u{10FFFD}",
    ]

    @Test(arguments: [20, 40, 41, 59, 60, 61, 75, 90, 110, 200]) func aScreenFitsItsTerminal(columns: Int) throws {
        let directory = try TemporaryDirectory(
            Tree(Self.oddNames.map { .file($0, "x") }))
        let model = try browser(directory)
        for rows in [5, 6, 10, 24, 60] {
            let screen = model.screen(rows: rows, columns: columns)
            #expect(screen.count == rows)
            for row in screen {
                #expect(row.width <= columns)
                #expect(row.width == model.text.width(row.text), "\(String(decoding: row.text, as: UTF8.self))")
                #expect(!row.text.contains { $0 < 0x20 || $0 == 0x7F })
                #expect(String(validating: row.text, as: UTF8.self) != nil)
            }
        }
        for (rows, columns) in [(0, 0), (1, 1), (4, 80), (24, 10)] {
            #expect(model.screen(rows: rows, columns: columns).count == rows)
        }
    }

    @Test func namesAreShownEscaped() throws {
        let model = try browser(try TemporaryDirectory(Tree(Self.oddNames.map { .file($0, "x") })))
        let text = model.text(rows: 40, columns: 120).joined(separator: "\n")
        #expect(text.contains(#"\377\376A"#))
        #expect(text.contains(#"esc\033[31mred"#))
        #expect(text.contains(#"new\nline"#))
        #expect(text.contains(#"\342\200\256reversed"#))
        #expect(text.contains(#"back\\slash"#))
        #expect(text.contains("wide \u{65E5}\u{672C}"))
    }

    @Test func aTerminalWithoutUTF8GetsASCII() throws {
        let directory = try TemporaryDirectory([.file("\u{E9}", "x"), .directory("d", [.file("f", "x")])])
        let source = try LiveBrowse(ScanOptions(paths: [directory.path.bytes], threads: 1))
        let quoting = Quoting(escapesBidirectional: true, escapesNonASCII: true, usesCurlyQuotes: false)
        let model = BrowseModel(source, text: ScreenText(quoting: quoting, isUTF8: false))
        model.waitUntilQuiet()
        let rows = model.screen(rows: 24, columns: 100)
        #expect(rows.allSatisfy { $0.text.allSatisfy { $0 < 0x7F } })
        #expect(rows.contains { String(decoding: $0.text, as: UTF8.self).contains(#"\303\251"#) })
    }

    @Test func agesAreInPlainWords() {
        let day: Int64 = 86_400
        let ages = [-1000, -10, 0, day - 1, day, 59 * day, 60 * day, 729 * day, 730 * day, 20_000 * day].map {
            RowLayout.age(0, now: $0)
        }
        #expect(
            ages == [
                "future", "today", "today", "today", "1 day", "59 days", "2 months", "24 months", "2 years", "54 years",
            ])
        #expect(RowLayout.age(.min, now: 0) == "?")
    }

    @Test func manyLinesAreSortedElsewhere() throws {
        let directory = try TemporaryDirectory()
        _ = try output(of: ["sh", "-c", "cd \"$0\" && seq -f 'file%06.0f' 1 25000 | xargs touch", directory.path])
        let model = try browser(directory)
        #expect(model.lines.count == 25_000)
        model.press("n")
        #expect(model.names == (1...25_000).map { "file" + String("\(1_000_000 + $0)".dropFirst()) })
        _ = model.press(.end)
        #expect(model.selectedName == "file025000")
        model.press("n")
        #expect(model.names.first == "file025000")
        #expect(model.selectedName == "file025000")
    }

    @Test func excludedEntriesAreMarked() throws {
        let directory = try TemporaryDirectory([
            .file("a.o", "x"), .directory("build", [.file("b")]), .directory("src", [.file("c.o"), .file("c.c")]),
        ])
        let model = try browser(directory) { $0.exclude = [Array("*.o".utf8), Array("build".utf8)] }
        model.press("n")
        #expect(model.names == ["a.o", "build", "src"])
        #expect(model.lines.map { model.facts(of: $0).marks } == [[.excluded], [.excluded], [.excluded]])
        #expect(model.lines.map { model.facts(of: $0).entries } == [nil, nil, 2])
        #expect(model.tree.sums(of: 0).entries == 3)
    }
}

extension String {
    fileprivate var byteString: ByteString { ByteString(Array(utf8)) }
}

/// Panels that are computed on request.
@Suite struct BrowsePanelTests {
    private func text(_ model: BrowseModel) -> String {
        while let tables = model.tables, tables.task.result == nil { usleep(1000) }
        return model.text(rows: 24, columns: 100).joined(separator: "\n")
    }

    @Test func tablesAreOfTheDirectoryThatIsShown() throws {
        let directory = try TemporaryDirectory([
            .directory("d", [.file("a.tar", "12345"), .directory("e", [.file("b.log", "1"), .file("c.log", "1")])]),
            .file("z.iso", ByteString(Array(repeating: 1, count: 20_000))),
        ])
        let model = try browser(directory)
        model.press("T")
        #expect(text(model).contains(".iso"))
        model.press("q")
        model.press("nl")
        model.press("T")
        let kinds = text(model)
        #expect(!kinds.contains(".iso"))
        #expect(kinds.contains("2  .log"))
        model.press("q")
        model.press("L")
        let largest = text(model)
        #expect(largest.contains("  a.tar"))
        #expect(largest.contains("  e/b.log"))
        model.press("q")
        model.press("O")
        let owner = try run(["stat", "-c", "%U", directory.path]).outputText.dropLast()
        #expect(text(model).contains(" 5  \(owner)"))
        model.press("q")
        #expect(model.panel == nil)
    }

    @Test func rScansTheDirectoryThatIsShown() throws {
        let directory = try TemporaryDirectory([.directory("d", [.file("a", "1")])])
        let model = try browser(directory)
        model.press("l")
        _ = try output(of: ["sh", "-c", "head -c 100000 /dev/zero > \"$0/d/new\"", directory.path])
        model.press("r")
        #expect(model.names == ["new", "a"])
        let du = String(
            decoding: try output(of: ["du", "-s", "-B1", directory.path]).prefix { $0 != 9 }, as: UTF8.self)
        #expect("\(model.tree.sums(of: 0).diskBytes)" == du)
        // A directory that has disappeared is left.
        _ = try output(of: ["rm", "-r", directory.appending("d")])
        model.press("r")
        #expect(model.place == DirectoryTree.root)
        #expect(model.names == [])
    }

    @Test(.enabled(if: !isRoot, "root may read everything")) func errorsAreThoseBelow() throws {
        let directory = try TemporaryDirectory([
            .directory("a", [.directory("closed", [.file("f")], mode: 0)]), .directory("b", [.file("f")]),
        ])
        let model = try browser(directory)
        #expect(model.lines.map { model.facts(of: $0).marks.first }.contains(.error))
        model.press("nE")
        #expect(model.text(rows: 24, columns: 120).joined().contains("a/closed: Permission denied"))
    }
}
