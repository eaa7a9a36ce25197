import CLinux
import CSQLite
import Glibc
import LinuxKernel

/// The files that SQLite keeps beside a database, and the reasons not to open a database that has them.
///
/// | beside FILE | SQLite would | here |
/// | --- | --- | --- |
/// | `FILE-journal`, hot | play it back into FILE | reading: refused. Saving: played back if `clinux_may_play_back` |
/// | `FILE-journal` of a running save | read FILE | the same |
/// | `FILE-wal`, `FILE-shm` | read its pages instead of FILE's | refused |
///
/// These checks give people a message. The defence against an attacker who creates such a file a moment later is in
/// CLinux.h and, for reading, SQLITE_OPEN_READONLY: SQLite never plays a journal back through such a connection.
/// (`immutable` is no substitute: it would read FILE in the middle of a change.)
struct DatabaseNeighbours {
    /// Where SQLite looks for them: it resolves symlinks first.
    private let path: [UInt8]

    init(of path: [UInt8]) {
        let resolved = withCString(path) { realpath($0, nil) }
        defer { free(resolved) }
        self.path = resolved.map { name in (0..<strlen(name)).map { UInt8(bitPattern: name[$0]) } } ?? path
    }

    private func status(_ suffix: String) -> stat? {
        var status = stat()
        let name = path + Array(suffix.utf8)
        return withCString(name, { lstat($0, &status) }) == 0 ? status : nil
    }

    /// The reason not to open the database; nil if there is none.
    func problem(_ access: Database.Access) -> String? {
        if let log = status("-wal") {
            return
                "has a write-ahead log beside it, FILE-wal of uid \(log.st_uid), and is not opened. \(Self.unmakeLog). "
                + "If not, remove FILE-wal"
        }
        guard access != .read, var journal = status("-journal") else { return nil }
        // Without a database, as beside one that the caller owns.
        var database = status("") ?? stat()
        if clinux_may_play_back(&journal, &database) != 0 { return nil }
        return "has a journal beside it, FILE-journal of uid \(journal.st_uid), which is not rolled back: its owner is "
            + "neither root, nor you, nor the owner of FILE, or others may write to it. Find out where it comes from, "
            + "and remove it"
    }

    /// For a database that its header puts in WAL mode.
    static let isInLogMode =
        "was switched to WAL mode by another program, so that it is more than one file. \(unmakeLog)"

    private static let unmakeLog =
        "If you trust that program, let the owner switch it back: sqlite3 FILE 'PRAGMA journal_mode = DELETE'"

    /// An error of SQLite, with advice.
    func explained(_ error: DatabaseError) -> DatabaseError {
        // SQLITE_READONLY_ROLLBACK, a macro that Swift cannot import: there is a hot journal, and the connection is
        // read-only. The other error also means a journal that the process must not open.
        let isAboutJournal =
            error.code == SQLITE_READONLY | 3 << 8
            || error.code & 0xff == SQLITE_CANTOPEN && withCString(path, { mayRead($0) })
        guard isAboutJournal, let journal = status("-journal") else { return error }
        return DatabaseError(
            code: error.code,
            message:
                "was left in the middle of a change, with FILE-journal of uid \(journal.st_uid) beside it. If that "
                + "user may write to it, its owner can roll the change back: sqlite3 FILE 'PRAGMA quick_check'. "
                + "If not, remove FILE-journal")
    }
}
