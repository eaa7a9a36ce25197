import CLinux
import Entries
import ExternalSort
import LinuxKernel
import TestSupport
import Testing

@testable import ScanEngine

@Suite struct ContentBaselineTests {
    /// A second of the saved scan's start, far behind the times of `file`.
    private static let start = 1_000_000

    private func file(
        _ inode: UInt64, device: UInt32 = 3, size: UInt64 = 10, mtime: (Int64, UInt32) = (500, 7),
        ctime: (Int64, UInt32) = (600, 8)
    ) -> FileStatus {
        var status = FileStatus()
        status.raw.stx_mode = UInt16(0o100644)
        status.raw.stx_ino = inode
        status.raw.stx_dev_major = 8
        status.raw.stx_dev_minor = device
        status.raw.stx_size = size
        (status.raw.stx_mtime.tv_sec, status.raw.stx_mtime.tv_nsec) = mtime
        (status.raw.stx_ctime.tv_sec, status.raw.stx_ctime.tv_nsec) = ctime
        return status
    }

    private func packer(_ algorithms: [DigestAlgorithm] = [.md5]) -> ContentPacker {
        var timing = Timing()
        timing.startedSeconds = Int64(Self.start)
        timing.startedNanoseconds = 5
        return ContentPacker(DigestSet(algorithms), start: timing)
    }

    private func row(_ seed: UInt64, _ algorithms: [DigestAlgorithm] = [.md5]) -> [UInt8] {
        noise(DigestSet(algorithms).rowBytes, seed: seed)
    }

    private func baseline(
        _ packs: [ContentPack], saved: [DigestAlgorithm] = [.md5], wanted: [DigestAlgorithm]? = nil, mime: Bool = false
    ) throws -> ContentBaseline {
        let bytes = packs.reduce(0) { $0 + $1.records.count }
        var table = try ContentTable(
            saved: DigestSet(saved), wanted: DigestSet(wanted ?? saved), recordBytes: bytes)
        for pack in packs { pack.records.withUnsafeBytes { table.add($0, types: pack.types) } }
        return ContentBaseline(table, mime: mime)
    }

    private func known(_ baseline: ContentBaseline, _ status: FileStatus) -> ContentBaseline.Known? {
        var cursor = -1
        return baseline.known(status, .file, isServed: false, &cursor)
    }

    private func row(_ baseline: ContentBaseline, _ status: FileStatus) -> [UInt8]? {
        known(baseline, status).map { Array($0.digests) }
    }

    private func pack(_ packer: ContentPacker) throws -> ContentPack {
        var packer = packer
        let pack = packer.take()
        return try #require(pack)
    }

