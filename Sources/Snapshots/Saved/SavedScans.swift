import Bytes
import CLinux
import CSQLite
package import Entries
package import Formats
import Glibc
import LinuxKernel
package import ScanEngine

/// One scan of a file of saved scans.
package struct SavedScan: Sendable {
    package var id: Int64
    package var label: String?
    package var host: String
    /// RFC 3339.
    package var started: String
    package var ended: String
    /// Of the program that saved it.
    package var version: String
    /// The absolute path of the directory that relative roots are relative to; nil if it was not saved.
    package var workingDirectory: [UInt8]?
    /// `paths` are its roots. `threads` is 1 until it is set.
    package var options: ScanOptions
    package var totals: Totals
    /// Digests of each root, in hex; nil if they are not known.
    package var rootDigests: [[NamedDigest]?]
    /// Scans of the same PATHs with the same options share rows: from version 2 on.
    var series: Int64?
    /// The start of the scan that read the entries which this one has kept from older ones: see `accept`. RFC 3339.
    var keptSince = ""
    /// For a scan that `accept` saved: its base scan, the reason, and the user.
    package var base: Int64?
    package var reason: String?
    package var who: String?
}

/// A file of saved scans, to be read.
package final class SavedScans {
    let path: [UInt8]
    let database: Database
    let schema: SavedSchema
    /// Those that entries have in the version of this file.
    var entryColumns: Set<String> { Self.columns(schema) }
    /// Identifies the file; nil for a copy.
    private(set) var identity: Identity?
    /// In the order in which they were saved.
    package let scans: [SavedScan]

    /// - Throws: `SnapshotFailure` if the file cannot be opened, is damaged, or is not a file of saved scans.
    package convenience init(_ path: [UInt8]) throws(SnapshotFailure) {
        try self.init(path, knowing: SavedSchema.known)
    }

    init(_ path: [UInt8], knowing schemas: [SavedSchema]) throws(SnapshotFailure) {
        self.path = path
        // Checked first, because SQLite's message gives no reason; and by name, because closing a descriptor would drop
        // the locks that this process may have on the file (fcntl(2)).
        var status = stat()
        if withCString(path, { stat($0, &status) }) != 0 || !withCString(path, { mayRead($0) }) {
            throw SnapshotFailure(path: path, Errno(errno).message)
        }
        guard status.st_mode & S_IFMT == S_IFREG else { throw SnapshotFailure(path: path, "is no regular file") }
        do throws(DatabaseError) {
            database = try Database(path, .read)
            (schema, scans) = try Self.contents(of: database, schemas)
        } catch {
            throw SnapshotFailure(path: path, error.message)
        }
        identity = Identity(device: status.st_dev, inode: status.st_ino)
    }

    struct Identity: Equatable {
        var device: dev_t
        var inode: ino_t
    }

    /// Reads through an open connection, inside its transaction.
    init(_ path: [UInt8], reading database: Database) throws(DatabaseError) {
        self.path = path
        self.database = database
        (schema, scans) = try Self.contents(of: database, SavedSchema.known)
    }

    /// Reads a copy of the file.
    ///
    /// - Parameters:
    ///   - path: of the file, for messages.
    ///   - descriptor: of the copy, which may have no name. It must stay open as long as this object.
    init(_ path: [UInt8], copiedTo descriptor: Int32) throws(SnapshotFailure) {
        self.path = path
        do throws(DatabaseError) {
            database = try Database(Array("\(String(cString: clinux_descriptor_prefix()))\(descriptor)".utf8), .read)
            (schema, scans) = try Self.contents(of: database, SavedSchema.known)
        } catch {
            throw SnapshotFailure(path: path, error.message)
        }
    }

    private static func contents(
        of database: Database, _ schemas: [SavedSchema]
    ) throws(DatabaseError) -> (SavedSchema, [SavedScan]) {
        let schema = try SavedSchema.of(database, schemas)
        return (schema, try readScans(database, schema))
    }

    private static func columns(_ schema: SavedSchema) -> Set<String> {
        let names = SavedColumns(schema).names
        let sql = schema.objects.first { $0.name == "entries" }?.sql ?? ""
        // An older version has fewer.
        return Set(names.filter { sql.contains(" \($0) ") })
    }

    /// - Parameter selector: a number or a label; if several scans have the label, the newest. Nil: the newest scan.
    package func scan(_ selector: [UInt8]?) throws(SnapshotFailure) -> SavedScan {
        guard let selector else {
            guard let newest = scans.last else { throw SnapshotFailure(path: path, "holds no scan") }
            return newest
        }
        let text = String(decoding: selector, as: UTF8.self)
        if let scan = scans.last(where: { $0.label == text }) { return scan }
        if let id = Int64(text), let scan = scans.first(where: { $0.id == id }) { return scan }
        throw SnapshotFailure(path: path, "holds no scan with the number or label \(text)")
    }

    // MARK: Reading the table of scans

    private static func readScans(_ database: Database, _ schema: SavedSchema) throws(DatabaseError) -> [SavedScan] {
        var scans: [SavedScan] = []
        let more = schema.sharesRows ? "1, series, kept_since, base, reason, who" : "complete"
        let statement = try database.prepare(
            "SELECT id, label, host, started, ended, version, options, totals, \(more) FROM scans ORDER BY id")
        var order = RowOrder()
        while try statement.step() {
            let id = try order.next(statement)
            if statement.integer(8) != 1 { continue }
            try validate(statement, id)
            let kept = try options(statement.text(6) ?? "")
            let options = try options(kept, try paths(id, database))
            var scan = SavedScan(
                id: id, label: statement.text(1), host: statement.text(2) ?? "", started: statement.text(3) ?? "",
                ended: statement.text(4) ?? "", version: statement.text(5) ?? "",
                workingDirectory: workingDirectory(kept), options: options,
                totals: try totals(statement.text(7) ?? "", database), rootDigests: [])
            scan.keptSince = scan.started
            if schema.sharesRows {
                try validateTime(statement, 10, "kept_since", id)
                try validateText(statement, 13, "who", id)
                (scan.series, scan.keptSince) = (statement.integer(9), statement.text(10) ?? "")
                (scan.base, scan.reason, scan.who) = (statement.integer(11), statement.text(12), statement.text(13))
            }
            scan.rootDigests = try rootDigests(scan, database, schema)
            scans.append(scan)
        }
        return scans
    }

    /// Checks texts that are printed: times, the name of a host, a version.
    private static func validate(_ row: Statement, _ id: Int64) throws(DatabaseError) {
        for (column, name) in [(3, "started"), (4, "ended")] { try validateTime(row, column, name, id) }
        for (column, name) in [(2, "host"), (5, "version")] { try validateText(row, column, name, id) }
    }

    private static func validateTime(
        _ row: Statement, _ column: Int, _ name: String, _ id: Int64
    ) throws(DatabaseError) {
        // Empty if the clock was beyond the range of RFC 3339.
        let time = row.blob(column) ?? []
        if time.isEmpty || Timestamp.parsed(time) != nil { return }
        throw DatabaseError(code: SQLITE_CORRUPT, message: "is damaged: \(name) of scan \(id) is no time")
    }

    private static func validateText(
        _ row: Statement, _ column: Int, _ name: String, _ id: Int64
    ) throws(DatabaseError) {
        let text = String(validating: row.blob(column) ?? [], as: UTF8.self)
        if let text, !text.unicodeScalars.contains(where: { $0.properties.generalCategory == .control }) { return }
        throw DatabaseError(code: SQLITE_CORRUPT, message: "is damaged: \(name) of scan \(id) is no text")
    }

    /// - Returns: an empty list if `--files-from` named no path.
    private static func paths(_ scan: Int64, _ database: Database) throws(DatabaseError) -> [[UInt8]] {
        var paths: [[UInt8]] = []
        let statement = try database.prepare("SELECT root, path FROM roots WHERE scan = ? ORDER BY root")
        statement.bind(0, scan)
        while try statement.step() {
            guard statement.integer(0) == Int64(paths.count), let path = statement.blob(1), !path.contains(0) else {
                throw DatabaseError(code: SQLITE_CORRUPT, message: "is damaged: the roots of scan \(scan)")
            }
            paths.append(path)
        }
        return paths
    }

    private static func workingDirectory(_ options: JSONObject) -> [UInt8]? {
        guard let path = try? options.bytes("cwd"), path.first == UInt8(ascii: "/"), !path.contains(0) else {
            return nil
        }
        return path
    }

    private static func options(_ json: String) throws(DatabaseError) -> JSONObject {
        var json = json
        let object = json.withUTF8 { try? JSONLine.object(in: UnsafeRawBufferPointer($0)) }
        guard let object else { throw DatabaseError(code: SQLITE_CORRUPT, message: "is damaged: options of a scan") }
        return object
    }

    private static func options(
        _ object: JSONObject, _ paths: [[UInt8]]
    ) throws(DatabaseError) -> ScanOptions {
        do throws(JSONFieldFailure) {
            return try ScanOptions(object, paths: paths)
        } catch {
            throw DatabaseError(code: SQLITE_CORRUPT, message: "is damaged: option \(error.key) of a scan")
        }
    }

    private static func totals(_ json: String, _ database: Database) throws(DatabaseError) -> Totals {
        let fields: [(String, WritableKeyPath<Totals, Int64>)] = [
            ("entries", \.entries), ("directories", \.directories), ("files", \.files), ("symlinks", \.symlinks),
            ("fifos", \.fifos), ("sockets", \.sockets), ("block_devices", \.blockDevices),
            ("character_devices", \.characterDevices), ("apparent_bytes", \.apparentBytes),
            ("disk_bytes", \.diskBytes), ("hard_linked_files", \.hardLinkedFiles), ("skipped", \.skipped),
            ("errors", \.errors),
        ]
        let columns = fields.map { "json_extract(?1, '$.\($0.0)')" }.joined(separator: ", ")
        let statement = try database.prepare("SELECT \(columns)")
        statement.bind(0, json)
        var totals = Totals()
        guard try statement.step() else { return totals }
        for (index, field) in fields.enumerated() { totals[keyPath: field.1] = max(0, statement.integer(index) ?? 0) }
        return totals
    }

    private static func rootDigests(
        _ scan: SavedScan, _ database: Database, _ schema: SavedSchema
    ) throws(DatabaseError) -> [[NamedDigest]?] {
        let algorithms = DigestSet(scan.options.hash).algorithms
        var all: [[NamedDigest]?] = Array(repeating: nil, count: scan.options.paths.count)
        guard algorithms.allSatisfy({ schema.algorithms.contains($0) }) else { return all }
        let names = (["root"] + algorithms.map(\.rawValue)).joined(separator: ", ")
        let place = "root = ?2 AND key = x''"
        let statement = try database.prepare(
            schema.sharesRows
                ? """
                SELECT \(names) FROM entries WHERE series = ?1 AND \(place) AND since <= \(scan.id)
                UNION ALL SELECT \(names) FROM history
                WHERE series = ?1 AND \(place) AND since <= \(scan.id) AND until >= \(scan.id)
                """ : "SELECT \(names) FROM entries WHERE scan = ?1 AND \(place)")
        for root in scan.options.paths.indices {
            statement.bind(0, scan.series ?? scan.id)
            statement.bind(1, Int64(root))
            defer { statement.reset() }
            guard try statement.step() else { continue }
            var digests: [NamedDigest] = []
            for (index, algorithm) in algorithms.enumerated() {
                guard let digest = statement.blob(1 + index) else { break }
                var hex: [UInt8] = []
                hex.appendHex(digest)
                digests.append(
                    NamedDigest(algorithm: algorithm.rawValue, hex: String(decoding: hex, as: UTF8.self)))
            }
            if digests.count == algorithms.count { all[root] = digests }
        }
        return all
    }
}

