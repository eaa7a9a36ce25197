// One change of a file of saved scans: whole, or not at all. Who saves, accepts, prunes or copies goes through here.
//
// Several may want to make the same file. Who made it is told by O_EXCL. Only he removes it, and only while he has it
// locked against everybody, and nobody has saved in it: whoever opened it meanwhile, and gets the lock later, finds
// that it has lost its name, and begins anew.

import CLinux
import CSQLite
import Entries
import Formats
import Glibc
import ScanEngine
import Synchronization

/// A file of saved scans could not be changed: exit status 74.
package struct SaveFailure: Error, Equatable {
    package var path: [UInt8]
    /// In SQLite's words.
    package var message: String
    /// The file is of a version that this program only reads: exit status 64.
    package var isOfOlderVersion = false

    package init(path: [UInt8], message: String) {
        self.path = path
        self.message = message
    }
}

/// A file with the lock of the one who writes, from `init` to `commit()` or `abandon()`. A file that another scan is
/// being saved in is locked: that is not waited for.
final class SavedTransaction: Sendable {
    /// As it was given, for messages.
    let path: [UInt8]
    private let place: SavedPlace
    let database: Database
    /// Of the file when it was opened: without the columns that this change adds.
    let schema: SavedSchema
    private let isDone = Atomic<Bool>(false)

    /// - Parameters:
    ///   - mode: that of the file; nil: as it is, or as for a report.
    ///   - makesFile: it need not be there; nil: it must not be there.
    ///   - schemas: the last of them is written.
    init(
        _ path: [UInt8], mode: UInt32? = nil, makesFile: Bool?, knowing schemas: [SavedSchema] = SavedSchema.known
    ) throws(SaveFailure) {
        self.path = path
        do throws(DatabaseError) {
            (database, place) = try Self.open(path, mode: mode, makesFile: makesFile)
        } catch {
            throw SaveFailure(path: path, message: error.message)
        }
        guard let newest = schemas.last else { preconditionFailure("a program knows a version") }
        do throws(DatabaseError) {
            let isEmpty = try database.integer("SELECT count(*) FROM sqlite_schema") == 0
            let applicationID = try database.integer("PRAGMA application_id") ?? 0
            if isEmpty, applicationID == 0, makesFile != false {
                try newest.create(in: database)
            }
            schema = try SavedSchema.of(database, schemas)
        } catch {
            Self.undo(database, place)
            throw SaveFailure(path: path, message: error.message)
        }
        guard schema.version == newest.version else {
            Self.undo(database, place)
            var failure = SaveFailure(
                path: path,
                message:
                    "holds saved scans of version \(schema.version), and is left as it is: make a copy that can be changed "
                    + "with fsscan saved --copy OLD NEW")
            failure.isOfOlderVersion = true
            throw failure
        }
    }

    deinit { abandon() }

    /// Opens the file with the lock of the one who writes.
    private static func open(
        _ path: [UInt8], mode: UInt32?, makesFile: Bool?
    ) throws(DatabaseError) -> (database: Database, place: SavedPlace) {
        for _ in 0..<100 {
            if makesFile != true {
                var status = stat()
                let isThere = withCPath(path) { lstat($0, &status) } == 0
                if isThere != (makesFile == false) {
                    throw DatabaseError(code: 0, message: isThere ? "is there already" : "No such file or directory")
                }
            }
            // Before a file is made that would have to be removed again.
            if let problem = DatabaseNeighbours(of: path).problem(.create) {
                throw DatabaseError(code: 0, message: problem)
            }
            let place = try SavedPlace(path, mode: mode)
            let database: Database
            do throws(DatabaseError) {
                // Where the path leads through links, these are others.
                if let problem = DatabaseNeighbours(of: place.path).problem(.create) {
                    throw DatabaseError(code: 0, message: problem)
                }
                database = try Database(place.path, .create)
            } catch {
                if place.isNew { place.remove() }
                throw error
            }
            do throws(DatabaseError) {
                try place.confirm()
                // Processes that make one file lock each other out for a moment: SQLite takes the lock of the writer to
                // set auto_vacuum, and `undo` takes it too. Without patience both give up.
                database.waitForLocks(seconds: 2)
                // Only a new file takes these two: 12 % less time than with pages of 4 KiB, and pages that are not used
                // any more go back to the file system without a copy of the file.
                try database.execute("PRAGMA page_size = 8192")
                // In a file that has it, SQLite would write it again, and the file had another digest.
                if try database.integer("PRAGMA auto_vacuum") != 2 {
                    try database.execute("PRAGMA auto_vacuum = INCREMENTAL")
                }
                try database.execute("PRAGMA cache_size = -\(cacheKibibytes)")
                try database.execute("BEGIN IMMEDIATE")
            } catch {
                undo(database, place)
                throw error
            }
            database.waitForLocks(seconds: 0)
            if !database.hasMoved { return (database, place) }
            try database.execute("ROLLBACK")
        }
        throw DatabaseError(code: 0, message: "is removed again and again")
    }

    private static let cacheKibibytes = 32 << 10

    /// Nothing is kept of what was written.
    private static func undo(_ database: Database, _ place: SavedPlace) {
        database.waitForLocks(seconds: 0)
        try? database.execute("ROLLBACK")
        guard place.isNew, (try? database.execute("BEGIN EXCLUSIVE")) != nil else { return }
        if (try? database.integer("SELECT count(*) FROM sqlite_schema")) == 0, !database.hasMoved { place.remove() }
        try? database.execute("ROLLBACK")
    }

    /// Makes the change durable.
    func commit() throws(DatabaseError) {
        if database.hasMoved { throw DatabaseError(code: 0, message: "was removed or replaced meanwhile") }
        // Those who read in it are waited for: it would be a pity for the scan.
        database.waitForLocks(seconds: 600)
        try database.execute("COMMIT")
        isDone.store(true, ordering: .relaxed)
    }

    /// Nothing of the change is kept; a file that was made for it is removed.
    func abandon() {
        if isDone.exchange(true, ordering: .relaxed) { return }
        Self.undo(database, place)
    }

    /// The SHA-256, in hex, of the file as it is now.
    func sha256() throws -> String {
        try database.execute("BEGIN")
        let digest = try database.sha256()
        try database.execute("COMMIT")
        return digest
    }
}

func withCPath<R>(_ path: [UInt8], _ body: (UnsafePointer<CChar>) -> R) -> R {
    (path.map { CChar(bitPattern: $0) } + [0]).withUnsafeBufferPointer { body($0.baseAddress!) }
}

/// Whether the process may open the file for reading. By its effective ids: access(2) itself looks at the real ones,
/// and leaves out the capabilities of an ordinary user, such as that of the units in contrib/.
func mayRead(_ path: UnsafePointer<CChar>) -> Bool { faccessat(AT_FDCWD, path, R_OK, AT_EACCESS) == 0 }
