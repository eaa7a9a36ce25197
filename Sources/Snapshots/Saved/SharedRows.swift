import CSQLite
import Entries
import Formats

/// Decides whether two scans of a series share an entry, as far as its row alone does not tell. Keys must come in
/// order.
final class SharedRows {
    let other: Int64
    let givesDirectories: Bool
    /// If one scan alone has a name of an inode, the other names must be read as well, because an inode counts once.
    var passesOverLinks: Bool { !givesDirectories }
    private let scan: Int64
    private let directory: Statement
    /// The errors of the series, in the order of their keys.
    private let errors: Statement
    private var place = StoredPlace()
    private var isAtError = true

    init(
        _ file: SavedScans, _ scan: SavedScan, _ other: SavedScan, givesDirectories: Bool
    ) throws(DatabaseError) {
        (self.scan, self.other, self.givesDirectories) = (scan.id, other.id, givesDirectories)
        directory = try file.database.prepare(
            "SELECT changed, links FROM directories WHERE series = ? AND root = ? AND key = ?")
        directory.bind(0, scan.series)
        errors = try file.database.prepare(
            """
            SELECT root, key, since, until FROM errors WHERE series = ?
            ORDER BY root, key, operation, code, message, since
            """)
        errors.bind(0, scan.series)
        try advance()
    }

    /// Whether one of the scans has an error at this key.
    func hasError(_ root: Int64, _ key: [UInt8]) throws(DatabaseError) -> Bool {
        while isAtError, key.withUnsafeBytes({ place.precedes(root, $0) }) { try advance() }
        return isAtError && key.withUnsafeBytes { place.isAt(root, $0) }
    }

    /// Whether both scans have the same entries below a directory that they share, and know all of them. Call it after
    /// `hasError`.
    func isSharedBelow(_ root: Int64, _ key: [UInt8]) throws(DatabaseError) -> Bool {
        let isErrorBelow = isAtError && place.root == root && place.key.starts(with: key + [1])
        if isErrorBelow { return false }
        directory.reset()
        directory.bind(1, root)
        directory.bind(2, blob: key)
        guard try directory.step(), let changed = directory.integer(0), changed <= min(scan, other) else {
            return false
        }
        return passesOverLinks || directory.integer(1) == 0
    }

    private func advance() throws(DatabaseError) {
        isAtError = false
        while try errors.step() {
            let root = errors.integer(0) ?? .min
            // An entry may have several errors.
            let isNext = errors.withBlob(1) { key in
                defer { place.move(to: root, key) }
                return place.precedes(root, key) || place.isAt(root, key)
            }
            guard isNext else {
                throw DatabaseError(code: SQLITE_CORRUPT, message: "is damaged: errors are out of order")
            }
            let (since, until) = (errors.integer(2) ?? .min, errors.integer(3) ?? .max)
            guard [scan, other].contains(where: { since <= $0 && $0 <= until }) else { continue }
            isAtError = true
            return
        }
    }
}
