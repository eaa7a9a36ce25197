import Bytes
import CSQLite
package import Entries
package import Formats
import LinuxKernel
import ScanEngine

/// A saved scan as a source. It reads in the order of the primary key, and seeks to skip a subtree.
package final class SavedScanSource: PackedSource {
    package let description: SnapshotDescription
    package let scan: SavedScan
    /// The number of rows of entries that were read, as a measure of the cost of a comparison.
    package private(set) var rowsRead: Int64 = 0

    /// The path of the file.
    let path: [UInt8]
    private let rows: SavedRows
    private let columns: SavedColumns
    private let (kind, links): (Int, Int)
    private var packer: RowPacker
    private let errors: Statement
    /// Whether several scans share rows: errors then have a range of scans.
    private let sharesRows: Bool
    /// Whether it reads all columns.
    private let isWhole: Bool
    private let contentStates: ContentStates
    /// See `passOverShared`.
    private var sharing: SharedRows?
    /// The next error, if there is one.
    private var pendingError: (key: EntryKey, error: SnapshotEntryError, parts: [[UInt8]])?
    /// Whether `packer` has a row that comes after errors without an entry.
    private var isRowPending = false
    /// The current entry, if it has errors, and the bytes of its key.
    private var entryWithErrors = EntryEncoder()
    private var keyWithErrors = ByteBuffer(capacity: 256)
    /// Rows of errors come in order, each once: see `RowOrder`.
    private var lastError: ErrorOrder?
    private let file: SavedScans

    /// The columns that a browser shows.
    package static let shownColumns: Set<String> = [
        "root", "key", "kind", "size", "disk_bytes", "nlink", "device", "inode", "mtime", "mtime_ns",
    ]

    /// - Parameter wanted: the columns to read; nil: all. Entries then lack the other fields.
    package init(_ file: SavedScans, _ scan: SavedScan, only wanted: Set<String>? = nil) throws(SnapshotFailure) {
        path = file.path
        self.file = file
        self.scan = scan
        var fields = FieldSet(of: scan.options)
        // Fields without a column in the file's version are not known.
        let columns = file.entryColumns
        for field in EntryField.comparable where !columns.contains(field.name.description) { fields.remove(field) }
        description = SnapshotDescription(
            format: "saved scan", roots: scan.options.paths, fields: fields,
            algorithms: DigestSet(scan.options.hash).algorithms.filter { columns.contains($0.rawValue) }
        )
        .with(scan.options, scan.totals)
        let saved = SavedColumns(file.schema)
        self.columns = saved
        (kind, links) = (saved.place(of: .kind), saved.place(of: .links))
        sharesRows = file.schema.sharesRows
        isWhole = wanted == nil
        contentStates = ContentStates(scan.options)
        do throws(DatabaseError) {
            let always: Set<String> = sharesRows ? ["root", "key", "kind", "state"] : ["root", "key"]
            var read = saved.names.map { name in
                let isWanted = wanted?.contains(name) != false || always.contains(name)
                return columns.contains(name) && isWanted ? name : "NULL"
            }
            if sharesRows { read += ["since", "until"] }
            rows = try SavedRows(file, scan, read, interval: (saved.since, saved.until))
            packer = try RowPacker(file, scan, saved)
            if sharesRows {
                errors = try file.database.prepare(
                    """
                    SELECT root, key, operation, code, message, since, until FROM errors
                    WHERE series = ?1 AND (root, key) >= (?2, ?3) ORDER BY root, key, operation, code, message, since
                    """)
                errors.bind(0, scan.series)
            } else {
                errors = try file.database.prepare(
                    """
                    SELECT root, key, operation, code, message FROM errors
                    WHERE scan = ?1 AND (root, key) >= (?2, ?3) ORDER BY root, key, operation, code, message
                    """)
                errors.bind(0, scan.id)
            }
            pendingError = nil
        } catch {
            throw SnapshotFailure(path: path, error.message)
        }
        // From the first row on, so that a row of a root that no scan has is refused, not skipped.
        Self.start(errors, root: .min, key: [])
        try readError()
    }

    private static func start(_ statement: Statement, root: Int64, key: [UInt8]) {
        statement.reset()
        statement.bind(1, root)
        statement.bind(2, blob: key)
    }

    /// Makes both sources skip entries whose row belongs to both scans, unless it is a PATH or part of it is not known.
    /// They do not read subtrees of such entries. Call it before the first entry. Does nothing unless they are two
    /// scans of one series in one file.
    ///
    /// - Parameter givesDirectories: whether to return directories nevertheless, down to the top of each subtree that
    ///   is not read.
    /// - Returns: whether they skip anything.
    @discardableResult
    package static func passOverShared(
        _ old: any SnapshotSource, _ new: any SnapshotSource, givesDirectories: Bool = false
    ) throws(SnapshotFailure) -> Bool {
        guard let old = old as? SavedScanSource, let new = new as? SavedScanSource, old.sharesRows, new.sharesRows,
            old.file.identity != nil, old.file.identity == new.file.identity, old.scan.series == new.scan.series
        else { return false }
        do throws(DatabaseError) {
            old.sharing = try SharedRows(old.file, old.scan, new.scan, givesDirectories: givesDirectories)
            new.sharing = try SharedRows(new.file, new.scan, old.scan, givesDirectories: givesDirectories)
        } catch {
            throw SnapshotFailure(path: old.path, error.message)
        }
        return true
    }

    /// Continues with an entry, or the first one after it. It may come before the entry that was read last.
    package func start(at key: EntryKey) throws(SnapshotFailure) {
        (isRowPending, lastError, pendingError) = (false, nil, nil)
        let stored = StoredKey.bytes(key.bytes[4...])
        rows.start(root: Int64(key.root), key: stored)
        Self.start(errors, root: Int64(key.root), key: stored)
        try readError()
    }

    package func advance() throws(SnapshotFailure) -> Bool {
        if !isRowPending { isRowPending = try readRow() }
        keyWithErrors.removeAll()
        entryWithErrors.buffer.removeAll()
        // An error without an entry comes before it.
        if let error = pendingError, !isRowPending || packer.isBehind(error.key) {
            try addErrors(to: SnapshotEntry(key: error.key))
            return true
        }
        guard isRowPending else { return false }
        isRowPending = false
        if let error = pendingError, packer.isAt(error.key) {
            try addErrors(to: PackedEntry(packer.entry.buffer.bytes).entry(error.key))
        }
        try checkState(PackedEntry(packed.entry))
        return true
    }

    package var packed: (key: UnsafeRawBufferPointer, entry: UnsafeRawBufferPointer) {
        keyWithErrors.count > 0
            ? (keyWithErrors.bytes, entryWithErrors.buffer.bytes) : (packer.key.bytes, packer.entry.buffer.bytes)
    }

    /// Adds the next errors, if they are of this entry.
    private func addErrors(to entry: SnapshotEntry) throws(SnapshotFailure) {
        var entry = entry
        while let error = pendingError, error.key == entry.key {
            entry.errors.append(error.error)
            try readError()
        }
        keyWithErrors.append(entry.key.bytes)
        entryWithErrors.append(entry)
    }

    package func skip(_ subtree: EntryKey) throws(SnapshotFailure) {
        // After everything that begins with the key and a separator, which is 1: see `StoredKey`.
        let (root, key) =
            subtree.isRoot
            ? (Int64(subtree.root) + 1, []) : (Int64(subtree.root), StoredKey.bytes(subtree.bytes[4...]) + [2])
        // If an error comes before the next entry, that was read already.
        if !isRowPending || packer.isIn(subtree) {
            isRowPending = false
            rows.start(root: root, key: key)
        }
        guard let error = pendingError, subtree.contains(error.key) else { return }
        Self.start(errors, root: root, key: key)
        try readError()
    }

    // MARK: Rows

    /// Packs the next row of the scan; false after the last one.
    private func readRow() throws(SnapshotFailure) -> Bool {
        while let row = try step() {
            rowsRead += 1
            guard let sharing, try isShared(row, sharing) else {
                try packer.pack(row, rows.place)
                return true
            }
            guard row.integer(kind) == Int64(EntryKind.directory.rawValue) else { continue }
            if sharing.givesDirectories { try packer.pack(row, rows.place) }
            if try isSharedBelow(sharing) { rows.start(root: rows.root, key: rows.key + [2]) }
            if sharing.givesDirectories { return true }
        }
        return false
    }

    /// Whether the row also belongs to the other scan, and nothing about the entry is unknown.
    private func isShared(_ row: Statement, _ sharing: SharedRows) throws(SnapshotFailure) -> Bool {
        if !sharing.passesOverLinks, row.integer(links) ?? 1 > 1,
            row.integer(kind) != Int64(EntryKind.directory.rawValue)
        {
            return false
        }
        guard let since = row.integer(columns.since), since <= sharing.other,
            row.integer(columns.until) ?? .max >= sharing.other, row.isNull(columns.state), !rows.key.isEmpty
        else { return false }
        do throws(DatabaseError) {
            return try !sharing.hasError(rows.root, rows.key)
        } catch {
            throw SnapshotFailure(path: path, error.message)
        }
    }

    private func isSharedBelow(_ sharing: SharedRows) throws(SnapshotFailure) -> Bool {
        do throws(DatabaseError) {
            return try sharing.isSharedBelow(rows.root, rows.key)
        } catch {
            throw SnapshotFailure(path: path, error.message)
        }
    }

    /// Whether the content of the last entry is completely known.
    var isContentKnown: Bool { packer.state == nil }

    /// The state of a row follows from its other columns, so any other value is damage.
    private func checkState(_ entry: PackedEntry) throws(SnapshotFailure) {
        guard sharesRows, isWhole else { return }
        guard contentStates.state(of: entry).map({ Int64($0.rawValue) }) == packer.state else {
            throw damaged("an inconsistent state of content")
        }
    }

    private func readError() throws(SnapshotFailure) {
        while try step(errors) {
            guard let root = errors.integer(0), let stored = errors.blob(1),
                let key = StoredKey.key(root: root, stored), scan.options.paths.indices.contains(key.root)
            else { throw damaged("an invalid key") }
            let parts = (2...4).map { errors.blob($0) ?? [] }
            let since = sharesRows ? errors.integer(5) ?? .min : .min
            let order = ErrorOrder(key: key, parts: parts, since: since)
            if let lastError, !(lastError < order) { throw damaged("errors are out of order") }
            lastError = order
            let until = sharesRows ? errors.integer(6) ?? .max : .max
            let isOurs = !sharesRows || since <= scan.id && scan.id <= until
            if !isOurs { continue }
            let texts = parts.compactMap { String(validating: $0, as: UTF8.self) }
            guard texts.count == 3 else { throw damaged("an error that is not text") }
            if let pendingError, pendingError.key == key, pendingError.parts == parts {
                throw damaged("a duplicate error")
            }
            let error = SnapshotEntryError(operation: texts[0], code: texts[1], message: texts[2])
            pendingError = (key, error, parts)
            return
        }
        pendingError = nil
    }

    private func step() throws(SnapshotFailure) -> Statement? {
        do throws(DatabaseError) {
            return try rows.next()
        } catch {
            throw SnapshotFailure(path: path, error.message)
        }
    }

    private func step(_ statement: Statement) throws(SnapshotFailure) -> Bool {
        do throws(DatabaseError) {
            return try statement.step()
        } catch {
            throw SnapshotFailure(path: path, error.message)
        }
    }

    private func damaged(_ what: String) -> SnapshotFailure { SnapshotFailure(path: path, "is damaged: \(what)") }
}

/// The order of errors.
private struct ErrorOrder: Comparable {
    var key: EntryKey
    var parts: [[UInt8]]
    var since: Int64

    static func < (left: ErrorOrder, right: ErrorOrder) -> Bool {
        if left.key != right.key { return left.key < right.key }
        for (one, other) in zip(left.parts, right.parts) where one != other {
            return one.lexicographicallyPrecedes(other)
        }
        return left.since < right.since
    }
}

extension SnapshotDescription {
    /// The description with the options and totals of the scan.
    func with(_ options: ScanOptions, _ totals: Totals) -> SnapshotDescription {
        var description = self
        description.options = options
        description.totals = totals
        return description
    }
}

extension SnapshotFormat {
    /// The format that `--save` writes.
    static let saved = SnapshotFormat(
        name: "saved scan", recognises: { $0.starts(with: SavedSchema.magic) },
        open: { input throws(SnapshotFailure) in
            let file = try SavedScans(input.path)
            return try SavedScanSource(file, try file.scan(input.selector))
        })
}
