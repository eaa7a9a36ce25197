import LinuxKernel
import ScanEngine

/// Where a scan is saved: checked as every other output is, before SQLite opens it. SQLite knows paths alone, so it
/// gets one without links, and refuses any that appears in it later (`SQLITE_OPEN_NOFOLLOW`). A new file is made here:
/// the one that SQLite makes can be read by everybody, and it may make it anywhere.
struct SavedPlace {
    private let place: OutputPlace
    private let identity: DeviceInode
    /// Whether the file was made here: an empty one, for SQLite to fill.
    let isNew: Bool

    /// For SQLite.
    var path: [UInt8] { place.path }

    /// - Parameter mode: that of the file, which stays its owner's to read and to write; nil: as it is, or as for a
    ///   report.
    init(_ path: [UInt8], mode: UInt32?) throws(DatabaseError) {
        let mode = mode.map { $0 | 0o600 }
        // Another process may make or remove the file at the same time: then it is looked at again.
        for _ in 0..<100 {
            let place = try Self.checked(path)
            if let existing = place.existing {
                if let mode { try Self.converting { () throws(PlaceError) in try place.setMode(mode) } }
                (self.place, identity, isNew) = (place, existing.status.identity, false)
                return
            }
            if let made = try Self.converting({ () throws(PlaceError) in try place.makeFile(mode) }) {
                (self.place, identity, isNew) = (place, made, true)
                return
            }
        }
        throw DatabaseError(code: 0, message: "is made and removed again and again")
    }

    private static func checked(_ path: [UInt8]) throws(DatabaseError) -> OutputPlace {
        let target = try converting { () throws(PlaceError) in try OutputDestination(path) }
        guard case .place(let place) = target, (place.existing?.status.kind ?? .file) == .file else {
            throw DatabaseError(code: 0, message: "is no regular file")
        }
        try converting { () throws(PlaceError) in try place.checkForDatabase() }
        return place
    }

    /// To be called when SQLite has opened the file: fails if the path leads elsewhere now, or to what must not be
    /// used.
    func confirm() throws(DatabaseError) {
        guard try Self.checked(path).existing?.status.identity == identity else {
            throw DatabaseError(code: 0, message: "was swapped while it was opened")
        }
    }

    /// Removes the file that was made.
    func remove() { place.removeFile() }

    private static func converting<Result>(
        _ body: () throws(PlaceError) -> Result
    ) throws(DatabaseError) -> Result {
        do throws(PlaceError) {
            return try body()
        } catch {
            throw DatabaseError(code: 0, message: error.message)
        }
    }
}
