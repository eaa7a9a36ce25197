// `browse OLD NEW`: growth.

import CNcurses
import Entries
import Glibc
import LinuxKernel
import ScanEngine
import TestSupport
import Testing

@testable import fsscan

@Suite struct BrowseGrowthTests {
    init() { _ = cncurses_set_locale(1) }

    private let quoting = Quoting(escapesBidirectional: true, escapesNonASCII: false, usesCurlyQuotes: true)

    private func bytes(_ count: Int) -> ByteString { ByteString(Array(repeating: 1, count: count)) }

    private func saved(_ directory: TemporaryDirectory, _ file: ByteString) throws -> SnapshotBrowse {
        _ = try Fsscan.run(["--save", file, directory.path])
        return try SnapshotBrowse(file.bytes, file: file.bytes, selector: nil)
    }

    private func model(_ old: any BrowseSource, _ new: any BrowseSource) -> BrowseModel {
        let model = BrowseModel(new, since: old, text: ScreenText(quoting: quoting, isUTF8: true))
        model.waitUntilQuiet()
        return model
    }

    private func changes(_ model: BrowseModel) -> [String] {
        model.lines.map { line in
            let facts = model.facts(of: line)
            let name = String(decoding: facts.name, as: UTF8.self)
            return "\(name) \(facts.was?.apparentBytes ?? -1) \(facts.apparentBytes)"
        }
    }

    /// Apparent sizes are those that the test wrote, on any file system.
    private func changed() throws -> (directory: TemporaryDirectory, other: TemporaryDirectory, old: SnapshotBrowse) {
        let directory = try TemporaryDirectory([
            .directory("grows", [.file("f", bytes(1000)), .directory("in", [.file("g", bytes(10))])]),
            .directory("shrinks", [.file("f", bytes(50_000))]), .directory("goes", [.file("f", bytes(3000))]),
            .directory("stays", [.file("f", bytes(77))]), .file("old", bytes(500)),
        ])
        let other = try TemporaryDirectory()
        let old = try saved(directory, other.appending("scans.db"))
        let script = """
            head -c 90000 /dev/zero > grows/in/g; head -c 10000 /dev/zero > shrinks/f; rm -r goes old
            mkdir comes; head -c 2000 /dev/zero > comes/f; head -c 100 /dev/zero > new
            """
        _ = try output(of: ["sh", "-c", ByteString(script)], ProcessOptions { $0.directory = directory.path })
        return (directory, other, old)
    }

    @Test func theGreatestChangeComesFirst() throws {
        let (directory, other, old) = try changed()
        let new = try LiveBrowse(ScanOptions(paths: [directory.path.bytes], threads: 2))
        let model = model(old, new)
        model.press("a")
        let expected = [
            "grows 1010 91000", "shrinks 50000 10000", "goes 3000 0", "comes 0 2000", "old 500 0", "new 0 100",
            "stays 77 77",
        ]
        #expect(changes(model) == expected)
        #expect(model.text(rows: 20, columns: 110)[0].contains("was \(HumanUnits.bytes(54_587))"))
        // Two saved scans give the same result.
        let again = try saved(directory, other.appending("more.db"))
        let before = try SnapshotBrowse([], file: other.appending("scans.db").bytes, selector: nil)
        let both = self.model(before, again)
        both.press("a")
        #expect(changes(both) == expected)
    }

    @Test func directoriesAreEnteredOnBothSides() throws {
        let (directory, other, old) = try changed()
        let model = model(old, try LiveBrowse(ScanOptions(paths: [directory.path.bytes], threads: 2)))
        model.press("a")
        model.press("l")
        #expect(changes(model) == ["in 10 90000", "f 1000 1000"])
        model.press("l")
        #expect(changes(model) == ["g 10 90000"])
        model.press("hh")
        // A removed entry can be selected, but not entered. By name it follows `comes`.
        _ = model.press(.home)
        model.press("n")
        _ = model.press(.home)
        model.press("j")
        #expect(model.selectedName == "goes")
        model.press("l")
        #expect(model.place == DirectoryTree.root)
        model.press("i")
        #expect(model.text(rows: 20, columns: 110).contains { $0.contains("directory, removed") })
        _ = other
    }

    @Test func differencesAddUp() throws {
        let names: [ByteString] = (0..<30).map { ByteString("n\($0)") }
        let directory = try TemporaryDirectory(.random(seed: 5, entries: 300, names: names))
        let other = try TemporaryDirectory()
        let old = try saved(directory, other.appending("scans.db"))
        let changes = "find . -type f -name 'n1*' -delete; find . -type d -exec sh -c 'echo x > \"$1/new\"' sh {} \\;"
        _ = try output(of: ["sh", "-c", ByteString(changes)], ProcessOptions { $0.directory = directory.path })
        let model = model(old, try LiveBrowse(ScanOptions(paths: [directory.path.bytes], threads: 2)))
        let was = try #require(model.older?.tree.sums(of: 0))
        let entries = try output(of: ["sqlite3", other.appending("scans.db"), "select count(*) from entries"])
        #expect("\(was.entries)\n" == String(decoding: entries, as: UTF8.self))
        // Except for the directory itself, the lines add up to its sums: in entries, because bytes of hard links do
        // not.
        let sums = model.lines.map { model.facts(of: $0) }.reduce((was: Int64(1), now: Int64(1))) { sum, facts in
            let now = facts.entries ?? (facts.marks.contains(.removed) ? 0 : 1)
            return (sum.was + (facts.was?.entries ?? 0), sum.now + now)
        }
        #expect(sums.was == was.entries)
        #expect(sums.now == model.tree.sums(of: 0).entries)
    }

    @Test func aRowFitsItsTerminal() throws {
        let (directory, other, old) = try changed()
        let model = model(old, try LiveBrowse(ScanOptions(paths: [directory.path.bytes], threads: 2)))
        for columns in [20, 40, 60, 75, 90, 200] {
            for row in model.screen(rows: 12, columns: columns) {
                #expect(row.width <= columns)
                #expect(row.width == model.text.width(row.text))
            }
        }
        _ = other
    }
}
