package import Bytes
package import Entries
package import LinuxKernel
package import ScanEngine

/// Which of several files with the records of one scan.
package struct RecordPartNumber: Sendable {
    /// From 0.
    package var rank: Int
    /// How many parts there are.
    package var ranks: Int

    package init(rank: Int, ranks: Int) { (self.rank, self.ranks) = (rank, ranks) }
}

/// Writes records in one format into a buffer: one encoder for each worker. The file of each format describes its
/// layout.
package struct RecordEncoder: ~Copyable {
    private let format: RecordFormat
    let digests: DigestSet
    /// The columns of an entry, for formats with all fields.
    let columns: [RecordColumn]
    /// For the formats that are JSON; the others write to its buffer.
    var writer: JSONWriter
    var timestamps = TimestampFormatter()
    /// For the header.
    var part: RecordPartNumber?

    /// - Parameters:
    ///   - digests: the algorithms of the scan, that is, the layout of a row of digests.
    ///   - asked: as in `ScanOptions`.
    package init(
        _ format: RecordFormat, digests: DigestSet, asked: FieldSet = [], capacity: Int = 4096
    ) {
        self.format = format
        self.digests = digests
        columns = RecordColumn.all(asked: asked)
        writer = JSONWriter(layout: .compact, capacity: capacity)
    }

    /// Everything written so far.
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

    /// An entry that could not be stat'ed, with the kind that readdir gave. An error belongs to it.
    package mutating func unknownEntry(path: UnsafeRawBufferPointer, kind: EntryKind) {
        format.unknownEntry(&self, path, kind)
    }

    package mutating func error(_ error: ScanError) { format.error(&self, error) }

    /// A name that a pattern excludes. Nothing else is known about it.
    package mutating func excluded() { format.excluded(&self) }

    /// The text before all entries.
    package mutating func header(options: ScanOptions, version: String, timing: Timing) {
        format.header(&self, options, version, timing)
    }

    /// The text after all entries.
    package mutating func summary(of report: ScanReport, includesStatistics: Bool) {
        format.summary(&self, report, includesStatistics)
    }
}

extension ByteBuffer {
    /// Four octal digits.
    mutating func append(mode: UInt32) {
        appendUnchecked(atMost: 4) { target in
            for place: UInt32 in 0..<4 {
                let digit = UInt8(truncatingIfNeeded: mode >> (9 &- 3 &* place) & 7)
                target.storeBytes(of: UInt8(ascii: "0") &+ digit, toByteOffset: Int(place), as: UInt8.self)
            }
            return 4
        }
    }
}
