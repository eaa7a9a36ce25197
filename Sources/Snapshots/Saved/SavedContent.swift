import Bytes
import CLinux
import CSQLite
package import Entries
import ExternalSort
package import Formats
import Glibc
import LinuxKernel
package import ScanEngine

extension SavedScans {
    /// The known content of files in a scan of this file, as a baseline for a new scan.
    ///
    /// Read from the rows that `diff` compares and `--expect` vouches for, not from the packs that repeat them: see
    /// ContentPack.swift. Cost: a microsecond for each row of the scan.
    package func baseline(
        _ scan: SavedScan, for options: ScanOptions, trust: ContentBaseline.Trust = ContentBaseline.Trust()
    ) throws(SnapshotFailure) -> ContentBaseline {
        try asSnapshotFailure {
            ContentBaseline(try contentTable(scan, DigestSet(options.hash)), mime: options.mime, trust: trust)
        }
    }

    /// Reports failures of the database, and of temporary files, as failures of this file.
    func asSnapshotFailure<Result>(_ body: () throws -> Result) throws(SnapshotFailure) -> Result {
        do {
            return try body()
        } catch let error as SnapshotFailure {
            throw error
        } catch let error as DatabaseError {
            throw SnapshotFailure(path: path, error.message)
        } catch let error as TemporaryFileError {
            throw SnapshotFailure(error)
        } catch {
            preconditionFailure("an unexpected error: \(error)")
        }
    }

    private func contentTable(_ scan: SavedScan, _ wanted: DigestSet) throws -> ContentTable {
        let isSaved = ContentBaseline.missing(wanted, in: DigestSet(scan.options.hash)).isEmpty
        let (files, isBeyond) = scan.totals.files.addingReportingOverflow(scan.totals.symlinks)
        // A row takes more room in the file than here. A forged file may claim to have more rows.
        let mostRecords = database.size / Int64(ContentPacker.recordBytes(wanted))
        let records = isSaved ? (isBeyond ? mostRecords : min(files, mostRecords)) : 0
        var table = try ContentTable(
            saved: wanted, wanted: wanted, recordBytes: Int(records) * ContentPacker.recordBytes(wanted))
        guard isSaved, let start = Timestamp.parsed(Array(scan.started.utf8)),
            let keptSince = Timestamp.parsed(Array(scan.keptSince.utf8))
        else { return table }
        // Rows that `accept` kept: an older scan has read them.
        var kept = ContentPacker(
            wanted, start: FileTime(seconds: keptSince.seconds, nanoseconds: keptSince.nanoseconds))
        var packer = ContentPacker(wanted, start: FileTime(seconds: start.seconds, nanoseconds: start.nanoseconds))
        try forEachKnownFile(of: scan, wanted) { file, row, type, since in
            if since < scan.id, keptSince != start {
                kept.add(file, row: row, type: type)
                if kept.isFull { Self.handOver(&kept, to: &table) }
            } else {
                packer.add(file, row: row, type: type)
                if packer.isFull { Self.handOver(&packer, to: &table) }
            }
        }
        Self.handOver(&kept, to: &table)
        Self.handOver(&packer, to: &table)
        return table
    }

    /// Visits the rows of files and symlinks whose content is known.
    ///
    /// - Parameter wanted: saved algorithms. Rows without one of these digests are skipped.
    func forEachKnownFile(
        of scan: SavedScan, _ wanted: DigestSet,
        _ body: (PackedFile, _ row: UnsafeRawBufferPointer, _ type: String?, _ since: Int64) throws -> Void
    ) throws {
        var columns = [
            "root", "key", "kind", "size", "device", "inode", "mtime", "mtime_ns", "ctime", "ctime_ns", "mime",
            schema.sharesRows ? "state = 1" : "changed",
        ]
        let first = columns.count
        columns += wanted.algorithms.map(\.rawValue)
        let interval = (since: columns.count, until: columns.count + 1)
        if schema.sharesRows { columns += ["since", "until"] }
        // The rows that `SavedScanSource` returns: nothing is taken over that evidence does not cover.
        let rows = try SavedRows(self, scan, columns, interval: interval)
        var digests = ByteBuffer(capacity: 256)
        while let row = try rows.next() {
            let kind = row.integer(2).flatMap { UInt8(exactly: $0) }.flatMap { EntryKind(rawValue: $0) }
            guard kind == .file || kind == .symlink, row.integer(11) ?? 0 == 0, let file = packed(row) else { continue }
            digests.removeAll()
            for index in wanted.algorithms.indices {
                if let digest = row.borrowedBlob(first + index) { digests.append(digest) }
            }
            guard digests.count == wanted.rowBytes else { continue }
            let since = schema.sharesRows ? row.integer(interval.since) : nil
            try body(file, digests.bytes, row.text(10), since ?? scan.id)
        }
    }

    private static func handOver(_ packer: inout ContentPacker, to table: inout ContentTable) {
        guard let pack = packer.take() else { return }
        pack.records.withUnsafeBytes { table.add($0, types: pack.types) }
    }

    private func packed(_ row: Statement) -> PackedFile? {
        guard let size = row.integer(3), let device = row.integer(4), let inode = row.integer(5),
            let mtime = row.integer(6), let mtimeNanoseconds = row.integer(7), let ctime = row.integer(8),
            let ctimeNanoseconds = row.integer(9)
        else { return nil }
        // In the form of `FileStatus.device`; st_dev mixes the bits.
        let number = dev_t(UInt64(bitPattern: device))
        return PackedFile(
            device: UInt64(gnu_dev_major(number)) << 32 | UInt64(gnu_dev_minor(number)),
            inode: UInt64(bitPattern: inode), size: size,
            mtime: FileTime(seconds: mtime, nanoseconds: mtimeNanoseconds),
            ctime: FileTime(seconds: ctime, nanoseconds: ctimeNanoseconds))
    }
}
