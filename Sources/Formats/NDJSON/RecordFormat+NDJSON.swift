import Bytes
import Entries
import LinuxKernel
import ScanEngine

/// fsscan's own records, schema `fsscan-records/1`, a JSON object each.
///
/// The members of an entry are `path` and the fields of `EntryField` in their order: those of its kind, if known. An
/// entry that could not be stat'ed has zero sizes.
extension RecordFormat {
    public static let ndjson: RecordFormat = {
        var format = RecordFormat("ndjson") { encoder, path, kind, status, content in
            encoder.recordEntry(path: path, kind: kind, status: status, content: content)
        }
        format.unknownEntry = { $0.recordUnknownEntry(path: $1, kind: $2) }
        format.error = { $0.recordError($1) }
        format.header = { $0.recordHeader(options: $1, version: $2, timing: $3) }
        format.summary = { $0.recordSummary(of: $1, includesStatistics: $2) }
        format.tellsAll = true
        return format
    }()
}

extension RecordEncoder {
    // MARK: Entries

    fileprivate mutating func recordEntry(
        path: UnsafeRawBufferPointer, kind: EntryKind, status: borrowing FileStatus, content: EntryContent
    ) {
        beginEntry(path, kind)
        let kinds = KindSet(kind)
        for column in columns where column.kinds.meets(kinds) {
            switch column.type {
            case .bytes, .count, .id:
                guard let number = status.number(column.field) else { continue }
                key(column)
                writer.buffer.append(decimal: number)
            case .mode:
                key(column)
                writer.buffer.append(UInt8(ascii: "\""))
                writer.buffer.append(mode: status.mode)
                writer.buffer.append(UInt8(ascii: "\""))
            case .time: time(column, status.time(column.field))
            case .path: if let target = content.target { writer.member(column.name, bytes: target) }
            case .text: if let mime = content.mime { writer.member(column.name, mime) }
            case .digests: digests(content.digests)
            case .mark: if content.isChanged { writer.member(column.name, true) }
            case .flags: if let flags = status.flags { member(flags: flags) }
            case .xattrs: if let xattrs = content.xattrs { member(xattrs: xattrs) }
            case .kind: break
            }
        }
        endEntry()
    }

    fileprivate mutating func recordUnknownEntry(path: UnsafeRawBufferPointer, kind: EntryKind) {
        beginEntry(path, kind)
        for column in columns where column.type == .bytes { writer.member(column.name, 0) }
        endEntry()
    }

    /// After another member, so with a comma before it.
    private mutating func key(_ column: RecordColumn) { writer.buffer.append(column.key) }

    /// Written as text, not token by token: the writer's bookkeeping took half the time of an entry.
    private mutating func beginEntry(_ path: UnsafeRawBufferPointer, _ kind: EntryKind) {
        writer.append(json: #"{"type":"entry""#)
        writer.member("path", bytes: path)
        writer.append(json: #","kind":""#)
        writer.buffer.append(kind.recordWord)
        writer.append(json: #"""#)
    }

    private mutating func endEntry() {
        writer.append(json: "}")
        writer.endLine()
    }

    private mutating func endRecord() {
        writer.endObject()
        writer.endLine()
    }

    // MARK: Other records

    fileprivate mutating func recordError(_ error: ScanError) {
        writer.beginObject()
        writer.member("type", "error")
        writer.members(of: error)
        endRecord()
    }

    fileprivate mutating func recordHeader(options: ScanOptions, version: String, timing: Timing) {
        writer.beginObject()
        writer.member("type", "header")
        writer.member("schema", "fsscan-records/1")
        writer.member("version", version)
        writer.member(started: timing)
        if let part {
            writer.member("rank", Int64(part.rank))
            writer.member("ranks", Int64(part.ranks))
        }
        member("roots", paths: options.paths)
        writer.member(options: options)
        endRecord()
    }

    private mutating func member(_ name: StaticString, paths: [[UInt8]]) {
        writer.key(name)
        writer.beginArray()
        for path in paths {
            writer.beginObject()
            writer.member("path", bytes: path)
            writer.endObject()
        }
        writer.endArray()
    }

    fileprivate mutating func recordSummary(of report: ScanReport, includesStatistics: Bool) {
        writer.beginObject()
        writer.member("type", "summary")
        writer.member("complete", report.complete)
        writer.member(totals: report.totals, .onOneLine)
        if let selected = report.selected { writer.member(selected: selected, .onOneLine) }
        writer.key("roots")
        writer.beginArray()
        for root in report.roots {
            writer.beginObject()
            writer.member("path", bytes: root.path)
            writer.member(totals: root.totals, .onOneLine)
            writer.member(digests: root.digests)
            writer.endObject()
        }
        writer.endArray()
        if !report.complete { member("unfinished", paths: report.unfinished) }
        if let baseline = report.baseline { writer.member(baseline: baseline) }
        writer.member(timing: report.timing)
        if let kept = report.kept { writer.member(saved: kept, report.baseline) }
        if includesStatistics { writer.member(statistics: report.statistics) }
        endRecord()
    }

    // MARK: Members

    private mutating func member(flags: InodeFlags) {
        // Nearly every file.
        if flags.isEmpty { return writer.append(json: #","flags":[]"#) }
        writer.key("flags")
        writer.beginArray()
        for (name, flag) in InodeFlags.names where flags.contains(flag) { writer.value(name.description) }
        writer.endArray()
    }

    /// Names that are not UTF-8 could become the same key twice, so they are separate, in base64.
    private mutating func member(xattrs: [ExtendedAttribute]) {
        writer.key("xattrs")
        writer.beginObject()
        for attribute in xattrs {
            guard let name = String(validating: attribute.name, as: UTF8.self) else { continue }
            writer.key(name)
            writer.value(base64: attribute.value)
        }
        writer.endObject()
        let others = xattrs.filter { String(validating: $0.name, as: UTF8.self) == nil }
        guard !others.isEmpty else { return }
        writer.key("xattrs_b64")
        writer.beginObject()
        for attribute in others {
            writer.key(base64: attribute.name)
            writer.value(base64: attribute.value)
        }
        writer.endObject()
    }

    private mutating func time(_ column: RecordColumn, _ time: FileTime?) {
        key(column)
        guard let time else { return writer.buffer.append("null") }
        guard TimestampFormatter.covers(seconds: time.seconds, nanoseconds: time.nanoseconds) else {
            writer.buffer.append("null")
            writer.key("\(column.name)_seconds")
            return writer.value(time.seconds)
        }
        writer.buffer.append(UInt8(ascii: "\""))
        timestamps.append(seconds: time.seconds, nanoseconds: time.nanoseconds, to: &writer.buffer)
        writer.buffer.append(UInt8(ascii: "\""))
    }

    private mutating func digests(_ row: [UInt8]?) {
        guard !digests.isEmpty else { return writer.append(json: #","digests":{}"#) }
        guard let row else { return }
        writer.key("digests")
        writer.beginObject()
        let digests = digests
        digests.forEachDigest(of: row) { algorithm, digest in
            writer.key(algorithm.name)
            writer.plainString { $0.append(hex: digest) }
        }
        writer.endObject()
    }
}
