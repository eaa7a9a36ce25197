public import CLinux

/// The entries in a buffer that `getdents64` filled.
///
/// ```
///  0         8         16     18   19
///  ┌─────────┬─────────┬──────┬────┬───────────────────┐
///  │ d_ino   │ d_off   │reclen│type│ name, NUL, padding │ next record …
///  └─────────┴─────────┴──────┴────┴───────────────────┘
/// ```
///
/// `d_ino` is not the inode of `stat` for mount points and on overlay file systems: see `Entry.inode`. Records of
/// impossible lengths (FUSE passes on whatever its program returns) end the list early; it is never read beyond the
/// buffer.
///
/// Unsafe only in this sense: the buffer must outlive the value and the names that it returns.
@usableFromInline package struct DirectoryEntries: Sequence, IteratorProtocol {
    @usableFromInline var rest: UnsafeRawBufferPointer

    /// - Parameter buffer: filled by `Kernel.listDirectory`, with the length that it returned.
    @inlinable package init(_ buffer: UnsafeRawBufferPointer) { rest = buffer }

    /// The bytes of the remaining entries.
    package var bytes: UnsafeRawBufferPointer { rest }

    /// The size of a record with a name of 255 bytes: with less room than this a listing continues in the next buffer.
    package static let longestRecord = 280

    /// The position of the listing after these entries, from the last record.
    package var endPosition: Int64 {
        var (rest, position) = (rest, Int64(0))
        while let length = Self.length(ofFirstIn: rest) {
            position = rest.loadUnaligned(fromByteOffset: Offset.position, as: Int64.self)
            rest = UnsafeRawBufferPointer(rebasing: rest[length...])
        }
        return position
    }

    /// Removes the first entries.
    ///
    /// - Parameter count: the maximum number, including `.` and `..`.
    /// - Returns: their bytes; nil if there are none.
    package mutating func popFirst(_ count: Int) -> UnsafeRawBufferPointer? {
        let all = rest
        var taken = 0
        while taken < count, let length = Self.length(ofFirstIn: rest) {
            rest = UnsafeRawBufferPointer(rebasing: rest[length...])
            taken += 1
        }
        return taken == 0 ? nil : UnsafeRawBufferPointer(rebasing: all[..<(all.count - rest.count)])
    }

    /// Removes the first half of the entries.
    ///
    /// - Returns: their bytes; nil if there is only one entry, or none.
    package mutating func popHalf() -> UnsafeRawBufferPointer? {
        var count = 0
        for _ in self { count += 1 }
        return popFirst(count / 2)
    }

    @usableFromInline package struct Entry {
        /// Without its NUL, which follows in memory: `name.baseAddress` is a C string.
        @usableFromInline package let name: UnsafeRawBufferPointer
        /// Nil if the file system does not report it.
        @usableFromInline package let kind: EntryKind?
        /// `d_ino`. It shows that a name whose status is known still leads to the same inode, and no more than that.
        @usableFromInline package let inode: UInt64

        @inlinable init(name: UnsafeRawBufferPointer, kind: EntryKind?, inode: UInt64) {
            self.name = name
            self.kind = kind
            self.inode = inode
        }

        @inlinable package var cString: UnsafePointer<CChar> { name.baseAddress!.assumingMemoryBound(to: CChar.self) }
    }

    /// Bytes of the first record; nil at the end.
    @inlinable static func length(ofFirstIn buffer: UnsafeRawBufferPointer) -> Int? {
        guard buffer.count > Offset.name else { return nil }
        let length = Int(buffer.loadUnaligned(fromByteOffset: Offset.recordLength, as: UInt16.self))
        return length > Offset.name && length <= buffer.count ? length : nil
    }

    @usableFromInline enum Offset {
        @inlinable static var position: Int { 8 }
        @inlinable static var recordLength: Int { 16 }
        @inlinable static var type: Int { 18 }
        @inlinable static var name: Int { 19 }
    }

    /// The next entry, without `.` and `..`.
    @inlinable package mutating func next() -> Entry? {
        while let length = Self.length(ofFirstIn: rest) {
            let record = UnsafeRawBufferPointer(rebasing: rest[..<length])
            rest = UnsafeRawBufferPointer(rebasing: rest[length...])

            let nameField = UnsafeRawBufferPointer(rebasing: record[Offset.name...])
            guard let end = memchr(nameField.baseAddress!, 0, nameField.count) else { break }
            let name = UnsafeRawBufferPointer(
                rebasing: nameField[..<(UnsafeRawPointer(end) - nameField.baseAddress!)])
            if Self.isDotOrDotDot(name) { continue }
            return Entry(
                name: name, kind: EntryKind(directoryEntryType: record[Offset.type]),
                inode: record.loadUnaligned(as: UInt64.self))
        }
        return nil
    }

    @inlinable static func isDotOrDotDot(_ name: UnsafeRawBufferPointer) -> Bool {
        let dot = UInt8(ascii: ".")
        switch name.count {
        case 0: return true  // no name: nothing could be done with it
        case 1: return name[0] == dot
        case 2: return name[0] == dot && name[1] == dot
        default: return false
        }
    }
}
