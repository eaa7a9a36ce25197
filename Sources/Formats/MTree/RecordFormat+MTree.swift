import Bytes
import CLinux
import Entries
package import LinuxKernel
import ScanEngine

/// A specification for `mtree -f`.
extension RecordFormat {
    public static let mtree: RecordFormat = {
        var format = RecordFormat("mtree") { encoder, _, kind, status, content in
            encoder.mtreeEntry(kind: kind, status: status, content: content)
        }
        format.unknownEntry = { encoder, _, kind in encoder.mtreeUnknownEntry(kind: kind) }
        format.header = { encoder, _, _, _ in encoder.mtreeHeader() }
        format.summary = { encoder, report, _ in
            if !report.complete { encoder.buffer.append("# stopped by a signal: not complete\n") }
        }
        format.tree = RecordTreeText(
            root: { $0.append(mtreeRoot: $1) }, item: { $0.append(mtreeItem: $1) }, end: "..\n")
        return format
    }()
}

extension RecordEncoder {
    /// libarchive recognises a specification by this line.
    fileprivate mutating func mtreeHeader() { buffer.append("#mtree\n") }

    fileprivate mutating func mtreeUnknownEntry(kind: EntryKind) {
        append(RecordTreeItem(kind == .directory ? .directory : .other))
        mtreeType(kind)
    }

    fileprivate mutating func mtreeEntry(kind: EntryKind, status: borrowing FileStatus, content: EntryContent) {
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

    /// The digests for which mtree has a keyword.
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

extension ByteBuffer {
    fileprivate mutating func append(mtreeRoot root: RecordTreeLine) {
        append(".")
        append(root.text.isEmpty ? Array(" type=dir".utf8) : root.text)
        append("\n")
    }

    fileprivate mutating func append(mtreeItem line: RecordTreeLine) {
        append(mtreeName: line.name)
        append(line.text.isEmpty && line.item.tag == .directory ? Array(" type=dir".utf8) : line.text)
        append("\n")
    }

    /// mtree treats names as patterns: one that looks like a pattern gets a backslash before each special character, so
    /// that it matches only itself.
    fileprivate mutating func append(mtreeName name: ArraySlice<UInt8>) {
        let isPattern = name.contains { $0 == UInt8(ascii: "*") || $0 == UInt8(ascii: "?") || $0 == UInt8(ascii: "[") }
        for byte in name {
            switch byte {
            case UInt8(ascii: "*"), UInt8(ascii: "?"), UInt8(ascii: "["), UInt8(ascii: "]"), UInt8(ascii: "\\"):
                if isPattern { append("\\134") }
            default: break
            }
            withUnsafeBytes(of: byte) { append(vis: $0) }
        }
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
