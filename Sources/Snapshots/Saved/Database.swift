import CLinux
import CSQLite
import Glibc

/// An error of SQLite.
package struct DatabaseError: Error, Equatable {
    /// The extended result code.
    package var code: Int32
    /// In SQLite's words: `database is locked`, `file is not a database`, …
    package var message: String
}

/// A connection to an SQLite database. Used by one thread at a time.
///
/// Uses the C library, not GRDB: GRDB needs Foundation, and linking the two made the program start in 7.6 ms instead of
/// 5.8 (an empty directory) and grow from 15 to 63 MB, stripped. This program only needs to bind, to step and to read
/// columns, a row in a microsecond.
///
/// `@unchecked Sendable`: owners hand it over as a whole, with its statements. SQLite, opened without its own mutexes,
/// allows that for one thread at a time.
final class Database: @unchecked Sendable {
    /// Closed in `deinit`, after its statements, which retain the database.
    fileprivate let handle: OpaquePointer
    /// How often the current call of SQLite has asked whether to continue: see `patience`.
    private var questions = 0

    /// SQLite asks after each 1,000 instructions of its virtual machine. The calls here take some hundreds: a step goes
    /// to the next row, the first one reads the schema. In a forged file, pages may contain each other and have only
    /// rows that a query skips, so that one call would never end.
    private static let patience = (questions: 100, instructions: Int32(1_000))
    /// The size of a file that is read, when it was opened or later; unlimited for one that is written.
    private(set) var size = Int64.max

    enum Access { case read, create }

    /// For reading, opens one transaction that lasts until the database is closed. All queries see the same state of
    /// the file, and no program that takes SQLite's locks changes it meanwhile.
    ///
    /// - Parameter path: bytes; need not be UTF-8.
    init(_ path: [UInt8], _ access: Access) throws(DatabaseError) {
        guard Self.isGuarded else {
            throw DatabaseError(code: 0, message: "SQLite cannot open files safely here")
        }
        let neighbours = DatabaseNeighbours(of: path)
        if let problem = neighbours.problem(access) { throw DatabaseError(code: 0, message: problem) }
        self.neighbours = neighbours
        // A relative path gets ./ in front, because "", ":memory:" and "file:" are special to SQLite.
        var name = (path.first == UInt8(ascii: "/") ? path : Array("./".utf8) + path).map { CChar(bitPattern: $0) }
        name.append(0)
        // A file to be written exists already: see `SavedPlace`.
        let flags =
            access == .read
            ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOFOLLOW
        var opened: OpaquePointer?
        let status = sqlite3_open_v2(name, &opened, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nil)
        guard let opened else { throw DatabaseError(code: status, message: "out of memory") }
        handle = opened
        // From here on `deinit` closes it, even if opening failed.
        if status != SQLITE_OK { throw error(status) }
        csqlite_set_defensive(handle)
        // The pointer is valid as long as the handle, which `deinit` closes.
        sqlite3_progress_handler(
            handle, Self.patience.instructions,
            { Unmanaged<Database>.fromOpaque($0!).takeUnretainedValue().isOutOfPatience() ? 1 : 0 },
            Unmanaged.passUnretained(self).toOpaque())
        try checkHeader(access)
        // Views, triggers and generated columns of a file must not run functions with side effects.
        try execute("PRAGMA trusted_schema = OFF")
        try execute("PRAGMA cell_size_check = ON")
        guard access == .read else { return }
        try execute("PRAGMA query_only = ON")
        try execute("BEGIN")
        try measure()
    }

    private let neighbours: DatabaseNeighbours
    private static let isGuarded = csqlite_open_by(clinux_open_database_file, clinux_unlink_database_file) == SQLITE_OK

    /// SQLite takes a file that is shorter than a page for an empty database, and reads a file in WAL mode from its
    /// log.
    private func checkHeader(_ access: Access) throws(DatabaseError) {
        var header = [UInt8](repeating: 0, count: 20)
        let status = csqlite_read(handle, &header, Int32(header.count), 0)
        if status != SQLITE_OK { throw error(status) }
        let isDatabase = header.starts(with: SavedSchema.magic)
        if access == .read, !isDatabase { throw DatabaseError(code: 0, message: "is no SQLite database") }
        if isDatabase, header[18...].contains(2) {
            throw DatabaseError(code: 0, message: DatabaseNeighbours.isInLogMode)
        }
    }

    /// Sets `size`, inside the read transaction if there is one.
    fileprivate func measure() throws(DatabaseError) {
        guard let pages = try integer("PRAGMA page_count"), let pageSize = try integer("PRAGMA page_size") else {
            return
        }
        size = pages * pageSize
    }

    deinit { sqlite3_close_v2(handle) }

