// Progress of reading in a search for duplicates. The work is counted in bytes of all files. Bytes that need not be
// read count as done when their size is done.

import LinuxKernel
import Synchronization

/// Counted by the workers, read by a progress display. Relaxed: nothing is ordered by these numbers.
package final class ReadingProgress: Sendable {
    /// Bytes of all files, once per name. Counted during the scan.
    private let expectedBytes = Atomic<Int64>(0)
    /// Bytes of the sizes that are done, minus the bytes read.
    private let passedBytes = Atomic<Int64>(0)
    private let readBytes = Atomic<Int64>(0)
    private let errorCount = Atomic<Int64>(0)
    private let whereabouts = Whereabouts()

    /// The figures for a display.
    package struct Figures: Sendable {
        package var done: Int64
        package var expected: Int64
        package var bytesRead: Int64
        package var errors: Int64
        /// A file that is being read.
        package var path: [UInt8]?

        package init(done: Int64, expected: Int64, bytesRead: Int64, errors: Int64, path: [UInt8]?) {
            (self.done, self.expected, self.bytesRead) = (done, expected, bytesRead)
            (self.errors, self.path) = (errors, path)
        }
    }

    package var figures: Figures {
        let read = readBytes.load(ordering: .relaxed)
        return Figures(
            done: passedBytes.load(ordering: .relaxed) &+ read, expected: expectedBytes.load(ordering: .relaxed),
            bytesRead: read, errors: errorCount.load(ordering: .relaxed), path: whereabouts.ask()?.bytes)
    }

    /// The weight of a file. Larger files than 1 TiB are usually sparse, and the sum of millions must not overflow.
    static func weight(ofSize size: Int64) -> Int64 { min(size, 1 << 40) }

    func expect(_ bytes: Int64) { expectedBytes.add(bytes, ordering: .relaxed) }

    func pass(_ bytes: Int64) { passedBytes.add(bytes, ordering: .relaxed) }

    func read(_ bytes: Int64) { readBytes.add(bytes, ordering: .relaxed) }

    func countErrors(_ count: Int64) { errorCount.add(count, ordering: .relaxed) }

    func come(to file: Candidate) {
        whereabouts.answer(EntryPath(directory: .root(file.paths[0], index: 0), name: nil))
    }
}
