// Whole reports against the reference scanner, with 1, 2 and 7 workers: one tree for each counting rule.

import Glibc
import TestSupport
import Testing

/// A named tree, so that a failure says which one.
struct NamedTree: CustomTestStringConvertible, Sendable {
    var name: String
    var tree: @Sendable () throws -> Tree
    var options: [ByteString]

    var testDescription: String { name }

    static let all: [NamedTree] = [
        NamedTree(name: "an empty directory") { [] },
        NamedTree(name: "every kind") { mixedTree },
        NamedTree(name: "odd names of files") { Tree(try OddNames.load().map { .file($0, $0) }) },
        NamedTree(name: "odd names of directories") {
            Tree(try OddNames.load().map { .directory($0, [.file($0), .symlink("symlink to it", to: $0)]) })
        },
        NamedTree(name: "hard links in one directory") {
            [.file("a", "12345"), .hardLink("b", to: "a"), .hardLink("c", to: "a")]
        },
        NamedTree(name: "hard links across siblings and levels") {
            [
                .directory("1", [.directory("2", [.file("x", size: 9_000), .hardLink("y", to: "1/2/x")])]),
                .directory("3", [.hardLink("x", to: "1/2/x"), .directory("4", [.hardLink("x", to: "1/2/x")])]),
                .directory("5", [.file("p", "one"), .file("q", "two")]),
                .directory("6", [.hardLink("p", to: "5/q"), .hardLink("q", to: "5/p")]),
            ]
        },
        NamedTree(name: "hard links of symlinks, FIFOs and sockets") {
            [
                .symlink("s", to: "0123456789"), .fifo("f"), .socket("k"),
                .directory("d", [.hardLink("s", to: "s"), .hardLink("f", to: "f"), .hardLink("k", to: "k")]),
            ]
        },
        NamedTree(name: "many hard links in many directories") {
            Tree([.file("origin", "origin")])
                + Tree(
                    (0..<60).map { d in
                        .directory("d\(d)", Tree((0..<20).map { .hardLink("\($0)", to: "origin") }))
                    })
        },
        NamedTree(name: "extensions") {
            let names =
                "a.TXT b.txt .txt x. ..gz a.b-c z.1234567890123456 z.12345678901234567 no z.a234567890123456 "
                + "z.a2345678901234567 libz.so.3 libz3.so.4.8 frame.0001 a.tar.gz.1 .rc.1 a..1 a.so. a.1 .1 1.2.3 x.7z "
                + "x.so.12345678901234567890 x.b-c.1"
            return Tree(names.split(separator: " ").enumerated().map { .file(ByteString(String($1)), size: Int64($0)) })
        },
        NamedTree(name: "ties in the largest lists", options: ["--top", "5", "--depth", "0"]) {
            Tree((0..<30).map { .directory("\($0)", [.file("same", size: 100)]) })
        },
        NamedTree(name: "no largest lists", options: ["--top", "0"]) { mixedTree },
        NamedTree(name: "a chain of 300 directories", options: ["--depth", "1000", "--top", "3"]) {
            [.chain("deep", depth: 300, [.file("bottom", "x")])]
        },
        NamedTree(name: "a wide directory of files") { Tree((0..<20_000).map { .file("\($0)") }) },
        NamedTree(name: "a wide directory of directories", options: ["--depth", "1", "--top", "50"]) {
            Tree((0..<3_000).map { .directory("\($0)", [.file("f", size: Int64($0))]) })
        },
    ]

    init(
        name: String, options: [ByteString] = ["--depth", "3", "--top", "20"],
        tree: @escaping @Sendable () throws -> Tree
    ) {
        self.name = name
        self.options = options
        self.tree = tree
    }
}

enum RandomTrees {
    static let seeds: ClosedRange<UInt64> = {
        let range = (getenv("FSSCAN_SEEDS").map { String(cString: $0) } ?? "1-8").split(separator: "-")
        return UInt64(range[0])!...UInt64(range[1])!
    }()
}

@Suite struct ReferenceTests {
    @Test(arguments: NamedTree.all)
    func aReportIsThatOfTheReferenceScannerForAnyNumberOfThreads(named: NamedTree) throws {
        let directory = try TemporaryDirectory(named.tree())
        try expectAgreement(named.options + [directory.path])
    }

