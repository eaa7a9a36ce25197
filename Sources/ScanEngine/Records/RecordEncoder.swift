/// Writes records, schema `fsscan-records/1`, one line each, into a buffer: one encoder for each worker.
///
/// Which members an entry has, and in which order:
/// ```
///  type path kind size disk_bytes                                          all
///  mode uid gid nlink device inode mtime ctime btime                       all that could be stat'ed
///  target                                                                  symlinks
///  rdev                                                                    devices
///  digests                                                                 where known; {} without --hash
///  mime changed                                                            regular files
/// ```
package struct RecordEncoder: ~Copyable {
    private var writer: JSONWriter
    private let digests: DigestSet
    private var timestamps = TimestampFormatter()

    /// - Parameter digests: the algorithms of the scan: what a row of digests consists of.
    package init(digests: DigestSet, capacity: Int = 4096) {
        self.digests = digests
        writer = JSONWriter(layout: .compact, capacity: capacity)
    }

    /// The lines so far.
    package var buffer: ByteBuffer {
        _read { yield writer.buffer }
        _modify { yield &writer.buffer }
    }

    // MARK: Entries

    /// An entry that was stat'ed.
    ///
    /// - Parameter path: as `find PATH` prints it.
    package mutating func entry(
        path: UnsafeRawBufferPointer, kind: EntryKind, status: borrowing FileStatus, content: RecordContent
    ) {
        beginEntry(path, kind)
        writer.member("size", status.size)
        writer.member("disk_bytes", status.diskBytes)
        mode(status.mode)
        writer.member("uid", Int64(status.uid))
        writer.member("gid", Int64(status.gid))
        writer.member("nlink", Int64(status.links))
        member("device", status.deviceNumber)
        member("inode", status.inode)
        time("mtime", "mtime_seconds", status.mtime)
        time("ctime", "ctime_seconds", status.ctime)
        time("btime", "btime_seconds", status.btime)
        switch kind {
        case .symlink: if let target = content.target { writer.member("target", bytes: target) }
        case .blockDevice, .characterDevice: member("rdev", status.specialDeviceNumber)
        case .directory, .file, .fifo, .socket: break
        }
        digests(content.digests)
        if kind == .file {
            if let mime = content.mime { writer.member("mime", mime) }
            if content.isChanged { writer.member("changed", true) }
        }
        endRecord()
    }

    /// An entry that could not be stat'ed, of the kind that readdir gave. An error record belongs to it.
    package mutating func unknownEntry(path: UnsafeRawBufferPointer, kind: EntryKind) {
        beginEntry(path, kind)
        writer.member("size", 0)
        writer.member("disk_bytes", 0)
        endRecord()
    }

    private mutating func beginEntry(_ path: UnsafeRawBufferPointer, _ kind: EntryKind) {
        writer.beginObject()
        writer.member("type", "entry")
        writer.member("path", bytes: path)
        writer.member("kind", kind.recordName)
    }

    private mutating func endRecord() {
        writer.endObject()
        writer.endLine()
    }

    // MARK: Other records

    package mutating func error(_ error: ScanError) {
        writer.beginObject()
        writer.member("type", "error")
        writer.members(of: error)
        endRecord()
    }

    /// The first line.
    package mutating func header(options: ScanOptions, version: String, timing: Timing) {
        writer.beginObject()
        writer.member("type", "header")
        writer.member("schema", "fsscan-records/1")
        writer.member("version", version)
        writer.member(started: timing)
        writer.key("roots")
        writer.beginArray()
        for path in options.paths {
            writer.beginObject()
            writer.member("path", bytes: path)
            writer.endObject()
        }
        writer.endArray()
        writer.member(options: options)
        endRecord()
    }

    /// The last line.
    package mutating func summary(of report: ScanReport, includesStatistics: Bool) {
        writer.beginObject()
        writer.member("type", "summary")
        writer.member("complete", report.complete)
        writer.member(totals: report.totals, .onOneLine)
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
        if let baseline = report.baseline { writer.member(baseline: baseline) }
        writer.member(timing: report.timing)
        if includesStatistics { writer.member(statistics: report.statistics) }
        endRecord()
    }

    // MARK: Members

    private mutating func member(_ name: StaticString, _ value: UInt64) {
        writer.key(name)
        writer.value(value)
    }

    /// Four octal digits.
    private mutating func mode(_ mode: UInt32) {
        func digit(_ shift: UInt32) -> UInt8 { UInt8(ascii: "0") + UInt8(mode >> shift & 7) }
        let digits: [4 of UInt8] = [digit(9), digit(6), digit(3), digit(0)]
        writer.key("mode")
        writer.plainString { buffer in
            for index in 0..<4 { buffer.append(digits[index]) }
        }
    }

    private mutating func time(_ name: StaticString, _ secondsName: StaticString, _ time: FileStatus.Time?) {
        writer.key(name)
        guard let time else { return writer.null() }
        guard TimestampFormatter.covers(seconds: time.seconds, nanoseconds: time.nanoseconds) else {
            writer.null()
            return writer.member(secondsName, time.seconds)
        }
        writer.plainString { timestamps.append(seconds: time.seconds, nanoseconds: time.nanoseconds, to: &$0) }
    }

    private mutating func digests(_ row: [UInt8]?) {
        guard !digests.isEmpty else {
            writer.key("digests")
            writer.beginObject()
            writer.endObject()
            return
        }
        guard let row else { return }
        precondition(row.count == digests.rowBytes, "a digest row has the length that its set prescribes")
        writer.key("digests")
        writer.beginObject()
        row.withUnsafeBytes { row in
            var offset = 0
            for algorithm in digests.algorithms {
                let digest = UnsafeRawBufferPointer(rebasing: row[offset..<offset + algorithm.byteCount])
                writer.key(algorithm.rawValue)
                writer.plainString { $0.append(hex: digest) }
                offset += algorithm.byteCount
            }
        }
        writer.endObject()
    }
}

extension EntryKind {
    /// The value of `kind` in records.
    package var recordName: String {
        switch self {
        case .directory: "directory"
        case .file: "file"
        case .symlink: "symlink"
        case .fifo: "fifo"
        case .socket: "socket"
        case .blockDevice: "block_device"
        case .characterDevice: "character_device"
        }
    }
}
