import Bytes
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

    /// The columns of `entries` but for the digests, as `Column` has them.
    private static let columns = [
        "scan", "root", "key", "kind", "size", "disk_bytes", "mode", "uid", "gid", "nlink", "device", "inode", "mtime",
        "mtime_ns", "ctime", "ctime_ns", "btime", "btime_ns", "flags", "rdev", "xattrs", "changed", "target", "mime",
        "state",
    ]

    /// What is bound where.
    private enum Column: Int, CaseIterable {
        case scan, root, key, kind, size, diskBytes, mode, uid, gid, links, device, inode
        case mtime, mtimeNanoseconds, ctime, ctimeNanoseconds, btime, btimeNanoseconds
        case flags, specialDevice, xattrs, changed, target, mime, state, digests
    }

    init(_ database: Database, scan: Int64) throws(DatabaseError) {
        self.scan = scan
        let names = Self.columns + DigestAlgorithm.allCases.map(\.rawValue)
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
        guard entry.kind != nil else { return }
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
        let header = entry.header
        bind(.root, root)
        insertEntry.bind(Column.key.rawValue, borrowed: key.bytes)
        bind(.kind, Int64(header.kind))
        bind(.size, entry.has(.size) ? header.size : nil)
        bind(.diskBytes, entry.has(.diskBytes) ? header.diskBytes : nil)
        bind(.mode, entry.has(.mode) ? Int64(header.mode) : nil)
        bind(.uid, entry.has(.uid) ? Int64(header.uid) : nil)
        bind(.gid, entry.has(.gid) ? Int64(header.gid) : nil)
        // Unsigned numbers keep their bits: SQLite's integers are signed.
        bind(.links, entry.has(.links) ? Int64(bitPattern: header.links) : nil)
        bind(.device, entry.has(.device) ? Int64(bitPattern: header.device) : nil)
        bind(.inode, entry.has(.inode) ? Int64(bitPattern: header.inode) : nil)
        bind(.mtime, entry.has(.mtime) ? header.mtime.seconds : nil)
        bind(.mtimeNanoseconds, entry.has(.mtime) ? header.mtime.nanoseconds : nil)
        bind(.ctime, entry.has(.ctime) ? header.ctime.seconds : nil)
        bind(.ctimeNanoseconds, entry.has(.ctime) ? header.ctime.nanoseconds : nil)
        bind(.btime, entry.has(.btime) ? header.btime.seconds : nil)
        bind(.btimeNanoseconds, entry.has(.btime) ? header.btime.nanoseconds : nil)
        bind(.flags, entry.has(.flags) ? Int64(header.flags) : nil)
        bind(.specialDevice, entry.has(.specialDevice) ? Int64(bitPattern: header.specialDevice) : nil)
        bind(.xattrs, entry.xattrs.map { Int64(PackedEntry.unpackAttributes($0).count) })
        bind(.changed, entry.isChanged ? 1 : nil)
        insertEntry.bind(Column.target.rawValue, borrowed: entry.target)
        insertEntry.bind(Column.mime.rawValue, borrowedText: entry.mime)
        insertEntry.bind(Column.state.rawValue, borrowed: entry.state)
        if hasDigests {
            for index in DigestAlgorithm.allCases.indices { insertEntry.bindNull(Column.digests.rawValue + index) }
        }
        hasDigests = entry.header.digestsLength > 0
        entry.forEachDigest { algorithm, digest in
            insertEntry.bind(Column.digests.rawValue + Int(algorithm.index), borrowed: digest)
        }
    }

    private func bind(_ column: Column, _ value: Int64?) { insertEntry.bind(column.rawValue, value) }
}
