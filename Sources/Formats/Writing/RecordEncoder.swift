package import Bytes
package import Entries
package import LinuxKernel
package import ScanEngine

/// Writes records in one format into a buffer: one encoder for each worker. What each format looks like is in the file of
/// its name.
package struct RecordEncoder: ~Copyable {
    private let format: RecordFormat
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
        path: UnsafeRawBufferPointer, kind: EntryKind, status: borrowing FileStatus, content: EntryContent
    ) {
        format.entry(&self, path, kind, status, content)
    }

    /// An entry that could not be stat'ed, of the kind that readdir gave. An error belongs to it.
    package mutating func unknownEntry(path: UnsafeRawBufferPointer, kind: EntryKind) {
        format.unknownEntry(&self, path, kind)
    }

    package mutating func error(_ error: ScanError) { format.error(&self, error) }

    /// A name that a pattern leaves out. Nothing else is known of it.
    package mutating func excluded() { format.excluded(&self) }

    /// What stands in front of all entries.
    package mutating func header(options: ScanOptions, version: String, timing: Timing) {
        format.header(&self, options, version, timing)
    }

    /// What stands behind all entries.
    package mutating func summary(of report: ScanReport, includesStatistics: Bool) {
        format.summary(&self, report, includesStatistics)
    }
}

extension ByteBuffer {
    /// Four octal digits.
    mutating func append(mode: UInt32) {
        for shift: UInt32 in [9, 6, 3, 0] { append(UInt8(ascii: "0") + UInt8(mode >> shift & 7)) }
    }
}
