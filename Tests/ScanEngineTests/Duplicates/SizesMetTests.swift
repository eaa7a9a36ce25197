// Files that a scan reads because another one has their size.

import CLinux
import Entries
import LinuxKernel
import Synchronization
import TestSupport
import Testing

@testable import ScanEngine

@Suite struct SizesMetTests {
    private static func status(size: UInt64, inode: UInt64, links: UInt32 = 1, device: UInt32 = 1) -> FileStatus {
        var status = FileStatus()
        (status.raw.stx_size, status.raw.stx_ino, status.raw.stx_nlink) = (size, inode, links)
        status.raw.stx_dev_minor = device
        return status
    }

    @Test func theFirstFileOfASizeIsOnlyNoted() {
        let sizes = SizesMet(2...40_000)
        func met(_ status: FileStatus) -> Bool { sizes.hasMetSize(of: status) }
        #expect(!met(Self.status(size: 7, inode: 1)) && met(Self.status(size: 7, inode: 2)))
        #expect(!met(Self.status(size: 7, inode: 1)), "the same file by another path")
        #expect(met(Self.status(size: 7, inode: 1, device: 2)))
        #expect(!met(Self.status(size: 8, inode: 3)) && !met(Self.status(size: 8, inode: 4, links: 2)))
        for (size, isRead) in [(0, false), (1, false), (2, true), (32768, true), (32769, false), (1 << 40, false)] {
            _ = met(Self.status(size: UInt64(size), inode: 5))
            #expect(met(Self.status(size: UInt64(size), inode: 6)) == isRead, "\(size)")
        }
    }

    /// - Returns: what the scan says of each file's digest.
    private static func scan(_ path: ByteString) throws -> (digests: [ByteString: [UInt8]?], ScanReport) {
        let known = Mutex<[ByteString: [UInt8]?]>([:])
        var environment = ScanEnvironment()
        environment.outputs = [
            EntryWatch { path, kind, content in
                if kind == .file { known.withLock { $0[path] = .some(content.digests) } }
            }
        ]
        environment.sizesMet = SizesMet(1...Int64.max)
        var options = ScanOptions(paths: [path.bytes], threads: 1)
        options.hash = [.sha256]
        let report = try Scan(options, environment).run()
        return (known.withLock { $0 }, report)
    }

    @Test func oneFileOfEachSizeIsLeftForLater() throws {
        let directory = try TemporaryDirectory([
            .file("a", "12"), .directory("d", [.file("b", "12"), .file("c", "34")]), .file("alone", "567"),
            .file("x", "8901"), .hardLink("y", to: "x"),
        ])
        let (digests, report) = try Self.scan(directory.path)
        let read = digests.compactMapValues { $0 }
        #expect(digests.count == 6 && read.count == 2 && report.totals.errors == 0)
        for (path, digest) in read {
            #expect(["a", "d/b", "d/c"].map(directory.appending).contains(path))
            let hex = digest.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
            #expect(try output(of: ["sha256sum", path]).starts(with: hex.utf8))
        }
    }

    /// The search reads it again, and reports it then.
    @Test(.enabled(if: canUseFUSE, "\(fuseObstacle ?? "")"), .timeLimit(.minutes(patience)))
    func aFileThatCannotBeReadIsNoErrorOfTheScan() throws {
        try FaultyTree(["a file size=20", "b file size=20 open=EIO", "c file size=20 open=EIO"]).mounted { path in
            let (digests, report) = try Self.scan(path)
            #expect(digests.count == 3 && report.totals.errors == 0)
            let scan = ScanOptions(paths: [path.bytes], threads: 1)
            let found = try DuplicateFinder(scan, DuplicateOptions(), ScanEnvironment()).run()
            #expect(found.errors.map(\.path) == ["b", "c"].map { path.appending($0).bytes })
            #expect(found.totals.errors == 2 && found.totals.filesRead == 1 && found.groups.isEmpty)
        }
    }
}
