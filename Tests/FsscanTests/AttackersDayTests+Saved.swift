// Attacks on the saved scan and the files beside it.

import TestSupport
import Testing

extension AttackersDayTests {
    /// The rows match the trojan: only the evidence kept elsewhere reveals it.
    @Test func rowsArePatched() throws {
        let verdicts = try play(
            """
            \(Self.settle)
            echo trojan > tree/bin/login; "$F" --save forged.db --label good --hash sha256 --xattrs tree > none 2>&1
            cat forged.db > drop/usr.db; routine
            tell again "$F" --save drop/usr.db --baseline drop/usr.db --expect $expect --hash sha256 tree
            """)
        expect(verdicts, ["verify", "quick", "diff", "saved"], 0)
        expect(
            verdicts, ["expect"], 2, ["fsscan: ‘drop/usr.db’: does not match --expect: the SHA-256 of the file is"])
        expect(verdicts, ["evidence"], 2, ["fsscan: ‘drop/usr.db’: does not match --expect"])
        expect(verdicts, ["again"], 64)
        #expect(verdicts["again"]?.lines.first?.contains("does not match --expect") == true, "\(verdicts)")
    }

    /// The trojan is not scanned, or a clean copy is: no compared row, and no digest of the root, shows it.
    @Test(
        arguments: [
            """
            UPDATE scans SET options = json_set(options, '$.exclude', json('[{"pattern": "log*"}]'));
            DELETE FROM entries WHERE CAST(key AS TEXT) LIKE '%login'
            """,
            "UPDATE roots SET path = CAST('copy' AS BLOB)",
            "UPDATE scans SET options = json_set(options, '$.cwd', json_extract(options, '$.cwd') || '/clean')",
        ] as [ByteString])
    func whereItLooksIsForged(_ sql: ByteString) throws {
        let verdicts = try play(
            """
            cp -a tree copy; mkdir clean; cp -a tree clean/tree; \(Self.settle)
            echo trojan > tree/bin/login; tell before "$F" verify --ignore ctime drop/usr.db
            sqlite3 drop/usr.db <<'END'
            \(sql)
            END
            tell verify "$F" verify --ignore ctime drop/usr.db
            \(Self.expecting)
            """)
        expect(verdicts, ["verify"], 0)
        #expect(verdicts["before"]?.status == 1, "\(verdicts)")
        expectRefusal(verdicts)
    }

    /// Fields that a digest of the root does not cover.
    @Test(
        arguments: [
            "UPDATE entries SET mode = 2541 WHERE CAST(key AS TEXT) LIKE '%login'",
            "UPDATE entries SET uid = 65534 WHERE CAST(key AS TEXT) LIKE '%login'",
            "UPDATE entries SET flags = 16 WHERE CAST(key AS TEXT) LIKE '%login'",
            """
            INSERT INTO lists VALUES (7, 7); INSERT INTO attributes VALUES (7, x'61', x'62');
            UPDATE entries SET xattrs = 7 WHERE CAST(key AS TEXT) LIKE '%login'
            """,
            "INSERT INTO errors SELECT 1, 0, key, 'openat', 'EACCES', 'Permission denied', 1, NULL FROM entries WHERE kind = 1",
        ] as [ByteString])
    func comparedValuesAreForged(_ sql: ByteString) throws {
        try expectForgery(sql, isOfVersion1: false)
    }

    @Test(
        arguments: [
            "UPDATE entries SET mode = 2541 WHERE CAST(key AS TEXT) LIKE '%login'",
            "UPDATE entries SET xattrs = 1 WHERE CAST(key AS TEXT) LIKE '%login';"
                + "INSERT INTO xattrs SELECT 1, 0, key, x'61', x'62' FROM entries WHERE xattrs = 1",
            "INSERT INTO errors SELECT 1, 0, key, 'openat', 'EACCES', 'Permission denied' FROM entries WHERE kind = 1",
        ] as [ByteString])
    func comparedValuesAreForgedInVersion1(_ sql: ByteString) throws {
        try expectForgery(sql, isOfVersion1: true)
    }

    private func expectForgery(_ sql: ByteString, isOfVersion1: Bool) throws {
        let verdicts = try play(
            """
            \(Self.settle)
            \(isOfVersion1 ? "python3 $V1 drop/usr.db" : "")
            sqlite3 drop/usr.db <<'END'
            \(sql)
            END
            \(Self.expecting)
            """)
        expectRefusal(verdicts)
    }

    private static let expecting: ByteString = """
        tell evidence "$F" verify --expect $evidence drop/usr.db
        tell quickly "$F" verify --quick --expect $evidence drop/usr.db
        tell again "$F" --save drop/usr.db --baseline drop/usr.db --expect $evidence --hash sha256 tree
        tell root "$F" verify --expect $(sed -n 's/.*of the root.*: //p' saving) drop/usr.db
        """

