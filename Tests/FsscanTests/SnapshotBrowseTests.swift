// The browser on a stored scan: the same tree as that of the scan itself.

import Formats
import Glibc
import LinuxKernel
import ScanEngine
import Snapshots
import TestSupport
import Testing

@testable import fsscan

@Suite struct SnapshotBrowseTests {
    private static let names: [ByteString] =
        ["a", "b", "c", "d", "e", [0xFF], [0x01, 0x02], "x\ny", "\u{1F600}", "a.b", "f"]
        + (0..<40).map { ByteString("n\($0)") }

    private func read(_ file: ByteString, _ selector: String? = nil) throws -> (DirectoryTree, SnapshotBrowse) {
        let source = try SnapshotBrowse(file.bytes, file: file.bytes, selector: selector.map { Array($0.utf8) })
        var tree = DirectoryTree(path: source.path)
        var spare = DirectoryEvents()
        while true {
            let isOver = !source.isRunning
            source.update(&tree, &spare)
            if isOver { return (tree, source) }
        }
    }

    /// Each directory with its display and that of its files.
    private func shown(_ tree: DirectoryTree, _ source: any BrowseSource) -> [String] {
        var list: [String] = []
        var rest = [DirectoryTree.root]
        while let number = rest.popLast() {
            tree.forEachChild(of: number) { rest.append($0) }
            let path = tree.path(of: number)
            list.append(
                "\(path) \(tree.sums(of: number)) \(tree.newest(in: number)) \(tree.flags(of: number).contains(.done))")
            let task = source.files(of: number, names: tree.namesFromRoot(to: number))
            while task.result == nil { usleep(500) }
            let table = task.result!
            for index in 0..<table.count {
                let file = table.files[index]
                list.append(
                    "\(path) \(Array(table.name(of: index))) \(file.diskBytes) \(file.apparentBytes) \(file.modified) "
                        + "\(file.kind.map { "\($0)" } ?? "?") \(file.marks)")
            }
            #expect(table.failure == nil)
        }
        return list.sorted()
    }

    @Test(arguments: [11, 12]) func aSavedScanIsTheTreeThatWasScanned(seed: UInt64) throws {
        let directory = try TemporaryDirectory(.random(seed: seed, entries: 300, names: Self.names))
        let other = try TemporaryDirectory()
        let saved = other.appending("scans.db")
        _ = try Fsscan.run(["--save", saved, directory.path])
        let records = other.appending("records")
        _ = try Fsscan.run(["--ndjson", "-o", records, directory.path])
        let (liveTree, live) = try DirectoryTreeTests.scanned(directory.path)
        let expected = shown(liveTree, live)
        #expect(expected.count > 100)
        for file in [saved, records] {
            let (tree, source) = try read(file)
            #expect(source.failure == nil)
            #expect(tree.unfinished == 0)
            #expect(shown(tree, source) == expected)
        }
    }

    /// The reader's last events may come between an update and the question whether there are more.
    @Test func theLastEventsAreNotLost() throws {
        let directory = try TemporaryDirectory(.random(seed: 13, entries: 200, names: Self.names))
        let file = try SavedFile()
        try file.save([directory.path])
        let expected = try read(file.path).0
        let source = try SnapshotBrowse(file.path.bytes, file: file.path.bytes, selector: nil)
        var tree = DirectoryTree(path: source.path)
        var spare = DirectoryEvents()
        repeat {
            source.update(&tree, &spare)
            usleep(100_000)
        } while source.isRunning
        #expect(tree.count == expected.count && tree.unfinished == 0)
        #expect(tree.sums(of: DirectoryTree.root) == expected.sums(of: DirectoryTree.root))
    }

    /// Data that was requested before the file was read that far was empty, and stayed so.
    @Test func filesAreWaitedFor() throws {
        let directory = try TemporaryDirectory(
            .random(seed: 3, entries: 2_000, names: Self.names) + [.file("one"), .file("two")])
        let other = try TemporaryDirectory()
        let records = other.appending("records")
        _ = try Fsscan.run(["--ndjson", "-o", records, directory.path])
        let source = try SnapshotBrowse(records.bytes, file: records.bytes, selector: nil)
        let task = source.files(of: DirectoryTree.root, names: [])
        while task.result == nil { usleep(500) }
        let table = task.result!
        let names = (0..<table.count).map { Array(table.name(of: $0)) }
        #expect(names.contains(Array("one".utf8)) && names.contains(Array("two".utf8)))
    }

