import Bytes
import Entries
import LinuxKernel
import ScanEngine

extension SnapshotFormat {
    /// fsscan's own records: `--ndjson`.
    package static let records = SnapshotFormat(
        name: "records",
        recognises: { beginning in
            // With many PATHs the header may be longer than `beginning`; its schema is near the front.
            beginning.first == UInt8(ascii: "{")
                && String(decoding: beginning.prefix(256), as: UTF8.self).contains("fsscan-records/")
        },
        open: { (input) throws(SnapshotFailure) in try RecordsReader(input).read() })
}

/// Reads all records of a file.
private struct RecordsReader {
    private let path: [UInt8]
    private let lines: LineReader
    // If PATHs overlap, an entry is listed once for each, and may have changed in between.
    private let sorter = EntrySorter(repeats: .markChanged)
    private var roots: [[UInt8]] = []
    private var index = RootIndex([])
    /// The summary's `complete`; nil before it.
    private var isComplete: Bool?
    /// The first header, and the parts of the records so far.
    private var common: Header?
    private var parts: Set<UInt64> = []

    /// What the headers of all parts have in common.
    private struct Header: Equatable {
        var started: [UInt8]
        var roots: [[UInt8]]
        /// How many parts there are; nil if there is only one file.
        var ranks: UInt64?
    }

    init(_ input: SnapshotInput) {
        path = input.path
        lines = LineReader(input)
    }

    consuming func read() throws(SnapshotFailure) -> SortedSource {
        guard let header = try nextObject() else { throw lines.failure("no header") }
        var description = try lines.taking { () throws(JSONFieldFailure) in try self.description(header) }
        roots = description.roots
        index = RootIndex(roots.enumerated().map { (root: $0.offset, path: $0.element) })
        while let object = try nextObject() {
            if object["type"]?.string?.elementsEqual("header".utf8) == true, common?.ranks != nil {
                try takeAnotherPart(object)
                continue
            }
            guard isComplete == nil || common?.ranks != nil else {
                throw lines.failure("something follows the summary")
            }
            let entries = try lines.taking { () throws(JSONFieldFailure) in try take(object) }
            for entry in entries { try sorter.append(entry) }
        }
        if let ranks = common?.ranks, parts.count < ranks {
            throw SnapshotFailure(
                path: path, "has \(parts.count) of the \(ranks) parts of the records: read all of them as one, by cat")
        }
        guard let isComplete else {
            throw SnapshotFailure(path: path, "ends without a summary: the records are truncated")
        }
        description.isComplete = isComplete
        return SortedSource(description, try sorter.finish())
    }

    private func nextObject() throws(SnapshotFailure) -> JSONObject? {
        guard let line = try lines.next() else { return nil }
        return try lines.object(in: line)
    }

    // MARK: Header

    private mutating func description(_ header: JSONObject) throws(JSONFieldFailure) -> SnapshotDescription {
        guard header["schema"]?.string?.elementsEqual(Array("fsscan-records/1".utf8)) == true else {
            throw JSONFieldFailure(key: "schema")
        }
        guard let options = header["options"]?.object else { throw JSONFieldFailure(key: "options") }
        let common = try Self.common(header)
        let paths = common.roots
        self.common = common
        if let rank: UInt64 = try header.number("rank") { parts.insert(rank) }
        let scan = try ScanOptions(options, paths: paths)
        var description = SnapshotDescription(
            format: SnapshotFormat.records.name, roots: paths, fields: FieldSet(of: scan),
            algorithms: DigestSet(scan.hash).algorithms)
        description.options = scan
        return description
    }

    private static func common(_ header: JSONObject) throws(JSONFieldFailure) -> Header {
        guard let roots = header["roots"]?.array else { throw JSONFieldFailure(key: "roots") }
        var paths: [[UInt8]] = []
        for root in roots {
            guard let path = try root.object?.bytes("path"), !path.contains(0) else {
                throw JSONFieldFailure(key: "roots")
            }
            paths.append(path)
        }
        return Header(
            started: try header.string("started") ?? [], roots: paths, ranks: try header.number("ranks"))
    }

    /// The parts of the records that several processes have written, one behind the other in any order.
    private mutating func takeAnotherPart(_ object: JSONObject) throws(SnapshotFailure) {
        let isNew = try lines.taking { () throws(JSONFieldFailure) in
            guard try Self.common(object) == common, let rank: UInt64 = try object.number("rank") else { return false }
            return parts.insert(rank).inserted
        }
        if !isNew { throw lines.failure("is no other part of the same records") }
    }

    // MARK: Entries

    /// - Returns: an entry for each root that contains it: PATHs may overlap, and a record does not name its root.
    private mutating func take(_ object: JSONObject) throws(JSONFieldFailure) -> [SnapshotEntry] {
        switch String(decoding: try object.string("type") ?? [], as: UTF8.self) {
        case "entry": return try placed(object, entry(object))
        case "error": return try placed(object, error(object))
        case "summary":
            guard let complete = object["complete"]?.bool else { throw JSONFieldFailure(key: "complete") }
            isComplete = complete
            return []
        default: throw JSONFieldFailure(key: "type")
        }
    }

