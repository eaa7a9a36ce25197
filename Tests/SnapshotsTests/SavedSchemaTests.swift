import Entries
import Formats
import LinuxKernel
import ScanEngine
import TestSupport
import Testing

@testable import Snapshots

/// A program that supports several versions of the tables of saved scans.
@Suite struct SavedSchemaTests {
    private let directory: TemporaryDirectory
    private let path: [UInt8]

    init() throws {
        directory = try TemporaryDirectory()
        path = directory.appending("scans.db").bytes
    }

    /// The fields that every scan has.
    private let scanned = FieldSet(of: ScanOptions(paths: [], threads: 1))

    /// Version 1 with another table of entries.
    private func schema(_ version: Int64, _ entries: (String) -> String) -> SavedSchema {
        SavedSchema(
            version: version,
            objects: SavedSchema.version1.objects.map { name, sql in
                (name, name == "entries" ? entries(sql) : sql)
            })
    }

    /// Before version 1: entries had no time of birth, no flags and no BLAKE2.
    private var older: SavedSchema {
        SavedSchema(
            version: 0,
            objects: schema(0) {
                $0.replacing("btime INTEGER, btime_ns INTEGER, flags INTEGER, ", with: "")
                    .replacing("blake2b BLOB, ", with: "")
            }.objects.filter { $0.name != "entry" })
    }

    /// After version 1: a column that no code here reads.
    private var newer: SavedSchema { schema(2) { $0.replacing("state BLOB,", with: "state BLOB, more INTEGER,") } }

    private func write(_ schema: SavedSchema) throws {
        let database = try Database(path, .create)
        try schema.create(in: database)
        try database.execute(
            """
            INSERT INTO scans VALUES (1, NULL, '', '', '', '', 1,
              '{"hash": ["sha256", "blake2b"], "mime": false, "xattrs": false}', '{}');
            INSERT INTO roots VALUES (1, 0, CAST('tree' AS BLOB), '{}');
            INSERT INTO entries (scan, root, key, kind, size, ctime, ctime_ns, sha256)
              VALUES (1, 0, x'', 1, 3, 5, 7, zeroblob(32))
            """)
    }

    @Test func whatAnOlderVersionHasNoColumnForIsNotKnown() throws {
        try write(older)
        let file = try SavedScans(path, knowing: [older, .version1])
        let source = try SavedScanSource(file, try file.scan(nil))
        #expect(source.description.fields == scanned.subtracting([.btime, .flags]))
        #expect(source.description.algorithms == [.sha256])
        let entry = try #require(try source.next())
        #expect(entry.size == 3 && entry.ctime == FileTime(seconds: 5, nanoseconds: 7) && entry.btime == nil)
        #expect(entry.digests == [.sha256: [UInt8](repeating: 0, count: 32)])
        #expect(try source.next() == nil)
        #expect(try source.next() == nil, "it begins again")
    }

    @Test func aNewerProgramReadsVersion1AndDoesNotWriteToIt() throws {
        try write(.version1)
        let file = try SavedScans(path, knowing: [.version1, newer])
        #expect(try SavedScanSource(file, try file.scan(nil)).description.fields == scanned)
        let failure = try #require(throws: SaveFailure.self) {
            _ = try SavedScanWriter(
                path, ScanOptions(paths: [], threads: 1), label: nil, version: "", knowing: [.version1, newer])
        }
        #expect(failure.message == "holds saved scans of version 1, and is left as it is: save in another file")
    }

    @Test func whatIsNewerThanTheProgramIsRefused() throws {
        try write(newer)
        let failure = try #require(throws: SnapshotFailure.self) { _ = try SavedScans(path) }
        #expect(failure.message == "holds saved scans of version 2, this program knows version 1")
    }

    @Test func aVersionIsExactlyItsOwnSQL() throws {
        try write(older)
        _ = try output(of: ["sqlite3", ByteString(path), "PRAGMA user_version = 1"])
        let failure = try #require(throws: SnapshotFailure.self) {
            _ = try SavedScans(path, knowing: [older, .version1])
        }
        #expect(failure.message.hasPrefix("holds "))
    }
}