    @Test func severalPathsLieInADirectoryThatIsNone() throws {
        let directory = try TemporaryDirectory([
            .directory("x", [.file("f", "1"), .hardLink("g", to: "x/f")]), .directory("y", [.hardLink("h", to: "x/f")]),
            .file("z", "333"),
        ])
        let other = try TemporaryDirectory()
        let saved = other.appending("scans.db")
        let paths = ["x", "y", "z"].map { directory.appending($0) }
        _ = try Fsscan.run(["--save", saved] + paths)
        let json = try Fsscan.run(["--json"] + paths)
        let totals = try run(["jq", "-r", ".totals | .disk_bytes"], ProcessOptions { $0.input = json.standardOutput })
        let (tree, source) = try read(saved, "1")
        #expect("\(tree.sums(of: 0).diskBytes)\n" == totals.outputText)
        var children: [ByteString] = []
        tree.forEachChild(of: 0) { children.append(ByteString(Array(tree.name(of: $0)))) }
        #expect(Set(children) == Set(paths.prefix(2)))
        let lines = shown(tree, source)
        #expect(lines.count == 7)
    }

    @Test func aListOfChecksumsHasTheDirectoriesOfItsPaths() throws {
        let directory = try TemporaryDirectory([
            .directory("a", [.directory("b", [.file("f", "12345")]), .file("g", "1")])
        ])
        let list = directory.appending("list")
        let sums = try run(["sha256sum", "a/b/f", "a/g"], ProcessOptions { $0.directory = directory.path })
        try sums.standardOutput.write(to: list)
        let (tree, _) = try read(list)
        #expect(tree.count == 3)
        #expect(tree.sums(of: 0).entries == 2)
    }

    /// As written by ncdu itself, and by fsscan for ncdu.
    @Test(arguments: ["ncdu -0 -e -x -o", "$F --format ncdu -o"]) func aFileOfNcduIsTheTree(command: String) throws {
        let directory = try TemporaryDirectory([
            .file("a\"\\\n", "1"), .file([0xFF, 0x61], "22"), .symlink("s", to: "a"),
            .directory(
                "d", [.file("f", ByteString(Array(repeating: 1, count: 9000))), .directory("e", [.file("\u{E9}")])]),
            .directory("d2", [.hardLink("g", to: "d/f"), .hardLink("h", to: "d/f")]), .file("big", size: 1 << 40),
            .chain("deep", depth: 200, [.file("x", "1")]),
        ])
        let other = try TemporaryDirectory()
        let file = other.appending("export")
        let outcome = try Fsscan.shell(ByteString("\(command) \(file) '\(directory.path)' < /dev/null"), in: other)
        #expect(outcome.status == 0, "\(outcome.errorText)")
        let (tree, source) = try read(file)
        #expect(source.failure == nil)
        let (liveTree, live) = try DirectoryTreeTests.scanned(directory.path)
        #expect(shown(tree, source) == shown(liveTree, live))
    }

    @Test func aTruncatedFileOfNcduIsReported() throws {
        let directory = try TemporaryDirectory([.directory("d", [.file("f", "1")]), .file("g")])
        let other = try TemporaryDirectory()
        let file = other.appending("export")
        let whole = try output(of: [Fsscan.path, "--format", "ncdu", directory.path])
        for length in whole.indices.dropFirst(8) where whole[length] > 0x20 {
            try Array(whole[..<length]).write(to: file)
            do {
                let (_, source) = try read(file)
                #expect(source.failure != nil, "\(length)")
            } catch is SnapshotFailure {
                // Before its root is known.
            }
        }
    }

    @Test func damageIsReported() throws {
        let directory = try TemporaryDirectory([.file("f", "1"), .directory("d", [.file("g")])])
        let other = try TemporaryDirectory()
        let records = other.appending("records")
        _ = try Fsscan.run(["--ndjson", "-o", records, directory.path])
        _ = try output(of: ["sh", "-c", "head -n -1 \"$0\" > \"$0.cut\"", records])
        #expect(throws: SnapshotFailure.self) { try read(records + ".cut") }
    }
}

extension [UInt8] {
    fileprivate func write(to path: ByteString) throws {
        _ = try output(of: ["sh", "-c", "cat > \"$0\"", path], ProcessOptions { $0.input = self })
    }
}
