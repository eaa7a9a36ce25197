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
    /// Cost: some 20 ms for 100,000 files, most of it for SQLite to hand out the pages.
    package func baseline(_ scan: SavedScan, for options: ScanOptions) throws(SnapshotFailure) -> ContentBaseline {
        do {
            return ContentBaseline(try contentTable(scan, DigestSet(options.hash)), mime: options.mime)
        } catch let error as DatabaseError {
            throw SnapshotFailure(path: path, error.message)
        } catch let error as TemporaryFileError {
            throw SnapshotFailure(error)
        } catch {
            preconditionFailure("an error of nobody: \(error)")
        }
    }

    private func contentTable(_ scan: SavedScan, _ wanted: DigestSet) throws -> ContentTable {
        let lengths = try database.prepare("SELECT id, scan, length(records) FROM content ORDER BY id")
        var order = RowOrder()
        var recordBytes: Int64 = 0
        while try lengths.step() {
            _ = try order.next(lengths)
            if lengths.integer(1) == scan.id { recordBytes += lengths.integer(2) ?? 0 }
        }
        // What is damaged may say that it holds more than there is.
        recordBytes = min(recordBytes, database.size)
        var table = try ContentTable(
            saved: DigestSet(scan.options.hash), wanted: wanted, recordBytes: Int(recordBytes))
        let packs = try database.prepare("SELECT id, scan, types, records FROM content ORDER BY id")
        order = RowOrder()
        while try packs.step() {
            _ = try order.next(packs)
            if packs.integer(1) != scan.id { continue }
            let types = (packs.text(2) ?? "").split(separator: "\n").map { String($0) }
            packs.withBlob(3) { table.add($0, types: types) }
        }
        return table
    }
}
