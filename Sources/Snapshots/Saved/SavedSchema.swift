import ScanEngine

/// The tables of a file of saved scans, version 1. Documented in docs/SAVED.md.
enum SavedSchema {
    /// How every SQLite database begins.
    static let magic = Array("SQLite format 3\0".utf8)
    /// `fssv`: where `file(1)` and `sqlite3` look.
    static let applicationID: Int64 = 0x6673_7376
    static let version: Int64 = 1

    /// What is not exactly like this in `sqlite_schema` is not one of our files: a view in place of a table could run for
    /// ever, an index over expressions with each row that is added.
    static let objects: [(name: String, sql: String)] = [
        (
            "scans",
            """
            CREATE TABLE scans (
              id INTEGER PRIMARY KEY, label TEXT, host TEXT NOT NULL, started TEXT NOT NULL, ended TEXT NOT NULL,
              version TEXT NOT NULL, complete INTEGER NOT NULL, options TEXT NOT NULL, totals TEXT NOT NULL)
            """
        ),
        (
            "roots",
            """
            CREATE TABLE roots (
              scan INTEGER NOT NULL, root INTEGER NOT NULL, path BLOB NOT NULL, totals TEXT NOT NULL,
              PRIMARY KEY (scan, root)) WITHOUT ROWID
            """
        ),
        (
            "entries",
            """
            CREATE TABLE entries (
              scan INTEGER NOT NULL, root INTEGER NOT NULL, key BLOB NOT NULL, kind INTEGER NOT NULL,
              size INTEGER, disk_bytes INTEGER, mode INTEGER, uid INTEGER, gid INTEGER, nlink INTEGER,
              device INTEGER, inode INTEGER, mtime INTEGER, mtime_ns INTEGER, ctime INTEGER, ctime_ns INTEGER,
              btime INTEGER, btime_ns INTEGER, flags INTEGER, rdev INTEGER, xattrs INTEGER, changed INTEGER,
              target BLOB, mime TEXT, state BLOB,
              sha256 BLOB, sha1 BLOB, sha512 BLOB, md5 BLOB, blake2b BLOB, xxh128 BLOB, git BLOB,
              PRIMARY KEY (scan, root, key)) WITHOUT ROWID
            """
        ),
        (
            "xattrs",
            """
            CREATE TABLE xattrs (
              scan INTEGER NOT NULL, root INTEGER NOT NULL, key BLOB NOT NULL, name BLOB NOT NULL, value BLOB NOT NULL,
              PRIMARY KEY (scan, root, key, name)) WITHOUT ROWID
            """
        ),
        (
            "errors",
            """
            CREATE TABLE errors (
              scan INTEGER NOT NULL, root INTEGER NOT NULL, key BLOB NOT NULL, operation TEXT NOT NULL,
              code TEXT NOT NULL, message TEXT NOT NULL,
              PRIMARY KEY (scan, root, key, operation, code, message)) WITHOUT ROWID
            """
        ),
        // What `--baseline` takes over, packed (`ContentPack`): one row for some ten thousand files.
        (
            "content",
            """
            CREATE TABLE content (
              id INTEGER PRIMARY KEY, scan INTEGER NOT NULL, types TEXT NOT NULL, records BLOB NOT NULL)
            """
        ),
        ("entry", "CREATE VIEW entry AS\n\(entryView)"),
        ("error", "CREATE VIEW error AS\n\(errorView)"),
    ]

    /// A key as text with slashes. The 1 that stands for a slash is followed by nothing special; where 2 occurs, it
    /// escapes: 2 1 is the byte 1, 2 2 the byte 2 (`StoredKey`). No key holds a slash, so slashes mark the places.
    private static let keyText = """
        CASE WHEN instr(key, x'02') = 0 THEN replace(CAST(key AS TEXT), char(1), '/')
              ELSE replace(replace(replace(replace(replace(replace(CAST(key AS TEXT), char(2, 2), '//'), char(2, 1), '/a'),
                char(1), '/b'), '//', char(2)), '/a', char(1)), '/b', '/') END
        """

