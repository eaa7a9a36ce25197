import Bytes
import Entries
import ScanEngine

/// The tables of a file of saved scans, in one version. Documented in docs/SAVED.md.
///
/// A program reads the files of all versions in `known`, and writes only the newest. Fields that an older version lacks
/// are unknown. A file never changes from one version to another.
struct SavedSchema: Sendable {
    let version: Int64
    /// The digests that entries have a column for, in the order of the columns. A file of version 2 begins with none.
    let digests: [String]
    /// Whether several scans may share a row: from version 2 on.
    let sharesRows: Bool
    /// A file whose `sqlite_schema` is not exactly this is refused: a view instead of a table could run forever, and so
    /// could an index over expressions, for each new row.
    let objects: [(name: String, sql: String)]

    /// The algorithms that entries have a column for and this program knows.
    var algorithms: [DigestAlgorithm] { digests.compactMap { DigestAlgorithm(rawValue: $0) } }

    /// How every SQLite database begins.
    static let magic = Array("SQLite format 3\0".utf8)
    /// `fssv`: where `file(1)` and `sqlite3` look.
    static let applicationID: Int64 = 0x6673_7376
    /// From the oldest to the newest.
    static let known: [SavedSchema] = [.version1, .version2(digests: [])]
    static var newest: SavedSchema { known[known.count - 1] }

    /// Creates the tables, inside the caller's transaction.
    func create(in database: Database) throws(DatabaseError) {
        try database.execute("PRAGMA application_id = \(Self.applicationID)")
        try database.execute("PRAGMA user_version = \(version)")
        for (name, sql) in objects where !name.hasPrefix("sqlite_") { try database.execute(sql) }
    }

    /// The schema of a database.
    ///
    /// - Throws: a sentence that says why it is not in `known`.
    static func of(_ database: Database, _ known: [SavedSchema]) throws(DatabaseError) -> SavedSchema {
        guard try database.integer("PRAGMA application_id") == applicationID else {
            throw DatabaseError(code: 0, message: "is an SQLite database, but not one of saved scans")
        }
        let version = try database.integer("PRAGMA user_version") ?? 0
        guard let schema = known.first(where: { $0.version == version }) else {
            let newest = known.map(\.version).max() ?? 0
            throw DatabaseError(
                code: 0, message: "holds saved scans of version \(version), this program knows version \(newest)")
        }
        let grown = try schema.grown(like: database)
        if let problem = try grown.problem(of: database) { throw DatabaseError(code: 0, message: problem) }
        return grown
    }

    /// This schema with the columns for digests that the database has.
    private func grown(like database: Database) throws(DatabaseError) -> SavedSchema {
        guard sharesRows else { return self }
        let statement = try database.prepare("SELECT name, sql FROM sqlite_schema")
        while try statement.step() {
            if statement.text(0) == "entries" { return with(Self.digestColumns(of: statement.text(1) ?? "")) }
        }
        return self
    }

    private func problem(of database: Database) throws(DatabaseError) -> String? {
        let statement = try database.prepare("SELECT name, sql FROM sqlite_schema")
        var missing = Dictionary(uniqueKeysWithValues: objects.map { ($0.name, $0.sql) })
        while try statement.step() {
            let name = statement.text(0) ?? ""
            if let sql = statement.text(1), Self.statistics.contains(sql) { continue }
            guard let sql = missing.removeValue(forKey: name) else {
                return "holds tables, views, indices or triggers that saved scans do not have"
            }
            guard statement.text(1) == sql else { return "holds a table or view \(name) of unknown form" }
        }
        if let name = objects.first(where: { missing[$0.name] != nil })?.name {
            return "holds no table or view \(name)"
        }
        return nil
    }

    /// Created by ANALYZE; only SQLite's planner reads them.
    private static let statistics = [
        "CREATE TABLE sqlite_stat1(tbl,idx,stat)", "CREATE TABLE sqlite_stat4(tbl,idx,neq,nlt,ndlt,sample)",
    ]
}

/// Keys in the database have the byte 1 for the NUL of `EntryKey`, so that `sqlite3` can treat a key as text. In names,
/// the byte 1 becomes 2 1, and 2 becomes 2 2. This keeps the order of keys.
enum StoredKey {
    static func append(_ key: UnsafeRawBufferPointer, to buffer: inout ByteBuffer) {
        buffer.appendUnchecked(atMost: 2 * key.count) { start in
            var end = start
            for byte in key {
                if byte == 1 || byte == 2 {
                    end.storeBytes(of: 2, as: UInt8.self)
                    end += 1
                }
                end.storeBytes(of: byte == 0 ? 1 : byte, as: UInt8.self)
                end += 1
            }
            return end - start
        }
    }

    static func bytes(_ path: some Sequence<UInt8>) -> [UInt8] {
        var stored: [UInt8] = []
        for byte in path {
            if byte == 1 || byte == 2 { stored.append(2) }
            stored.append(byte == 0 ? 1 : byte)
        }
        return stored
    }

    /// Nil for bytes that are not a key.
    static func key(root: Int64, _ stored: [UInt8]) -> EntryKey? {
        var buffer = ByteBuffer(capacity: 4 + stored.count)
        guard stored.withUnsafeBytes({ decode(root, $0, to: &buffer) }) else { return nil }
        return EntryKey(bytes: Array(buffer.bytes))
    }

    /// Appends the bytes of an `EntryKey`.
    ///
    /// - Returns: false for bytes that are not a key.
    static func decode(_ root: Int64, _ stored: UnsafeRawBufferPointer, to buffer: inout ByteBuffer) -> Bool {
        guard let root = UInt32(exactly: root) else { return false }
        // The byte before: a key has no empty name.
        var (isKey, isEscaped, last) = (true, false, UInt8(0))
        buffer.appendUnchecked(atMost: 4 + stored.count) { start in
            start.storeBytes(of: root.bigEndian, as: UInt32.self)
            var end = start + 4
            for byte in stored {
                if !isEscaped, byte == 2 {
                    isEscaped = true
                    continue
                }
                if isEscaped ? byte != 1 && byte != 2 : byte == 0 || byte == UInt8(ascii: "/") { isKey = false }
                let decoded = !isEscaped && byte == 1 ? 0 : byte
                if decoded == 0, last == 0 { isKey = false }
                end.storeBytes(of: decoded, as: UInt8.self)
                end += 1
                (last, isEscaped) = (decoded, false)
            }
            return end - start
        }
        return isKey && !isEscaped && (stored.isEmpty || last != 0)
    }
}
