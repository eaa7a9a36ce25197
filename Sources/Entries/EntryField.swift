public import LinuxKernel

/// A field of an entry. To add one, write a case, its line in `declaration`, and the origin of its value
/// (`FileStatus.number` or `time` below).
///
/// These follow from it: NDJSON and CSV, the form in memory and in sorted runs, the columns of saved scans, the fields
/// read back from records, the compared fields and the names that `--ignore` and `--also` take. A test checks docs/ and
/// schema/ against the table.
///
/// The order is that of records. For `EntryValues`, times are adjacent, and fields that exist only in records come
/// last.
@frozen @usableFromInline package enum EntryField: UInt8, CaseIterable, Sendable {
    case kind, size, diskBytes, mode, uid, gid, links, device, inode, mtime, ctime, btime, target, specialDevice
    case digests, mime, changed, flags, xattrs, atime

    /// The table.
    private var declaration: FieldDeclaration {
        switch self {
        case .kind: FieldDeclaration("kind", .kind, .compared)
        case .size: FieldDeclaration("size", .bytes, [.compared, .content, .followsEntries])
        case .diskBytes: FieldDeclaration("disk_bytes", .bytes, [.onDemand, .followsContent, .followsEntries])
        case .mode: FieldDeclaration("mode", .mode, .compared)
        case .uid: FieldDeclaration("uid", .id, .compared)
        case .gid: FieldDeclaration("gid", .id, .compared)
        case .links: FieldDeclaration("nlink", .count, [.compared, .followsEntries])
        case .device: FieldDeclaration("device", .count, .onDemand)
        case .inode: FieldDeclaration("inode", .count, .onDemand)
        case .mtime: FieldDeclaration("mtime", .time, [.compared, .followsContent, .followsEntries])
        case .ctime: FieldDeclaration("ctime", .time, [.compared, .followsContent, .followsEntries])
        case .btime: FieldDeclaration("btime", .time, .onDemand)
        case .target: FieldDeclaration("target", .path, [.compared, .content], of: [.symlink])
        case .specialDevice: FieldDeclaration("rdev", .count, .compared, of: [.blockDevice, .characterDevice])
        case .digests: FieldDeclaration("digests", .digests, .content)
        case .mime:
            FieldDeclaration(
                "mime", .text, [.onDemand, .followsContent], of: [.file], asked: "Detect MIME types with libmagic.")
        case .changed: FieldDeclaration("changed", .mark, [], of: [.file])
        case .flags: FieldDeclaration("flags", .flags, .compared)
        case .xattrs:
            FieldDeclaration(
                "xattrs", .xattrs, .compared,
                asked: "Extended attributes, with ACLs and capabilities, in records and saved scans.")
        case .atime: FieldDeclaration("atime", .time, .inRecordsAlone, asked: "Times of last access, only in records.")
        }
    }

    /// `rawValue` without a call.
    @inlinable package var index: Int { Int(unsafeBitCast(self, to: UInt8.self)) }
    @inlinable package var bit: UInt32 { 1 << UInt32(truncatingIfNeeded: index) }

    /// The declarations by `rawValue`. Code that runs for each entry looks them up here, or in an extract of its own.
    private static let declarations = allCases.map(\.declaration)

    /// The name in records, in `--ignore`, and as a column.
    package var name: StaticString { Self.declarations[Int(rawValue)].name }
    package var type: FieldType { Self.declarations[Int(rawValue)].type }
    package var traits: FieldTraits { Self.declarations[Int(rawValue)].traits }
    /// The kinds of entries that have it.
    package var kinds: KindSet { Self.declarations[Int(rawValue)].kinds }

    /// For a field that the scan reads only on request: the help for its option, which has the name of the field.
    package var help: StaticString? { Self.declarations[Int(rawValue)].help }

    /// The fields that can be compared, in the order in which they are listed. `digests` are compared by algorithm.
    package static let comparable: [EntryField] = {
        // The flags came last.
        let fields = allCases.filter { !$0.traits.isDisjoint(with: [.compared, .onDemand]) && $0 != .flags }
        return fields + [.flags]
    }()

    /// The fields that are kept in memory, in sorted runs and in saved scans.
    package static let kept = allCases.filter { !$0.traits.contains(.inRecordsAlone) }

    /// The fields that the scan reads only on request.
    package static let onRequest = allCases.filter { $0.help != nil }

    /// The names that `--ignore` takes.
    package init?(comparable name: String) {
        guard let field = Self.comparable.first(where: { $0.name.description == name }) else { return nil }
        self = field
    }
}

extension EntryValues {
    /// One word for each kept field, and one for each of them that is a time.
    @usableFromInline package typealias Words = [19 of UInt64]
    @usableFromInline package typealias Nanoseconds = [3 of UInt32]
}

/// A line of the table.
private struct FieldDeclaration: Sendable {
    var name: StaticString
    var type: FieldType
    var traits: FieldTraits
    var kinds: KindSet
    var help: StaticString?

    init(
        _ name: StaticString, _ type: FieldType, _ traits: FieldTraits, of kinds: KindSet = .all,
        asked help: StaticString? = nil
    ) {
        (self.name, self.type, self.traits, self.kinds, self.help) = (name, type, traits, kinds, help)
    }
}

