package import Bytes
package import Entries
package import LinuxKernel

/// Writes records in one format into a buffer: one encoder for each worker. What each format looks like is in the
/// extension of its name.
package struct RecordEncoder: ~Copyable {
    let format: RecordFormat
    let digests: DigestSet
    /// What an entry has, in the formats that have all of it.
    let columns: [RecordColumn]
    /// The keys of `columns`, one after the other, each as `,"name":`.
    let keys: [UInt8]
    /// For the formats that are JSON; the others write to its buffer.
    var writer: JSONWriter
    var timestamps = TimestampFormatter()

    /// - Parameters:
    ///   - digests: the algorithms of the scan: what a row of digests consists of.
    ///   - asked: as in `ScanOptions`.
    package init(
        _ format: RecordFormat = .ndjson, digests: DigestSet, asked: FieldSet = [], capacity: Int = 4096
    ) {
        self.format = format
        self.digests = digests
        (columns, keys) = RecordColumn.all(asked: asked)
        writer = JSONWriter(layout: .compact, capacity: capacity)
    }

    /// What was written so far.
    package var buffer: ByteBuffer {
        _read { yield writer.buffer }
        _modify { yield &writer.buffer }
    }

    /// An entry that was stat'ed.
    ///
    /// - Parameter path: as `find PATH` prints it.
    package mutating func entry(
        path: UnsafeRawBufferPointer, kind: EntryKind, status: borrowing FileStatus, content: RecordContent
    ) {
        switch format {
        case .ndjson: recordEntry(path: path, kind: kind, status: status, content: content)
        case .csv: csvEntry(path: path, kind: kind, status: status, content: content)
        case .mca: mcaEntry(path: path, kind: kind, status: status, content: content)
        case .checksums(let algorithm): checksum(algorithm, path: path, kind: kind, content: content)
        case .ncdu: ncduEntry(kind: kind, status: status)
        case .mtree: mtreeEntry(kind: kind, status: status, content: content)
        }
    }

    /// An entry that could not be stat'ed, of the kind that readdir gave. An error belongs to it.
    package mutating func unknownEntry(path: UnsafeRawBufferPointer, kind: EntryKind) {
        switch format {
        case .ndjson: recordUnknownEntry(path: path, kind: kind)
        case .csv: csvUnknownEntry(path: path, kind: kind)
        case .mca, .checksums: break
        case .ncdu: append(RecordTreeItem(kind == .directory ? .directory : .other))
        case .mtree: mtreeUnknownEntry(kind: kind)
        }
    }

    /// Formats that carry no errors write nothing: standard error has them.
    package mutating func error(_ error: ScanError) {
        switch format {
        case .ndjson: recordError(error)
        case .ncdu: append(RecordTreeItem(.error))
        case .csv, .mca, .checksums, .mtree: break
        }
    }

    /// A name that a pattern leaves out. Nothing else is known of it.
    package mutating func excluded() {
        if format == .ncdu { append(RecordTreeItem(.excluded)) }
    }

    /// What stands in front of all entries.
    package mutating func header(options: ScanOptions, version: String, timing: Timing) {
        switch format {
        case .ndjson: recordHeader(options: options, version: version, timing: timing)
        case .csv: csvHeader()
        case .mca: mcaHeader(timing)
        case .checksums: break
        case .ncdu: ncduHeader(version: version, timing: timing)
        case .mtree: mtreeHeader()
        }
    }

    /// What stands behind all entries.
    package mutating func summary(of report: ScanReport, includesStatistics: Bool) {
        switch format {
        case .ndjson: recordSummary(of: report, includesStatistics: includesStatistics)
        case .mca: mcaEnd(report)
        case .csv, .checksums: break
        case .ncdu: buffer.append("]\n")
        case .mtree: if !report.complete { buffer.append("# stopped by a signal: not complete\n") }
        }
    }
}

extension ByteBuffer {
    /// Four octal digits.
    mutating func append(mode: UInt32) {
        for shift: UInt32 in [9, 6, 3, 0] { append(UInt8(ascii: "0") + UInt8(mode >> shift & 7)) }
    }
}