    private func placed(_ object: JSONObject, _ entry: SnapshotEntry) throws(JSONFieldFailure) -> [SnapshotEntry] {
        guard let path = try object.bytes("path"), !path.contains(0) else {
            throw JSONFieldFailure(key: "path")
        }
        let placed = index.all(containing: path).compactMap { root -> SnapshotEntry? in
            guard path.starts(with: roots[root]) else { return nil }
            var rest = path[roots[root].count...]
            if !rest.isEmpty, roots[root].last != UInt8(ascii: "/") {
                guard rest.popFirst() == UInt8(ascii: "/") else { return nil }
            }
            var entry = entry
            entry.key = EntryKey(root: root, path: rest)
            return entry.key.hasEmptyName ? nil : entry
        }
        guard !placed.isEmpty else { throw JSONFieldFailure(key: "path") }
        return placed
    }

    private func error(_ object: JSONObject) throws(JSONFieldFailure) -> SnapshotEntry {
        var entry = SnapshotEntry(key: EntryKey(root: 0, path: []))
        func text(_ key: StaticString) throws(JSONFieldFailure) -> String {
            String(decoding: try object.string(key) ?? [], as: UTF8.self)
        }
        entry.errors = [
            SnapshotEntryError(
                operation: try text("operation"), code: try text("code"), message: try text("message"))
        ]
        return entry
    }

    private static let kinds: [String: EntryKind] = Dictionary(
        uniqueKeysWithValues: EntryKind.allCases.map { ($0.recordName, $0) })

    private func entry(_ object: JSONObject) throws(JSONFieldFailure) -> SnapshotEntry {
        guard let kind = Self.kinds[String(decoding: try object.string("kind") ?? [], as: UTF8.self)] else {
            throw JSONFieldFailure(key: "kind")
        }
        var entry = SnapshotEntry(key: EntryKey(root: 0, path: []), kind: kind)
        // A name that could not be stat'ed has zero sizes, and no mode.
        if object["mode"] == nil { return entry }
        for field in EntryField.kept {
            switch field.type {
            case .bytes, .count, .id: entry.values[field] = try number(object, field)
            case .mode: entry.values[field] = try mode(object)
            case .time: entry.values[time: field] = try time(object, field)
            case .path: entry.target = try object.bytes(field.name)
            case .text: entry.mime = try object.string(field.name).map { String(decoding: $0, as: UTF8.self) }
            case .digests: entry.digests = try object.digests(field.name)
            case .mark: if object[field.name]?.bool == true { entry.values[field] = 1 }
            case .flags: entry.flags = try flags(object)
            case .xattrs: entry.xattrs = try xattrs(object)
            case .kind: break
            }
        }
        return entry
    }

    private func number(_ object: JSONObject, _ field: EntryField) throws(JSONFieldFailure) -> UInt64? {
        let number: UInt64? = try object.number(field.name)
        guard number ?? 0 <= field.type.largest! else { throw JSONFieldFailure(key: "\(field.name)") }
        return number
    }

    private func mode(_ object: JSONObject) throws(JSONFieldFailure) -> UInt64? {
        let digits = String(decoding: try object.string("mode") ?? [], as: UTF8.self)
        guard let bits = UInt64(digits, radix: 8), bits <= 0o7777 else { throw JSONFieldFailure(key: "mode") }
        return bits
    }

    private func time(_ object: JSONObject, _ field: EntryField) throws(JSONFieldFailure) -> FileTime? {
        if let seconds: Int64 = try object.number(field.name, "_seconds") {
            return FileTime(seconds: seconds, nanoseconds: 0)
        }
        guard let value = object[field.name], !value.isNull else { return nil }
        guard let time = value.string.flatMap({ Timestamp.parsed($0) }) else {
            throw JSONFieldFailure(key: "\(field.name)")
        }
        return FileTime(seconds: time.seconds, nanoseconds: time.nanoseconds)
    }

    private func flags(_ object: JSONObject) throws(JSONFieldFailure) -> InodeFlags? {
        guard let names = object["flags"]?.array else { return nil }
        var flags: InodeFlags = []
        for name in names {
            let text = String(decoding: name.string ?? [], as: UTF8.self)
            guard let flag = InodeFlags.names.first(where: { $0.name.description == text })?.flag else {
                throw JSONFieldFailure(key: "flags")
            }
            flags.insert(flag)
        }
        return flags
    }

    private func xattrs(_ object: JSONObject) throws(JSONFieldFailure) -> [ExtendedAttribute]? {
        guard let plain = object["xattrs"]?.object else { return nil }
        var attributes: [ExtendedAttribute] = []
        for (name, value) in plain.members {
            guard let value = value.string.flatMap({ Base64.decoded($0) }) else {
                throw JSONFieldFailure(key: "xattrs")
            }
            attributes.append(ExtendedAttribute(name: name, value: value))
        }
        for (name, value) in object["xattrs_b64"]?.object?.members ?? [] {
            guard let name = Base64.decoded(name), let value = value.string.flatMap({ Base64.decoded($0) }) else {
                throw JSONFieldFailure(key: "xattrs_b64")
            }
            attributes.append(ExtendedAttribute(name: name, value: value))
        }
        return attributes.sorted { $0.name.lexicographicallyPrecedes($1.name) }
    }
}
