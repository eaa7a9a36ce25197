public import LinuxKernel

/// One source's record of one entry. Nil: unknown.
///
/// `SnapshotDescription.fields` lists the fields of a source; such a field may still be nil for an entry that could not
/// be read.
@usableFromInline package struct SnapshotEntry: Equatable, Sendable {
    package var key: EntryKey
    /// The numeric fields.
    @usableFromInline package var values = EntryValues()
    /// Where a symlink points.
    package var target: [UInt8]?
    /// Raw digests. Also of directories, but only if the source has fsscan's own Merkle digests.
    package var digests = EntryDigests()
    /// The MIME type of a regular file.
    package var mime: String?
    /// In the order of their names.
    package var xattrs: [ExtendedAttribute]?
    /// Errors that the source recorded at this path. An entry with errors but without a kind is only an error: nothing
    /// else is known about the path.
    package var errors: [SnapshotEntryError] = []
    /// Of a directory in a saved scan: equal values mean that all fields that are compared by default are equal at and
    /// below.
    package var state: [UInt8]?
    /// How to compare the entry, if its source says so.
    package var rules: EntryRules = []
    /// The number of the rule for its comparison; nil: none applies.
    package var rule: Int?

    package init(key: EntryKey, kind: EntryKind? = nil) {
        self.key = key
        self.kind = kind
    }
}

// MARK: Fields by name

// Inlined: otherwise a call from another module copies all values to read one.

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

    /// The known fields that can be compared.
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

/// Rules of mtree(5) for the comparison of an entry.
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
    /// A time; nil if it is not known.
    @inlinable package subscript(time field: EntryField) -> FileTime? {
        get { time(field) }
        set { setTime(field, newValue) }
    }
}

/// Something that could not be read when the source was created.
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