    private func expectRefusal(
        _ verdicts: [String: Verdict], sourceLocation: SourceLocation = #_sourceLocation
    ) {
        expect(
            verdicts, ["evidence", "quickly", "root"], 2, ["fsscan: ‘drop/usr.db’: "], sourceLocation: sourceLocation)
        expect(verdicts, ["again"], 64, sourceLocation: sourceLocation)
        for name in ["evidence", "quickly", "root", "again"] {
            #expect(verdicts[name]?.lines.count == 1, "\(verdicts)", sourceLocation: sourceLocation)
        }
    }

    /// A row of `content`, from which 0.1.0 takes over digests, has the digest that the file had before.
    @Test func contentIsPatched() throws {
        let verdicts = try play(
            """
            clean=$(sha256sum < tree/bin/login | cut -c1-64); echo trojan > tree/bin/login
            trojan=$(sha256sum < tree/bin/login | cut -c1-64); \(Self.settle)
            python3 $V1 drop/usr.db
            python3 - $trojan $clean <<'END'
            import sqlite3, sys
            old, new = map(bytes.fromhex, sys.argv[1:])
            database = sqlite3.connect("drop/usr.db")
            records = database.execute("SELECT records FROM content").fetchone()[0]
            assert old in records
            database.execute("UPDATE content SET records = ?", [records.replace(old, new)])
            database.commit()
            END
            tell evidence "$F" verify --expect $evidence drop/usr.db
            tell again "$F" --save drop/usr.db --baseline drop/usr.db --expect $evidence --hash sha256 tree
            """)
        expect(verdicts, ["evidence"], 2, ["fsscan: ‘drop/usr.db’: is damaged: its content does not match its entries"])
        expect(verdicts, ["again"], 64)
    }

    /// One that hides the trojan, and leaves everything else unchanged.
    @Test(arguments: ["journal", "wal"]) func aJournalIsPlanted(kind: String) throws {
        let plant: ByteString =
            kind == "wal"
            ? #"log forged.db drop/usr.db "$forgery""#
            : #"sqlite3 forged.db "$forgery"; interrupt forged.db unused.db "\#(Attacker.longRows)"; cp unused.db-journal drop/usr.db-journal"#
        let verdicts = try play(
            """
            for i in $(seq 300); do echo > tree/bin/$i; done
            \(Self.settle)
            echo trojan > tree/bin/login; cp drop/usr.db forged.db; forgery="UPDATE scans SET label = 'forged'"
            \(plant); chown 65534 drop/usr.db-\(ByteString(kind))
            routine; tell save "$F" --save drop/usr.db --hash sha256 tree
            tell same grep -q "^$expect" <(sha256sum drop/usr.db)
            """)
        expect(verdicts, Self.readers, 2, ["fsscan: ‘drop/usr.db’: "])
        for name in Self.readers {
            let lines = verdicts[name]?.lines ?? []
            #expect(lines.count == 1 && lines[0].contains("FILE-\(kind) of uid 65534"), "\(name): \(lines)")
        }
        expect(verdicts, ["save"], 74)
        expect(verdicts, ["same"], 0)
    }

    @Test func textsOfTheDatabaseAreForged() throws {
        let verdicts = try play(
            """
            \(Self.settle)
            sqlite3 drop/usr.db "UPDATE scans SET label = char(27) || '[2J' || char(10) || 'No difference.';
                INSERT INTO errors
                SELECT 1, 0, key, char(27) || 'c', char(13), char(10) || 'No difference.' || char(10), 1, NULL FROM entries WHERE kind = 1"
            routine
            """)
        expect(verdicts, ["verify", "quick", "diff"], 2, ["? tree/home/f  "])
        expect(verdicts, ["expect", "evidence"], 2, ["fsscan: ‘drop/usr.db’: does not match --expect"])
        #expect(verdicts["saved"]?.lines.count == 1)
    }

    @Test(arguments: ["mkfifo", "truncate -s 1T", "mkdir", "ln -s /dev/zero"])
    func anotherFileIsInThePlaceOfASavedScan(make: String) throws {
        let verdicts = try play(
            """
            save; mkdir theirs; chown 65534 theirs; user \(ByteString(make)) theirs/usr.db
            tell verify "$F" verify theirs/usr.db; tell quick "$F" verify --quick theirs/usr.db
            tell expect "$F" verify --expect $expect theirs/usr.db; tell saved "$F" saved theirs/usr.db
            tell save "$F" --save theirs/usr.db tree
            tell baseline "$F" --hash sha256 --baseline theirs/usr.db tree; tell list "$F" --files-from theirs/usr.db
            """)
        expect(verdicts, ["verify", "quick", "expect", "saved"], 2, ["fsscan: ‘theirs/usr.db’: "])
        expect(verdicts, ["save"], 74)
        expect(verdicts, ["baseline", "list"], 64)
    }

    /// Hashing it would take an hour: a stop signal must end it.
    @Test func theSavedScanIsMadeLongWithHoles() throws {
        let verdicts = try play(
            """
            save; truncate -s 1T drop/usr.db; limit=3 tell expect "$F" verify --expect $expect drop/usr.db
            """)
        expect(verdicts, ["expect"], 124)
    }
}
