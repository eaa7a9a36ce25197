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
        let sum = try database.prepare("SELECT sum(length(records)) FROM content WHERE scan = ?")
        sum.bind(0, scan.id)
        let recordBytes = try sum.step() ? sum.integer(0) ?? 0 : 0
        var table = try ContentTable(
            saved: DigestSet(scan.options.hash), wanted: wanted, recordBytes: Int(recordBytes))
        let packs = try database.prepare("SELECT types, records FROM content WHERE scan = ?")
        packs.bind(0, scan.id)
        while try packs.step() {
            let types = (packs.text(0) ?? "").split(separator: "\n").map { String($0) }
            packs.withBlob(1) { table.add($0, types: types) }
        }
        return table
    }
}
