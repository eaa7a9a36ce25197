// The order of reads where a disk turns.

import Entries
import LinuxKernel
import TestSupport
import Testing

@testable import ScanEngine

@Suite struct DiskQueueTests {
    @Test func readsAreInTheOrderOfTheirPlaces() {
        var order = SweepOrder<Int>()
        #expect(order.next() == nil)
        for place in [50, 10, 90, 30, 70] as [UInt64] { order.add(Int(place), at: place) }
        #expect([order.next(), order.next(), order.next()] == [10, 30, 50])
        // Behind the head: the next sweep. Ahead of it, or at its place: this one.
        for place in [20, 80, 50] as [UInt64] { order.add(Int(place) + 1, at: place) }
        var rest: [Int] = []
        while let next = order.next() { rest.append(next) }
        #expect(rest == [51, 70, 81, 90, 21])
    }

    @Test(arguments: 1...20 as ClosedRange<UInt64>) func eachReadComesOnceAndASweepHasNoReturn(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var order = SweepOrder<Int>()
        var (added, places, taken) = (0, [UInt64](), [Int]())
        for _ in 0..<400 {
            if Int.random(in: 0..<2, using: &random) == 0 {
                places.append(UInt64.random(in: 0..<50, using: &random))
                order.add(added, at: places[added])
                added += 1
            } else if let next = order.next() {
                taken.append(next)
            }
        }
        // Nothing is added any more: one return at most.
        var returns = 0
        while let next = order.next() {
            if let last = taken.last, places[next] < places[last] { returns += 1 }
            taken.append(next)
        }
        #expect(taken.sorted() == Array(0..<added) && returns <= 1)
    }

    /// Files of all ways of reading, on disks that turn and on others: the same groups.
    @Test(arguments: [1, 4]) func theOrderChangesNoResult(threads: Int) throws {
        let directory = try TemporaryDirectory()
        let script = """
            import os, sys
            for size in [1, 4000, 32768, 32769, 200000, (1 << 24) + 1]:
                for name in range(6):
                    with open(f"{sys.argv[1]}/{size} {name}", "wb") as file:
                        file.write(bytes([name % 3]) * size)
            """
        _ = try output(of: ["python3", "-c", ByteString(script), directory.path])
        func find(_ options: DuplicateOptions, turns: Bool) throws -> DuplicateReport {
            let scan = ScanOptions(paths: [directory.path.bytes], threads: threads)
            return try DuplicateFinder(scan, options, ScanEnvironment(), turns: { _ in turns }).run()
        }
        for comparesBytes in [false, true] {
            var options = DuplicateOptions()
            options.comparesBytes = comparesBytes
            let (expected, found) = (try find(options, turns: false), try find(options, turns: true))
            func paths(_ report: DuplicateReport) -> [[[UInt8]]] { report.groups.map { $0.inodes.flatMap(\.paths) } }
            #expect(paths(found) == paths(expected))
            #expect(found.groups.count == 18 && found.totals.errors == 0 && found.isComplete)
            #expect(found.totals == expected.totals)
        }
    }
}
