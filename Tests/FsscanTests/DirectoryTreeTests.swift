// The browser's tree, from events in any order, and its sums against du.

import CLinux
import Entries
import Glibc
import LinuxKernel
import ScanEngine
import TestSupport
import Testing

@testable import fsscan

@Suite struct DirectoryTreeTests {
    /// A directory of the tree that these events make: /, /a, /a/b, /c.
    private let met: [(number: UInt32, parent: UInt32, name: String)] = [(1, 0, "a"), (2, 1, "b"), (3, 0, "c")]

    private func events(
        met: [(number: UInt32, parent: UInt32, name: String)] = [],
        counted: [(number: UInt32, what: DirectoryEvents.What, bytes: Int64)] = []
    ) -> DirectoryEvents {
        var events = DirectoryEvents()
        for item in met {
            events.add(number: item.number, parent: item.parent, name: Array(item.name.utf8))
        }
        for item in counted {
            let sums = DirectorySums(diskBytes: item.bytes, entries: 1)
            events.add(number: item.number, item.what, sums, newest: item.bytes)
        }
        return events
    }

    @Test func sumsGrowBeforeDirectoriesAreDone() {
        var tree = DirectoryTree(path: Array("/".utf8))
        tree.apply(events(met: met, counted: [(0, .added, 1), (1, .added, 10), (2, .added, 100), (3, .added, 1000)]))
        tree.settle()
        #expect(tree.sums(of: 0) == DirectorySums(diskBytes: 1111, entries: 4))
        #expect(tree.sums(of: 1) == DirectorySums(diskBytes: 110, entries: 2))
        #expect(tree.newest(in: 0) == 1000)
        #expect(tree.newest(in: 1) == 100)
        #expect(tree.unfinished == 4)
    }

    @Test func aTotalIsFinal() {
        var tree = DirectoryTree(path: Array("/".utf8))
        // A file with a name in b and one in a: a's total is less than the sum of its known parts.
        tree.apply(events(met: met, counted: [(1, .added, 50), (2, .added, 50), (1, .done, 60)]))
        tree.settle()
        #expect(tree.sums(of: 1).diskBytes == 60)
        #expect(tree.sums(of: 0).diskBytes == 60)
        // Another worker's part of it is read late.
        tree.apply(events(counted: [(2, .added, 7), (1, .added, 7), (2, .done, 57)]))
        tree.settle()
        #expect(tree.sums(of: 2).diskBytes == 57)
        #expect(tree.sums(of: 1).diskBytes == 60)
        #expect(tree.sums(of: 0).diskBytes == 60)
    }

    @Test func aChildMayBeReadBeforeItsParent() {
        var tree = DirectoryTree(path: Array("/".utf8))
        tree.apply(events(met: [met[1]], counted: [(2, .added, 100)]))
        tree.settle()
        #expect(tree.sums(of: 0).diskBytes == 0)
        tree.apply(events(met: [met[2], met[0]], counted: [(1, .added, 10)]))
        tree.settle()
        #expect(tree.sums(of: 0).diskBytes == 110)
        #expect(tree.newest(in: 0) == 100)
        #expect(tree.path(of: 2) == Array("/a/b".utf8))
    }

    @Test func removedDirectoriesAreNoChildrenAndCountNothing() {
        var tree = DirectoryTree(path: Array("/".utf8))
        tree.apply(events(met: met, counted: [(3, .added, 5)]))
        tree.settle()
        tree.apply(events(counted: [(3, .gone, 0)]))
        tree.settle()
        var children: [DirectoryNumber] = []
        tree.forEachChild(of: 0) { children.append($0) }
        #expect(children == [1])
        #expect(tree.sums(of: 0).diskBytes == 0)
    }