    /// As `find` prints it.
    private static let path = """
        CAST(r.path AS TEXT) || CASE WHEN key = x'' OR r.path = x'' OR substr(r.path, -1) = x'2f' THEN '' ELSE '/' END ||
            \(keyText)
        """

    private static let entryView = """
        SELECT e.scan, \(path) AS path,
          CASE kind \(EntryKind.allCases.map { "WHEN \($0.rawValue) THEN '\($0.recordName)'" }.joined(separator: " ")) END
            AS kind,
          size, disk_bytes, printf('%04o', mode) AS mode, uid, gid, nlink, device, inode,
          \(["mtime", "ctime", "btime"].map(time).joined(separator: ",\n  ")),
          CAST(target AS TEXT) AS target, rdev, mime, changed, flags & 16 <> 0 AS immutable, flags & 32 <> 0 AS append_only,
          xattrs, \(DigestAlgorithm.allCases.map { "lower(hex(\($0))) AS \($0)" }.joined(separator: ", ")),
          lower(hex(state)) AS state
        FROM entries e JOIN roots r USING (scan, root)
        """

    private static let errorView = """
        SELECT e.scan, \(path) AS path, operation, code, message FROM errors e JOIN roots r USING (scan, root)
        """

    private static func time(_ name: String) -> String {
        "strftime('%Y-%m-%dT%H:%M:%S.', \(name), 'unixepoch') || printf('%09dZ', \(name)_ns) AS \(name)"
    }

    // MARK: Files

    /// Makes the tables, inside the caller's transaction.
    static func create(in database: Database) throws(DatabaseError) {
        try database.execute("PRAGMA application_id = \(applicationID)")
        try database.execute("PRAGMA user_version = \(version)")
        for (_, sql) in objects { try database.execute(sql) }
    }

    /// What keeps a database from being one of ours; nil if nothing does.
    static func problem(of database: Database) throws(DatabaseError) -> String? {
        guard try database.integer("PRAGMA application_id") == applicationID else {
            return "is an SQLite database, but not one of saved scans"
        }
        let version = try database.integer("PRAGMA user_version") ?? 0
        guard version == self.version else {
            return "holds saved scans of version \(version), this program knows version \(self.version)"
        }
        let statement = try database.prepare("SELECT name, sql FROM sqlite_schema")
        var missing = Dictionary(uniqueKeysWithValues: objects.map { ($0.name, $0.sql) })
        while try statement.step() {
            let name = statement.text(0) ?? ""
            if let sql = statement.text(1), statistics.contains(sql) { continue }
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

    /// What ANALYZE makes, and SQLite's planner alone reads.
    private static let statistics = [
        "CREATE TABLE sqlite_stat1(tbl,idx,stat)", "CREATE TABLE sqlite_stat4(tbl,idx,neq,nlt,ndlt,sample)",
    ]
}

/// Keys in the database: 1 for the NUL of `EntryKey`, so that a key is text for `sqlite3`; in names, 1 is 2 1, and 2 is
/// 2 2. The order stays the same: whatever follows a 2 or not, what was less is less.
enum StoredKey {
    static func append(_ key: UnsafeRawBufferPointer, to buffer: inout ByteBuffer) {
        for byte in key {
            switch byte {
            case 0: buffer.append(1)
            case 1, 2:
                buffer.append(2)
                buffer.append(byte)
            default: buffer.append(byte)
            }
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

    /// Nil for what no key looks like.
    static func key(root: Int64, _ stored: [UInt8]) -> EntryKey? {
        guard let root = UInt32(exactly: root) else { return nil }
        var bytes = [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: root >> $0) }
        bytes.reserveCapacity(4 + stored.count)
        var isEscaped = false
        for byte in stored {
            if isEscaped {
                guard byte == 1 || byte == 2 else { return nil }
                bytes.append(byte)
                isEscaped = false
            } else if byte == 2 {
                isEscaped = true
            } else if byte == 0 || byte == UInt8(ascii: "/") {
                return nil
            } else {
                bytes.append(byte == 1 ? 0 : byte)
            }
        }
        if isEscaped { return nil }
        let key = EntryKey(bytes: bytes)
        return key.hasEmptyName ? nil : key
    }
}