    private func isOutOfPatience() -> Bool {
        questions += 1
        return questions > Self.patience.questions
    }

    /// Call it before each call that runs instructions.
    fileprivate func beginCall() { questions = 0 }

    func execute(_ sql: String) throws(DatabaseError) {
        beginCall()
        let status = sqlite3_exec(handle, sql, nil, nil, nil)
        if status != SQLITE_OK { throw error(status) }
    }

    func prepare(_ sql: String) throws(DatabaseError) -> Statement { try Statement(sql, self) }

    /// The first column of the first row; nil if there is no row, or it is NULL.
    func integer(_ sql: String) throws(DatabaseError) -> Int64? {
        let statement = try prepare(sql)
        guard try statement.step() else { return nil }
        let number = statement.integer(0)
        try statement.checkTypes()
        return number
    }

    var lastRowID: Int64 { sqlite3_last_insert_rowid(handle) }

    fileprivate func error(_ status: Int32) -> DatabaseError {
        if status == SQLITE_INTERRUPT {
            return DatabaseError(code: SQLITE_CORRUPT, message: "is damaged: an endless table")
        }
        return neighbours.explained(DatabaseError(code: status, message: String(cString: sqlite3_errmsg(handle))))
    }
}

extension Database {
    /// Whether the file has lost the name that it was opened by. Then everything written to it would be lost.
    var hasMoved: Bool { csqlite_has_moved(handle) != 0 }

    /// Sets how long to wait for a lock of another process. A stop signal ends the wait.
    func waitForLocks(seconds: Int) {
        // The handler's argument is the number of times that it may sleep 50 ms.
        sqlite3_busy_handler(
            handle,
            { limit, count in
                if clinux_stop_signal() != 0 || Int(count) >= Int(bitPattern: limit) { return 0 }
                usleep(50_000)
                return 1
            }, UnsafeMutableRawPointer(bitPattern: seconds * 20))
    }

    /// The SHA-256, in hex, of the open file, even if its name refers to another file now. Call it in a read
    /// transaction, so that no program that takes SQLite's locks writes to the file.
    ///
    /// Reads through SQLite's descriptor. Opening the file again might open another file, and closing it would drop all
    /// locks that this process has on it (fcntl(2)).
    func sha256() throws -> String {
        var size: Int64 = 0
        let status = csqlite_size(handle, &size)
        if status != SQLITE_OK { throw error(status) }
        return try FileDigest.sha256(size: size) { buffer, offset in
            let status = csqlite_read(handle, buffer.baseAddress!, Int32(buffer.count), offset)
            if status != SQLITE_OK { throw error(status) }
        }
    }
}

/// A prepared statement. Parameters and columns count from 0. Values are bound, never pasted into SQL.
final class Statement {
    private let handle: OpaquePointer
    private let database: Database
    /// The bytes of blobs and texts.
    private var bytesRead: Int64 = 0
    /// Another step would start again from the first row.
    private var isAtEnd = false
    /// A value had another type than requested. SQLite would convert it, say 5.5 to 5. The next step throws.
    private var hasOtherType = false

    fileprivate init(_ sql: String, _ database: Database) throws(DatabaseError) {
        self.database = database
        var prepared: OpaquePointer?
        // The first statement reads the schema.
        database.beginCall()
        let status = sqlite3_prepare_v3(database.handle, sql, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &prepared, nil)
        guard status == SQLITE_OK, let prepared else { throw database.error(status) }
        handle = prepared
    }

    deinit { sqlite3_finalize(handle) }

    // MARK: Parameters

    func bind(_ index: Int, _ value: Int64?) {
        if let value {
            sqlite3_bind_int64(handle, Int32(index) + 1, value)
        } else {
            sqlite3_bind_null(handle, Int32(index) + 1)
        }
    }

    func bindNull(_ index: Int) { sqlite3_bind_null(handle, Int32(index) + 1) }

    func bind(_ index: Int, _ text: String?) {
        guard var text else { return bindNull(index) }
        text.withUTF8 { bytes in
            let start = bytes.baseAddress.map { UnsafeRawPointer($0) } ?? Self.nothing
            _ = csqlite_bind_text(
                handle, Int32(index) + 1, start.assumingMemoryBound(to: CChar.self), Int32(clamping: bytes.count))
        }
    }

    func bind(_ index: Int, blob: [UInt8]?) {
        guard let blob else { return bindNull(index) }
        blob.withUnsafeBytes { bytes in
            _ = csqlite_bind_blob(
                handle, Int32(index) + 1, bytes.baseAddress ?? Self.nothing, Int32(clamping: bytes.count))
        }
    }

