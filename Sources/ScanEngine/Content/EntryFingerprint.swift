import Bytes
import Entries
import LinuxKernel

/// Values that change if anything changes that diff compares by default: SHA-256 over the fields of an entry; for a
/// directory, also over everything below it.
///
/// ```
///  fields     kind mode uid gid flags xattrs                               all kinds
///             nlink mtime ctime                                            all but directories
///             size                                                         files, symlinks
///             target                                                       symlinks
///             rdev                                                         devices
///             row of digests                                               all but directories
///  entry      SHA-256(fields)
///  directory  SHA-256(fields of the directory, digest of a tree object)
/// ```
///
/// The tree object is that of `TreeDigest`, with the value of each entry in place of its digest. A directory's own
/// digests and sizes follow from its contents; its times and number of links change with every added or removed entry,
/// which changes the value anyway. A digest of content alone would not show that a file became setuid.
struct EntryFingerprint: ~Copyable {
    private var digest: MultiDigest
    private var fields = ByteBuffer(capacity: 256)

    static let methods: DigestSet = DigestSet([.sha256])

    init(_ methods: DigestMethods) { digest = MultiDigest(methods) }

    /// - Parameter tree: of a directory.
    /// - Returns: 32 bytes; nil if something is not known.
    mutating func value(
        of kind: EntryKind, _ status: borrowing FileStatus, _ content: EntryContent, tree: consuming TreeDigest? = nil
    ) -> [UInt8]? {
        if kind != .directory, content.digests == nil { return nil }
        var row: [UInt8] = []
        append(kind, status, content)
        if kind == .directory {
            guard let tree, tree.finish(with: &digest, appendingTo: &row) else {
                fields.drain { _ in }
                return nil
            }
            fields.append(row)
            row.removeAll(keepingCapacity: true)
        }
        fields.drain { digest.digest($0, appendingTo: &row) }
        return row
    }

    private mutating func append(_ kind: EntryKind, _ status: borrowing FileStatus, _ content: EntryContent) {
        fields.append(kind.rawValue)
        append(UInt64(status.mode & 0o7777) << 32 | UInt64(status.flags.map { $0.rawValue } ?? .max))
        append(UInt64(status.uid) << 32 | UInt64(status.gid))
        append(content.xattrs.map { UInt64($0.count) } ?? .max)
        for attribute in content.xattrs ?? [] {
            append(counted: attribute.name)
            append(counted: attribute.value)
        }
        if kind == .directory { return }
        append(UInt64(status.links))
        let (mtime, ctime) = (status.mtime, status.ctime)
        append(UInt64(bitPattern: mtime.seconds))
        append(UInt64(bitPattern: ctime.seconds))
        append(UInt64(mtime.nanoseconds) << 32 | UInt64(ctime.nanoseconds))
        switch kind {
        case .file: append(UInt64(status.size))
        case .symlink:
            append(UInt64(status.size))
            append(counted: content.target ?? [])
        case .blockDevice, .characterDevice: append(status.specialDeviceNumber)
        case .directory, .fifo, .socket: break
        }
        fields.append(content.digests ?? [])
    }

    private mutating func append(counted bytes: [UInt8]) {
        append(UInt64(bytes.count))
        fields.append(bytes)
    }

    private mutating func append(_ number: UInt64) {
        withUnsafeBytes(of: number.littleEndian) { fields.append($0) }
    }
}
