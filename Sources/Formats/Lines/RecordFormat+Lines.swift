import Bytes
import Entries
import LinuxKernel

extension RecordFormat {
    /// The output of `find PATH`.
    public static let paths = paths(RecordLines())

    private static func paths(_ lines: RecordLines) -> RecordFormat {
        let isEscaped = lines.areForTerminal
        var format = RecordFormat("paths") { encoder, path, _, _, _ in
            encoder.append(name: path, isEscaped)
            encoder.buffer.append(lines.end)
        }
        format.unknownEntry = { encoder, path, _ in
            encoder.append(name: path, isEscaped)
            encoder.buffer.append(lines.end)
        }
        format.withLines = { paths($0) }
        return format
    }

    /// The columns that the user chooses, separated by tabs; unknown values are empty.
    ///
    /// A name may contain tabs and newlines. It is escaped, unless NUL ends the line; the path should be the last
    /// column then.
    package static func columns(_ columns: [EntryColumn], _ lines: RecordLines = RecordLines()) -> RecordFormat {
        var format = RecordFormat("--print") { encoder, path, kind, status, content in
            encoder.columnsEntry(columns, lines, path: path, kind: kind, status: status, content: content)
        }
        format.unknownEntry = { $0.columnsUnknownEntry(columns, lines, path: $1, kind: $2) }
        format.withLines = { RecordFormat.columns(columns, $0) }
        format.algorithms = { asked in asked + columns.algorithms.filter { !asked.contains($0) } }
        format.asked = columns.asked
        return format
    }
}

extension RecordEncoder {
    fileprivate mutating func columnsEntry(
        _ columns: [EntryColumn], _ lines: RecordLines, path: UnsafeRawBufferPointer, kind: EntryKind,
        status: borrowing FileStatus, content: EntryContent
    ) {
        let kinds = KindSet(kind)
        for (index, column) in columns.enumerated() {
            if index > 0 { buffer.append(UInt8(ascii: "\t")) }
            if !column.kinds.meets(kinds) { continue }
            switch column.content {
            case .path: append(name: path, lines.escapesColumns)
            case .digest(let algorithm): append(digest: algorithm, content)
            case .field(.kind): buffer.append(kind.recordWord)
            case .field(.target): content.target?.withUnsafeBytes { append(name: $0, lines.escapesColumns) }
            case .field(let field): plainValue(field, column.type, status, content)
            }
        }
        buffer.append(lines.end)
    }

    fileprivate mutating func columnsUnknownEntry(
        _ columns: [EntryColumn], _ lines: RecordLines, path: UnsafeRawBufferPointer, kind: EntryKind
    ) {
        for (index, column) in columns.enumerated() {
            if index > 0 { buffer.append(UInt8(ascii: "\t")) }
            switch column.content {
            case .path: append(name: path, lines.escapesColumns)
            case .field(.kind): buffer.append(kind.recordWord)
            case .field where column.type == .bytes: buffer.append(UInt8(ascii: "0"))
            case .field, .digest: break
            }
        }
        buffer.append(lines.end)
    }

    fileprivate mutating func append(name: UnsafeRawBufferPointer, _ isEscaped: Bool) {
        if isEscaped { NameEscaping().append(name, to: &writer.buffer) } else { buffer.append(name) }
    }

    private mutating func append(digest algorithm: DigestAlgorithm, _ content: EntryContent) {
        guard let row = content.digests, !digests.isEmpty else { return }
        let digests = digests
        digests.forEachDigest(of: row) { if $0 == algorithm { buffer.append(hex: $1) } }
    }
}
