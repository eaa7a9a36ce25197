import Bytes
import Entries
import ExternalSort
import Formats
import LinuxKernel
import ScanEngine

/// Writes entries of one scan into its tables. Used by one thread at a time.
final class EntryInsertion {
    private let insertEntry: Statement
    private let insertAttribute: Statement
    private let insertError: Statement
    private var key = ByteBuffer(capacity: 4096)
    private let scan: Int64
    /// Whether digests of the row before are bound.
    private var hasDigests = false

    init(_ database: Database, scan: Int64) throws(DatabaseError) {
        self.scan = scan
        let names = SavedColumn.names
        let places = Array(repeating: "?", count: names.count).joined(separator: ", ")
        insertEntry = try database.prepare(
            "INSERT INTO entries (\(names.joined(separator: ", "))) VALUES (\(places))")
        insertAttribute = try database.prepare("INSERT INTO xattrs VALUES (?, ?, ?, ?, ?)")
        insertError = try database.prepare("INSERT OR IGNORE INTO errors VALUES (?, ?, ?, ?, ?, ?)")
        for statement in [insertEntry, insertAttribute, insertError] { statement.bind(0, scan) }
    }

    /// - Parameter record: its key as in `EntryKey`, its line by `EntryEncoder`.
    func insert(_ record: SortRecord) throws(DatabaseError) {
        let entry = PackedEntry(record.line)
        let root = Int64(UInt32(bigEndian: record.key.loadUnaligned(as: UInt32.self)))
        StoredKey.append(UnsafeRawBufferPointer(rebasing: record.key[4...]), to: &key)
        defer { key.drain { _ in } }
        for error in entry.errors {
            insertError.bind(1, root)
            insertError.bind(2, borrowed: key.bytes)
            insertError.bind(3, error.operation)
            insertError.bind(4, error.code)
            insertError.bind(5, error.message)
            try insertError.run()
        }
        guard entry.header.values[.kind] != nil else { return }
        bind(entry, root)
        try insertEntry.run()
        guard let xattrs = entry.xattrs, !xattrs.isEmpty else { return }
        for attribute in PackedEntry.unpackAttributes(xattrs) {
            insertAttribute.bind(1, root)
            insertAttribute.bind(2, borrowed: key.bytes)
            insertAttribute.bind(3, blob: attribute.name)
            insertAttribute.bind(4, blob: attribute.value)
            try insertAttribute.run()
        }
    }

    /// Key and record stay where they are until the statement has run.
    private func bind(_ entry: PackedEntry, _ root: Int64) {
        insertEntry.bind(1, root)
        insertEntry.bind(2, borrowed: key.bytes)
        let values = entry.header.values
        for column in SavedColumn.all {
            switch column.type {
            case .kind, .bytes, .count, .id, .mode, .flags, .mark:
                // Unsigned numbers keep their bits: SQLite's integers are signed.
                insertEntry.bind(column.place, values[column.field].map { Int64(bitPattern: $0) })
            case .time:
                let time = values.time(column.field)
                insertEntry.bind(column.place, time?.seconds)
                insertEntry.bind(column.place + 1, time?.nanoseconds)
            case .path: insertEntry.bind(column.place, borrowed: entry.target)
            case .text: insertEntry.bind(column.place, borrowedText: entry.mime)
            case .xattrs:
                insertEntry.bind(
                    column.place, entry.xattrs.map { Int64(PackedEntry.unpackAttributes($0).count) })
            case .digests: bindDigests(entry, column.place)
            }
        }
        insertEntry.bind(SavedColumn.state, borrowed: entry.state)
    }

    private func bindDigests(_ entry: PackedEntry, _ first: Int) {
        if hasDigests {
            for index in SavedColumn.algorithms.indices { insertEntry.bindNull(first + index) }
        }
        hasDigests = entry.header.values[.digests] != nil
        entry.forEachDigest { algorithm, digest in
            guard let index = SavedColumn.algorithms.firstIndex(of: algorithm) else {
                preconditionFailure("what has no column is refused before a scan is saved")
            }
            insertEntry.bind(first + index, borrowed: digest)
        }
    }
}