    /// Every order in which the events can be read one at a time, among those that workers can send independently.
    @Test func theOrderOfEventsDoesNotShow() {
        let single: [DirectoryEvents] =
            met.map { events(met: [$0]) }
            + [(1, 10), (2, 100), (3, 1000)].map { events(counted: [($0, .added, $1)]) }
        var order = Array(single.indices)
        var seen: Set<Int64> = []
        func permute(_ count: Int) {
            if count == 1 {
                var tree = DirectoryTree(path: Array("/".utf8))
                for index in order {
                    tree.apply(single[index])
                    tree.settle()
                }
                seen.insert(tree.sums(of: 0).diskBytes * 10_000 + tree.sums(of: 1).diskBytes)
                return
            }
            for index in 0..<count {
                permute(count - 1)
                order.swapAt(count % 2 == 0 ? index : 0, count - 1)
            }
        }
        permute(order.count)
        #expect(seen == [11_100_110])
    }

    /// Nodes and names are in blocks: names of 100 bytes fill several, and the longest fills one.
    @Test func manyDirectoriesKeepTheirNamesAndSums() {
        let names = (1...5000).map { number in
            number == 3000 ? String(repeating: "x", count: 65_535) : String(repeating: "\(number),", count: 100 / 5)
        }
        var tree = DirectoryTree(path: Array("/".utf8))
        for start in stride(from: 1, through: 5000, by: 700) {
            let numbers = start..<min(start + 700, 5001)
            let met = numbers.map { (number: UInt32($0), parent: UInt32($0 / 2), name: names[$0 - 1]) }
            tree.apply(events(met: met, counted: numbers.map { (UInt32($0), .added, Int64($0)) }))
            tree.settle()
        }
        #expect((1...5000).allSatisfy { tree.name(of: UInt32($0)).elementsEqual(names[$0 - 1].utf8) })
        #expect(tree.sums(of: 0) == DirectorySums(diskBytes: 5000 * 5001 / 2, entries: 5000))
        #expect(tree.sums(of: 2501) == DirectorySums(diskBytes: 2501, entries: 1))
    }

