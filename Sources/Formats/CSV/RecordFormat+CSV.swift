import Bytes
import Entries
import LinuxKernel

/// RFC 4180: a header line with the keys of records, then a line for each entry, ended by CR LF. Names are raw bytes.
extension RecordFormat {
    public static let csv: RecordFormat = {
        var format = RecordFormat("csv") { encoder, path, kind, status, content in
            encoder.csvEntry(path: path, kind: kind, status: status, content: content)
        }
        format.unknownEntry = { $0.csvUnknownEntry(path: $1, kind: $2) }
        format.header = { encoder, _, _, _ in encoder.csvHeader() }
        return format
    }()
}

extension RecordEncoder {
    fileprivate mutating func csvHeader() {
        buffer.append("path,kind")
        for column in columns {
            for name in column.type == .digests ? digests.algorithms.map(\.rawValue) : [column.name.description] {
                buffer.append(UInt8(ascii: ","))
                buffer.append(name)
            }
        }
        buffer.append("\r\n")
    }

    fileprivate mutating func csvEntry(
        path: UnsafeRawBufferPointer, kind: EntryKind, status: borrowing FileStatus, content: EntryContent
    ) {
        beginLine(path, kind)
        let kinds = KindSet(kind)
        for column in columns {
            // Each digest has its own comma.
            if column.type != .digests { buffer.append(UInt8(ascii: ",")) }
            if !column.kinds.meets(kinds) { continue }
            switch column.type {
            case .path: content.target?.withUnsafeBytes { csvField($0) }
            case .digests: csvDigests(content.digests)
            default: plainValue(column.field, column.type, status, content)
            }
        }
        buffer.append("\r\n")
    }

    fileprivate mutating func csvUnknownEntry(path: UnsafeRawBufferPointer, kind: EntryKind) {
        beginLine(path, kind)
        for column in columns {
            if column.type == .digests {
                csvDigests(nil)
            } else {
                buffer.append(column.type == .bytes ? ",0" : ",")
            }
        }
        buffer.append("\r\n")
    }

    private mutating func beginLine(_ path: UnsafeRawBufferPointer, _ kind: EntryKind) {
        csvField(path)
        buffer.append(UInt8(ascii: ","))
        buffer.append(kind.recordWord)
    }

    private mutating func csvField(_ bytes: UnsafeRawBufferPointer) {
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

    private mutating func csvDigests(_ row: [UInt8]?) {
        guard let row else {
            return buffer.append(repeating: UInt8(ascii: ","), count: digests.algorithms.count)
        }
        let digests = digests
        digests.forEachDigest(of: row) { _, digest in
            buffer.append(UInt8(ascii: ","))
            buffer.append(hex: digest)
        }
    }
}
