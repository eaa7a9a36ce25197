// Totals against find, du and stat: independent programs.

import TestSupport
import Testing

/// Every kind of entry, hard links within and across directories, names that sort oddly.
let mixedTree: Tree = [
    .directory(
        "alpha",
        [
            .file("one.txt", "1"), .file("two.tar.gz", size: 100_000), .hardLink("here", to: "alpha/one.txt"),
            .hardLink("there", to: "beta/deep/shared"), .symlink("up", to: ".."), .directory("empty"),
        ]),
    .directory(
        "beta",
        [
            .directory("deep", [.file("shared", ByteString([UInt8](repeating: 120, count: 70_000)))]),
            .hardLink("again", to: "beta/deep/shared"), .hardLink("link to a link", to: "alpha/up"),
            .fifo("fifo"), .socket("socket"), .hardLink("fifo again", to: "beta/fifo"),
        ]),
    .directory([0x67, 0xff], [.file("inside", "content"), .hardLink("outside", to: "alpha/one.txt")]),
    .file(".hidden", "h"), .symlink("dangling", to: "nowhere"), .file("empty"),
]

@Suite struct OracleTests {
    @Test(arguments: threadCounts)
    func entriesAgreeWithFind(threads: Int) throws {
        let directory = try TemporaryDirectory(mixedTree)
        let totals = try ScanRun([directory.path], threads: threads).report().totals
        func count(_ type: ByteString) throws -> Int64 {
            Int64(try output(of: ["find", directory.path, "-type", type, "-printf", "x"]).count)
        }
        #expect(totals.entries == Int64(try output(of: ["find", directory.path, "-printf", "x"]).count))
        #expect(totals.directories == (try count("d")))
        #expect(totals.files == (try count("f")))
        #expect(totals.symlinks == (try count("l")))
        #expect(totals.fifos == (try count("p")))
        #expect(totals.sockets == (try count("s")))
        #expect(totals.blockDevices == 0 && totals.characterDevices == 0 && totals.errors == 0)
    }

    @Test(arguments: threadCounts)
    func diskBytesAgreeWithDuForTheWholeAndForEachChildAlone(threads: Int) throws {
        let directory = try TemporaryDirectory(mixedTree)
        let tree = try #require(try ScanRun([directory.path], threads: threads).report().roots.first?.tree)
        #expect(tree.totals.diskBytes == (try diskUsage(of: directory.path)))
        let children = try #require(tree.children)
        #expect(children.map(\.bytes) == ["alpha", "beta", [0x67, 0xff]])
        for child in children {
            #expect(child.totals.diskBytes == (try diskUsage(of: directory.appending(child.bytes))), "\(child.name)")
        }
    }

    @Test(arguments: threadCounts)
    func theLargestFileIsThatOfStat(threads: Int) throws {
        let directory = try TemporaryDirectory(mixedTree)
        let largest = try #require(try ScanRun([directory.path], threads: threads).report().largestFiles.first)
        #expect(largest.path.hasSuffix("/alpha/there"), "the first path of the inode")
        let fields = String(decoding: try output(of: ["stat", "-c", "%s %b %B", largest.bytes]), as: UTF8.self)
        let numbers = fields.split { $0 == " " || $0 == "\n" }.compactMap { Int64($0) }
        #expect(largest.apparentBytes == numbers[0])
        #expect(largest.diskBytes == numbers[1] * numbers[2])
    }

    @Test(.enabled(if: isRoot, "needs root"), arguments: threadCounts)
    func devicesAreCountedAndNotOpened(threads: Int) throws {
        let directory = try TemporaryDirectory([
            .characterDevice("zero", major: 1, minor: 5), .blockDevice("nothing", major: 240, minor: 17),
            .characterDevice("kmsg", major: 1, minor: 11),
        ])
        let scan = try ScanRun([directory.path], threads: threads, ProcessOptions { $0.timeout = 20 })
        let totals = try scan.report().totals
        #expect(scan.outcome.end == .exited(0))
        #expect(totals.blockDevices == 1 && totals.characterDevices == 2 && totals.entries == 4)
    }

    /// Package managers may write at the same time: three attempts.
    @Test(arguments: threadCounts)
    func totalsOfUsrAreThoseOfFindAndDu(threads: Int) throws {
        for attempt in 1...3 {
            let entries = Int64(try output(of: ["find", "/usr", "-printf", "x"]).count)
            let bytes = try diskUsage(of: "/usr")
            let scan = try ScanRun(["/usr"], threads: threads)
            let totals = try scan.report().totals
            if attempt < 3, totals.entries != entries || totals.diskBytes != bytes { continue }
            #expect(scan.outcome.end == .exited(0))
            #expect(totals.entries == entries)
            #expect(totals.diskBytes == bytes)
            return
        }
    }

    @Test(arguments: threadCounts)
    func aScanOfProcEndsWithAValidReport(threads: Int) throws {
        let scan = try ScanRun(["/proc"], threads: threads)
        #expect([.exited(0), .exited(1)].contains(scan.outcome.end))
        #expect(try scan.schemaProblems() == "")
        let report = try scan.report()
        #expect((scan.outcome.end == .exited(0)) == (report.totals.errors == 0))
        #expect(report.complete)
    }

    private func diskUsage(of path: ByteString) throws -> Int64 {
        let line = try output(of: ["du", "-s", "-B1", "--", path])
        return try #require(Int64(String(decoding: line.prefix { $0 != UInt8(ascii: "\t") }, as: UTF8.self)))
    }
}
