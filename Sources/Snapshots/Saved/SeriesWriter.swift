// Writes a new scan of a series as the differences from the newest one.
//
//   entries (the table)   a   b   c       e            in the order of their keys
//   the new scan          a   b'      d   e
//                         =   │   │   │   =            equal: the row stays, it is one of the new scan, too
//                             │   │   └── added        INSERT INTO entries, since the new scan
//                             │   └────── removed      moves to history, until the newest scan so far
//                             └────────── changed      both
//
// `--save`, `accept` and `saved --copy` are this merge: each supplies entries in order.
//
// The cursor of the table is always at or after the rows that are written, so it does not meet them.
//
// Rejected: looking up each entry by its key as the scan delivers it, and finding removed entries by counting. That
// would write during the scan, but at random places: pages would be two thirds full, and the evidence would take a
// second pass over all rows.

import Bytes
import CSQLite
import Entries
import Formats
import LinuxKernel
import ScanEngine

/// Writes the entries and errors of one scan. Used by one thread at a time, inside a transaction.
final class SeriesWriter {
    private let scan: Int64
    private let series: Int64
    /// The newest scan of the series so far; nil if there is none.
    private let newest: Int64?
    private let columns: SavedColumns
    private let states: ContentStates
    private let old: Statement?
    private var rows: RowBatch
    private let moveEntry: Statement
    private let deleteEntry: Statement
    private let lists: AttributeLists
    private let errors: ErrorWriter
    private var directories: DirectoryWriter
    private let kind: Int
    private var key = ByteBuffer(capacity: 4096)
    /// The current row of `old`; `isAtRow` is false after the last row.
    private var isAtRow = false
    private var place = StoredPlace()

    /// - Parameters:
    ///   - schema: of the database, with a column for each digest of the scan.
    ///   - options: of the scan.
    init(
        _ database: Database, _ schema: SavedSchema, series: Int64, scan: Int64, newest: Int64?, _ options: ScanOptions
    ) throws(DatabaseError) {
        (self.scan, self.series, self.newest) = (scan, series, newest)
        let columns = SavedColumns(schema)
        self.columns = columns
        states = ContentStates(options)
        lists = try AttributeLists(database)
        errors = try ErrorWriter(database, series: series, scan: scan, newest: newest)
        directories = try DirectoryWriter(database, series: series, scan: scan)
        kind = columns.place(of: .kind)
        rows = try RowBatch(database, schema, columns, series: series, scan: scan)
        // Including columns that this program does not know.
        let all = schema.entryValues.joined(separator: ", ")
        moveEntry = try database.prepare(
            """
            INSERT OR FAIL INTO history (series, root, key, until, since, \(all))
            SELECT series, root, key, ?4, since, \(all) FROM entries WHERE series = ?1 AND root = ?2 AND key = ?3
            """)
        deleteEntry = try database.prepare("DELETE FROM entries WHERE series = ?1 AND root = ?2 AND key = ?3")
        for statement in [moveEntry, deleteEntry] { statement.bind(0, series) }
        moveEntry.bind(3, newest)
        guard newest != nil else {
            old = nil
            return
        }
        old = try database.prepare(
            "SELECT \(columns.names.joined(separator: ", ")) FROM entries WHERE series = ? ORDER BY root, key")
        old?.bind(0, series)
        try advance()
    }

    /// Entries come in the order of their keys, each key once.
    ///
    /// - Parameter entryKey: the bytes of its `EntryKey`.
    func add(_ entry: PackedEntry, _ entryKey: UnsafeRawBufferPointer) throws(DatabaseError) {
        let root = Int64(UInt32(bigEndian: entryKey.loadUnaligned(as: UInt32.self)))
        StoredKey.append(UnsafeRawBufferPointer(rebasing: entryKey[4...]), to: &key)
        defer { key.removeAll() }
        if entry.hasErrors { try errors.add(entry.errors, root, key.bytes) }
        guard entry.kind != nil else { return }
        try removeOld(before: root)
        var list: Int64?
        if let packed = entry.xattrs { list = try lists.number(of: packed) }
        let state = states.state(of: entry).map { Int64($0.rawValue) }
        if isAtRow, place.isAt(root, key.bytes) {
            if isOld(entry, list, state) {
                try directories.add(entry.values, root, key.bytes, isChanged: false, isKnown: state == nil)
                return try advance()
            }
            try retire()
        }
        try directories.add(entry.values, root, key.bytes, isChanged: true, isKnown: state == nil)
        try rows.add(entry, root, key.bytes, list: list, state: state)
    }

    /// Call it once, after the last entry.
    func finish() throws(DatabaseError) {
        while isAtRow { try retire() }
        try rows.finish()
        try directories.finish()
        try errors.finish()
    }

    // MARK: The rows that are there

