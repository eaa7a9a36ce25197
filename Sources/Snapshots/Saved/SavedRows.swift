// The rows of one scan in the order of their keys. From version 2 on they are in two tables:
//
//   entries   what the newest scan of the series has     ── since ≤ scan ──────────┐
//                                                                                  ├──▶ one after the other, by key
//   history   what older scans had and that has not      ── since ≤ scan ≤ until ──┘
//
// Every row is fetched, and skipped if the scan does not have it, so that no step of SQLite runs long: see
// `Database.patience`.

import CSQLite

/// The rows of one scan. One user at a time.
final class SavedRows {
    /// A table and its current row.
    private final class Table {
        let statement: Statement
        let isHistory: Bool
        var isAtRow = false
        var place = StoredPlace()
        var until = Int64.min
        /// Whether a row of this key was returned. Another one would be damage.
        var isGivenOut = false

        init(_ statement: Statement, isHistory: Bool) {
            self.statement = statement
            self.isHistory = isHistory
        }
    }

    private let tables: [Table]
    private let scan: Int64
    /// The indices of the columns with the range of scans; nil: each row belongs to one scan.
    private let interval: (since: Int, until: Int)?
    /// The table of the current row.
    private var current: Table?

    /// - Parameters:
    ///   - columns: `root` and `key` come first.
    ///   - interval: the indices of `since` and `until`.
    init(
        _ file: SavedScans, _ scan: SavedScan, _ columns: [String], interval: (since: Int, until: Int)
    ) throws(DatabaseError) {
        self.scan = scan.id
        let database = file.database
        guard file.schema.sharesRows else {
            self.interval = nil
            tables = [
                Table(
                    try database.prepare(
                        """
                        SELECT \(columns.joined(separator: ", ")) FROM entries
                        WHERE scan = ?1 AND (root, key) >= (?2, ?3) ORDER BY root, key
                        """), isHistory: false)
            ]
            tables[0].statement.bind(0, scan.id)
            start(root: .min, key: [])
            return
        }
        self.interval = interval
        // Rows of `entries` have no end.
        var open = columns
        open[interval.until] = "NULL"
        var tables = [
            Table(
                try database.prepare(
                    """
                    SELECT \(open.joined(separator: ", ")) FROM entries
                    WHERE series = ?1 AND (root, key) >= (?2, ?3) ORDER BY root, key
                    """), isHistory: false)
        ]
        if file.scans.contains(where: { $0.series == scan.series && $0.id > scan.id }) {
            tables.append(
                Table(
                    try database.prepare(
                        """
                        SELECT \(columns.joined(separator: ", ")) FROM history
                        WHERE series = ?1 AND (root, key) >= (?2, ?3) ORDER BY root, key, until
                        """), isHistory: true))
        }
        for table in tables { table.statement.bind(0, scan.series) }
        self.tables = tables
        start(root: .min, key: [])
    }

    /// Continues with the row of this key, or the first one after it.
    func start(root: Int64, key: [UInt8]) {
        current = nil
        for table in tables {
            table.statement.reset()
            table.statement.bind(1, root)
            table.statement.bind(2, blob: key)
            (table.isAtRow, table.place, table.until, table.isGivenOut) = (false, StoredPlace(), .min, false)
        }
        isStarted = false
    }

    /// Whether the tables have been asked for their first row.
    private var isStarted = false

    /// The key of the current row. Reading it again would count its bytes twice: see `Statement.step()`.
    var place: StoredPlace { current?.place ?? StoredPlace() }
    var root: Int64 { current?.place.root ?? .min }
    var key: [UInt8] { current?.place.key ?? [] }

    /// The next row, valid until the next call; nil after the last one.
    func next() throws(DatabaseError) -> Statement? {
        if !isStarted {
            for table in tables { try advance(table) }
            isStarted = true
        } else if let current {
            try advance(current)
        }
        current = tables.first { $0.isAtRow }
        if tables.count == 2, tables[0].isAtRow, tables[1].isAtRow {
            let (entry, old) = (tables[0], tables[1])
            if old.place.precedes(entry.place) {
                current = old
            } else if !entry.place.precedes(old.place) {
                throw damaged("two rows for one entry")
            }
        }
        return current?.statement
    }

    /// Goes to the next row of the scan.
    private func advance(_ table: Table) throws(DatabaseError) {
        let row = table.statement
        while try row.step() {
            guard let root = row.integer(0) else { throw damaged("a row without a root") }
            let until = interval.map { row.integer($0.until) ?? .max } ?? .max
            // Rows come in the order of the primary key, each once: see `RowOrder`.
            var isSameKey = false
            let isNext = row.withBlob(1) { key in
                let isBehind = table.place.precedes(root, key)
                isSameKey = !isBehind && table.isHistory && table.place.isAt(root, key) && until > table.until
                if isBehind { table.place.move(to: root, key) }
                return isBehind || isSameKey
            }
            guard isNext else { throw damaged("entries are out of order") }
            if !isSameKey { table.isGivenOut = false }
            table.until = until
            if let interval {
                guard let since = row.integer(interval.since), since <= until else {
                    throw damaged("a row without a scan")
                }
                if since > scan || until < scan { continue }
            }
            if table.isGivenOut { throw damaged("two rows for one entry") }
            (table.isAtRow, table.isGivenOut) = (true, true)
            return
        }
        table.isAtRow = false
    }

    private func damaged(_ what: String) -> DatabaseError {
        DatabaseError(code: SQLITE_CORRUPT, message: "is damaged: \(what)")
    }
}