    @Test func aNodeIs64Bytes() { #expect(MemoryLayout<DirectoryTree.Node>.stride == 64) }

    // MARK: A real scan

    /// Scans, reading events all the time.
    static func scanned(
        _ path: ByteString, threads: Int = 4, _ change: (inout ScanOptions) -> Void = { _ in }
    ) throws
        -> (tree: DirectoryTree, source: LiveBrowse)
    {
        var options = ScanOptions(paths: [path.bytes], threads: threads)
        change(&options)
        let source = try LiveBrowse(options)
        var tree = DirectoryTree(path: path.bytes)
        var spare = DirectoryEvents()
        while true {
            source.update(&tree, &spare)
            if !source.isRunning { return (tree, source) }
        }
    }

    private static func all(_ tree: DirectoryTree) -> [DirectoryNumber] {
        var list = [DirectoryTree.root]
        var next = 0
        while next < list.count {
            tree.forEachChild(of: list[next]) { list.append($0) }
            next += 1
        }
        return list
    }

    @Test(arguments: [1, 2, 3]) func eachDirectoryHasTheSumOfDu(seed: UInt64) throws {
        let names: [ByteString] = ["a", "b", "c", "d", "e", [0xFF], "x\ny", "\u{1F600}", "-r", "f", "g", "h"]
        let directory = try TemporaryDirectory(.random(seed: seed, entries: 300, names: names))
        let (tree, source) = try Self.scanned(directory.path)
        let directories = Self.all(tree)
        let found = try output(of: ["find", directory.path, "-type", "d", "-print0"]).split(separator: 0).map(
            Array.init)
        #expect(Set(directories.map { tree.path(of: $0) }) == Set(found))
        for number in directories {
            let path = ByteString(tree.path(of: number))
            let disk = try output(of: ["du", "-s", "-B1", "--", path])
            let apparent = try run(["find", path, "-printf", "%T@\\n"]).outputText
            let newest = apparent.split(separator: "\n").compactMap { Int64($0.prefix { $0 != "." }) }.max()
            let text = String(decoding: disk.prefix { $0 != 9 }, as: UTF8.self)
            #expect(tree.sums(of: number).diskBytes == Int64(text), "\(path)")
            #expect(tree.newest(in: number) == newest, "\(path)")
            #expect(tree.flags(of: number).contains(.done))
        }
        let totals = try #require(source.report?.totals)
        #expect(tree.sums(of: 0) == DirectorySums(totals))
        #expect(tree.unfinished == 0)
    }

    @Test func aDeepChainTakesNoStack() throws {
        let directory = try TemporaryDirectory([.chain("d", depth: 5_000, [.file("f", "x")])])
        let (tree, _) = try Self.scanned(directory.path)
        #expect(tree.count == 5_001)
        #expect(tree.sums(of: 0).entries == 5_002)
        #expect(tree.namesFromRoot(to: 5_000).count == 5_000)
        let table = FileTable(
            ScanOptions(paths: [directory.path.bytes], threads: 1), names: tree.namesFromRoot(to: 5_000)
        ) { false }
        #expect(table.count == 1)
        #expect(table.failure == nil)
    }

    @Test(.enabled(if: !isRoot, "root may read everything")) func unreadableEntriesAreErrors() throws {
        let directory = try TemporaryDirectory([
            .directory("closed", [.file("f")], mode: 0), .directory("open", [.file("g")]),
        ])
        let (tree, source) = try Self.scanned(directory.path)
        #expect(tree.sums(of: 0).errors == 1)
        #expect(source.errorList.map(\.path) == [directory.appending("closed").bytes])
    }

    @Test func filesAreListedAsFindListsThem() throws {
        let directory = try TemporaryDirectory([
            .file("a", "12345"), .hardLink("b", to: "a"), .symlink("s", to: "nowhere"), .fifo("p"), .directory("d"),
            .file([0xFE, 0x0A], ""), .file("big", size: 1 << 40), .file("core.o"), .directory("skipped", [.file("x")]),
        ])
        var options = ScanOptions(paths: [directory.path.bytes], threads: 1)
        options.exclude = [Array("*.o".utf8), Array("/skipped/".utf8)]
        let table = FileTable(options, names: []) { false }
        let lines = (0..<table.count).map { index in
            let file = table.files[index]
            return "\(String(decoding: table.name(of: index), as: UTF8.self)) \(file.diskBytes) \(file.apparentBytes) "
                + "\(file.modified) \(file.marks.rawValue)"
        }
        let found = try run(
            [
                "find", ".", "-mindepth", "1", "-maxdepth", "1", "!", "-name", "d", "-printf",
                "%P\\0%k\\0%s\\0%T@\\0%n\\0",
            ],
            ProcessOptions { $0.directory = directory.path }
        ).standardOutput.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
        var expected: [String] = []
        for start in stride(from: 0, to: found.count, by: 5) {
            let name = found[start]
            if name == "core.o" || name == "skipped" {
                expected.append("\(name) 0 0 0 2")
                continue
            }
            let size = name == "p" ? "0" : found[start + 2]
            let time = found[start + 3].prefix { $0 != "." }
            expected.append(
                "\(name) \(Int(found[start + 1])! * 1024) \(size) \(time) \(found[start + 4] == "2" ? 1 : 0)")
        }
        #expect(lines.sorted() == expected.sorted())
    }
}

/// A part of the tree is scanned again: all sums equal those of a new scan.
@Suite struct RescanTests {
    private func update(_ source: LiveBrowse, _ tree: inout DirectoryTree) {
        var spare = DirectoryEvents()
        repeat { source.update(&tree, &spare) } while source.isRunning
    }

    private func shown(_ tree: DirectoryTree) -> [String] {
        var list: [String] = []
        var rest = [DirectoryTree.root]
        while let number = rest.popLast() {
            tree.forEachChild(of: number) { rest.append($0) }
            list.append("\(ByteString(tree.path(of: number))) \(tree.sums(of: number)) \(tree.newest(in: number))")
        }
        return list.sorted()
    }

    private func number(_ path: ByteString, in tree: DirectoryTree) throws -> DirectoryNumber {
        var rest = [DirectoryTree.root]
        while let number = rest.popLast() {
            if tree.path(of: number) == path.bytes { return number }
            tree.forEachChild(of: number) { rest.append($0) }
        }
        throw Failure("no \(path) in the tree")
    }

