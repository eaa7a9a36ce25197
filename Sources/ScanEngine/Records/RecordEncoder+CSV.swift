import Bytes
import LinuxKernel

/// RFC 4180: a header line with the keys of records, then a line for each entry, ended by CR LF. Names are raw bytes.
extension RecordEncoder {
    mutating func csvHeader() {
        buffer.append("path,kind,size,disk_bytes,mode,uid,gid,nlink,device,inode,mtime,ctime,btime,target,rdev,")
        for algorithm in digests.algorithms {
            buffer.append(algorithm.rawValue)
            buffer.append(UInt8(ascii: ","))
        }
        buffer.append("mime,changed,flags,xattrs\r\n")
    }

    mutating func csvEntry(
        path: UnsafeRawBufferPointer, kind: EntryKind, status: borrowing FileStatus, content: RecordContent
    ) {
        csvField(path)
        csvField(kind.recordName)
        csvField(UInt64(clamping: status.size))
        csvField(UInt64(clamping: status.diskBytes))
        buffer.append(mode: status.mode)
        buffer.append(UInt8(ascii: ","))
        csvField(UInt64(status.uid))
        csvField(UInt64(status.gid))
        csvField(UInt64(status.links))
        csvField(status.deviceNumber)
        csvField(status.inode)
        csvField(status.mtime)
        csvField(status.ctime)
        csvField(status.btime)
        if kind == .symlink { content.target?.withUnsafeBytes { csvText($0) } }
        buffer.append(UInt8(ascii: ","))
        if kind == .blockDevice || kind == .characterDevice {
            buffer.append(decimal: status.specialDeviceNumber, width: 1)
        }
        buffer.append(UInt8(ascii: ","))
        csvDigests(content.digests)
        csvField(kind == .file ? content.mime ?? "" : "")
        csvField(kind == .file && content.isChanged ? "true" : "")
        csvFlags(status.flags)
        if let xattrs = content.xattrs { csvField(xattrs) }
        buffer.append("\r\n")
    }

    mutating func csvUnknownEntry(path: UnsafeRawBufferPointer, kind: EntryKind) {
        csvField(path)
        csvField(kind.recordName)
        buffer.append("0,0")
        buffer.append(repeating: UInt8(ascii: ","), count: 11 + digests.algorithms.count + 4)
        buffer.append("\r\n")
    }

    private mutating func csvField(_ bytes: UnsafeRawBufferPointer) {
        csvText(bytes)
        buffer.append(UInt8(ascii: ","))
    }

    private mutating func csvText(_ bytes: UnsafeRawBufferPointer) {
        let quote = UInt8(ascii: "\"")
        let needsQuotes = bytes.contains { $0 == quote || $0 == UInt8(ascii: ",") || $0 == 0x0A || $0 == 0x0D }
        guard needsQuotes else { return buffer.append(bytes) }
        buffer.append(quote)
        for byte in bytes {
            if byte == quote { buffer.append(quote) }
            buffer.append(byte)
        }
        buffer.append(quote)
    }

    /// Text of the project's own, which needs no quotes.
    private mutating func csvField(_ text: String) {
        buffer.append(text)
        buffer.append(UInt8(ascii: ","))
    }

    private mutating func csvField(_ number: UInt64) {
        buffer.append(decimal: number, width: 1)
        buffer.append(UInt8(ascii: ","))
    }

    /// Outside the years 0000 to 9999: the whole seconds since 1970.
    private mutating func csvField(_ time: FileStatus.Time?) {
        if let time {
            if TimestampFormatter.covers(seconds: time.seconds, nanoseconds: time.nanoseconds) {
                timestamps.append(seconds: time.seconds, nanoseconds: time.nanoseconds, to: &writer.buffer)
            } else {
                buffer.append(decimal: time.seconds)
            }
        }
        buffer.append(UInt8(ascii: ","))
    }

    private mutating func csvDigests(_ row: [UInt8]?) {
        guard let row else {
            return buffer.append(repeating: UInt8(ascii: ","), count: digests.algorithms.count)
        }
        let digests = digests
        digests.forEachDigest(of: row) { _, digest in
            buffer.append(hex: digest)
            buffer.append(UInt8(ascii: ","))
        }
    }

    /// Names with spaces between them; `none` where there are none, nothing where that is not known.
    private mutating func csvFlags(_ flags: InodeFlags?) {
        if let flags {
            let names = InodeFlags.names.filter { flags.contains($0.flag) }.map(\.name.description)
            buffer.append(names.isEmpty ? "none" : names.joined(separator: " "))
        }
        buffer.append(UInt8(ascii: ","))
    }

    /// `name=value` with spaces between them, the value in base64. In the name all but letters, digits, `.`, `_` and `-` is
    /// `%XX`.
    private mutating func csvField(_ xattrs: [ExtendedAttribute]) {
        for (index, attribute) in xattrs.enumerated() {
            if index > 0 { buffer.append(UInt8(ascii: " ")) }
            for byte in attribute.name {
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
                    buffer.append(byte)
                default:
                    buffer.append(UInt8(ascii: "%"))
                    withUnsafeBytes(of: byte) { buffer.append(hex: $0) }
                }
            }
            buffer.append(UInt8(ascii: "="))
            attribute.value.withUnsafeBytes { buffer.append(base64: $0) }
        }
    }
}
