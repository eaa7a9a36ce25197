// A search for duplicates reads a file only if another one has its size. The sizes are known after the scan. But a
// small file whose size was met before is read at once: its directory is open, its name and its inode are in memory,
// and a slow disk is asked for content while the rest of the tree is being listed.
//
//   a   12 bytes   the first of its size: read after the scan, if it is not the only one
//   b   12 bytes   read now
//   c    7 bytes   the first of its size: never read
//
// Only small files: each size has a place in a table, and what is read in vain is bounded (see `SizesMet.largest`).

import Entries
import LinuxKernel
import Synchronization

/// The sizes of files that a scan has met. A scan reads only files of such sizes, and their digests are optional: a
/// file that cannot be read is no error, and is read later.
package final class SizesMet: Sendable {
    private let sizes: ClosedRange<Int64>
    /// For each size the first file that has it; 0: none was met. Relaxed: nothing is ordered by it, and an entry is
    /// written once.
    ///
    /// Owned, and all entries are initialized, from `init` to `deinit`: so the workers may use it together.
    private nonisolated(unsafe) let first: UnsafeMutablePointer<Atomic<UInt64>>

    /// Files up to this size are read whole wherever they are read, so nothing is read that would not be. The table
    /// takes 256 KiB.
    package static let largest: Int64 = 32 << 10

    /// - Parameter sizes: of the files that are searched.
    package init(_ sizes: ClosedRange<Int64>) {
        self.sizes = sizes
        first = .allocate(capacity: Int(Self.largest) + 1)
        for size in 0...Int(Self.largest) { (first + size).initialize(to: Atomic(0)) }
    }

    deinit {
        first.deinitialize(count: Int(Self.largest) + 1)
        first.deallocate()
    }

    /// Notes the size of a regular file.
    ///
    /// - Returns: whether another file of its size was met before. False for a file with several names, which need not
    ///   be another one.
    func hasMetSize(of status: borrowing FileStatus) -> Bool {
        guard (1...Self.largest).contains(status.size), sizes.contains(status.size), status.links == 1 else {
            return false
        }
        // One file has several paths if one PATH contains another.
        let file = status.identity.inode &+ status.device &* 0x9E37_79B9_7F4A_7C15
        let met = first[Int(status.size)].compareExchange(expected: 0, desired: file, ordering: .relaxed).original
        return met != 0 && met != file
    }
}
