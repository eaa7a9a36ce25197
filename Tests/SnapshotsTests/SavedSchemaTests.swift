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

    /// A version with another table of entries.
    private func schema(_ version: Int64, like other: SavedSchema, _ entries: (String) -> String) -> SavedSchema {
        SavedSchema(
            version: version, digests: other.digests, sharesRows: other.sharesRows,
            objects: other.objects.map { name, sql in (name, name == "entries" ? entries(sql) : sql) })
    }

    /// Before version 1: entries had no time of birth, no flags and no BLAKE2.
    private var older: SavedSchema {
        let entries = schema(0, like: .version1) {
            $0.replacing("btime INTEGER, btime_ns INTEGER, flags INTEGER, ", with: "")
                .replacing("blake2b BLOB, ", with: "")
        }
        return SavedSchema(
            version: 0, digests: entries.digests.filter { $0 != "blake2b" }, sharesRows: false,
            objects: entries.objects.filter { $0.name != "entry" })
    }

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

    @Test func columnsThatAnOlderVersionLacksAreUnknown() throws {
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

    @Test func version1IsReadAndNotWritten() throws {
        try write(.version1)
        let file = try SavedScans(path)
        #expect(try SavedScanSource(file, try file.scan(nil)).description.fields == scanned)
        let failure = try #require(throws: SaveFailure.self) {
            _ = try SavedScanWriter(path, ScanOptions(paths: [], threads: 1), label: nil, version: "")
        }
        #expect(failure.isOfOlderVersion)
        #expect(
            failure.message
                == "holds saved scans of version 1, which cannot be changed: make a copy that can, with "
                + "fsscan saved --copy OLD NEW")
    }

    @Test func newerVersionsAreRefused() throws {
        let newer = schema(3, like: .version2(digests: [])) {
            $0.replacing("mime TEXT", with: "mime TEXT, more INTEGER")
        }
        try newer.create(in: try Database(path, .create))
        let failure = try #require(throws: SnapshotFailure.self) { _ = try SavedScans(path) }
        #expect(failure.message == "holds saved scans of version 3, this program knows version 2")
    }

    /// A later program may know more algorithms. Its saved scans are read, and its additional columns are kept.
    @Test func digestsOfALaterProgramAreColumns() throws {
        let later = SavedSchema.version2(digests: ["sha256", "blake9", "md5"])
        let database = try Database(path, .create)
        try later.create(in: database)
        #expect(try SavedSchema.of(database, SavedSchema.known).digests == later.digests)
        #expect(try SavedSchema.of(database, SavedSchema.known).algorithms == [.sha256, .md5])
        #expect(SavedSchema.digestColumns(of: later.objects.first { $0.name == "entries" }?.sql ?? "") == later.digests)
    }

    /// As ALTER TABLE writes it.
    @Test func aColumnThatIsAddedIsTheSchemaOfItsDigests() throws {
        let database = try Database(path, .create)
        try SavedSchema.newest.create(in: database)
        let grown = try database.addDigests(["git", "sha384"], to: try SavedSchema.of(database, SavedSchema.known))
        #expect(grown.digests == ["git", "sha384"])
        #expect(try SavedSchema.of(database, SavedSchema.known).digests == ["git", "sha384"])
        #expect(try database.addDigests(["sha384"], to: grown).digests == grown.digests)
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
