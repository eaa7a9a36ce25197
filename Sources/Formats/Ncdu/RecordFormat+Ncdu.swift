import Bytes
import Entries
import LinuxKernel
import ScanEngine

/// The output of `ncdu -o` and input of `ncdu -f`: a directory is a JSON array that begins with its own object.
extension RecordFormat {
    public static let ncdu: RecordFormat = {
        var format = RecordFormat("ncdu") { encoder, _, kind, status, _ in encoder.ncduEntry(kind: kind, status: status)
        }
        format.unknownEntry = { encoder, _, kind in
            encoder.append(RecordTreeItem(kind == .directory ? .directory : .other))
        }
        format.error = { encoder, _ in encoder.append(RecordTreeItem(.error)) }
        format.excluded = { $0.append(RecordTreeItem(.excluded)) }
        format.header = { encoder, _, version, timing in encoder.ncduHeader(version: version, timing: timing) }
        format.summary = { encoder, _, _ in encoder.buffer.append("]\n") }
        format.tree = RecordTreeText(root: { $0.append(ncduRoot: $1) }, item: { $0.append(ncduItem: $1) }, end: "]")
        format.tree?.tellsErrors = true
        return format
    }()
}

extension RecordEncoder {
    fileprivate mutating func ncduHeader(version: String, timing: Timing) {
        buffer.append("[1,2,{\"progname\":\"fsscan\",\"progver\":\"")
        buffer.append(version)
        buffer.append("\",\"timestamp\":")
        buffer.append(decimal: timing.startedSeconds)
        buffer.append("}")
    }

    fileprivate mutating func ncduEntry(kind: EntryKind, status: borrowing FileStatus) {
        append(RecordTreeItem(kind == .directory ? .directory : .other, device: status.deviceNumber))
        if status.size > 0 { ncduMember("asize", UInt64(status.size)) }
        if status.diskBytes > 0 { ncduMember("dsize", UInt64(status.diskBytes)) }
        // ncdu accepts no larger ids, and no times before 1970.
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
}

extension ByteBuffer {
    fileprivate mutating func append(ncduRoot root: RecordTreeLine) {
        append(",\n[{\"name\":\"")
        append(ncduString: root.name)
        append("\"")
        if root.item.device != 0 { append(ncduDevice: root.item.device) }
        append(root.text)
        if root.hasError { append(",\"read_error\":true") }
        append("}")
    }

    fileprivate mutating func append(ncduItem line: RecordTreeLine) {
        let item = line.item
        append(item.tag == .directory ? ",\n[{\"name\":\"" : ",\n{\"name\":\"")
        append(ncduString: line.name)
        append("\"")
        if item.device != 0, item.device != line.directoryDevice { append(ncduDevice: item.device) }
        if item.tag == .excluded {
            append(",\"excluded\":\"pattern\"")
        } else if line.isElsewhere {
            // Without its size, which ncdu would count.
            append(",\"excluded\":\"otherfs\"")
        } else {
            append(line.text)
        }
        if line.hasError { append(",\"read_error\":true") }
        append("}")
    }

    fileprivate mutating func append(ncduDevice device: UInt64) {
        append(",\"dev\":")
        append(decimal: device, width: 1)
    }

    /// As in ncdu's own export: bytes beyond ASCII are unchanged, whether they are UTF-8 or not.
    fileprivate mutating func append(ncduString bytes: ArraySlice<UInt8>) {
        for byte in bytes {
            switch byte {
            case 0x0A: append("\\n")
            case 0x0D: append("\\r")
            case 0x08: append("\\b")
            case 0x09: append("\\t")
            case 0x0C: append("\\f")
            case UInt8(ascii: "\\"), UInt8(ascii: "\""):
                append(UInt8(ascii: "\\"))
                append(byte)
            case 0..<0x20, 0x7F:
                append("\\u00")
                withUnsafeBytes(of: byte) { append(hex: $0) }
            default: append(byte)
            }
        }
    }
}