/// Checks that rows with a number come in its order, each once. A damaged table may contain one of its pages a hundred
/// times, even inside itself, so that reading it would not end.
struct RowOrder {
    private var last = Int64.min

    /// Returns the number in the first column of the current row.
    mutating func next(_ row: Statement) throws(DatabaseError) -> Int64 {
        guard let id = row.integer(0), id > last else {
            throw DatabaseError(code: SQLITE_CORRUPT, message: "is damaged: rows are out of order")
        }
        last = id
        return id
    }
}

/// The same for rows that are ordered by a key of several columns.
struct KeyOrder {
    private enum Part {
        case number(Int64)
        case bytes([UInt8])
    }

    private var last: [Part]?

    /// - Parameter count: the number of columns in the key, which come first in the row.
    mutating func next(_ row: Statement, _ count: Int) throws(DatabaseError) {
        let key = (0..<count).map { row.isNumber($0) ? Part.number(row.integer($0) ?? 0) : .bytes(row.blob($0) ?? []) }
        if let last, !Self.precedes(last, key) {
            throw DatabaseError(code: SQLITE_CORRUPT, message: "is damaged: rows are out of order")
        }
        last = key
    }

    private static func precedes(_ one: [Part], _ other: [Part]) -> Bool {
        for pair in zip(one, other) {
            switch pair {
            case (.number(let left), .number(let right)) where left != right: return left < right
            case (.bytes(let left), .bytes(let right)) where left != right: return left.lexicographicallyPrecedes(right)
            // Numbers sort before everything else.
            case (.number, .bytes): return true
            case (.bytes, .number): return false
            default: continue
            }
        }
        return false
    }
}

extension SavedScans {
    /// How files of SQLite begin, and so files of saved scans.
    package static let magic = SavedSchema.magic
}