    private let nodes: Tree = [
        .directory(
            "srv",
            [
                .directory(
                    "a",
                    [
                        .file("f", "12345"), .hardLink("twin", to: "srv/a/f"), .file("own", "1"),
                        .directory("in", [.file("g", "2")]),
                    ]),
                .directory("b", [.hardLink("f", to: "srv/a/f"), .hardLink("g", to: "srv/a/in/g")]),
            ]),
        .directory(
            "other", [.hardLink("own", to: "srv/a/own"), .file("big", ByteString(Array(repeating: 7, count: 50_000)))]),
        .file("top", "x", mtime: 1_000_000_000),
    ]

    @Test(arguments: [
        "true", "rm srv/a/f", "rm srv/a/f srv/a/twin", "rm -r srv/a/in", "rm srv/a/own", "rm srv/a/*f* srv/a/own",
        "head -c 99999 /dev/zero > srv/a/new",
        "mkdir srv/a/x; head -c 9999 /dev/zero > srv/a/x/y; ln srv/a/x/y srv/a/z", "rm -r srv/a",
        "rm -r srv/a; touch srv/a",
        "rm -r srv/a; ln -s b srv/a", "touch -d @2000000000 srv/a/in", "mv srv/a/in srv/a/f2; rm srv/a/twin",
    ])
    func sumsAboveAreRightAfterwards(change: String) throws {
        let directory = try TemporaryDirectory(nodes)
        let scanned = try DirectoryTreeTests.scanned(directory.path)
        var tree = scanned.tree
        let source = scanned.source
        let path = directory.appending("srv/a")
        _ = try output(of: ["sh", "-c", ByteString(change)], ProcessOptions { $0.directory = directory.path })
        let started = try source.scanAgain(try number(path, in: tree), of: &tree)
        #expect(tree.path(of: started) == path.bytes)
        update(source, &tree)
        var (fresh, _) = try DirectoryTreeTests.scanned(directory.path)
        let isThere = try run(["test", "-d", path, "-a", "!", "-h", path]).status == 0
        if isThere {
            #expect(shown(tree) == shown(fresh))
        } else {
            // The new entry in its place, and its disappearance, count when the directory above is scanned.
            let above = try source.scanAgain(try number(directory.appending("srv"), in: tree), of: &tree)
            update(source, &tree)
            #expect(tree.path(of: above) == directory.appending("srv").bytes)
            (fresh, _) = try DirectoryTreeTests.scanned(directory.path)
            #expect(shown(tree) == shown(fresh))
        }
        // And again, from the current state.
        _ = try source.scanAgain(try number(directory.appending("srv"), in: tree), of: &tree)
        update(source, &tree)
        #expect(shown(tree) == shown(fresh))
    }

    /// Inodes with one name are not tracked by identity: a scan of both directories corrects the sum.
    @Test(arguments: ["ln other/big srv/a/big", "ln other/big srv/a/big; ln other/big srv/a/in/big"])
    func aSecondNameElsewhereIsFoundByAScanOfBoth(change: String) throws {
        let directory = try TemporaryDirectory(nodes)
        let scanned = try DirectoryTreeTests.scanned(directory.path)
        var tree = scanned.tree
        let source = scanned.source
        _ = try output(of: ["sh", "-c", ByteString(change)], ProcessOptions { $0.directory = directory.path })
        _ = try source.scanAgain(try number(directory.appending("srv/a"), in: tree), of: &tree)
        update(source, &tree)
        #expect(tree.sums(of: 0).apparentBytes == 100_008)
        _ = try source.scanAgain(DirectoryTree.root, of: &tree)
        update(source, &tree)
        #expect(shown(tree) == shown(try DirectoryTreeTests.scanned(directory.path).tree))
        #expect(tree.sums(of: 0).apparentBytes == 50_008)
    }

    @Test func aPatternOfAPlaceIsObeyedBelowIt() throws {
        let directory = try TemporaryDirectory([.directory("a", [.file("x", "1"), .directory("b", [.file("x", "1")])])])
        let scanned = try DirectoryTreeTests.scanned(directory.path) { $0.exclude = [Array("/a/x".utf8)] }
        var tree = scanned.tree
        let source = scanned.source
        #expect(tree.sums(of: 0).entries == 4)
        let started = try source.scanAgain(try number(directory.appending("a"), in: tree), of: &tree)
        #expect(started == DirectoryTree.root)
        update(source, &tree)
        #expect(tree.sums(of: 0).entries == 4)
    }
}
