// One change of a file of saved scans, which happens completely or not at all: `--save`, `accept`, `prune`, `saved
// --copy`.
//
// Several processes may want to create the same file. O_EXCL decides which one does. Only that process removes it
// again, and only under an exclusive lock, while nothing has been saved in it. A process that has opened the file
// meanwhile and gets the lock later finds that the file has lost its name, and starts again.

import CLinux
import CSQLite
import Entries
import Formats
import Glibc
import LinuxKernel
import ScanEngine
import Synchronization

/// A file of saved scans could not be changed: exit status 74.
package struct SaveFailure: Error, Equatable {
    package var path: [UInt8]
    /// In SQLite's words.
    package var message: String
    /// The file has a version that this program only reads: exit status 64.
    package var isOfOlderVersion = false

    package init(path: [UInt8], message: String) {
        self.path = path
        self.message = message
    }
}

/// Holds the writer's lock on a file, from `init` to `commit()` or `abandon()`. Does not wait for a file that another
/// process is writing.
final class SavedTransaction: Sendable {
    /// As given, for messages.
    let path: [UInt8]
    private let place: SavedPlace
    let database: Database
    /// The schema when the file was opened, without the columns that this change adds.
    let schema: SavedSchema
    private let isDone = Atomic<Bool>(false)

    /// - Parameters:
    ///   - mode: the mode of the file; nil: unchanged, or as for a report.
    ///   - makesFile: whether to create the file if it does not exist; nil: it must not exist.
    ///   - schemas: known versions; the last one is written.
    init(
        _ path: [UInt8], mode: UInt32? = nil, makesFile: Bool?, knowing schemas: [SavedSchema] = SavedSchema.known
    ) throws(SaveFailure) {
        self.path = path
        do throws(DatabaseError) {
            (database, place) = try Self.open(path, mode: mode, makesFile: makesFile)
        } catch {
            throw SaveFailure(path: path, message: error.message)
        }
        guard let newest = schemas.last else { preconditionFailure("the list of schemas is empty") }
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
                    "holds saved scans of version \(schema.version), which cannot be changed: make a copy that can, "
                    + "with fsscan saved --copy OLD NEW")
            failure.isOfOlderVersion = true
            throw failure
        }
    }

    deinit { abandon() }

    /// Opens the file with the writer's lock.
    private static func open(
        _ path: [UInt8], mode: UInt32?, makesFile: Bool?
    ) throws(DatabaseError) -> (database: Database, place: SavedPlace) {
        for _ in 0..<100 {
            if makesFile != true {
                var status = stat()
                let isThere = withCString(path) { lstat($0, &status) } == 0
                if isThere != (makesFile == false) {
                    throw DatabaseError(code: 0, message: isThere ? "already exists" : "No such file or directory")
                }
            }
            // Checked before a file is created that would have to be removed again.
            if let problem = DatabaseNeighbours(of: path).problem(.create) {
                throw DatabaseError(code: 0, message: problem)
            }
            let place = try SavedPlace(path, mode: mode)
            let database: Database
            do throws(DatabaseError) {
                // If the path leads through links, these are other files.
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
                // Processes that create the same file lock each other out for a moment: SQLite takes the writer's lock
                // to set auto_vacuum, and so does `undo`. Without patience both would give up.
                database.waitForLocks(seconds: 2)
                // Only a new file takes these two. With pages of 8 KiB a save takes 12 % less time than with 4 KiB.
                // With auto_vacuum, unused pages can go back to the file system without copying the file.
                try database.execute("PRAGMA page_size = 8192")
                // SQLite would write the setting again and so change the digest of the file.
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
        throw DatabaseError(code: 0, message: "keeps being removed")
    }

    /// Rows are written in order, so few pages are needed again.
    private static let cacheKibibytes = 16 << 10

    /// Drops everything that was written.
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
        // Waits for readers: the scan should not be lost.
        database.waitForLocks(seconds: 600)
        try database.execute("COMMIT")
        isDone.store(true, ordering: .relaxed)
    }

    /// Drops the change, and removes the file if it was created for it.
    func abandon() {
        if isDone.exchange(true, ordering: .relaxed) { return }
        Self.undo(database, place)
    }

    /// The SHA-256 of the file, in hex.
    func sha256() throws -> String {
        try database.execute("BEGIN")
        let digest = try database.sha256()
        try database.execute("COMMIT")
        return digest
    }
}

/// Whether the process may open the file for reading, by its effective ids. access(2) uses the real ids, and ignores
/// the capabilities of an ordinary user, such as those of the units in contrib/.
func mayRead(_ path: UnsafePointer<CChar>) -> Bool { faccessat(AT_FDCWD, path, R_OK, AT_EACCESS) == 0 }
