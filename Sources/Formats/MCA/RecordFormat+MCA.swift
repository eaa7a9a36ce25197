import Bytes
import CLinux
import Entries
import LinuxKernel
import ScanEngine

/// The lines of the Metadata Collect Agent, whose consumer compares paths and SHA-256 digests: one JSON object each,
/// with the spaces and the ASCII escapes of Python's `json.dumps`.
///
/// A byte of a name that is not UTF-8 becomes the lone surrogate `\udcXX`, as in Python (PEP 383), which converts it
/// back.
extension RecordFormat {
    public static let mca: RecordFormat = {
        var format = RecordFormat("mca") { encoder, path, kind, status, content in
            encoder.mcaEntry(path: path, kind: kind, status: status, content: content)
        }
        format.header = { encoder, _, _, timing in encoder.mcaHeader(timing) }
        format.summary = { encoder, report, _ in encoder.mcaEnd(report) }
        // Its consumer expects four.
        format.algorithms = { $0.isEmpty ? [.md5, .sha1, .sha256, .sha512] : $0 }
        return format
    }()
}

extension RecordEncoder {
    fileprivate mutating func mcaHeader(_ timing: Timing) {
        buffer.append("{\"beginning_date\": \"")
        mcaDate(timing.startedSeconds)
        buffer.append("\"}\n")
    }

    /// The end marker means that the scan is complete, so it is omitted if a signal stopped the scan.
    fileprivate mutating func mcaEnd(_ report: ScanReport) {
        guard report.complete else { return }
        buffer.append("{}\n{\"end_date\": \"")
        let nanoseconds = Double(report.timing.startedNanoseconds) * 1e-9 + report.timing.elapsedSeconds
        mcaDate(report.timing.startedSeconds + Int64(nanoseconds))
        buffer.append("\", \"end_marker\": \"fluentbit_end\"}\n")
    }

    fileprivate mutating func mcaEntry(
        path: UnsafeRawBufferPointer, kind: EntryKind, status: borrowing FileStatus, content: EntryContent
    ) {
        buffer.append("{\"path\": \"")
        mcaString(path)
        buffer.append(UInt8(ascii: "\""))
        // Never last: the consumer takes `fluentbit_end"}` for the end of a complete scan, and a target may have that
        // name.
        if kind == .symlink, let target = content.target {
            buffer.append(", \"symlink_target\": \"")
            target.withUnsafeBytes { mcaString($0) }
            buffer.append(UInt8(ascii: "\""))
        }
        buffer.append(", \"stat\": {\"st_dev\": ")
        buffer.append(decimal: status.deviceNumber, width: 1)
        mcaMember("st_ino", status.inode)
        mcaMember("st_mode", UInt64(status.mode))
        mcaMember("st_nlink", UInt64(status.links))
        mcaMember("st_uid", UInt64(status.uid))
        mcaMember("st_gid", UInt64(status.gid))
        mcaMember("st_rdev", status.specialDeviceNumber)
        mcaMember("st_size", UInt64(clamping: status.size))
        mcaMember("st_blksize", UInt64(status.raw.stx_blksize))
        mcaMember("st_blocks", status.raw.stx_blocks)
        let times = [status.atime, status.mtime, status.ctime]
        let names: [StaticString] = ["st_atime", "st_mtime", "st_ctime"]
        for index in 0..<3 {
            mcaKey(names[index])
            buffer.append(decimal: times[index].seconds)
        }
        mcaMember("st_atime_ns", UInt64(times[0].nanoseconds))
        mcaMember("st_mtime_ns", UInt64(times[1].nanoseconds))
        mcaMember("st_ctime_ns", UInt64(times[2].nanoseconds))
        buffer.append(UInt8(ascii: "}"))
        if kind == .file, let row = content.digests, !digests.isEmpty { mcaHash(row) }
        buffer.append("}\n")
    }

    private mutating func mcaHash(_ row: [UInt8]) {
        buffer.append(", \"hash\": ")
        var separator: StaticString = "{\""
        let digests = digests
        digests.forEachDigest(of: row) { algorithm, digest in
            buffer.append(separator)
            buffer.append(algorithm.name)
            buffer.append("\": \"")
            buffer.append(hex: digest)
            buffer.append(UInt8(ascii: "\""))
            separator = ", \""
        }
        buffer.append(UInt8(ascii: "}"))
    }

    private mutating func mcaKey(_ name: StaticString) {
        buffer.append(", \"")
        buffer.append(name)
        buffer.append("\": ")
    }

    private mutating func mcaMember(_ name: StaticString, _ value: UInt64) {
        mcaKey(name)
        buffer.append(decimal: value, width: 1)
    }

    /// `2022/11/15 17:07 UTC`
    private mutating func mcaDate(_ seconds: Int64) {
        guard let text = Timestamp.rfc3339(seconds: seconds, nanoseconds: 0) else { return }
        let bytes = Array(text.utf8)
        for index in 0..<16 {
            switch bytes[index] {
            case UInt8(ascii: "-"): buffer.append(UInt8(ascii: "/"))
            case UInt8(ascii: "T"): buffer.append(UInt8(ascii: " "))
            default: buffer.append(bytes[index])
            }
        }
        buffer.append(" UTC")
    }

    private mutating func mcaString(_ bytes: UnsafeRawBufferPointer) {
        var offset = 0
        while offset < bytes.count {
            let element = UTF8Element(bytes, at: offset)
            if !element.isWellFormed {
                for index in offset..<offset + element.length { mcaEscape(0xDC00 | UInt16(bytes[index])) }
            } else if element.scalar >= 0x1_0000 {
                let rest = element.scalar - 0x1_0000
                mcaEscape(0xD800 | UInt16(rest >> 10))
                mcaEscape(0xDC00 | UInt16(rest & 0x3FF))
            } else {
                mcaCharacter(UInt16(element.scalar))
            }
            offset += element.length
        }
    }

    private mutating func mcaCharacter(_ unit: UInt16) {
        switch unit {
        case 0x22: buffer.append("\\\"")
        case 0x5C: buffer.append("\\\\")
        case 0x08: buffer.append("\\b")
        case 0x09: buffer.append("\\t")
        case 0x0A: buffer.append("\\n")
        case 0x0C: buffer.append("\\f")
        case 0x0D: buffer.append("\\r")
        case 0x20...0x7E: buffer.append(UInt8(unit))
        default: mcaEscape(unit)
        }
    }

    private mutating func mcaEscape(_ unit: UInt16) {
        buffer.append("\\u")
        withUnsafeBytes(of: unit.bigEndian) { buffer.append(hex: $0) }
    }
}