/// How the values of a field are written, read and compared.
package enum FieldType: Sendable {
    case kind
    /// A size: 0 to 2^63−1, and 0 if it is not known.
    case bytes
    /// A number of 64 bits.
    case count
    /// A number of 32 bits.
    case id
    /// Permission bits, in octal.
    case mode
    case time
    /// Untrusted bytes.
    case path
    /// Plain text.
    case text
    /// By algorithm.
    case digests
    /// Present or absent.
    case mark
    /// `InodeFlags`.
    case flags
    case xattrs

    /// The largest number; nil for types that are not numbers.
    package var largest: UInt64? {
        switch self {
        case .kind: UInt64(EntryKind.characterDevice.rawValue)
        case .bytes: UInt64(Int64.max)
        case .count: .max
        case .id, .flags: UInt64(UInt32.max)
        case .mode: 0o7777
        case .time, .path, .text, .digests, .mark, .xattrs: nil
        }
    }
}

/// How a field is compared.
package struct FieldTraits: OptionSet, Sendable {
    package let rawValue: UInt8

    package init(rawValue: UInt8) { self.rawValue = rawValue }

    /// Compared by default, and part of `EntryFingerprint`: fields that show an intrusion, and are stable without one.
    package static let compared = FieldTraits(rawValue: 1 << 0)
    /// With `--also`.
    package static let onDemand = FieldTraits(rawValue: 1 << 1)
    /// A change of it is a change of content.
    package static let content = FieldTraits(rawValue: 1 << 2)
    /// It changes with the content; that is not a change of its own.
    package static let followsContent = FieldTraits(rawValue: 1 << 3)
    /// For a directory it changes whenever an entry is added or removed, which is reported anyway.
    package static let followsEntries = FieldTraits(rawValue: 1 << 4)
    /// Only in records, on request: reading changes it.
    package static let inRecordsAlone = FieldTraits(rawValue: 1 << 5)
}

/// Kinds of entries.
@frozen @usableFromInline package struct KindSet: OptionSet, Hashable, Sendable {
    @usableFromInline package let rawValue: UInt8

    @inlinable package init(rawValue: UInt8) { self.rawValue = rawValue }

    @inlinable package init(_ kind: EntryKind) { rawValue = 1 << kind.rawValue }

    /// `!isDisjoint(with:)` without a call.
    @inlinable package func meets(_ other: KindSet) -> Bool { rawValue & other.rawValue != 0 }

    package static let all = KindSet(rawValue: .max)
    package static let file = KindSet(.file)
    package static let symlink = KindSet(.symlink)
    package static let blockDevice = KindSet(.blockDevice)
    package static let characterDevice = KindSet(.characterDevice)
}

/// Fields of entries.
@frozen @usableFromInline package struct FieldSet: SetAlgebra, Hashable, BitwiseCopyable, Sendable {
    @usableFromInline package var bits: UInt32

    @inlinable package init() { bits = 0 }

    @inlinable package init(bits: UInt32) { self.bits = bits }

    @inlinable package func contains(_ field: EntryField) -> Bool { bits & field.bit != 0 }

    @discardableResult
    @inlinable package mutating func insert(_ field: EntryField) -> (inserted: Bool, memberAfterInsert: EntryField) {
        defer { bits |= field.bit }
        return (!contains(field), field)
    }

    @discardableResult
    @inlinable package mutating func update(with field: EntryField) -> EntryField? {
        insert(field).inserted ? nil : field
    }

    @discardableResult
    @inlinable package mutating func remove(_ field: EntryField) -> EntryField? {
        defer { bits &= ~field.bit }
        return contains(field) ? field : nil
    }

    @inlinable package func union(_ other: FieldSet) -> FieldSet { FieldSet(bits: bits | other.bits) }
    @inlinable package func intersection(_ other: FieldSet) -> FieldSet { FieldSet(bits: bits & other.bits) }
    @inlinable package func symmetricDifference(_ other: FieldSet) -> FieldSet { FieldSet(bits: bits ^ other.bits) }
    @inlinable package mutating func formUnion(_ other: FieldSet) { bits |= other.bits }
    @inlinable package mutating func formIntersection(_ other: FieldSet) { bits &= other.bits }
    @inlinable package mutating func formSymmetricDifference(_ other: FieldSet) { bits ^= other.bits }

    /// The fields with one of these traits.
    package init(having traits: FieldTraits) {
        self.init(EntryField.comparable.filter { !$0.traits.isDisjoint(with: traits) })
    }

    /// The fields that a scan with these options records.
    package init(of options: ScanOptions) {
        self.init(EntryField.comparable.filter { $0.help == nil || options.asked.contains($0) })
    }
}

// MARK: Origin of the values

extension FileStatus {
    /// Nil if the kernel or the file system does not report it, and for fields that are not numbers of the status.
    @inlinable @inline(__always)  // a jump in the loops over fields, and no call
    package func number(_ field: EntryField) -> UInt64? {
        switch field {
        case .size: UInt64(size)
        case .diskBytes: UInt64(diskBytes)
        case .mode: UInt64(mode & 0o7777)
        case .uid: UInt64(uid)
        case .gid: UInt64(gid)
        case .links: UInt64(links)
        case .device: deviceNumber
        case .inode: inode
        case .specialDevice: specialDeviceNumber
        case .flags: flags.map { UInt64($0.rawValue) }
        case .kind, .mtime, .ctime, .btime, .atime, .target, .digests, .mime, .changed, .xattrs: nil
        }
    }

    /// The same for times.
    @inlinable @inline(__always)
    package func time(_ field: EntryField) -> FileTime? {
        switch field {
        case .mtime: mtime
        case .ctime: ctime
        case .btime: btime
        case .atime: atime
        default: nil
        }
    }
}