    /// Binds bytes that must stay in place until the statement has run and is reset.
    func bind(_ index: Int, borrowed bytes: UnsafeRawBufferPointer?) {
        guard let bytes else { return bindNull(index) }
        csqlite_bind_borrowed_blob(
            handle, Int32(index) + 1, bytes.baseAddress ?? Self.nothing, Int32(clamping: bytes.count))
    }

    func bind(_ index: Int, borrowedText bytes: UnsafeRawBufferPointer?) {
        guard let bytes else { return bindNull(index) }
        let start = bytes.baseAddress ?? Self.nothing
        csqlite_bind_borrowed_text(
            handle, Int32(index) + 1, start.assumingMemoryBound(to: CChar.self), Int32(clamping: bytes.count))
    }

    /// The address of an empty value, never read. A null pointer would mean NULL.
    private static var nothing: UnsafeRawPointer { UnsafeRawPointer(bitPattern: 1).unsafelyUnwrapped }

    // MARK: Running

    /// Goes to the next row; false after the last one, until `reset()`.
    ///
    /// A statement visits each row once, so the values of its rows cannot be larger than the file. In a forged file,
    /// rows may share pages: ten thousand rows of a megabyte in two megabytes.
    func step() throws(DatabaseError) -> Bool {
        try checkTypes()
        if isAtEnd { return false }
        // Another process may have added to the file since.
        if bytesRead > database.size { try database.measure() }
        guard bytesRead <= database.size else {
            throw DatabaseError(code: SQLITE_CORRUPT, message: "is damaged: its content exceeds its size")
        }
        database.beginCall()
        switch sqlite3_step(handle) {
        case SQLITE_ROW: return true
        case SQLITE_DONE:
            isAtEnd = true
            return false
        case let status: throw database.error(status)
        }
    }

    /// Runs a statement without rows, and resets it.
    func run() throws(DatabaseError) {
        database.beginCall()
        let status = sqlite3_step(handle)
        let failure = status == SQLITE_DONE ? nil : database.error(status)
        sqlite3_reset(handle)
        if let failure { throw failure }
    }

    func checkTypes() throws(DatabaseError) {
        if hasOtherType { throw DatabaseError(code: SQLITE_CORRUPT, message: "is damaged: a value of the wrong type") }
    }

    func reset() {
        isAtEnd = false
        sqlite3_reset(handle)
    }

    // MARK: Columns of the current row

    /// Nil for NULL. A value of another type is damage.
    func integer(_ column: Int) -> Int64? {
        // Each function of a column checks the statement again, so one is called, and then functions of its value.
        let value = sqlite3_column_value(handle, Int32(column))
        switch sqlite3_value_type(value) {
        case SQLITE_INTEGER: return sqlite3_value_int64(value)
        case SQLITE_NULL: return nil
        default:
            hasOtherType = true
            return 0
        }
    }

    func isNull(_ column: Int) -> Bool { sqlite3_column_type(handle, Int32(column)) == SQLITE_NULL }

    func isNumber(_ column: Int) -> Bool { sqlite3_column_type(handle, Int32(column)) == SQLITE_INTEGER }

    func blob(_ column: Int) -> [UInt8]? { isNull(column) ? nil : withBlob(column) { Array($0) } }

    /// The bytes in SQLite's memory, valid during the call. Empty for NULL. A number is damage.
    func withBlob<R>(_ column: Int, _ body: (UnsafeRawBufferPointer) -> R) -> R {
        let value = sqlite3_column_value(handle, Int32(column))
        let type = sqlite3_value_type(value)
        // SQLite would convert a number to digits.
        if type == SQLITE_INTEGER || type == SQLITE_FLOAT { hasOtherType = true }
        let start = sqlite3_value_blob(value)
        let count = Int(sqlite3_value_bytes(value))
        bytesRead += Int64(count)
        return body(UnsafeRawBufferPointer(start: start, count: start == nil ? 0 : count))
    }

    /// The bytes in SQLite's memory, valid until the statement goes on; nil for NULL. A number is damage.
    func borrowedBlob(_ column: Int) -> UnsafeRawBufferPointer? {
        let value = sqlite3_column_value(handle, Int32(column))
        switch sqlite3_value_type(value) {
        case SQLITE_NULL: return nil
        case SQLITE_INTEGER, SQLITE_FLOAT:
            hasOtherType = true
            return UnsafeRawBufferPointer(start: nil, count: 0)
        default:
            let start = sqlite3_value_blob(value)
            let count = start == nil ? 0 : Int(sqlite3_value_bytes(value))
            bytesRead += Int64(count)
            return UnsafeRawBufferPointer(start: start, count: count)
        }
    }

    func text(_ column: Int) -> String? { blob(column).map { String(decoding: $0, as: UTF8.self) } }
}