    @Test func aFileIsTakenOverOnlyIfAllFiveFieldsAreTheSame() throws {
        var packer = packer()
        packer.add(file(1), row: row(1), type: nil)
        let baseline = try baseline([pack(packer)])
        #expect(row(baseline, file(1)) == row(1))
        let others = [
            file(2), file(1, device: 4), file(1, size: 11), file(1, mtime: (501, 7)), file(1, mtime: (500, 6)),
            file(1, ctime: (601, 8)), file(1, ctime: (600, 9)),
        ]
        for other in others { #expect(row(baseline, other) == nil, "\(other.raw.stx_ino)") }
    }

    /// git's racy rule, with 2 s for the granularity of time stamps: the scan starts at second `start` and 5 ns.
    @Test func aFileThatWasJustChangedIsNotTakenOver() throws {
        let limit = Int64(Self.start) - 2
        let old = [
            file(1, mtime: (limit, 4), ctime: (limit, 4)), file(2, mtime: (-5, 0), ctime: (limit - 1, 999_999_999)),
        ]
        let racy = [
            file(3, mtime: (limit, 5)), file(4, ctime: (limit, 5)), file(5, mtime: (limit + 1, 0)),
            file(6, ctime: (limit + 100, 0)), file(7, mtime: (.max, 0)),
        ]
        var packer = packer()
        for status in old + racy { packer.add(status, row: row(status.inode), type: nil) }
        let baseline = try baseline([pack(packer)])
        for status in old { #expect(row(baseline, status) == row(status.inode)) }
        for status in racy { #expect(row(baseline, status) == nil, "\(status.inode)") }
    }

    @Test func aFileWithoutDigestsIsNotPacked() {
        var packer = packer()
        packer.add(file(1), row: nil, type: "text/plain")
        #expect(packer.take() == nil)
    }

    @Test func everyFileIsFoundAmongManyWithNeighbouringInodes() throws {
        var packs: [ContentPack] = []
        var packer = packer()
        // Rows of neighbours, gaps, the same inodes on several devices, other names of one inode.
        let inodes: [UInt64] = (0..<300).flatMap { group in (0..<100).map { group * 8192 + $0 } }
        for device in [UInt32(1), 2] {
            for inode in inodes {
                packer.add(file(inode, device: device), row: row(inode << 2 | UInt64(device)), type: nil)
                if inode % 3 == 0 { packer.add(file(inode, device: device), row: row(0), type: nil) }
                if packer.isFull { packs.append(try pack(packer)); _ = packer.take() }
            }
        }
        packs.append(try pack(packer))
        #expect(packs.count > 4)
        let baseline = try baseline(packs)
        for device in [UInt32(1), 2] {
            for inode in inodes {
                let found = row(baseline, file(inode, device: device))
                if found != row(inode << 2 | UInt64(device)) { Issue.record("inode \(inode) on \(device)") }
            }
        }
        for inode in inodes where row(baseline, file(inode + 4096, device: 1)) != nil {
            Issue.record("an inode that nobody saved")
        }
    }

    @Test func whateverWasFoundLastTheAnswerIsTheSame() throws {
        var packer = packer()
        for inode in 1...10 as ClosedRange<UInt64> { packer.add(file(inode), row: row(inode), type: nil) }
        let baseline = try baseline([pack(packer)])
        for start in -1...12 {
            for inode in 1...12 as ClosedRange<UInt64> {
                var cursor = start
                let found = baseline.known(file(inode), .file, isServed: false, &cursor)
                #expect(found.map { Array($0.digests) } == (inode <= 10 ? row(inode) : nil))
                #expect(cursor == (inode <= 10 ? Int(inode) - 1 : start))
            }
        }
    }

    @Test func algorithmsAreTakenOutOfTheRowInTheOrderThatIsWanted() throws {
        let saved: [DigestAlgorithm] = [.sha256, .md5, .git]
        var packer = packer(saved)
        packer.add(file(1), row: row(1, saved), type: nil)
        let pack = try pack(packer)
        let bytes = row(1, saved)
        #expect(
            try row(baseline([pack], saved: saved, wanted: [.git, .sha256]), file(1))
                == Array(bytes[48..<68] + bytes[..<32]))
        #expect(try row(baseline([pack], saved: saved, wanted: []), file(1)) == [])
        #expect(try row(baseline([pack], saved: saved, wanted: [.md5, .sha1]), file(1)) == nil)
        #expect(ContentBaseline.missing(DigestSet([.md5, .sha1]), in: DigestSet(saved)) == [.sha1])
    }

    @Test func typesComeFromTheirOwnPack() throws {
        var packs: [ContentPack] = []
        for (inode, type) in [(1, "text/plain"), (2, "image/png"), (3, nil), (4, "a\nb")] as [(UInt64, String?)] {
            var packer = packer()
            packer.add(file(inode), row: row(inode), type: type)
            packs.append(try pack(packer))
        }
        let baseline = try baseline(packs, mime: true)
        func type(_ inode: UInt64) -> String? { known(baseline, file(inode))?.mime }
        #expect(type(1) == "text/plain")
        #expect(type(2) == "image/png")
        // Nothing is known, or nothing that can be saved: the file is read.
        #expect(row(baseline, file(3)) == nil && row(baseline, file(4)) == nil)
    }

    @Test func forgedRecordsLeadNowhere() throws {
        var packer = packer()
        for inode in 1...20 as ClosedRange<UInt64> { packer.add(file(inode), row: row(inode), type: "text/plain") }
        let pack = try pack(packer)
        // Cut at any byte, no types although records refer to some, arbitrary bytes, a table that promises less or
        // more.
        for length in 0..<pack.records.count {
            let cut = ContentPack(records: Array(pack.records[..<length]), types: [])
            let baseline = try baseline([cut], mime: false)
            #expect(row(baseline, file(1)) == (length >= 68 ? row(1) : nil))
            #expect(try row(self.baseline([cut], mime: true), file(1)) == nil)
        }
        let garbage = ContentPack(records: noise(100_000), types: ["x"])
        #expect(try row(baseline([garbage], mime: true), file(1)) == nil)
        // All records in one place: those without room are omitted.
        let same = ContentPack(records: Array(repeating: pack.records[..<68], count: 5_000).flatMap { $0 }, types: [])
        #expect(try row(baseline([same]), file(1)) == row(1))
        for promised in [-1, 0, 68, 1 << 27] {
            var table = try ContentTable(
                saved: DigestSet([.md5]), wanted: DigestSet([.md5]), recordBytes: promised)
            pack.records.withUnsafeBytes { table.add($0, types: pack.types) }
            #expect(table.count == min(max(promised, 0) / 68, 20))
        }
    }

    @Test func aPlaceWithoutRoomIsAnError() {
        #expect(throws: TemporaryFileError.self) {
            _ = try ContentTable(
                saved: DigestSet([.md5]), wanted: DigestSet([.md5]), recordBytes: 1 << 27,
                temporaryDirectory: Array("/nonexistent".utf8))
        }
    }
}
