public import LinuxKernel

/// What one source says of one entry. Nil: it does not say.
///
/// A source says with `SnapshotDescription.fields` what it carries at all; a field that it carries may still be nil for an
/// entry that could not be read.
@usableFromInline package struct SnapshotEntry: Equatable, Sendable {
    package var key: EntryKey
    /// What it says in numbers.
    @usableFromInline package var values = EntryValues()
    /// Where a symlink points.
    package var target: [UInt8]?
    /// Raw digests. Of directories, too, where the source has Merkle digests of fsscan's own kind, and only then.
    package var digests: [DigestAlgorithm: [UInt8]] = [:]
    /// The MIME type of a regular file.
    package var mime: String?
    /// In the order of their names.
    package var xattrs: [ExtendedAttribute]?
    /// Errors that the source recorded at this path. An entry with errors and without a kind is only that: nothing else
    /// is known of the path.
    package var errors: [SnapshotEntryError] = []
    /// Of a directory in a saved scan: equal values in two of them mean that every field that is compared by default is
    /// equal at and below.
    package var state: [UInt8]?
    /// How the entry is to be compared, where its source says so.
    package var rules: EntryRules = []
    /// The number of the rule that says how it is compared (of a comparison); nil: none does.
    package var rule: Int?

    package init(key: EntryKey, kind: EntryKind? = nil) {
        self.key = key
        self.kind = kind
    }
}

// MARK: What code asks for by name

// Inlined: a call from another module copies all values to look at one.

extension SnapshotEntry {
    @inlinable package var kind: EntryKind? {
        get { values[.kind].flatMap { EntryKind(rawValue: UInt8($0)) } }
        set { set(.kind, newValue?.rawValue) }
    }
    /// `st_size`, in bytes.
    @inlinable package var size: Int64? {
        get { number(.size) }
        set { set(.size, newValue) }
    }
    /// Allocated bytes.
    @inlinable package var diskBytes: Int64? {
        get { number(.diskBytes) }
        set { set(.diskBytes, newValue) }
    }
    /// Permission bits with setuid, setgid and sticky: `mode & 0o7777`.
    @inlinable package var mode: UInt32? {
        get { number(.mode) }
        set { set(.mode, newValue) }
    }
    @inlinable package var uid: UInt32? {
        get { number(.uid) }
        set { set(.uid, newValue) }
    }
    @inlinable package var gid: UInt32? {
        get { number(.gid) }
        set { set(.gid, newValue) }
    }
    /// The number of hard links.
    @inlinable package var links: UInt64? {
        get { values[.links] }
        set { values[.links] = newValue }
    }
    /// `st_dev`, as `stat(2)` shows it.
    @inlinable package var device: UInt64? {
        get { values[.device] }
        set { values[.device] = newValue }
    }
    @inlinable package var inode: UInt64? {
        get { values[.inode] }
        set { values[.inode] = newValue }
    }
    /// `st_rdev` of a device file.
    @inlinable package var specialDevice: UInt64? {
        get { values[.specialDevice] }
        set { values[.specialDevice] = newValue }
    }
    @inlinable package var mtime: FileTime? {
        get { values[time: .mtime] }
        set { values[time: .mtime] = newValue }
    }
    @inlinable package var ctime: FileTime? {
        get { values[time: .ctime] }
        set { values[time: .ctime] = newValue }
    }
    @inlinable package var btime: FileTime? {
        get { values[time: .btime] }
        set { values[time: .btime] = newValue }
    }
    @inlinable package var flags: InodeFlags? {
        get { number(.flags).map { InodeFlags(rawValue: $0) } }
        set { set(.flags, newValue?.rawValue) }
    }
    /// The file changed while it was read.
    @inlinable package var isChanged: Bool {
        get { values[.changed] != nil }
        set { values[.changed] = newValue ? 1 : nil }
    }

    /// The fields that are known of it and can be compared.
    package var knownFields: FieldSet {
        var known = values.known
        known.remove(.changed)
        if target != nil { known.insert(.target) }
        if mime != nil { known.insert(.mime) }
        if xattrs != nil { known.insert(.xattrs) }
        return known
    }

    @inlinable func number<Number: FixedWidthInteger>(_ field: EntryField) -> Number? {
        values[field].map { Number(truncatingIfNeeded: $0) }
    }

    @inlinable mutating func set(_ field: EntryField, _ number: (some FixedWidthInteger)?) {
        values[field] = number.map { UInt64(truncatingIfNeeded: $0) }
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

extension EntryValues {
    /// A time; nil where it is not known.
    @inlinable package subscript(time field: EntryField) -> FileTime? {
        get { time(field) }
        set { setTime(field, newValue) }
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
