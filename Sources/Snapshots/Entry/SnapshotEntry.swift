package import LinuxKernel
package import ScanEngine

/// What one source says of one entry. Nil: it does not say.
///
/// A source says with `SnapshotDescription.fields` what it carries at all; a field that it carries may still be nil for an
/// entry that could not be read.
package struct SnapshotEntry: Equatable, Sendable {
    package var key: EntryKey
    package var kind: EntryKind?
    /// `st_size`, in bytes.
    package var size: Int64?
    /// Allocated bytes.
    package var diskBytes: Int64?
    /// Permission bits with setuid, setgid and sticky: `mode & 0o7777`.
    package var mode: UInt32?
    package var uid: UInt32?
    package var gid: UInt32?
    /// The number of hard links.
    package var links: UInt64?
    /// `st_dev`, as `stat(2)` shows it.
    package var device: UInt64?
    package var inode: UInt64?
    package var mtime: SnapshotTime?
    package var ctime: SnapshotTime?
    package var btime: SnapshotTime?
    /// Where a symlink points.
    package var target: [UInt8]?
    /// `st_rdev` of a device file.
    package var specialDevice: UInt64?
    /// Raw digests. Of directories, too, where the source has Merkle digests of fsscan's own kind, and only then.
    package var digests: [DigestAlgorithm: [UInt8]] = [:]
    /// The MIME type of a regular file.
    package var mime: String?
    /// The file changed while it was read.
    package var isChanged = false
    /// In the order of their names.
    package var xattrs: [ExtendedAttribute]?
    package var flags: InodeFlags?
    /// Errors that the source recorded at this path. An entry with errors and without a kind is only that: nothing else
    /// is known of the path.
    package var errors: [SnapshotEntryError] = []
    /// Of a directory in a saved scan: equal values in two of them mean that every field of `SnapshotFields.state` is equal
    /// at and below.
    package var state: [UInt8]?
    /// How the entry is to be compared, where its source says so.
    package var rules: EntryRules = []

    package init(key: EntryKey, kind: EntryKind? = nil) {
        self.key = key
        self.kind = kind
    }
}

/// What mtree(5) says of how an entry is to be compared.
package struct EntryRules: OptionSet, Sendable {
    package let rawValue: UInt8

    package init(rawValue: UInt8) { self.rawValue = rawValue }

    /// The entry may be missing.
    package static let optional = EntryRules(rawValue: 1 << 0)
    /// Nothing below the directory is compared.
    package static let ignore = EntryRules(rawValue: 1 << 1)
    /// Only existence and kind are compared.
    package static let noChange = EntryRules(rawValue: 1 << 2)
}

/// Seconds and nanoseconds since 1970, the nanoseconds counted forwards also before it.
package struct SnapshotTime: Equatable, Sendable {
    package var seconds: Int64
    package var nanoseconds: Int64

    package init(seconds: Int64, nanoseconds: Int64) {
        self.seconds = seconds
        self.nanoseconds = nanoseconds
    }
}

/// Something that could not be read when the source was made.
package struct SnapshotEntryError: Equatable, Sendable {
    /// The system call that failed.
    package var operation: String
    /// `EACCES`, …
    package var code: String
    package var message: String

    package init(operation: String, code: String, message: String) {
        self.operation = operation
        self.code = code
        self.message = message
    }
}

/// The fields of entries that a source carries.
package struct SnapshotFields: OptionSet, Sendable {
    package let rawValue: UInt32

    package init(rawValue: UInt32) { self.rawValue = rawValue }

    package static let kind = SnapshotFields(rawValue: 1 << 0)
    package static let size = SnapshotFields(rawValue: 1 << 1)
    package static let diskBytes = SnapshotFields(rawValue: 1 << 2)
    package static let mode = SnapshotFields(rawValue: 1 << 3)
    package static let uid = SnapshotFields(rawValue: 1 << 4)
    package static let gid = SnapshotFields(rawValue: 1 << 5)
    package static let links = SnapshotFields(rawValue: 1 << 6)
    package static let device = SnapshotFields(rawValue: 1 << 7)
    package static let inode = SnapshotFields(rawValue: 1 << 8)
    package static let mtime = SnapshotFields(rawValue: 1 << 9)
    package static let ctime = SnapshotFields(rawValue: 1 << 10)
    package static let btime = SnapshotFields(rawValue: 1 << 11)
    package static let target = SnapshotFields(rawValue: 1 << 12)
    package static let specialDevice = SnapshotFields(rawValue: 1 << 13)
    package static let mime = SnapshotFields(rawValue: 1 << 14)
    package static let xattrs = SnapshotFields(rawValue: 1 << 15)
    package static let flags = SnapshotFields(rawValue: 1 << 16)

    /// What every scan of fsscan's own knows; MIME types and extended attributes come on demand.
    package static let scanned: SnapshotFields = [
        .kind, .size, .diskBytes, .mode, .uid, .gid, .links, .device, .inode, .mtime, .ctime, .btime, .target,
        .specialDevice, .flags,
    ]

    /// Their names on the command line and in the output, which are those of records.
    package static let names: [(name: String, field: SnapshotFields)] = [
        ("kind", .kind), ("size", .size), ("disk_bytes", .diskBytes), ("mode", .mode), ("uid", .uid), ("gid", .gid),
        ("nlink", .links), ("device", .device), ("inode", .inode), ("mtime", .mtime), ("ctime", .ctime),
        ("btime", .btime), ("target", .target), ("rdev", .specialDevice), ("mime", .mime), ("xattrs", .xattrs),
        ("flags", .flags),
    ]
}
