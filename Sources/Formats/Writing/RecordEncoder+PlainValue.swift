import Bytes
import Entries
import LinuxKernel

extension RecordEncoder {
    /// The value of a field that needs no quotes, in CSV and in columns; nothing if it is not known.
    mutating func plainValue(
        _ field: EntryField, _ type: FieldType, _ status: borrowing FileStatus, _ content: EntryContent
    ) {
        switch type {
        case .bytes, .count, .id: if let number = status.number(field) { buffer.append(decimal: number, width: 1) }
        case .mode: buffer.append(mode: status.mode)
        case .time: if let time = status.time(field) { plainValue(time) }
        case .text: if let mime = content.mime { buffer.append(mime) }
        case .mark: if content.isChanged { buffer.append("true") }
        case .flags: if let flags = status.flags { plainValue(flags) }
        case .xattrs: if let xattrs = content.xattrs { plainValue(xattrs) }
        case .kind, .path, .digests: break
        }
    }

    /// Outside the years 0000 to 9999: the whole seconds since 1970.
    private mutating func plainValue(_ time: FileTime) {
        if TimestampFormatter.covers(seconds: time.seconds, nanoseconds: time.nanoseconds) {
            timestamps.append(seconds: time.seconds, nanoseconds: time.nanoseconds, to: &writer.buffer)
        } else {
            buffer.append(decimal: time.seconds)
        }
    }

    /// Names separated by spaces; `none` if there are none.
    private mutating func plainValue(_ flags: InodeFlags) {
        if flags.isEmpty { return buffer.append("none") }
        let names = InodeFlags.names.filter { flags.contains($0.flag) }.map(\.name.description)
        buffer.append(names.joined(separator: " "))
    }

    /// `name=value` separated by spaces, the value in base64. In the name every byte except letters, digits, `.`, `_`
    /// and `-` is `%XX`.
    private mutating func plainValue(_ xattrs: [ExtendedAttribute]) {
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
