import Bytes
import Entries
import Formats
import LinuxKernel

/// New rows of `entries`, which come in the order of the table. One statement inserts `size` of them: SQLite then opens
/// one cursor for all, and need not search for the place of a row that comes after the one before. With values that stay
/// bound, that saves a third of SQLite's instructions.
struct RowBatch: ~Copyable {
    private let columns: SavedColumns
    /// The number of parameters of a row.
    private let width: Int
    /// Numbers, and times: the index of the field, and the place of its column.
    private let numbers: [(index: Int, place: Int)]
    private let times: [(index: Int, place: Int)]
    private let (target, type, xattrs): (Int, Int, Int)
    /// `series` and `since`, then the columns of each row.
    private let insertAll: Statement
    private let insertOne: Statement
    private var rows: [Row] = []
    /// Their keys and entries. SQLite reads them from here.
    private var bytes: ByteBuffer
    private var boundInAll = [BoundRow](repeating: BoundRow(), count: RowBatch.size)
    private var boundInOne = BoundRow()

    private static let size = 16

    private struct Row {
        var root: Int64
        var key: Range<Int>
        var entry: Range<Int>
        var list: Int64?
        var state: Int64?
    }

    /// The values that a statement has for a row. They stay bound, and most are the same in many rows.
    private struct BoundRow {
        var values = EntryValues()
        var list: Int64?
        var state: Int64?
        /// A bit for each algorithm.
        var digests: UInt64 = 0
        var hasTarget = false
        var hasType = false
    }

    init(
        _ database: Database, _ schema: SavedSchema, _ columns: SavedColumns, series: Int64, scan: Int64
    ) throws(DatabaseError) {
        // In the order of the table: otherwise SQLite copies each value once more.
        let order = ["series", "root", "key", "since"] + schema.entryValues
        let places = Dictionary(uniqueKeysWithValues: columns.names.enumerated().map { ($1, $0) })
        let names = order.filter { $0 == "series" || $0 == "since" || places[$0] != nil }
        func insert(_ count: Int) throws(DatabaseError) -> Statement {
            let rows = (0..<count).map { row in
                let parameters = names.map { name in
                    guard let place = places[name] else { return name == "series" ? "?1" : "?2" }
                    return "?\(Self.first + row * columns.names.count + place + 1)"
                }
                return "(\(parameters.joined(separator: ", ")))"
            }
            let statement = try database.prepare(
                "INSERT OR FAIL INTO entries (\(names.joined(separator: ", "))) VALUES \(rows.joined(separator: ", "))")
            statement.bind(0, series)
            statement.bind(1, scan)
            return statement
        }
        let (all, one) = (try insert(Self.size), try insert(1))
        bytes = ByteBuffer(capacity: 64 << 10)
        (insertAll, insertOne) = (all, one)
        self.columns = columns
        width = columns.names.count
        let fields = columns.fields.map { (index: $0.field.index, place: $0.place, type: $0.type) }
        numbers = fields.filter { $0.type.largest != nil || $0.type == .mark }.map { ($0.index, $0.place) }
        times = fields.filter { $0.type == .time }.map { ($0.index, $0.place) }
        (target, type, xattrs) = (
            columns.place(of: .target), columns.place(of: .mime), columns.place(of: .xattrs)
        )
    }

    /// The number of parameters before those of the first row.
    private static let first = 2

    /// - Parameter key: as it is stored.
    mutating func add(
        _ entry: PackedEntry, _ root: Int64, _ key: UnsafeRawBufferPointer, list: Int64?, state: Int64?
    ) throws(DatabaseError) {
        let start = bytes.count
        bytes.append(key)
        let middle = bytes.count
        bytes.append(entry.bytes)
        rows.append(
            Row(root: root, key: start..<middle, entry: middle..<bytes.count, list: list, state: state))
        if rows.count < Self.size { return }
        for (index, row) in rows.enumerated() {
            boundInAll[index] = bind(row, to: insertAll, at: Self.first + index * width, boundInAll[index])
        }
        try insertAll.run()
        forgetRows()
    }

    /// To be called once, after the last row.
    mutating func finish() throws(DatabaseError) {
        for row in rows {
            boundInOne = bind(row, to: insertOne, at: Self.first, boundInOne)
            try insertOne.run()
        }
        forgetRows()
    }

    private mutating func forgetRows() {
        rows.removeAll(keepingCapacity: true)
        bytes.removeAll()
    }

    private func part(_ range: Range<Int>) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: bytes.bytes[range])
    }

    /// - Parameter bound: what the statement has for the row.
    /// - Returns: what it has now.
    private func bind(_ row: Row, to statement: Statement, at first: Int, _ bound: BoundRow) -> BoundRow {
        statement.bind(first + SavedColumns.root, row.root)
        statement.bind(first + SavedColumns.key, borrowed: part(row.key))
        let entry = PackedEntry(part(row.entry))
        let (values, last) = (entry.values, bound.values)
        // Unsigned numbers keep their bits: SQLite's integers are signed.
        let changedBits = values.bits ^ last.bits
        // Spans, because an index into the array would copy all of it.
        let (words, lastWords) = (values.words.span, last.words.span)
        let (nanoseconds, lastNanoseconds) = (values.nanoseconds.span, last.nanoseconds.span)
        for (index, place) in numbers
        where words[index] != lastWords[index] || changedBits >> UInt32(index) & 1 != 0 {
            let isKnown = values.bits >> UInt32(index) & 1 != 0
            statement.bind(first + place, isKnown ? Int64(bitPattern: words[index]) : nil)
        }
        for (index, place) in times {
            let isKnown = values.bits >> UInt32(index) & 1 != 0
            let isOther = changedBits >> UInt32(index) & 1 != 0
            if isOther || words[index] != lastWords[index] {
                statement.bind(first + place, isKnown ? Int64(bitPattern: words[index]) : nil)
            }
            let rest = index - EntryField.mtime.index
            if isOther || nanoseconds[rest] != lastNanoseconds[rest] {
                statement.bind(first + place + 1, isKnown ? Int64(nanoseconds[rest]) : nil)
            }
        }
        let (target, type) = (entry.target, entry.mime)
        if target != nil || bound.hasTarget { statement.bind(first + self.target, borrowed: target) }
        if type != nil || bound.hasType { statement.bind(first + self.type, borrowedText: type) }
        if row.list != bound.list { statement.bind(first + xattrs, row.list) }
        if row.state != bound.state { statement.bind(first + columns.state, row.state) }
        var digests: UInt64 = 0
        entry.forEachDigest { index, digest in
            guard let place = columns.digestPlaces[index] else { return }
            statement.bind(first + place, borrowed: digest)
            digests |= 1 << UInt64(index)
        }
        var gone = bound.digests & ~digests
        while gone != 0 {
            if let place = columns.digestPlaces[gone.trailingZeroBitCount] { statement.bindNull(first + place) }
            gone &= gone - 1
        }
        return BoundRow(
            values: values, list: row.list, state: row.state, digests: digests, hasTarget: target != nil,
            hasType: type != nil)
    }
}
