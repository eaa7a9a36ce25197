// What workers tell a display of the tree.

import Synchronization
import Testing

@testable import ScanEngine

@Suite struct DirectoryWatchTests {
    /// A worker may lose its processor while it has its lock. The display must answer keys meanwhile.
    @Test func aWorkerThatHasItsLockIsNotWaitedFor() {
        let watch = DirectoryWatch(roots: [0], next: 1)
        let streams = [watch.makeStream(), watch.makeStream()]
        let node = PathNode.root(Array("/".utf8), index: 0, number: 0)
        for (count, stream) in streams.enumerated() {
            stream.count(.added, node, DirectorySums(entries: Int64(count + 1)))
        }
        var spare = DirectoryEvents()
        func taken(all: Bool) -> [Int64] {
            var entries: [Int64] = []
            watch.take(&spare, all: all) { events in entries += events.counted.map(\.sums.entries) }
            return entries
        }
        let others = streams[0].events.withLock { _ in taken(all: false) }
        #expect(others == [2])
        #expect(taken(all: true) == [1])
        #expect(taken(all: false).isEmpty)
    }
}
