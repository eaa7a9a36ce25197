// Scans with fewer descriptors than the tree has levels.

import Foundation
import TestSupport
import Testing

@Suite struct DescriptorTests {
    /// A comb: at each level one directory before and one after the one that continues.
    private static func comb(levels: Int) -> Tree {
        var tree: Tree = [.file("bottom", "x")]
        for level in 0..<levels {
            tree = [
                .directory("a", [.file("f", "\(level)")]), .directory("m", tree),
                .directory("z", [.file("g", "\(level)")]),
            ]
        }
        return tree
    }

    /// A PATH's descriptor was closed when its last child was open: if all others had been given up by then, nearly the
    /// whole tree was lost.
    @Test(arguments: [12, 16, 24, 32], [1, 2, 8])
    func aCombIsScannedWhole(limit: Int, threads: Int) throws {
        let directory = try TemporaryDirectory(Self.comb(levels: 120))
        let arguments: [ByteString] = ["--hash", "git", directory.path]
        let free = try ScanRun(arguments, threads: 2)
        let scan = try ScanRun(
            arguments, threads: threads,
            ProcessOptions {
                $0.limits = ["nofile": limit]
                $0.timeout = 60
            })
        #expect(scan.outcome.end == .exited(0))
        #expect(try scan.report().totals.entries == 602)
        let isSame = try scan.timeless() == free.timeless()
        #expect(isSame, "other bytes than with many descriptors")
    }

    /// Each large file of a directory was open from the moment it was found.
    @Test(arguments: threadCounts)
    func manyLargeFilesAreDigested(threads: Int) throws {
        let directory = try TemporaryDirectory(
            Tree((0..<60).map { .file("large \($0)", size: Int64(17 << 20) + Int64($0)) }))
        let scan = try ScanRun(
            ["--hash", "xxh128", directory.path], threads: threads, ProcessOptions { $0.limits = ["nofile": 32] })
        #expect(scan.outcome.end == .exited(0), "\(scan.outcome.errorText)")
        #expect(try scan.report().totals.errors == 0)
    }

    /// 5,000 names do not fit into one buffer: slices, which must try again while descriptors are short.
    @Test func aLargeDirectoryIsScannedWhole() throws {
        let directory = try TemporaryDirectory(
            Tree((0..<2500).flatMap { [.directory("d\($0)"), .file("f\($0)", "x")] }))
        let scan = try ScanRun(
            ["--hash", "md5", directory.path], threads: 8, ProcessOptions { $0.limits = ["nofile": 12] })
        #expect(scan.outcome.end == .exited(0), "\(scan.outcome.errorText)")
        #expect(try scan.report().totals.entries == 5001)
    }

    /// The memory for malloc's arenas and libmagic's databases, one for each worker, was not available: libmagic
    /// crashed.
    @Test(.disabled(if: isSanitized, "sanitizers reserve terabytes of addresses"), arguments: [1, 2, 64])
    func aLimitOnAddressSpaceIsKept(threads: Int) throws {
        let directory = try TemporaryDirectory(Self.comb(levels: 30))
        let scan = try ScanRun(
            ["--hash", "sha256", "--mime", directory.path], threads: threads,
            ProcessOptions { $0.limits = ["as": 256 << 20] })
        #expect(scan.outcome.end == .exited(0), "\(scan.outcome.errorText.prefix(300))")
        #expect(try scan.report().totals.entries == 152)
    }

    /// Levels without a waiting child lie between those with one.
    @Test func aCombWithGapsIsScannedInLinearTime() throws {
        var tree: Tree = []
        for level in 0..<400 {
            tree = level % 7 == 0 ? [.directory("a"), .directory("m", tree)] : [.directory("m", tree)]
        }
        let directory = try TemporaryDirectory(tree)
        let scan = try ScanRun(
            ["--stats", directory.path], threads: 1, ProcessOptions { $0.limits = ["nofile": 12] })
        #expect(scan.outcome.end == .exited(0))
        let fields = scan.outcome.outputText.components(separatedBy: "\"descriptors_reopened\"")
        let digits = fields.last?.drop { !$0.isNumber }.prefix { $0.isNumber } ?? ""
        #expect(try #require(Int(digits)) < 2 * 400)
    }
}
