import Bytes
import CLinux
import CSQLite
import Entries
import Formats
import Glibc
import LinuxKernel
import ScanEngine

/// The row of a scan.
struct ScanHeading {
    /// Nil: the next number.
    var id: Int64?
    var label: String?
    var host: String
    /// RFC 3339.
    var started: String
    var ended = ""
    /// The version of the program.
    var version: String
    /// JSON, with the working directory.
    var options: String
    /// See `SavedScan`; empty: `started`.
    var keptSince = ""
    var base: Int64?
    var reason: String?
    var who: String?
}

/// A scan that is being written, inside a transaction: the row of `scans`, the PATHs, and the entries.
final class NewScan {
    let id: Int64
    private let database: Database
    private let writer: SeriesWriter
    private var computation: EvidenceComputation
    private var packer = EntryEncoder()

    /// - Parameters:
    ///   - scan: only its options, with the PATHs, and its working directory matter.
    init(_ transaction: SavedTransaction, _ heading: ScanHeading, of scan: SavedScan) throws {
        database = transaction.database
        let schema = try database.addDigests(
            DigestSet(scan.options.hash).algorithms.map(\.rawValue), to: try SavedSchema.of(database, SavedSchema.known)
        )
        let series = try database.series(of: scan)
        let newest = try database.integer("SELECT max(id) FROM scans WHERE series = \(series)")
        let insert = try database.prepare(
            """
            INSERT INTO scans (id, series, label, host, started, ended, version, options, totals, evidence, kept_since,
              base, reason, who) VALUES (?, ?, ?, ?, ?, ?, ?, ?, '', x'', ?, ?, ?, ?)
            """)
        insert.bind(0, heading.id)
        insert.bind(1, series)
        for (index, text) in [
            heading.label, heading.host, heading.started, heading.ended, heading.version, heading.options,
        ]
        .enumerated() { insert.bind(2 + index, text) }
        insert.bind(8, heading.keptSince.isEmpty ? heading.started : heading.keptSince)
        insert.bind(9, heading.base)
        insert.bind(10, heading.reason)
        insert.bind(11, heading.who)
        try insert.run()
        id = database.lastRowID
        writer = try SeriesWriter(database, schema, series: series, scan: id, newest: newest, scan.options)
        computation = try EvidenceComputation(scan, of: transaction.path)
    }

    /// Entries come in the order of their keys, each key once.
    func add(_ entry: SnapshotEntry) throws {
        packer.append(entry)
        defer { packer.buffer.removeAll() }
        let packed = PackedEntry(packer.buffer.bytes)
        try entry.key.bytes.withUnsafeBytes { try add(packed, $0) }
    }

    /// - Parameter key: the bytes of its `EntryKey`.
    func add(_ entry: PackedEntry, _ key: UnsafeRawBufferPointer) throws {
        try computation.add(entry, key)
        try writer.add(entry, key)
    }

    /// Call it once, after the last entry.
    ///
    /// - Parameters: totals as JSON.
    func finish(_ roots: [(path: [UInt8], totals: String)], totals: String, ended: String) throws -> Evidence {
        try writer.finish()
        let evidence = computation.finish()
        let update = try database.prepare("UPDATE scans SET ended = ?, totals = ?, evidence = ? WHERE id = ?")
        update.bind(0, ended)
        update.bind(1, totals)
        update.bind(2, blob: Array(evidence.bytes))
        update.bind(3, id)
        try update.run()
        let insert = try database.prepare("INSERT INTO roots VALUES (?, ?, ?, ?)")
        for (index, root) in roots.enumerated() {
            insert.bind(0, id)
            insert.bind(1, Int64(index))
            insert.bind(2, blob: root.path)
            insert.bind(3, root.totals)
            try insert.run()
        }
        return evidence
    }
}

extension Database {
    /// Adds missing columns, which changes no row.
    ///
    /// - Returns: the schema with them.
    func addDigests(_ names: [String], to schema: SavedSchema) throws(DatabaseError) -> SavedSchema {
        let missing = names.filter { !schema.digests.contains($0) }
        if missing.isEmpty { return schema }
        for name in missing {
            for table in ["entries", "history"] { try execute("ALTER TABLE \(table) ADD COLUMN \(name) BLOB") }
        }
        let digests = schema.digests + missing
        try execute("DROP VIEW entry")
        try execute(SavedSchema.entryView(digests))
        return schema.with(digests)
    }

    /// The series of scans of the same PATHs with the same options, in the form that evidence covers.
    func series(of scan: SavedScan) throws(DatabaseError) -> Int64 {
        var buffer = ByteBuffer(capacity: 256)
        for root in scan.absoluteRoots { buffer.append(counted: root) }
        let roots = Array(buffer.bytes)
        buffer.drain { _ in }
        buffer.appendOptions(scan.options)
        let options = Array(buffer.bytes)
        let rows = try prepare("SELECT id, roots, options FROM series ORDER BY id")
        while try rows.step() {
            if let id = rows.integer(0), rows.blob(1) == roots, rows.blob(2) == options { return id }
        }
        let insert = try prepare("INSERT INTO series (roots, options) VALUES (?, ?)")
        insert.bind(0, blob: roots)
        insert.bind(1, blob: options)
        try insert.run()
        return lastRowID
    }
}

extension ScanHeading {
    /// For a scan that starts now, on this machine.
    static func now(_ options: ScanOptions, version: String, start: Timing) -> ScanHeading {
        var json = JSONWriter(layout: .compact)
        json.object(options: options, workingDirectory: workingDirectory)
        return ScanHeading(
            host: hostName,
            started: Timestamp.rfc3339(seconds: start.startedSeconds, nanoseconds: start.startedNanoseconds) ?? "",
            version: version, options: String(decoding: json.buffer.bytes, as: UTF8.self))
    }

    /// For `verify` from another directory; nil if the process has none.
    static var workingDirectory: [UInt8]? {
        guard let name = getcwd(nil, 0) else { return nil }
        defer { free(name) }
        let path = (0..<strlen(name)).map { UInt8(bitPattern: name[$0]) }
        // The kernel returns (unreachable)/… for a directory outside of the root directory.
        return path.first == UInt8(ascii: "/") ? path : nil
    }

    private static var hostName: String {
        var name = [CChar](repeating: 0, count: 256)
        gethostname(&name, name.count - 1)
        return printable(String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self))
    }

    /// The user that runs the program.
    static var user: String { printable(Accounts.user(geteuid()) ?? "uid \(geteuid())") }

    /// A machine can have any name, but readers refuse control characters.
    private static func printable(_ text: String) -> String {
        let scalars = text.unicodeScalars.map { $0.properties.generalCategory == .control ? "\u{FFFD}" : $0 }
        return String(String.UnicodeScalarView(scalars))
    }

    static var timeNow: String {
        let now = clinux_now(CLOCK_REALTIME)
        return Timestamp.rfc3339(seconds: Int64(now.tv_sec), nanoseconds: Int64(now.tv_nsec)) ?? ""
    }
}

extension Totals {
    var json: String {
        var json = JSONWriter(layout: .compact)
        json.object(totals: self, .onOneLine)
        return String(decoding: json.buffer.bytes, as: UTF8.self)
    }
}
