package import ScanEngine

/// Writes packs of one scan into its table. Used by one thread at a time.
final class ContentInsertion {
    private let statement: Statement

    init(_ database: Database, scan: Int64, _ digests: DigestSet) throws(DatabaseError) {
        statement = try database.prepare("INSERT INTO content (scan, algorithms, types, records) VALUES (?, ?, ?, ?)")
        statement.bind(0, scan)
        statement.bind(1, Self.names(digests))
    }

    static func names(_ digests: DigestSet) -> String {
        digests.algorithms.map(\.rawValue).joined(separator: "\n")
    }

    func insert(_ pack: ContentPack) throws(DatabaseError) {
        // No MIME type holds a newline: see `ContentPacker`.
        statement.bind(2, pack.types.joined(separator: "\n"))
        statement.bind(3, blob: pack.records)
        try statement.run()
    }
}

extension ContentBaseline {
    /// What a saved scan knows, for a scan with `options`.
    ///
    /// - Parameter saved: the options of the saved scan.
    package static func read(
        _ path: [UInt8], for options: ScanOptions
    ) throws(SnapshotFailure) -> ContentBaseline {
        do {
            let database = try Database(path, .read)
            let scan = try database.integer("SELECT max(id) FROM scans WHERE complete") ?? 0
            let table = try table(of: scan, in: database, DigestSet(options.hash))
            return ContentBaseline(table, digests: DigestSet(options.hash), mime: options.mime)
        } catch let error as DatabaseError {
            throw SnapshotFailure(path: path, error.message)
        } catch {
            throw SnapshotFailure(path: path, "\(error)")
        }
    }

    private static func table(of scan: Int64, in database: Database, _ digests: DigestSet) throws -> ContentTable {
        let sum = try database.prepare("SELECT sum(length(records)) FROM content WHERE scan = ?")
        sum.bind(0, scan)
        let recordBytes = try sum.step() ? sum.integer(0) ?? 0 : 0
        var table = try ContentTable(digests: digests, recordBytes: Int(recordBytes))
        let packs = try database.prepare("SELECT algorithms, types, records FROM content WHERE scan = ?")
        packs.bind(0, scan)
        while try packs.step() {
            // Only a damaged file has other algorithms here than its scan had.
            guard packs.text(0) == ContentInsertion.names(digests) else { continue }
            let types = (packs.text(1) ?? "").split(separator: "\n").map(String.init)
            packs.withBlob(2) { table.add($0, types: types) }
        }
        return table
    }
}
