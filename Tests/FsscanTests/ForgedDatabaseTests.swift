// Files of saved scans on which SQLite itself would never finish: each is refused in one line, and soon.

import TestSupport
import Testing

@Suite struct ForgedDatabaseTests {
    private let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory([.directory("tree", [.file("a", "x"), .file("b", "y")])]) }

    private func shell(_ script: ByteString) throws -> ProcessOutcome {
        try Fsscan.shell(
            script, in: directory,
            ProcessOptions {
                $0.environment["FORGE"] = Repository.path("Tests/oracles/forged_database.py").text
                $0.timeout = isSanitized ? 600 : 60
            })
    }

    /// Every command that opens `old.db`, with its status when it refuses the file: see docs/OUTPUT.md.
    private static let openers: [(ByteString, Int32)] = [
        ("saved old.db", 2), ("diff old.db tree", 2), ("diff tree old.db", 2), ("verify old.db", 2),
        ("--hash md5 --baseline old.db tree", 64), ("--save old.db tree", 74), ("accept old.db", 74),
        ("prune old.db --keep 1", 74), ("saved --copy old.db new.db", 2),
    ]

    private func expectRefused(by openers: [(ByteString, Int32)], _ message: String) throws {
        for (command, status) in openers {
            let outcome = try shell("$F \(command)")
            #expect(outcome.status == status, "\(command): \(outcome.end)")
            let lines = outcome.errorText.split(separator: "\n")
            #expect(lines.count == 1 && outcome.errorText.contains(message), "\(command): \(outcome.errorText)")
        }
    }

    private static let endless = "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT n FROM r"

    private static let make: ByteString = "$F --save old.db --hash md5 tree"
    private static let makeVersion1: ByteString = "$F --save old.db --hash md5 tree && python3 $V1 old.db"
    private static let tables = [
        make: ["scans", "series", "roots", "entries", "history", "errors", "lists", "attributes", "directories"],
        makeVersion1: ["scans", "roots", "entries", "errors", "xattrs", "content"],
    ]

    @Test(
        arguments: tables.flatMap { make, tables in
            tables.flatMap {
                [(make, "DROP TABLE \($0); CREATE VIEW \($0) AS \(endless)"), (make, "DROP TABLE \($0)")]
            }
        })
    func aTableIsATable(_ make: ByteString, _ sql: String) throws {
        _ = try shell("\(make) && sqlite3 old.db \"\(sql)\"")
        try expectRefused(by: Self.openers, "holds ")
    }

    /// A file has columns for the digests that its scans asked for, and no others.
    @Test(arguments: [
        "ALTER TABLE entries ADD COLUMN sha256 BLOB", "ALTER TABLE history ADD COLUMN sha256 BLOB",
        "ALTER TABLE entries ADD COLUMN sha256 AS (hex(zeroblob(100000000)))",
        "UPDATE sqlite_schema SET sql = replace(sql, 'md5 BLOB', 'md5 BLOB, sha1 BLOB DEFAULT (hex(zeroblob(1000000)))')",
        "ALTER TABLE scans ADD COLUMN more BLOB",
    ])
    func aColumnIsOneOfBothTables(_ sql: String) throws {
        let forged = try shell(
            """
            \(Self.make) && cp old.db before && sqlite3 -cmd '.dbconfig defensive off' old.db 'PRAGMA writable_schema = ON' \
                "\(sql)" && ! cmp -s old.db before
            """)
        #expect(forged.status == 0, "\(forged.errorText)")
        try expectRefused(by: Self.openers, "holds ")
    }

    @Test(
        arguments: [make, makeVersion1],
        [
            "CREATE INDEX more ON entries (hex(zeroblob(100000000)))",
            "CREATE TRIGGER more AFTER INSERT ON scans BEGIN INSERT INTO roots \(endless); END",
            "CREATE VIEW more AS \(endless)",
            "CREATE VIRTUAL TABLE more USING fts5(x)",
            "DROP TABLE roots; CREATE TABLE roots (scan, root, path, totals AS (hex(zeroblob(100000000))))",
            "DROP VIEW entry; CREATE VIEW entry AS \(endless)",
        ])
    func aSchemaIsExactlyTheOneThatIsWritten(_ make: ByteString, _ sql: String) throws {
        _ = try shell("\(make) && sqlite3 old.db \"\(sql)\"")
        try expectRefused(by: Self.openers, "holds ")
    }

    /// Damage that no SQL statement can create.
    @Test(
        arguments: [make, makeVersion1],
        [
            "CREATE TRIGGER x AFTER INSERT ON scans BEGIN DELETE FROM entries; END; "
                + "UPDATE sqlite_schema SET name = 'sqlite_stat_x', sql = replace(sql, 'TRIGGER x', 'TRIGGER sqlite_stat_x') "
                + "WHERE name = 'x'",
            "CREATE INDEX x ON scans (hex(zeroblob(100000000))); UPDATE sqlite_schema SET name = 'sqlite_stat1', "
                + "sql = replace(sql, 'INDEX x', 'INDEX sqlite_stat1') WHERE name = 'x'",
            "UPDATE sqlite_schema SET type = 'view' WHERE name = 'entries'",
            "INSERT INTO sqlite_schema VALUES ('view', 'entries', 'entries', 0, 'CREATE VIEW entries AS \(endless)')",
            "INSERT INTO sqlite_schema VALUES ('view', 'x', 'x', 0, 'CREATE VIEW entries AS \(endless)')",
            "UPDATE sqlite_schema SET name = 'x', sql = replace(sql, 'entries', 'x') WHERE name = 'entries'",
        ])
    func aSchemaDoesNotSayOneThingAndMeanAnother(_ make: ByteString, _ sql: String) throws {
        let forged = try shell(
            "\(make) && sqlite3 old.db \".dbconfig defensive off\" \"PRAGMA writable_schema = ON; \(sql)\""
        )
        #expect(forged.status == 0, "\(forged.errorText)")
        try expectRefused(by: Self.openers, "")
    }

    /// SQLite would read 5 for 5.5, and 0 for a text.
    @Test(
        arguments: [make, makeVersion1],
        ["size = 5.5", "mode = 'x'", "inode = x'31'", "mtime_ns = 0.5", "nlink = 1e300", "kind = 'file'", "md5 = 1"])
    func aValueIsOfTheTypeThatIsWritten(_ make: ByteString, _ assignment: ByteString) throws {
        let forged = try shell("\(make) && sqlite3 old.db \"UPDATE entries SET \(assignment) WHERE kind = 1\"")
        #expect(forged.status == 0, "\(forged.errorText)")
        try expectRefused(
            by: [("diff old.db tree", 2), ("verify old.db", 2), ("saved --evidence old.db", 2)], "is damaged: ")
    }

    /// SQLite passed over the rows of such pages inside of a single call, and no signal ended it.
    @Test(arguments: [make, makeVersion1]) func aTableWithoutAnEndIsDamage(_ make: ByteString) throws {
        let forged = try shell(
            "\(make) && sqlite3 old.db 'PRAGMA page_size = 512; VACUUM' && python3 $FORGE old.db entries"
        )
        #expect(forged.status == 0, "\(forged.errorText)")
        try expectRefused(
            by: [("diff old.db tree", 2), ("verify old.db", 2)],
            // It leads back to its beginning.
            "is damaged: entries are out of order")
        if make == Self.make {
            try expectRefused(by: [("saved old.db", 2)], "out of order")
        }
    }

    @Test(arguments: [make, makeVersion1]) func aSchemaWithoutAnEndIsDamage(_ make: ByteString) throws {
        let forged = try shell(
            """
            \(make) &&
            sqlite3 old.db 'PRAGMA page_size = 512; VACUUM; CREATE TABLE known (a UNIQUE)' &&
            python3 $FORGE old.db sqlite_schema
            """)
        #expect(forged.status == 0, "\(forged.errorText)")
        try expectRefused(by: Self.openers, "is damaged: an endless table")
    }

    /// Changes that sqlite3 and similar tools make on their own are no reason to refuse a file.
    @Test func aFileThatWasAnalyzedIsTheSame() throws {
        let outcome = try shell(
            "$F --save old.db tree && sqlite3 old.db 'ANALYZE; VACUUM' && $F diff old.db tree && $F --save old.db tree")
        #expect(outcome.status == 0, "\(outcome.outputText)\(outcome.errorText)")
        let older = try shell("python3 $V1 old.db && sqlite3 old.db 'ANALYZE; VACUUM' && $F diff old.db tree")
        #expect(older.status == 0, "\(older.outputText)\(older.errorText)")
    }
}
