import LinuxKernel
import ScanEngine

/// The place of a file of saved scans, checked like every other output before SQLite opens it. SQLite takes only paths,
/// so it gets one without links, and refuses links that appear later (`SQLITE_OPEN_NOFOLLOW`). A new file is created
/// here, because SQLite would create it anywhere, readable by all users.
struct SavedPlace {
    private let place: OutputPlace
    private let identity: DeviceInode
    /// Whether the file was created here. It is empty.
    let isNew: Bool

    /// For SQLite.
    var path: [UInt8] { place.path }

    /// - Parameter mode: the mode of the file; its owner can always read and write it. Nil: unchanged, or as for a
    ///   report.
    init(_ path: [UInt8], mode: UInt32?) throws(DatabaseError) {
        let mode = mode.map { $0 | 0o600 }
        // Another process may create or remove the file at the same time: then this one looks again.
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
        throw DatabaseError(code: 0, message: "keeps being created and removed")
    }

    private static func checked(_ path: [UInt8]) throws(DatabaseError) -> OutputPlace {
        let target = try converting { () throws(PlaceError) in try OutputDestination(path) }
        guard case .place(let place) = target, (place.existing?.status.kind ?? .file) == .file else {
            throw DatabaseError(code: 0, message: "is no regular file")
        }
        try converting { () throws(PlaceError) in try place.checkForDatabase() }
        return place
    }

    /// Call it after SQLite has opened the file. Fails if the path now leads elsewhere, or to a file that must not be
    /// used.
    func confirm() throws(DatabaseError) {
        guard try Self.checked(path).existing?.status.identity == identity else {
            throw DatabaseError(code: 0, message: "was swapped while it was opened")
        }
    }

    /// Removes the file that was created here.
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
