import Bytes
package import LinuxKernel

/// fsscan's own records, schema `fsscan-records/1`, a JSON object each.
///
/// Which members an entry has, and in which order:
/// ```
///  type path kind size disk_bytes                                          all
///  mode uid gid nlink device inode mtime ctime btime                       all that could be stat'ed
///  target                                                                  symlinks
///  rdev                                                                    devices
///  digests                                                                 where known; {} without --hash
///  mime changed                                                            regular files
///  flags                                                                   where known
///  xattrs xattrs_b64                                                       with --xattrs, where known
/// ```
extension RecordEncoder {
    // MARK: Entries

    mutating func recordEntry(
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
        if let flags = status.flags { member(flags: flags) }
        if let xattrs = content.xattrs { member(xattrs: xattrs) }
        endRecord()
    }

    mutating func recordUnknownEntry(path: UnsafeRawBufferPointer, kind: EntryKind) {
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

    mutating func recordError(_ error: ScanError) {
        writer.beginObject()
        writer.member("type", "error")
        writer.members(of: error)
        endRecord()
    }

    mutating func recordHeader(options: ScanOptions, version: String, timing: Timing) {
        writer.beginObject()
        writer.member("type", "header")
        writer.member("schema", "fsscan-records/1")
        writer.member("version", version)
        writer.member(started: timing)
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

    mutating func recordSummary(of report: ScanReport, includesStatistics: Bool) {
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
        if !report.complete { member("unfinished", paths: report.unfinished) }
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

    private mutating func mode(_ mode: UInt32) {
        writer.key("mode")
        writer.plainString { $0.append(mode: mode) }
    }

    private mutating func member(flags: InodeFlags) {
        writer.key("flags")
        writer.beginArray()
        for (name, flag) in InodeFlags.names where flags.contains(flag) { writer.value(name.description) }
        writer.endArray()
    }

    /// Names that are not UTF-8 could become the same key twice: they stand apart, in base64.
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
        writer.key("digests")
        writer.beginObject()
        let digests = digests
        digests.forEachDigest(of: row) { algorithm, digest in
            writer.key(algorithm.rawValue)
            writer.plainString { $0.append(hex: digest) }
        }
        writer.endObject()
    }
}

extension InodeFlags {
    /// Their names in records, in their order there.
    package static let names: [(name: StaticString, flag: InodeFlags)] = [
        ("append_only", .appendOnly), ("immutable", .immutable),
    ]
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