    private func advance() throws(DatabaseError) {
        guard let old else { return }
        isAtRow = try old.step()
        guard isAtRow else { return }
        guard let root = old.integer(SavedColumns.root) else { throw Self.damaged }
        let isNext = old.withBlob(SavedColumns.key) { key in
            defer { place.move(to: root, key) }
            return place.precedes(root, key)
        }
        guard isNext else { throw Self.damaged }
    }

    private static let damaged = DatabaseError(code: SQLITE_CORRUPT, message: "is damaged: entries are out of order")

    private func removeOld(before root: Int64) throws(DatabaseError) {
        while isAtRow, place.precedes(root, key.bytes) { try retire() }
    }

    /// Moves the current row to `history`: only older scans have it.
    private func retire() throws(DatabaseError) {
        let isDirectory = old?.integer(kind) == Int64(EntryKind.directory.rawValue)
        try directories.remove(place.root, place.key, isDirectory: isDirectory)
        for statement in [moveEntry, deleteEntry] {
            statement.bind(1, place.root)
            statement.bind(2, blob: place.key)
            try statement.run()
        }
        try advance()
    }

    /// Whether the current row has the same values as the entry.
    private func isOld(_ entry: PackedEntry, _ list: Int64?, _ state: Int64?) -> Bool {
        guard let old, old.integer(columns.state) == state else { return false }
        let values = entry.values
        for column in columns.fields {
            let place = column.place
            let isEqual =
                switch column.type {
                case .kind, .bytes, .count, .id, .mode, .flags, .mark:
                    old.integer(place) == values[column.field].map { Int64(bitPattern: $0) }
                case .time:
                    old.integer(place) == values.time(column.field)?.seconds
                        && old.integer(place + 1) == values.time(column.field)?.nanoseconds
                case .path: isEqual(place, entry.target)
                case .text: isEqual(place, entry.mime)
                case .xattrs: old.integer(place) == list
                case .digests: true
                }
            if !isEqual { return false }
        }
        var (isEqual, known) = (true, 0)
        entry.forEachDigest { index, digest in
            known += 1
            guard let place = columns.digestPlaces[index] else { return isEqual = false }
            if isEqual { isEqual = self.isEqual(place, digest) }
        }
        return isEqual && known == columns.digests.count { !old.isNull($0.place) }
    }

    private func isEqual(_ place: Int, _ value: UnsafeRawBufferPointer?) -> Bool {
        guard let value, let old else { return old?.isNull(place) ?? false }
        return !old.isNull(place) && old.withBlob(place) { $0.isEqual(to: value) }
    }
}

/// Lists of extended attributes. Equal lists are stored once, for all files and scans.
private final class AttributeLists {
    private let find: Statement
    private let read: Statement
    private let insertList: Statement
    private let insertAttribute: Statement
    private let database: Database
    /// The last lists, packed.
    private var known: [[UInt8]: Int64] = [:]
    /// Neighbours often have the same list.
    private var last: (list: [UInt8], number: Int64) = ([], 0)

    private static let limit = 1_000

    init(_ database: Database) throws(DatabaseError) {
        self.database = database
        find = try database.prepare("SELECT id FROM lists WHERE hash = ?")
        read = try database.prepare("SELECT name, value FROM attributes WHERE list = ? ORDER BY name")
        insertList = try database.prepare("INSERT INTO lists (hash) VALUES (?)")
        insertAttribute = try database.prepare("INSERT INTO attributes VALUES (?, ?, ?)")
    }

    /// - Parameter packed: see `PackedEntry.xattrs`.
    /// - Returns: 0 for an empty one.
    func number(of packed: UnsafeRawBufferPointer) throws(DatabaseError) -> Int64 {
        if packed.isEmpty { return 0 }
        if last.list.withUnsafeBytes({ $0.isEqual(to: packed) }) { return last.number }
        let bytes = Array(packed)
        if let number = known[bytes] {
            last = (bytes, number)
            return number
        }
        let list = PackedEntry.unpackAttributes(packed)
        var number = try stored(list)
        if number == nil { number = try insert(list) }
        if known.count == Self.limit { known.removeAll(keepingCapacity: true) }
        known[bytes] = number
        last = (bytes, number.unsafelyUnwrapped)
        return number.unsafelyUnwrapped
    }

    /// The hash only finds candidates: in a forged file, another list may have the same hash.
    private func stored(_ list: [ExtendedAttribute]) throws(DatabaseError) -> Int64? {
        find.reset()
        find.bind(0, Self.hash(list))
        defer { find.reset() }
        while try find.step() {
            guard let number = find.integer(0) else { continue }
            if try isList(number, list) { return number }
        }
        return nil
    }

