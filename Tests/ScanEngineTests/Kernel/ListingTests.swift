import CLinux
import Entries
import LinuxKernel
import TestSupport
import Testing

@testable import ScanEngine

/// Positions of listings, against the kernel itself: the last record's position, and whether something follows.
struct ListingTests {
    @Test(arguments: ["/tmp", "/dev/shm"], [0, 1, 100, 3000])
    func aListingThatStandsAtItsEndIsComplete(place: String, names: Int) throws {
        let tree = try TemporaryDirectory(
            Tree((0..<names).map { .file("name-\($0)", "") }), in: ByteString(place))
        let directory = try Kernel.openDirectory(".", in: tree.descriptor, keepAccessTime: false)
        var status = FileStatus()
        try Kernel.status(of: directory.number, into: &status)
        // Absent on file systems other than ext4 and tmpfs, and on kernels without such a mark: nothing is assumed
        // then.
        let end = DeviceTable(ScanOptions(paths: [], threads: 1))[status.device].endOfListing

        var listed = 0
        var isAtEnd = false
        try withUnsafeTemporaryAllocation(byteCount: 4096, alignment: 16) { (buffer) throws(Errno) in
            while true {
                let amount = try Kernel.listDirectory(directory.number, into: buffer)
                if amount == 0 { break }
                #expect(!isAtEnd, "something follows")
                let entries = DirectoryEntries(UnsafeRawBufferPointer(rebasing: buffer[..<amount]))
                isAtEnd = entries.endPosition == end
                for _ in entries { listed += 1 }
            }
        }
        #expect(listed == names)
    }

    @Test func brokenRecordsHaveNoEnd() {
        let empty = DirectoryEntries(UnsafeRawBufferPointer(start: nil, count: 0))
        #expect(empty.endPosition == 0)
        let garbage = [UInt8](repeating: 0xff, count: 64)
        garbage.withUnsafeBytes { #expect(DirectoryEntries($0).endPosition == 0) }
    }
}
