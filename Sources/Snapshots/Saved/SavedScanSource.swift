import CSQLite
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

    package init(_ file: SavedScans, _ scan: SavedScan) throws(SnapshotFailure) {
        path = file.path
        self.scan = scan
        var fields = SnapshotFields.scanned
        if scan.options.mime { fields.insert(.mime) }
        if scan.options.xattrs { fields.insert(.xattrs) }
        // What the file's version has no column for is not known.
        let columns = file.entryColumns
        for (name, field) in SnapshotFields.names where !columns.contains(name) { fields.remove(field) }
        description = SnapshotDescription(
            format: "saved scan", roots: scan.options.paths, fields: fields,
            algorithms: DigestSet(scan.options.hash).algorithms.filter { columns.contains($0.rawValue) }
        )
        .with(scan.options)
        do throws(DatabaseError) {
            let wanted = (Self.columns + DigestAlgorithm.allCases.map(\.rawValue))
                .map { columns.contains($0) ? $0 : "NULL" }
            entries = try file.database.prepare(
                """
                SELECT \(wanted.joined(separator: ", ")) FROM entries
                WHERE scan = ?1 AND (root, key) >= (?2, ?3) ORDER BY root, key
                """)
            attributes = try file.database.prepare(
                "SELECT name, value FROM xattrs WHERE scan = ?1 AND root = ?2 AND key = ?3 ORDER BY name")
            errors = try file.database.prepare(
                """
                SELECT root, key, operation, code, message FROM errors
                WHERE scan = ?1 AND (root, key) >= (?2, ?3) ORDER BY root, key, operation, code, message
                """)
            for statement in [entries, errors] { Self.start(statement, scan.id, root: 0, key: []) }
            pendingError = nil
        } catch {
            throw SnapshotFailure(path: path, error.message)
        }
        try readError()
    }

    /// In the order in which `readEntry` reads them; digests follow.
    private static let columns = [
        "root", "key", "kind", "size", "disk_bytes", "mode", "uid", "gid", "nlink", "device", "inode", "mtime",
        "mtime_ns",
        "ctime", "ctime_ns", "btime", "btime_ns", "flags", "rdev", "xattrs", "changed", "target", "mime", "state",
    ]

    private static func start(_ statement: Statement, _ scan: Int64, root: Int, key: [UInt8]) {
        statement.reset()
        statement.bind(0, scan)
        statement.bind(1, Int64(root))
        statement.bind(2, blob: key)
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
        let key = try self.key(entries)
        if let lastKey, !(lastKey < key) { throw damaged("entries are out of order") }
        lastKey = key
        let row = entries
        guard let kind = row.integer(2).flatMap({ UInt8(exactly: $0) }).flatMap({ EntryKind(rawValue: $0) }) else {
            throw damaged("an entry of no kind")
        }
        var entry = SnapshotEntry(key: key, kind: kind)
        entry.size = try number(3, 0...Int64.max)
        entry.diskBytes = try number(4, 0...Int64.max)
        entry.mode = try number(5, 0...0o7777)
        entry.uid = try number(6, 0...UInt32.max)
        entry.gid = try number(7, 0...UInt32.max)
        entry.links = row.integer(8).map { UInt64(bitPattern: $0) }
        entry.device = row.integer(9).map { UInt64(bitPattern: $0) }
        entry.inode = row.integer(10).map { UInt64(bitPattern: $0) }
        entry.mtime = try time(11)
        entry.ctime = try time(13)
        entry.btime = try time(15)
        entry.flags = try number(17, 0...UInt32.max).map { InodeFlags(rawValue: $0) }
        entry.specialDevice = row.integer(18).map { UInt64(bitPattern: $0) }
        if let count = row.integer(19) {
            let attributes = count == 0 ? [] : try readAttributes(key)
            guard Int64(attributes.count) == count else { throw damaged("extended attributes are missing") }
            entry.xattrs = attributes
        }
        entry.isChanged = try number(20, 1...UInt8(1)) != nil
        entry.target = row.blob(21)
        if let mime = row.blob(22) {
            guard MIMEType.isOne(mime) else { throw damaged("a MIME type that is none") }
            entry.mime = String(decoding: mime, as: UTF8.self)
        }
        entry.state = row.blob(23)
        for (index, algorithm) in DigestAlgorithm.allCases.enumerated() {
            guard let digest = row.blob(24 + index) else { continue }
            guard digest.count == algorithm.byteCount else { throw damaged("a digest of a wrong length") }
            entry.digests[algorithm] = digest
        }
        return entry
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
        let key = try key(errors)
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

    private func key(_ row: Statement) throws(SnapshotFailure) -> EntryKey {
        guard let root = row.integer(0), let stored = row.blob(1), let key = StoredKey.key(root: root, stored),
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

    // MARK: Columns of an entry

    private func number<Value: FixedWidthInteger>(
        _ column: Int, _ range: ClosedRange<Value>
    ) throws(SnapshotFailure) -> Value? {
        guard let number = entries.integer(column) else { return nil }
        guard let value = Value(exactly: number), range.contains(value) else {
            throw damaged("a number that no entry has")
        }
        return value
    }

    private func time(_ column: Int) throws(SnapshotFailure) -> SnapshotTime? {
        let nanoseconds: Int64? = try number(column + 1, 0...999_999_999)
        guard let seconds = entries.integer(column), let nanoseconds else {
            guard entries.isNull(column), nanoseconds == nil else { throw damaged("half of a time") }
            return nil
        }
        return SnapshotTime(seconds: seconds, nanoseconds: nanoseconds)
    }
}

extension SnapshotDescription {
    /// With the options of the scan.
    func with(_ options: ScanOptions) -> SnapshotDescription {
        var description = self
        description.options = options
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
