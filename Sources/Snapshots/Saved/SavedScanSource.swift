import CSQLite
package import Entries
package import Formats
import LinuxKernel
import ScanEngine

/// A saved scan as a source: reads in the order of the primary key, and seeks where a subtree is passed over.
package final class SavedScanSource: SnapshotSource {
    package let description: SnapshotDescription
    package let scan: SavedScan
    /// How many rows of entries were read: what a comparison costs.
    package private(set) var rowsRead: Int64 = 0

    /// Of the file.
    let path: [UInt8]
    private let entries: Statement
    private let attributes: Statement
    private let errors: Statement
    /// The error that comes next, if one does.
    private var pendingError: (key: EntryKey, error: SnapshotEntryError)?
    /// An entry that was read, and before which errors without an entry come.
    private var pendingEntry: SnapshotEntry?
    /// Rows come in the order of their keys, each once. A damaged table may hold one of its pages a hundred times, and
    /// below it again: without an end.
    private var lastKey: EntryKey?
    private var lastError: [[UInt8]] = []

    /// What a browser shows of an entry.
    package static let shownColumns: Set<String> = [
        "root", "key", "kind", "size", "disk_bytes", "nlink", "device", "inode", "mtime", "mtime_ns",
    ]

    /// - Parameter wanted: columns that are read, `root` and `key` among them; nil: all. An entry says nothing of others.
    package init(_ file: SavedScans, _ scan: SavedScan, only wanted: Set<String>? = nil) throws(SnapshotFailure) {
        path = file.path
        self.scan = scan
        var fields = FieldSet(of: scan.options)
        // What the file's version has no column for is not known.
        let columns = file.entryColumns
        for field in EntryField.comparable where !columns.contains(field.name.description) { fields.remove(field) }
        description = SnapshotDescription(
            format: "saved scan", roots: scan.options.paths, fields: fields,
            algorithms: DigestSet(scan.options.hash).algorithms.filter { columns.contains($0.rawValue) }
        )
        .with(scan.options, scan.totals)
        do throws(DatabaseError) {
            let read = SavedColumn.names.map { columns.contains($0) && wanted?.contains($0) != false ? $0 : "NULL" }
            entries = try file.database.prepare(
                """
                SELECT \(read.joined(separator: ", ")) FROM entries
                WHERE scan = ?1 AND (root, key) >= (?2, ?3) ORDER BY root, key
                """)
            attributes = try file.database.prepare(
                "SELECT name, value FROM xattrs WHERE scan = ?1 AND root = ?2 AND key = ?3 ORDER BY name")
            errors = try file.database.prepare(
                """
                SELECT root, key, operation, code, message FROM errors
                WHERE scan = ?1 AND (root, key) >= (?2, ?3) ORDER BY root, key, operation, code, message
                """)
            // From the very first: a row of a root that no scan has is refused, and not passed over.
            for statement in [entries, errors] { Self.start(statement, scan.id, root: .min, key: []) }
            pendingError = nil
        } catch {
            throw SnapshotFailure(path: path, error.message)
        }
        try readError()
    }

    private static func start(_ statement: Statement, _ scan: Int64, root: Int, key: [UInt8]) {
        statement.reset()
        statement.bind(0, scan)
        statement.bind(1, Int64(root))
        statement.bind(2, blob: key)
    }

    /// Goes on with an entry, or with the first one behind it. It may lie before what was read last.
    package func start(at key: EntryKey) throws(SnapshotFailure) {
        pendingEntry = nil
        lastKey = nil
        lastError = []
        let stored = StoredKey.bytes(key.bytes[4...])
        for statement in [entries, errors] { Self.start(statement, scan.id, root: key.root, key: stored) }
        try readError()
    }

    package func next() throws(SnapshotFailure) -> SnapshotEntry? {
        var entry = pendingEntry
        pendingEntry = nil
        if entry == nil { entry = try readEntry() }
        guard let error = pendingError, entry.map({ error.key <= $0.key }) ?? true else { return entry }
        if entry?.key != error.key {
            pendingEntry = entry
            entry = SnapshotEntry(key: error.key)
        }
        while let error = pendingError, error.key == entry?.key {
            entry?.errors.append(error.error)
            try readError()
        }
        return entry
    }

    package func skip(_ subtree: EntryKey) throws(SnapshotFailure) {
        // Behind everything that begins with the key and a separator, which is 1: see `StoredKey`.
        let (root, key) =
            subtree.isRoot ? (subtree.root + 1, []) : (subtree.root, StoredKey.bytes(subtree.bytes[4...]) + [2])
        // The next entry was read already where an error came before it.
        if pendingEntry.map({ subtree.contains($0.key) }) ?? true {
            pendingEntry = nil
            Self.start(entries, scan.id, root: root, key: key)
        }
        guard let error = pendingError, subtree.contains(error.key) else { return }
        Self.start(errors, scan.id, root: root, key: key)
        try readError()
    }

    // MARK: Rows

    private func readEntry() throws(SnapshotFailure) -> SnapshotEntry? {
        guard try step(entries) else { return nil }
        rowsRead += 1
        let key = try self.key(entries, 1)
        if let lastKey, !(lastKey < key) { throw damaged("entries are out of order") }
        lastKey = key
        var entry = SnapshotEntry(key: key)
        for column in SavedColumn.all {
            switch column.type {
            case .kind, .bytes, .count, .id, .mode, .flags:
                entry.values[column.field] = try number(column)
            case .time:
                entry.values[time: column.field] = try time(column)
            case .path: entry.target = entries.blob(column.place)
            case .text:
                guard let mime = entries.blob(column.place) else { continue }
                guard MIMEType.isOne(mime) else { throw damaged("a MIME type that is none") }
                entry.mime = String(decoding: mime, as: UTF8.self)
            case .mark:
                guard let mark = entries.integer(column.place) else { continue }
                guard mark == 1 else { throw damaged("a number that no entry has") }
                entry.values[column.field] = 1
            case .xattrs:
                guard let count = entries.integer(column.place) else { continue }
                let attributes = count == 0 ? [] : try readAttributes(key)
                guard Int64(attributes.count) == count else { throw damaged("extended attributes are missing") }
                entry.xattrs = attributes
            case .digests: try readDigests(column.place, of: &entry)
            }
        }
        guard entry.kind != nil else { throw damaged("an entry of no kind") }
        entry.state = entries.blob(SavedColumn.state)
        return entry
    }

    /// Unsigned numbers have kept their bits.
    private func number(_ column: SavedColumn) throws(SnapshotFailure) -> UInt64? {
        guard let number = entries.integer(column.place).map({ UInt64(bitPattern: $0) }) else { return nil }
        guard number <= column.type.largest! else { throw damaged("a number that no entry has") }
        return number
    }

    private func time(_ column: SavedColumn) throws(SnapshotFailure) -> FileTime? {
        guard let seconds = entries.integer(column.place), let nanoseconds = entries.integer(column.place + 1) else {
            guard entries.isNull(column.place), entries.isNull(column.place + 1) else {
                throw damaged("half of a time")
            }
            return nil
        }
        guard (0..<1_000_000_000).contains(nanoseconds) else { throw damaged("a number that no entry has") }
        return FileTime(seconds: seconds, nanoseconds: nanoseconds)
    }

    private func readDigests(_ first: Int, of entry: inout SnapshotEntry) throws(SnapshotFailure) {
        for (index, algorithm) in SavedColumn.algorithms.enumerated() {
            guard let digest = entries.blob(first + index) else { continue }
            guard digest.count == algorithm.byteCount else { throw damaged("a digest of a wrong length") }
            entry.digests[algorithm] = digest
        }
    }

    private func readAttributes(_ key: EntryKey) throws(SnapshotFailure) -> [ExtendedAttribute] {
        Self.start(attributes, scan.id, root: key.root, key: StoredKey.bytes(key.bytes[4...]))
        defer { attributes.reset() }
        var list: [ExtendedAttribute] = []
        while try step(attributes) {
            let name = attributes.blob(0) ?? []
            guard list.last.map({ $0.name.lexicographicallyPrecedes(name) }) ?? true else {
                throw damaged("extended attributes are out of order")
            }
            list.append(ExtendedAttribute(name: name, value: attributes.blob(1) ?? []))
        }
        return list
    }

    private func readError() throws(SnapshotFailure) {
        guard try step(errors) else {
            pendingError = nil
            return
        }
        let key = try key(errors, 0)
        let parts = (2...4).map { errors.blob($0) ?? [] }
        let order = [key.bytes] + parts
        guard lastError.lexicographicallyPrecedes(order, by: { $0.lexicographicallyPrecedes($1) }) else {
            throw damaged("errors are out of order")
        }
        lastError = order
        let texts = parts.compactMap { String(validating: $0, as: UTF8.self) }
        guard texts.count == 3 else { throw damaged("an error that is no text") }
        pendingError = (key, SnapshotEntryError(operation: texts[0], code: texts[1], message: texts[2]))
    }

    private func key(_ row: Statement, _ rootColumn: Int) throws(SnapshotFailure) -> EntryKey {
        guard let root = row.integer(rootColumn), let stored = row.blob(rootColumn + 1),
            let key = StoredKey.key(root: root, stored),
            scan.options.paths.indices.contains(key.root)
        else { throw damaged("a key that is none") }
        return key
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

extension SnapshotDescription {
    /// With the options of the scan.
    func with(_ options: ScanOptions, _ totals: Totals) -> SnapshotDescription {
        var description = self
        description.options = options
        description.totals = totals
        return description
    }
}

extension SnapshotFormat {
    /// What `--save` writes.
    static let saved = SnapshotFormat(
        name: "saved scan", recognises: { $0.starts(with: SavedSchema.magic) },
        open: { input throws(SnapshotFailure) in
            let file = try SavedScans(input.path)
            return try SavedScanSource(file, try file.scan(input.selector))
        })
}
