// Removes whole scans. A row is removed if no other scan has it.
//
//   scans of a series    1   2   3   4         3 and 4 go, M = 2 is the newest that stays
//   entries              since > M             go
//   history              1…2  covers M         moves back to `entries`
//                        3…3  no scan left     goes
//
// One transaction. The freed pages go back to the file system afterwards, so a kill leaves a valid file, which at worst
// is not smaller yet.

import Bytes
import CLinux
import CSQLite
import Entries
import Formats
import ScanEngine

/// Removes scans from a file. Used by one thread.
package final class SavedPruning {
    private let transaction: SavedTransaction
    private let file: SavedScans
    private var database: Database { transaction.database }

    package var scans: [SavedScan] { file.scans }

    /// Opens the file with the writer's lock.
    package init(_ path: [UInt8]) throws(SaveFailure) {
        let transaction = try SavedTransaction(path, makesFile: false)
        self.transaction = transaction
        file = try transaction.change { try SavedScans(path, reading: transaction.database) }
    }

    /// The scans that a policy does not keep. It counts the scans of each host and set of PATHs separately.
    ///
    /// - Parameter refused: gets the PATHs of a group that would lose all of its scans.
    package func forgotten(by policy: PrunePolicy, refused: ([[UInt8]]) -> Void) -> [SavedScan] {
        let groups = Dictionary(grouping: scans) { Group(host: $0.host, roots: $0.absoluteRoots) }
        var kept: Set<Int64> = []
        for (group, scans) in groups.sorted(by: { $0.value[0].id < $1.value[0].id }) {
            let candidates = scans.map { scan in
                let time = Timestamp.parsed(Array(scan.started.utf8))
                return PrunePolicy.Candidate(id: scan.id, label: scan.label, time: time?.seconds ?? .max)
            }
            let ids = policy.kept(candidates)
            if ids.isEmpty { refused(group.roots) }
            kept.formUnion(ids)
        }
        return scans.filter { !kept.contains($0.id) }
    }

    private struct Group: Hashable {
        var host: String
        var roots: [[UInt8]]
    }

    /// Removes the scans, and shrinks the file.
    package func remove(_ ids: Set<Int64>) throws(SaveFailure) {
        try transaction.change {
            let stay = Dictionary(grouping: scans.filter { !ids.contains($0.id) }) { $0.series ?? 0 }
                .mapValues { $0.map(\.id).sorted() }
            for series in Set(scans.compactMap(\.series)).sorted() {
                try prune(series, stay[series] ?? [], newest: scans.last { $0.series == series }?.id ?? 0)
            }
            for id in ids.sorted() {
                try database.execute("DELETE FROM roots WHERE scan = \(id); DELETE FROM scans WHERE id = \(id)")
            }
            try removeLists()
            try transaction.commit()
            try shrink()
        }
    }

    /// - Parameters:
    ///   - stay: the remaining scans of the series, in their order.
    ///   - newest: its newest scan before pruning.
    private func prune(_ series: Int64, _ stay: [Int64], newest: Int64) throws {
        guard let last = stay.last else {
            for table in ["entries", "history", "errors", "directories"] { try removeAll(of: series, table) }
            return try database.execute("DELETE FROM series WHERE id = \(series)")
        }
        let values = file.schema.entryValues.joined(separator: ", ")
        let place = "series = \(series) AND root = ?1 AND key = ?2"
        if last < newest {
            let remove = try database.prepare("DELETE FROM entries WHERE \(place)")
            let rows = try database.prepare(
                "SELECT root, key, since FROM entries WHERE series = \(series) ORDER BY root, key")
            try forEach(rows, keys: 2) {
                if rows.integer(2) ?? 0 <= last { return }
                remove.bind(0, rows.integer(0))
                remove.bind(1, blob: rows.blob(1))
                try remove.run()
            }
        }
        let remove = try database.prepare("DELETE FROM history WHERE \(place) AND until = ?3")
        let back = try database.prepare(
            """
            INSERT INTO entries (series, root, key, since, \(values))
            SELECT series, root, key, since, \(values) FROM history WHERE \(place) AND until = ?3
            """)
        let rows = try database.prepare(
            "SELECT root, key, until, since FROM history WHERE series = \(series) ORDER BY root, key, until")
        try forEach(rows, keys: 3) {
            let (until, since) = (rows.integer(2) ?? 0, rows.integer(3) ?? 0)
            let isOfLast = last < newest && since <= last && last <= until
            if !isOfLast, stay.contains(where: { since <= $0 && $0 <= until }) { return }
            for statement in isOfLast ? [back, remove] : [remove] {
                statement.bind(0, rows.integer(0))
                statement.bind(1, blob: rows.blob(1))
                statement.bind(2, until)
                try statement.run()
            }
        }
        try pruneErrors(series, stay, last, newest)
        guard last < newest, let scan = scans.first(where: { $0.id == last }) else { return }
        try removeAll(of: series, "directories")
        try sum(scan, series)
    }

    /// Computes the sums of directories for `scan`, which is now the newest of its series.
    private func sum(_ scan: SavedScan, _ series: Int64) throws {
        var directories = try DirectoryWriter(database, series: series, scan: scan.id)
        let source = try SavedScanSource(file, scan, only: SavedScanSource.shownColumns)
        var step = 0
        while let entry = try source.next() {
            step += 1
            if step % 1_000 == 0, clinux_stop_signal() != 0 { throw SnapshotFailure(path: nil, "stopped") }
            guard entry.kind != nil else { continue }
            try StoredKey.bytes(entry.key.bytes[4...]).withUnsafeBytes { key in
                try directories.add(
                    entry.values, Int64(entry.key.root), key, isChanged: true, isKnown: source.isContentKnown)
            }
        }
        try directories.finish()
    }

    private func pruneErrors(_ series: Int64, _ stay: [Int64], _ last: Int64, _ newest: Int64) throws {
        let place = """
            series = \(series) AND root = ?1 AND key = ?2 AND operation = ?3 AND code = ?4 AND message = ?5
              AND since = ?6
            """
        let remove = try database.prepare("DELETE FROM errors WHERE \(place)")
        let reopen = try database.prepare("UPDATE errors SET until = NULL WHERE \(place)")
        // Updated after the loop: a cursor finds its row again by all columns, `until` among them, so it would meet the
        // updated row once more.
        var openAgain: [ErrorRow] = []
        let rows = try database.prepare(
            """
            SELECT root, key, operation, code, message, since, until FROM errors WHERE series = \(series)
            ORDER BY root, key, operation, code, message, since
            """)
        try forEach(rows, keys: 6) {
            let (since, until) = (rows.integer(5) ?? 0, rows.integer(6) ?? .max)
            let isNeeded = stay.contains { since <= $0 && $0 <= until }
            let isOpenAgain = last < newest && until != .max && since <= last && last <= until
            guard !isNeeded || isOpenAgain else { return }
            let row = ErrorRow(
                root: rows.integer(0), key: rows.blob(1), texts: (2...4).map { rows.text($0) }, since: since)
            if isNeeded { openAgain.append(row) } else { try row.run(remove) }
        }
        for row in openAgain { try row.run(reopen) }
    }

    private struct ErrorRow {
        var root: Int64?
        var key: [UInt8]?
        var texts: [String?]
        var since: Int64

        func run(_ statement: Statement) throws(DatabaseError) {
            statement.bind(0, root)
            statement.bind(1, blob: key)
            for (index, text) in texts.enumerated() { statement.bind(2 + index, text) }
            statement.bind(5, since)
            try statement.run()
        }
    }

    /// For a series without scans.
    private func removeAll(of series: Int64, _ table: String) throws {
        let more = ["history": ", until", "errors": ", operation, code, message, since"][table] ?? ""
        // Row by row, because no call to SQLite may run long: see `Database.patience`.
        let columns = "root, key\(more)"
        let names = columns.split(separator: ",").map { $0.drop { $0 == " " } }
        let place = names.enumerated().map { "\($1) = ?\($0 + 1)" }.joined(separator: " AND ")
        let remove = try database.prepare("DELETE FROM \(table) WHERE series = \(series) AND \(place)")
        let rows = try database.prepare("SELECT \(columns) FROM \(table) WHERE series = \(series) ORDER BY \(columns)")
        try forEach(rows, keys: names.count) {
            for (column, name) in names.enumerated() {
                switch name {
                case "key": remove.bind(column, blob: rows.blob(column))
                case "operation", "code", "message": remove.bind(column, rows.text(column))
                default: remove.bind(column, rows.integer(column))
                }
            }
            try remove.run()
        }
    }

    /// Removes lists of extended attributes that no row refers to.
    private func removeLists() throws {
        var used: Set<Int64> = []
        for (table, key) in [("entries", "series, root, key"), ("history", "series, root, key, until")] {
            let rows = try database.prepare("SELECT \(key), xattrs FROM \(table) ORDER BY \(key)")
            let keys = table == "entries" ? 3 : 4
            try forEach(rows, keys: keys) {
                if let list = rows.integer(keys), list != 0 { used.insert(list) }
            }
        }
        let lists = try database.prepare("SELECT id FROM lists ORDER BY id")
        let removeAttributes = try database.prepare("DELETE FROM attributes WHERE list = ?")
        let removeList = try database.prepare("DELETE FROM lists WHERE id = ?")
        try forEach(lists, keys: 1) {
            guard let id = lists.integer(0), !used.contains(id) else { return }
            for statement in [removeAttributes, removeList] {
                statement.bind(0, id)
                try statement.run()
            }
        }
    }

    /// Visits all rows. Throws at a stop signal, and at a row out of order.
    private func forEach(_ rows: Statement, keys: Int, _ body: () throws -> Void) throws {
        var order = KeyOrder()
        var step = 0
        while try rows.step() {
            try order.next(rows, keys)
            step += 1
            if step % 1_000 == 0, clinux_stop_signal() != 0 { throw SnapshotFailure(path: nil, "stopped") }
            try body()
        }
    }

    /// Returns free pages to the file system, one in each step.
    private func shrink() throws {
        let vacuum = try database.prepare("PRAGMA incremental_vacuum")
        while try vacuum.step() {}
    }
}
