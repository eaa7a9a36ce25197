import Bytes
import CLinux
import CSQLite
package import Entries
import ExternalSort
package import Formats
import Glibc
import LinuxKernel
package import ScanEngine

/// Writes packs of one scan into its table. Used by one thread at a time.
final class ContentInsertion {
    private let statement: Statement

    init(_ database: Database, scan: Int64) throws(DatabaseError) {
        statement = try database.prepare("INSERT INTO content (scan, types, records) VALUES (?, ?, ?)")
        statement.bind(0, scan)
    }

    func insert(_ pack: ContentPack) throws(DatabaseError) {
        // No MIME type holds a newline: see `ContentPacker`.
        statement.bind(1, pack.types.joined(separator: "\n"))
        statement.bind(2, blob: pack.records)
        try statement.run()
    }
}

extension SavedScans {
    /// What a scan of this file knows of the content of files, for a new scan.
    ///
    /// It is read from the rows that `diff` compares and `--expect` vouches for, and not from the packs that repeat them:
    /// see ContentPack.swift. Cost: a microsecond for each row of the scan.
    package func baseline(
        _ scan: SavedScan, for options: ScanOptions, trust: ContentBaseline.Trust = ContentBaseline.Trust()
    ) throws(SnapshotFailure) -> ContentBaseline {
        try asSnapshotFailure {
            ContentBaseline(try contentTable(scan, DigestSet(options.hash)), mime: options.mime, trust: trust)
        }
    }

    /// Says of this file what went wrong with its database, or with temporary files beside it.
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
            preconditionFailure("an error of nobody: \(error)")
        }
    }

    private func contentTable(_ scan: SavedScan, _ wanted: DigestSet) throws -> ContentTable {
        let isSaved = ContentBaseline.missing(wanted, in: DigestSet(scan.options.hash)).isEmpty
        let (files, isBeyond) = scan.totals.files.addingReportingOverflow(scan.totals.symlinks)
        // A row takes more room in the file than here; what is forged may say that it holds more.
        let mostRecords = database.size / Int64(ContentPacker.recordBytes(wanted))
        let records = isSaved ? (isBeyond ? mostRecords : min(files, mostRecords)) : 0
        var table = try ContentTable(
            saved: wanted, wanted: wanted, recordBytes: Int(records) * ContentPacker.recordBytes(wanted))
        guard isSaved, let start = Timestamp.parsed(Array(scan.started.utf8)) else { return table }
        let time = FileTime(seconds: start.seconds, nanoseconds: start.nanoseconds)
        var packer = ContentPacker(wanted, start: time)
        try forEachKnownFile(of: scan, wanted) { file, row, type in
            packer.add(file, row: row, type: type)
            if packer.isFull { Self.handOver(&packer, to: &table) }
        }
        Self.handOver(&packer, to: &table)
        return table
    }

    /// Goes through what the rows say of files and symlinks whose content is known.
    ///
    /// - Parameter wanted: algorithms that were saved: a row without one of these digests is passed over.
    func forEachKnownFile(
        of scan: SavedScan, _ wanted: DigestSet, _ body: (PackedFile, _ row: [UInt8], _ type: String?) throws -> Void
    ) throws {
        // Every row is asked for, so that no step of SQLite takes long: see `Database.patience`. The range is that of
        // `SavedScanSource`: what evidence does not see is not taken over.
        let rows = try database.prepare(
            """
            SELECT root, key, kind, size, device, inode, mtime, mtime_ns, ctime, ctime_ns, mime, changed
            \(wanted.algorithms.map { ", \($0)" }.joined()) FROM entries
            WHERE scan = ?1 AND (root, key) >= (\(Int64.min), x'') ORDER BY root, key
            """)
        rows.bind(0, scan.id)
        var order = KeyOrder()
        while try rows.step() {
            try order.next(rows)
            let kind = rows.integer(2).flatMap { UInt8(exactly: $0) }.flatMap { EntryKind(rawValue: $0) }
            guard kind == .file || kind == .symlink, rows.isNull(11), let file = packed(rows)
            else { continue }
            var row: [UInt8] = []
            row.reserveCapacity(wanted.rowBytes)
            for index in wanted.algorithms.indices { rows.withBlob(12 + index) { row += $0 } }
            if row.count == wanted.rowBytes { try body(file, row, rows.text(10)) }
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
        // As `FileStatus.device` has it, and not as st_dev mixes its bits.
        let number = dev_t(UInt64(bitPattern: device))
        return PackedFile(
            device: UInt64(gnu_dev_major(number)) << 32 | UInt64(gnu_dev_minor(number)),
            inode: UInt64(bitPattern: inode), size: size,
            mtime: FileTime(seconds: mtime, nanoseconds: mtimeNanoseconds),
            ctime: FileTime(seconds: ctime, nanoseconds: ctimeNanoseconds))
    }
}

/// Rows of entries come in the order of root and key, each once: see `RowOrder`.
struct KeyOrder {
    private var root = Int64.min
    private var key: [UInt8] = []

    /// The first two columns of the current row.
    mutating func next(_ row: Statement) throws(DatabaseError) {
        let root = row.integer(0) ?? .min
        let isNext = row.withBlob(1) { bytes in
            let isNext = root > self.root || root == self.root && key.lexicographicallyPrecedes(bytes)
            key.removeAll(keepingCapacity: true)
            key.append(contentsOf: bytes)
            return isNext
        }
        self.root = root
        guard isNext else { throw DatabaseError(code: SQLITE_CORRUPT, message: "is damaged: entries are out of order") }
    }
}