    private func isList(_ number: Int64, _ list: [ExtendedAttribute]) throws(DatabaseError) -> Bool {
        read.reset()
        read.bind(0, number)
        defer { read.reset() }
        var rest = list[...]
        while try read.step() {
            guard let attribute = rest.popFirst(), read.blob(0) == attribute.name, read.blob(1) == attribute.value
            else {
                return false
            }
        }
        return rest.isEmpty
    }

    private func insert(_ list: [ExtendedAttribute]) throws(DatabaseError) -> Int64 {
        insertList.bind(0, Self.hash(list))
        try insertList.run()
        let number = database.lastRowID
        for attribute in list {
            insertAttribute.bind(0, number)
            insertAttribute.bind(1, blob: attribute.name)
            insertAttribute.bind(2, blob: attribute.value)
            try insertAttribute.run()
        }
        return number
    }

    /// FNV-1a, of 64 bits: the same in every process.
    private static func hash(_ list: [ExtendedAttribute]) -> Int64 {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for part in list.flatMap({ [$0.name, $0.value] }) {
            for byte in part + [0] { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        }
        return Int64(bitPattern: hash)
    }
}

/// Merges the errors of a scan, as entries are merged.
private final class ErrorWriter {
    private let series: Int64
    private let scan: Int64
    private let old: Statement?
    private let insert: Statement
    private let end: Statement
    /// The current row of `old`; nil after the last row without an end.
    private var row: Place?

    private struct Place: Equatable {
        var root: Int64
        var key: [UInt8]
        var parts: [[UInt8]]
        var since: Int64 = 0

        /// Without `since`.
        func isBefore(_ other: Place) -> Bool {
            if root != other.root { return root < other.root }
            for (one, another) in zip([key] + parts, [other.key] + other.parts) where one != another {
                return one.lexicographicallyPrecedes(another)
            }
            return false
        }
    }

    init(_ database: Database, series: Int64, scan: Int64, newest: Int64?) throws(DatabaseError) {
        (self.series, self.scan) = (series, scan)
        insert = try database.prepare("INSERT INTO errors VALUES (?, ?, ?, ?, ?, ?, ?, NULL)")
        insert.bind(0, series)
        insert.bind(6, scan)
        let place = "series = ?1 AND root = ?2 AND key = ?3 AND operation = ?4 AND code = ?5 AND message = ?6"
        end = try database.prepare("UPDATE errors SET until = ?8 WHERE \(place) AND since = ?7")
        end.bind(0, series)
        end.bind(7, newest)
        guard newest != nil else {
            old = nil
            return
        }
        old = try database.prepare(
            """
            SELECT root, key, operation, code, message, since, until FROM errors
            WHERE series = ? ORDER BY root, key, operation, code, message, since
            """)
        old?.bind(0, series)
        try advance()
    }

    func add(_ list: [SnapshotEntryError], _ root: Int64, _ key: UnsafeRawBufferPointer) throws(DatabaseError) {
        var parts = list.map { [Array($0.operation.utf8), Array($0.code.utf8), Array($0.message.utf8)] }
        parts.sort { $0.lexicographicallyPrecedes($1) { $0.lexicographicallyPrecedes($1) } }
        var last: [[UInt8]] = []
        for part in parts where part != last {
            last = part
            let new = Place(root: root, key: Array(key), parts: part)
            while let row, row.isBefore(new) { try retire(row) }
            if let row, !new.isBefore(row) {
                try advance()
                continue
            }
            bind(insert, new)
            try insert.run()
        }
    }

    func finish() throws(DatabaseError) {
        while let row { try retire(row) }
    }

    private func advance() throws(DatabaseError) {
        guard let old else { return }
        while try old.step() {
            let place = Place(
                root: old.integer(0) ?? .min, key: old.blob(1) ?? [], parts: (2...4).map { old.blob($0) ?? [] },
                since: old.integer(5) ?? .min)
            if let last, !last.isBefore(place),
                last.isBefore(place) || place.isBefore(last) || place.since <= last.since
            {
                throw DatabaseError(code: SQLITE_CORRUPT, message: "is damaged: errors are out of order")
            }
            last = place
            if !old.isNull(6) { continue }
            row = place
            return
        }
        row = nil
    }

    /// The last row that was read.
    private var last: Place?

    /// Updates the row after the cursor has left it: a cursor finds its row again by all columns, `until` among them,
    /// so it would meet the updated row once more.
    private func retire(_ row: Place) throws(DatabaseError) {
        try advance()
        bind(end, row)
        end.bind(6, row.since)
        try end.run()
    }

    private func bind(_ statement: Statement, _ place: Place) {
        statement.bind(1, place.root)
        statement.bind(2, blob: place.key)
        for (index, part) in place.parts.enumerated() {
            statement.bind(3 + index, String(decoding: part, as: UTF8.self))
        }
    }
}
