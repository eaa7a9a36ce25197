import Bytes
public import LinuxKernel

/// The known values of an entry as numbers, in the same form from the scan to the database: a word for each field.
///
/// ```
///  words        by field: the number, the seconds of a time, the length of the variable part (`EntryHeader`)
///  nanoseconds  of each time
///  known        a bit for each field
/// ```
///
/// Unknown values are 0, and there are no holes: values are equal if their bytes are.
@frozen @usableFromInline package struct EntryValues: BitwiseCopyable, Sendable {
    @usableFromInline package var words = Words(repeating: 0)
    @usableFromInline package var nanoseconds = Nanoseconds(repeating: 0)
    @usableFromInline package var bits: UInt32 = 0

    package init() {}

    /// The values of an entry that the scan could stat.
    package init(_ kind: EntryKind, _ status: borrowing FileStatus) {
        self[.kind] = UInt64(kind.rawValue)
        for field in Self.numbers { if let number = status.number(field) { self[field] = number } }
        for field in Self.times { if let time = status.time(field) { setTime(field, time) } }
        if kind == .blockDevice || kind == .characterDevice { self[.specialDevice] = status.specialDeviceNumber }
    }

    /// The fields that all kinds of entries have.
    private static let numbers = EntryField.kept.filter {
        $0.type.largest != nil && $0 != .kind && $0.kinds == .all
    }
    private static let times = EntryField.kept.filter { $0.type == .time }

    package var known: FieldSet { FieldSet(bits: bits) }

    /// Nil if it is not known.
    @inlinable package subscript(field: EntryField) -> UInt64? {
        get { bits & field.bit == 0 ? nil : words.span[field.index] }
        set {
            if newValue == nil { bits &= ~field.bit } else { bits |= field.bit }
            words[field.index] = newValue ?? 0
        }
    }

    /// Of a time; nil if it is not known.
    @inlinable package func time(_ field: EntryField) -> FileTime? {
        guard let seconds = self[field] else { return nil }
        let rest = Int64(nanoseconds[field.index - EntryField.mtime.index])
        return FileTime(seconds: Int64(bitPattern: seconds), nanoseconds: rest)
    }

    @inlinable package mutating func setTime(_ field: EntryField, _ time: FileTime?) {
        self[field] = time.map { UInt64(bitPattern: $0.seconds) }
        // A damaged file system may report more nanoseconds than a second has.
        let rest = UInt32(min(max(0, time?.nanoseconds ?? 0), 999_999_999))
        nanoseconds[field.index - EntryField.mtime.index] = rest
    }
}

extension EntryValues: Equatable {
    @usableFromInline package static func == (left: EntryValues, right: EntryValues) -> Bool {
        withUnsafeBytes(of: left) { left in withUnsafeBytes(of: right) { left.isEqual(to: $0) } }
    }
}
