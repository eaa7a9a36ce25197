// The tables of version 1, as 0.1.0 creates them. They never change: a file with other SQL is refused.

extension SavedSchema {
    static let version1 = SavedSchema(
        version: 1, digests: ["sha256", "sha1", "sha512", "md5", "blake2b", "xxh128", "git"], sharesRows: false,
        objects: [
            (
                "scans",
                """
                CREATE TABLE scans (
                  id INTEGER PRIMARY KEY, label TEXT, host TEXT NOT NULL, started TEXT NOT NULL, ended TEXT NOT \
                NULL,
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
                  scan INTEGER NOT NULL, root INTEGER NOT NULL, key BLOB NOT NULL, name BLOB NOT NULL, value BLOB \
                NOT NULL,
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
            (
                "content",
                """
                CREATE TABLE content (
                  id INTEGER PRIMARY KEY, scan INTEGER NOT NULL, types TEXT NOT NULL, records BLOB NOT NULL)
                """
            ),
            (
                "entry",
                """
                CREATE VIEW entry AS
                SELECT e.scan, CAST(r.path AS TEXT) || CASE WHEN key = x'' OR r.path = x'' OR substr(r.path, -1) = \
                x'2f' THEN '' ELSE '/' END ||
                    CASE WHEN instr(key, x'02') = 0 THEN replace(CAST(key AS TEXT), char(1), '/')
                      ELSE replace(replace(replace(replace(replace(replace(CAST(key AS TEXT), char(2, 2), '//'), \
                char(2, 1), '/a'),
                        char(1), '/b'), '//', char(2)), '/a', char(1)), '/b', '/') END AS path,
                  CASE kind WHEN 0 THEN 'directory' WHEN 1 THEN 'file' WHEN 2 THEN 'symlink' WHEN 3 THEN 'fifo' \
                WHEN 4 THEN 'socket' WHEN 5 THEN 'block_device' WHEN 6 THEN 'character_device' END
                    AS kind,
                  size, disk_bytes, printf('%04o', mode) AS mode, uid, gid, nlink, device, inode,
                  strftime('%Y-%m-%dT%H:%M:%S.', mtime, 'unixepoch') || printf('%09dZ', mtime_ns) AS mtime,
                  strftime('%Y-%m-%dT%H:%M:%S.', ctime, 'unixepoch') || printf('%09dZ', ctime_ns) AS ctime,
                  strftime('%Y-%m-%dT%H:%M:%S.', btime, 'unixepoch') || printf('%09dZ', btime_ns) AS btime,
                  CAST(target AS TEXT) AS target, rdev, mime, changed, flags & 16 <> 0 AS immutable, flags & 32 <> \
                0 AS append_only,
                  xattrs, lower(hex(sha256)) AS sha256, lower(hex(sha1)) AS sha1, lower(hex(sha512)) AS sha512, \
                lower(hex(md5)) AS md5, lower(hex(blake2b)) AS blake2b, lower(hex(xxh128)) AS xxh128, \
                lower(hex(git)) AS git,
                  lower(hex(state)) AS state
                FROM entries e JOIN roots r USING (scan, root)
                """
            ),
            (
                "error",
                """
                CREATE VIEW error AS
                SELECT e.scan, CAST(r.path AS TEXT) || CASE WHEN key = x'' OR r.path = x'' OR substr(r.path, -1) = \
                x'2f' THEN '' ELSE '/' END ||
                    CASE WHEN instr(key, x'02') = 0 THEN replace(CAST(key AS TEXT), char(1), '/')
                      ELSE replace(replace(replace(replace(replace(replace(CAST(key AS TEXT), char(2, 2), '//'), \
                char(2, 1), '/a'),
                        char(1), '/b'), '//', char(2)), '/a', char(1)), '/b', '/') END AS path, operation, code, \
                message FROM errors e JOIN roots r USING (scan, root)
                """
            ),
        ])
}
