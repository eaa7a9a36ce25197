// The tables of version 2, in which each row has the first and the last scan that it belongs to. docs/SAVED.md
// describes them.
//
// The first scan with a new algorithm adds a column to `entries` and `history`, which changes no row. The SQL of a file
// must be exactly the one that is generated here for its digests, so only names of these columns vary.

extension SavedSchema {
    /// - Parameter digests: names of columns, in their order.
    static func version2(digests: [String]) -> SavedSchema {
        SavedSchema(version: 2, digests: digests, sharesRows: true, objects: objects(digests))
    }

    /// The same version with other digests.
    func with(_ digests: [String]) -> SavedSchema {
        SavedSchema(version: version, digests: digests, sharesRows: sharesRows, objects: Self.objects(digests))
    }

    /// The names between the last other column and the key, which have only letters and digits. For SQL of another form
    /// the result is a schema that does not match the file.
    static func digestColumns(of entries: String) -> [String] {
        guard let start = entries.firstRange(of: "mime TEXT, "),
            let end = entries.firstRange(of: ",\n  PRIMARY KEY"),
            start.upperBound <= end.lowerBound
        else { return [] }
        return entries[start.upperBound..<end.lowerBound].split(separator: ", ").compactMap { column in
            let name = column.hasSuffix(" BLOB") ? column.dropLast(5) : ""
            let isName =
                !name.isEmpty && name.utf8.allSatisfy { (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) }
            return isName ? String(name) : nil
        }
    }

    /// The columns of `entries` and `history` that describe an entry, including digests that this program does not
    /// know.
    var entryValues: [String] { Self.valueNames + digests }