    /// FSSCAN_SEEDS=FIRST-LAST tries other trees; a failure prints its seed as the test's argument.
    @Test(arguments: RandomTrees.seeds)
    func aRandomTreeIsReportedAsByTheReferenceScanner(seed: UInt64) throws {
        let names = try OddNames.load() + (0..<200).map { "name \($0).x\($0 % 7)" }
        let directory = try TemporaryDirectory(.random(seed: seed, entries: 600, names: names))
        let options: [ByteString] = ["--depth", "\(seed % 6)", "--top", "\(seed % 40)"]
        let paths = try TestSupport.names(in: directory.descriptor).sorted().prefix(3).map { directory.appending($0) }
        let threads = [1, 2, 3, 8]
        try expectAgreement(options + [directory.path], threads: threads)
        try expectAgreement(options + paths + [directory.path], threads: threads)

        let content: [ByteString] = ["--hash", "sha256,git", "--mime", directory.path]
        let reports = try threads.map { try ScanRun(options + content, threads: $0).timeless() }
        let records = try threads.map { threads in
            try output(of: [Fsscan.path, "--ndjson", "--sorted", "--threads", "\(threads)"] + content)
                .split(separator: UInt8(ascii: "\n")).dropFirst().dropLast()
        }
        for index in threads.indices {
            let isSame = reports[index] == reports[0] && records[index] == records[0]
            #expect(isSame, "other bytes with \(threads[index]) threads")
        }
    }

    @Test(.enabled(if: isRoot, "needs root")) func ownersAndGroupsAreSummedUp() throws {
        let directory = try TemporaryDirectory([
            .file("a", "1", owner: 1, group: 2), .file("b", "22", owner: 4_294_967_294, group: 3_000_000_000),
            .directory("d", [.symlink("s", to: "x", owner: 1, group: 1)], owner: 65_534, group: 65_534),
        ])
        try expectAgreement([directory.path])
    }

    @Test func eachOddNameComesBackByteForByte() throws {
        let names = try OddNames.load()
        let directory = try TemporaryDirectory(Tree(names.map { .directory($0) }))
        let children = try ScanRun([directory.path]).report().roots.first?.tree?.children
        #expect(children?.map(\.bytes) == names.sorted())
    }

    @Test(.enabled(if: isTmpfs, "needs a tmpfs at /dev/shm")) func sumsSaturateAtTheLargestFile() throws {
        // A saturated sum cannot be corrected by subtraction: a hard link's bytes must not be added twice.
        let directory = try TemporaryDirectory(
            [
                .directory("twice", [.file("a", size: .max), .file("b", size: .max)]),
                .directory("linked", [.file("a", size: .max), .hardLink("b", to: "linked/a"), .file("c", "1234567")]),
                .directory("links", [.hardLink("a", to: "linked/a"), .hardLink("b", to: "linked/a")]),
                .file("a.huge", size: .max), .file("b.huge", size: .max),
            ], in: "/dev/shm")
        let scan = try expectAgreement(["--depth", "1", directory.path])
        let tree = try #require(scan.report().roots.first?.tree)
        #expect(tree.totals.apparentBytes == .max)
        #expect(tree.children?.map(\.totals.apparentBytes) == [.max, .max, .max])
        #expect(tree.totals.diskBytes < 1 << 20)

        let links = try expectAgreement([directory.appending("linked"), directory.appending("links")])
        #expect(try links.report().totals.hardLinkedFiles == 1)
    }

    @Test func deepChainsNeedNeitherDescriptorsNorStack() throws {
        let directory = try TemporaryDirectory([.chain("chain", depth: 5_000, [.file("bottom", "x")]), .file("top")])
        let plain = try expectAgreement(["--top", "2", directory.path])
        #expect(try plain.report().totals.entries == 5_003)
        for limits in [["nofile": 32], ["stack": 256 << 10], ["nofile": 32, "stack": 256 << 10]] {
            for threads in threadCounts {
                let scan = try ScanRun(
                    ["--top", "2", directory.path], threads: threads, ProcessOptions { $0.limits = limits })
                #expect(scan.outcome.end == .exited(0), "\(limits) \(threads) \(scan.outcome.errorText.prefix(500))")
                let isSame = try scan.timeless() == plain.timeless()
                #expect(isSame, "\(limits) \(threads)")
            }
        }
    }

    @Test func aDeepTreeInTheReportIsValidJSONOfThatDepth() throws {
        let directory = try TemporaryDirectory([.chain("d", depth: 2_000)])
        try expectAgreement(
            ["--depth", "5000", "--top", "1", directory.path], ProcessOptions { $0.limits = ["stack": 256 << 10] })
    }

    @Test func manyBranchesFinishWithFewDescriptors() throws {
        let branches = (0..<200).map { Node.chain("branch \($0)", depth: 40, [.file("leaf", "\($0)")]) }
        let directory = try TemporaryDirectory(Tree(branches))
        try expectAgreement([directory.path], ProcessOptions { $0.limits = ["nofile": 32] })
    }
}
