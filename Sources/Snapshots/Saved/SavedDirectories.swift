package import Entries
package import Formats
package import ScanEngine

/// The directories of a saved scan with their sums, in the order of their keys. Reading these is much faster than
/// reading all entries.
package final class SavedDirectories {
    package struct Directory {
        package var key: EntryKey
        /// The sums of it and everything below, without errors.
        package var sums: DirectorySums
        /// The newest mtime of the directory and of the entries in it that are not directories, in seconds.
        package var newest: Int64?
    }

    private let path: [UInt8]
    private let scan: SavedScan
    private let rows: Statement
    private let errors: Statement
    private var last: EntryKey?

    /// - Returns: nil if the file does not have them. From version 2 on, it has them for the newest scan of each
    ///   series.
    package init?(_ file: SavedScans, _ scan: SavedScan) throws(SnapshotFailure) {
        guard file.schema.sharesRows, let newest = file.scans.last(where: { $0.series == scan.series })?.id,
            newest == scan.id
        else { return nil }
        (path, self.scan) = (file.path, scan)
        do throws(DatabaseError) {
            rows = try file.database.prepare(
                """
                SELECT root, key, entries, apparent_bytes, disk_bytes, newest FROM directories
                WHERE series = ?1 AND (root, key) >= (?2, ?3) ORDER BY root, key
                """)
            errors = try file.database.prepare(
                """
                SELECT root, key, operation, code, message FROM errors WHERE series = ? AND until IS NULL
                ORDER BY root, key, operation, code, message, since
                """)
        } catch {
            throw SnapshotFailure(path: file.path, error.message)
        }
        rows.bind(0, scan.series)
        errors.bind(0, scan.series)
        start(root: .min, [])
    }

    private func start(root: Int64, _ key: [UInt8]) {
        rows.reset()
        rows.bind(1, root)
        rows.bind(2, blob: key)
    }

    /// Starts again with the first one.
    package func restart() {
        last = nil
        start(root: .min, [])
    }

    package func next() throws(SnapshotFailure) -> Directory? {
        guard try step(rows) else { return nil }
        let key = try key(rows)
        if let last, !(last < key) { throw SnapshotFailure(path: path, "is damaged: directories are out of order") }
        last = key
        return Directory(
            key: key,
            sums: DirectorySums(
                apparentBytes: rows.integer(3) ?? 0, diskBytes: rows.integer(4) ?? 0, entries: rows.integer(2) ?? 0),
            newest: rows.integer(5))
    }

    /// Skips everything below the directory that was returned last.
    package func skip(_ directory: EntryKey) {
        start(root: Int64(directory.root), StoredKey.bytes(directory.bytes[4...]) + [2])
    }

    /// The next error of the scan, in the order of their keys.
    package func nextError() throws(SnapshotFailure) -> (key: EntryKey, error: SnapshotEntryError)? {
        guard try step(errors) else { return nil }
        let texts = (2...4).compactMap { errors.blob($0).flatMap { String(validating: $0, as: UTF8.self) } }
        guard texts.count == 3 else { throw SnapshotFailure(path: path, "is damaged: an error that is not text") }
        return (try key(errors), SnapshotEntryError(operation: texts[0], code: texts[1], message: texts[2]))
    }

    private func key(_ row: Statement) throws(SnapshotFailure) -> EntryKey {
        guard let root = row.integer(0), let key = StoredKey.key(root: root, row.blob(1) ?? []),
            scan.options.paths.indices.contains(key.root)
        else { throw SnapshotFailure(path: path, "is damaged: an invalid key") }
        return key
    }

    private func step(_ statement: Statement) throws(SnapshotFailure) -> Bool {
        do throws(DatabaseError) {
            return try statement.step()
        } catch {
            throw SnapshotFailure(path: path, error.message)
        }
    }
}