    private static func objects(_ digests: [String]) -> [(name: String, sql: String)] {
        let columns = digests.map { ", \($0) BLOB" }.joined()
        return [
            (
                "scans",
                """
                CREATE TABLE scans (
                  id INTEGER PRIMARY KEY AUTOINCREMENT, series INTEGER NOT NULL, label TEXT, host TEXT NOT NULL,
                  started TEXT NOT NULL, ended TEXT NOT NULL, version TEXT NOT NULL, options TEXT NOT NULL,
                  totals TEXT NOT NULL, evidence BLOB NOT NULL, kept_since TEXT NOT NULL,
                  base INTEGER, reason TEXT, who TEXT)
                """
            ),
            ("sqlite_sequence", "CREATE TABLE sqlite_sequence(name,seq)"),
            ("series", "CREATE TABLE series (id INTEGER PRIMARY KEY, roots BLOB NOT NULL, options BLOB NOT NULL)"),
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
                  series INTEGER NOT NULL, root INTEGER NOT NULL, key BLOB NOT NULL, since INTEGER NOT NULL,
                \(values)\(columns),
                  PRIMARY KEY (series, root, key)) WITHOUT ROWID
                """
            ),
            (
                "history",
                """
                CREATE TABLE history (
                  series INTEGER NOT NULL, root INTEGER NOT NULL, key BLOB NOT NULL, until INTEGER NOT NULL,
                  since INTEGER NOT NULL,
                \(values)\(columns),
                  PRIMARY KEY (series, root, key, until)) WITHOUT ROWID
                """
            ),
            ("lists", "CREATE TABLE lists (id INTEGER PRIMARY KEY, hash INTEGER NOT NULL)"),
            ("lists_by_hash", "CREATE INDEX lists_by_hash ON lists (hash)"),
            (
                "attributes",
                """
                CREATE TABLE attributes (
                  list INTEGER NOT NULL, name BLOB NOT NULL, value BLOB NOT NULL,
                  PRIMARY KEY (list, name)) WITHOUT ROWID
                """
            ),
            (
                "errors",
                """
                CREATE TABLE errors (
                  series INTEGER NOT NULL, root INTEGER NOT NULL, key BLOB NOT NULL, operation TEXT NOT NULL,
                  code TEXT NOT NULL, message TEXT NOT NULL, since INTEGER NOT NULL, until INTEGER,
                  PRIMARY KEY (series, root, key, operation, code, message, since)) WITHOUT ROWID
                """
            ),
            (
                "directories",
                """
                CREATE TABLE directories (
                  series INTEGER NOT NULL, root INTEGER NOT NULL, key BLOB NOT NULL, changed INTEGER,
                  entries INTEGER NOT NULL, apparent_bytes INTEGER NOT NULL, disk_bytes INTEGER NOT NULL,
                  links INTEGER NOT NULL, newest INTEGER,
                  PRIMARY KEY (series, root, key)) WITHOUT ROWID
                """
            ),
            ("entry", entryView(digests)), ("error", errorView),
        ]
    }

    private static let values = """
          kind INTEGER NOT NULL, size INTEGER, disk_bytes INTEGER, mode INTEGER, uid INTEGER, gid INTEGER,
          nlink INTEGER, device INTEGER, inode INTEGER, mtime INTEGER, mtime_ns INTEGER, ctime INTEGER,
          ctime_ns INTEGER, btime INTEGER, btime_ns INTEGER, flags INTEGER, rdev INTEGER, xattrs INTEGER,
          state INTEGER, target BLOB, mime TEXT
        """

    private static let valueNames = [
        "kind", "size", "disk_bytes", "mode", "uid", "gid", "nlink", "device", "inode", "mtime", "mtime_ns", "ctime",
        "ctime_ns", "btime", "btime_ns", "flags", "rdev", "xattrs", "state", "target", "mime",
    ]

    /// As `find` prints it.
    private static let path = """
        CAST(r.path AS TEXT) || CASE WHEN key = x'' OR r.path = x'' OR substr(r.path, -1) = x'2f' THEN '' ELSE '/' \
        END ||
            CASE WHEN instr(key, x'02') = 0 THEN replace(CAST(key AS TEXT), char(1), '/')
              ELSE replace(replace(replace(replace(replace(replace(CAST(key AS TEXT), char(2, 2), '//'), char(2, 1), \
        '/a'),
                char(1), '/b'), '//', char(2)), '/a', char(1)), '/b', '/') END AS path
        """

    static func entryView(_ digests: [String]) -> String {
        let columns = (valueNames + digests).joined(separator: ", ")
        let times = ["mtime", "ctime", "btime"].map { time in
            "strftime('%Y-%m-%dT%H:%M:%S.', \(time), 'unixepoch') || printf('%09dZ', \(time)_ns) AS \(time),"
        }
        return """
            CREATE VIEW entry AS
            SELECT s.id AS scan, \(path),
              CASE kind WHEN 0 THEN 'directory' WHEN 1 THEN 'file' WHEN 2 THEN 'symlink' WHEN 3 THEN 'fifo' \
            WHEN 4 THEN 'socket' WHEN 5 THEN 'block_device' WHEN 6 THEN 'character_device' END AS kind,
              size, disk_bytes, printf('%04o', mode) AS mode, uid, gid, nlink, device, inode,
              \(times.joined(separator: "\n  "))
              CAST(target AS TEXT) AS target, rdev, mime, CASE state WHEN 1 THEN 1 END AS changed,
              flags & 16 <> 0 AS immutable, flags & 32 <> 0 AS append_only,
              CASE WHEN xattrs IS NOT NULL THEN (SELECT count(*) FROM attributes a WHERE a.list = e.xattrs) END \
            AS xattrs,
              CASE state WHEN 1 THEN 'changed' WHEN 2 THEN 'too large' WHEN 3 THEN 'skipped' WHEN 4 THEN 'error' END \
            AS state\(digests.map { ", lower(hex(\($0))) AS \($0)" }.joined())
            FROM (SELECT series, root, key, since, NULL AS until, \(columns) FROM entries
                UNION ALL SELECT series, root, key, since, until, \(columns) FROM history) e
              JOIN scans s ON s.series = e.series AND e.since <= s.id AND (e.until IS NULL OR e.until >= s.id)
              JOIN roots r ON r.scan = s.id AND r.root = e.root
            """
    }

    private static let errorView = """
        CREATE VIEW error AS
        SELECT s.id AS scan, \(path), operation, code, message
        FROM errors e JOIN scans s ON s.series = e.series AND e.since <= s.id AND (e.until IS NULL OR e.until >= s.id)
          JOIN roots r ON r.scan = s.id AND r.root = e.root
        """
}
