// What a rank lends, without MPI: these tests are its courier.

import Bytes
import Entries
import Glibc
import LinuxKernel
import TestSupport
import Testing

@testable import ScanEngine

@Suite(.timeLimit(.minutes(5))) struct RankLendingTests {
    private final class Rank {
        let scan: ScanRank
        private let thread: pthread_t

        init(_ options: ScanOptions, hasTrunk: Bool = false) throws {
            var options = options
            options.now = FileTime(seconds: 1_700_000_000, nanoseconds: 0)
            let scan = try ScanRank(options, hasTrunk: hasTrunk, ScanEnvironment())
            self.scan = scan
            thread = try #require(Thread.start { scan.run() })
        }

        func end() -> [UInt8] {
            scan.stop()
            pthread_join(thread, nil)
            return scan.lists()
        }
    }

    private static func options(_ tree: TemporaryDirectory) -> ScanOptions {
        var options = ScanOptions(paths: [Array(tree.path.bytes)], threads: 1)
        options.pool = 1
        return options
    }

    /// Lends directories at the top of the tree to a rank of one thread that other ranks ask for work already.
    private static func borrow(
        _ names: [String], in tree: TemporaryDirectory, asking count: Int = 64, _ body: (ScanRank) throws -> Void
    ) throws {
        let rank = try Rank(options(tree))
        wait { rank.scan.isHungry }
        rank.scan.ask(for: count)
        let items = names.enumerated().map { (ticket: UInt64($0), what: BorrowedGroup.What.directory(Array($1.utf8))) }
        let group = BorrowedGroup(root: 0, names: [], inode: nil, items: items)
        #expect(try rank.scan.work(BorrowedGroup.encode([group]), from: 0) == names.count)
        try body(rank.scan)
        rank.scan.takeBack()
        rank.scan.giveUp(on: 1)
        wait {
            rank.scan.takeBack()
            _ = rank.scan.takeAnswers()
            return !rank.scan.owes
        }
        _ = rank.end()
    }

    private static func wait(until isTrue: () -> Bool) {
        while !isTrue() { usleep(200) }
    }

    /// What is lent to the asking rank until there are `count` items, or the rank has answered everything itself.
    private static func lent(_ count: Int, by rank: ScanRank) -> [BorrowedGroup] {
        var groups: [BorrowedGroup] = []
        wait {
            if let (bytes, _) = rank.offers(atMost: 64, for: 1, amongst: 1) {
                groups += (try? BorrowedGroup.decode(bytes, roots: 1)) ?? []
            }
            _ = rank.takeAnswers()
            return groups.reduce(0) { $0 + $1.items.count } >= count || !rank.owes
        }
        return groups
    }

    private static let ten = (0..<10).map { "d\($0)" }

    /// The workers of a rank see a request at their next directory. Once it was gone then, and its sender waited for a
    /// second, although the next directory had ten.
    @Test func aDirectoryWithNothingBesideItLeavesTheRequest() throws {
        let leaves = Tree(Self.ten.map { .directory(ByteString($0), []) })
        let tree = try TemporaryDirectory([.directory("a", [.directory("b", [.directory("c", leaves)])])])
        try Self.borrow(["a"], in: tree) { rank in
            let groups = Self.lent(5, by: rank)
            #expect(groups.map(\.names) == [[Array("a".utf8), Array("b".utf8), Array("c".utf8)]])
            #expect(groups.first?.items.count == 5)
        }
    }

    @Test func whatIsBorrowedIsLentOn() throws {
        let tree = try TemporaryDirectory(Tree(Self.ten.map { .directory(ByteString($0), []) }))
        try Self.borrow(Self.ten, in: tree) { rank in
            #expect(Self.lent(5, by: rank).reduce(0) { $0 + $1.items.count } == 5)
        }
    }

    @Test func allThatAskGetAShare() throws {
        let tree = try TemporaryDirectory(Tree(Self.ten.map { .directory(ByteString($0), []) }))
        try Self.borrow(Self.ten, in: tree) { rank in
            // It keeps five; when they are counted, the others have been offered.
            Self.wait { rank.progress().entries == 5 }
            let counts = (1...3).reversed().map { rank.offers(atMost: 64, for: 1, amongst: $0)?.count }
            #expect(counts == [2, 2, 1])
            #expect(rank.offers(atMost: 64, for: 1, amongst: 1) == nil)
        }
    }

    /// A worker reads up to 256 slices before it begins one.
    @Test func aLargeDirectoryIsLentWhileItIsRead() throws {
        let files = Tree((0..<20_000).map { .file("file \($0)") })
        let tree = try TemporaryDirectory([.directory("flat", files)])
        try Self.borrow(["flat"], in: tree) { rank in
            let groups = Self.lent(18, by: rank)
            #expect(groups.reduce(0) { $0 + $1.items.count } >= 18)
            #expect(rank.progress().entries < 2_100)
        }
    }

    /// On a slow file system the entries of a directory that fits into one buffer take a second.
    @Test func halfOfTheEntriesThatAreLeftAreLent() throws {
        let files = Tree((0..<300).map { .file("file \($0)") })
        let tree = try TemporaryDirectory([.directory("many", files)])
        try Self.borrow(["many"], in: tree, asking: 1) { rank in
            guard case .slice(let entries)? = Self.lent(1, by: rank).first?.items.first?.what else {
                Issue.record("no slice is lent")
                return
            }
            let count = entries.withUnsafeBytes { DirectoryEntries($0).reduce(0) { count, _ in count + 1 } }
            #expect((130...150).contains(count))
            Self.wait { rank.progress().entries == 301 - count }
        }
    }

    /// A rank may have borrowed back a part of what it has lent to a rank that is lost. The whole is listed as
    /// unfinished, and that part's directory, which may be the PATH itself, is not.
    @Test func whatALostRankHadLentIsNotListedHere() throws {
        let files = Tree((0..<20_000).map { .file("file \($0)") })
        let tree = try TemporaryDirectory([.directory("flat", files)])
        let (first, second) = (try Rank(Self.options(tree), hasTrunk: true), try Rank(Self.options(tree)))
        let group = BorrowedGroup(root: 0, names: [], inode: nil, items: [(0, .directory(Array("flat".utf8)))])
        _ = try second.scan.work(BorrowedGroup.encode([group]), from: 2)
        Self.wait { second.scan.progress().entries > 100 && first.scan.isDone }
        second.scan.abandon()
        let lists = [first.end(), second.end()]
        let report = try first.scan.report(lists, start: .now, isComplete: false)
        #expect(report.unfinished.isEmpty)
        #expect(report.totals.entries == 20_002)
    }

    /// Everybody asks everybody all the time.
    @Test(arguments: [UInt64(1), 2, 3]) func threeRanksThatLendWhatTheyCanFindTheSame(seed: UInt64) throws {
        let names = (0..<300).map { ByteString("name \($0).x\($0 % 7)") }
        let tree = try TemporaryDirectory(
            Tree.random(seed: seed, entries: 2_000, names: names)
                + [.directory("flat", Tree((0..<5_000).map { .file("file \($0)", "\($0)") }))])
        var options = Self.options(tree)
        options.hash = [.sha256]
        options.pool = 2
        let ranks = try (0..<3).map { try Rank(options, hasTrunk: $0 == 0) }
        var lent = 0
        while !ranks[0].scan.isDone {
            for (number, rank) in ranks.enumerated() {
                rank.scan.ask(for: 8)
                if rank.scan.isHungry { rank.scan.startWaiting() }
                for other in ranks.indices where other != number {
                    guard let (bytes, count) = rank.scan.offers(atMost: 8, for: other, amongst: 2) else { continue }
                    lent += count
                    _ = try ranks[other].scan.work(bytes, from: number)
                }
                for (lender, bytes) in rank.scan.takeAnswers() { try ranks[lender].scan.answer(bytes) }
            }
        }
        let lists = ranks.map { $0.end() }
        let report = try ranks[0].scan.report(lists, start: .now, isComplete: true)
        let alone = try Scan(options).run()
        #expect(lent > 20)
        #expect(report.totals == alone.totals)
        #expect(report.roots.map(\.digests) == alone.roots.map(\.digests))
        #expect(report.complete)
    }
}
