import ScanEngine

/// Where a scan is saved: checked as every other output is, before SQLite opens it. SQLite knows paths alone, so it
/// gets one without links, and refuses any that appears in it later (`SQLITE_OPEN_NOFOLLOW`). A new file is made here:
/// the one that SQLite makes can be read by everybody, and it may make it anywhere.
struct SavedPlace {
    private let place: OutputPlace
    private let mode: UInt32?

    /// For SQLite.
    var path: [UInt8] { place.path }

    /// - Parameter mode: that of the file, which stays its owner's to read and to write; nil: as it is, or as for a
    ///   report.
    init(_ path: [UInt8], mode: UInt32?) throws(DatabaseError) {
        self.mode = mode.map { $0 | 0o600 }
        place = try Self.checked(path)
    }

    private static func checked(_ path: [UInt8]) throws(DatabaseError) -> OutputPlace {
        let target = try converting { () throws(PlaceError) in try OutputDestination(path) }
        guard case .place(let place) = target, (place.existing?.status.kind ?? .file) == .file else {
            throw DatabaseError(code: 0, message: "is no regular file")
        }
        try converting { () throws(PlaceError) in try place.checkForDatabase() }
        return place
    }

    /// Makes an empty file, for SQLite to fill, or gives the one that is there its mode.
    ///
    /// - Returns: whether it was made.
    func make() throws(DatabaseError) -> Bool {
        try Self.converting { () throws(PlaceError) in
            if try place.makeFile(mode) { return true }
            if let mode { try place.setMode(mode) }
            return false
        }
    }

    /// To be called when SQLite has opened the file: fails if the path leads elsewhere now, or to what must not be
    /// used.
    func confirm() throws(DatabaseError) {
        let now = try Self.checked(path)
        guard let before = place.existing?.status.identity else { return }
        guard now.existing?.status.identity == before else {
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
