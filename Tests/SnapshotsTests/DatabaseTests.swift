import TestSupport
import Testing

@testable import Snapshots

/// The cost that a forged file can cause: see also ForgedDatabaseTests.
@Suite struct DatabaseTests {
    private let directory: TemporaryDirectory
    private let database: Database

    init() throws {
        directory = try TemporaryDirectory()
        let path = directory.appending("db").bytes
        try Database(path, .create).execute("CREATE TABLE numbers (n); INSERT INTO numbers VALUES (1), (2), (3)")
        database = try Database(path, .read)
    }

    @Test func rowsCannotHoldMoreThanTheFile() throws {
        #expect(database.size == 8192)
        let statement = try database.prepare("SELECT zeroblob(3000) FROM numbers ORDER BY n")
        for _ in 0..<2 {
            #expect(try statement.step())
            #expect(statement.blob(0)?.count == 3000)
        }
        #expect(try statement.step() && statement.blob(0)?.count == 3000)
        let failure = try #require(throws: DatabaseError.self) { try statement.step() }
        #expect(failure.message == "is damaged: its content exceeds its size")
    }

    @Test func aStatementThatHasNoEndEnds() throws {
        let statement = try database.prepare(
            "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT count(*) FROM r")
        let failure = try #require(throws: DatabaseError.self) { try statement.step() }
        #expect(failure.message == "is damaged: an endless table")
        // The next call has the full budget again, for each row.
        let rows = try database.prepare(
            "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r LIMIT 100000) SELECT n FROM r")
        var count = 0
        while try rows.step() { count += 1 }
        #expect(count == 100_000)
    }
}
