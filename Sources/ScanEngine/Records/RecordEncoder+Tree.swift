import Bytes
import CLinux
import Entries
import LinuxKernel

/// The formats in which a directory holds what is in it: what an entry says of itself. Its name, and where directories
/// end, is the business of `RecordTreeWriter`.
extension RecordEncoder {
    mutating func append(_ item: RecordTreeItem) {
        buffer.append(item.tag.rawValue)
        withUnsafeBytes(of: item.device) { buffer.append($0) }
    }

    // MARK: ncdu

    mutating func ncduHeader(version: String, timing: Timing) {
        buffer.append("[1,2,{\"progname\":\"fsscan\",\"progver\":\"")
        buffer.append(version)
        buffer.append("\",\"timestamp\":")
        buffer.append(decimal: timing.startedSeconds)
        buffer.append("}")
    }

    mutating func ncduEntry(kind: EntryKind, status: borrowing FileStatus) {
        append(RecordTreeItem(kind == .directory ? .directory : .other, device: status.deviceNumber))
        if status.size > 0 { ncduMember("asize", UInt64(status.size)) }
        if status.diskBytes > 0 { ncduMember("dsize", UInt64(status.diskBytes)) }
        // It takes no larger ids, and no times before 1970.
        if status.uid <= Int32.max { ncduMember("uid", UInt64(status.uid)) }
        if status.gid <= Int32.max { ncduMember("gid", UInt64(status.gid)) }
        ncduMember("mode", UInt64(status.mode))
        if status.mtime.seconds >= 0 { ncduMember("mtime", UInt64(status.mtime.seconds)) }
        if kind != .directory, status.links > 1 {
            ncduMember("ino", status.inode)
            buffer.append(",\"hlnkc\":true")
            if status.links <= Int32.max { ncduMember("nlink", UInt64(status.links)) }
        }
        if kind != .directory, kind != .file { buffer.append(",\"notreg\":true") }
    }

    private mutating func ncduMember(_ name: StaticString, _ value: UInt64) {
        buffer.append(",\"")
        buffer.append(name)
        buffer.append("\":")
        buffer.append(decimal: value, width: 1)
    }

    // MARK: mtree

    /// libarchive recognises a specification by this line.
    mutating func mtreeHeader() { buffer.append("#mtree\n") }

    mutating func mtreeUnknownEntry(kind: EntryKind) {
        append(RecordTreeItem(kind == .directory ? .directory : .other))
        mtreeType(kind)
    }

    mutating func mtreeEntry(kind: EntryKind, status: borrowing FileStatus, content: RecordContent) {
        append(RecordTreeItem(kind == .directory ? .directory : .other))
        mtreeType(kind)
        mtreeWord("uid", UInt64(status.uid))
        mtreeWord("gid", UInt64(status.gid))
        buffer.append(" mode=")
        buffer.append(mode: status.mode)
        mtreeWord("nlink", UInt64(status.links))
        if kind == .file { mtreeWord("size", UInt64(clamping: status.size)) }
        buffer.append(" time=")
        buffer.append(decimal: status.mtime.seconds)
        buffer.append(UInt8(ascii: "."))
        buffer.append(decimal: UInt64(status.mtime.nanoseconds), width: 9)
        if kind == .symlink, let target = content.target {
            buffer.append(" link=")
            target.withUnsafeBytes { buffer.append(vis: $0) }
        }
        if kind == .blockDevice || kind == .characterDevice {
            buffer.append(" device=native,")
            buffer.append(decimal: UInt64(status.raw.stx_rdev_major), width: 1)
            buffer.append(UInt8(ascii: ","))
            buffer.append(decimal: UInt64(status.raw.stx_rdev_minor), width: 1)
        }
        if kind == .file, let row = content.digests, !digests.isEmpty { mtreeDigests(row) }
        if let flags = status.flags { mtreeFlags(flags) }
    }

    private mutating func mtreeType(_ kind: EntryKind) {
        buffer.append(" type=")
        buffer.append(kind.mtreeName)
    }

    private mutating func mtreeWord(_ name: StaticString, _ value: UInt64) {
        buffer.append(UInt8(ascii: " "))
        buffer.append(name)
        buffer.append(UInt8(ascii: "="))
        buffer.append(decimal: value, width: 1)
    }

    /// Those that mtree has a keyword for.
    private mutating func mtreeDigests(_ row: [UInt8]) {
        let digests = digests
        digests.forEachDigest(of: row) { algorithm, digest in
            guard algorithm.traits.contains(.inMTree) else { return }
            buffer.append(UInt8(ascii: " "))
            buffer.append(algorithm.name)
            buffer.append(UInt8(ascii: "="))
            buffer.append(hex: digest)
        }
    }

    private mutating func mtreeFlags(_ flags: InodeFlags) {
        buffer.append(" flags=")
        if flags.isEmpty { buffer.append("none") }
        if flags.contains(.immutable) { buffer.append("schg") }
        if flags == [.immutable, .appendOnly] { buffer.append(UInt8(ascii: ",")) }
        if flags.contains(.appendOnly) { buffer.append("sappnd") }
    }
}

extension EntryKind {
    /// The value of `type` in mtree.
    package var mtreeName: String {
        switch self {
        case .directory: "dir"
        case .file: "file"
        case .symlink: "link"
        case .fifo: "fifo"
        case .socket: "socket"
        case .blockDevice: "block"
        case .characterDevice: "char"
        }
    }
}
