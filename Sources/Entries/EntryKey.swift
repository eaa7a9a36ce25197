import CLinux

/// The place of an entry: its root, and the path from there. Defines the order of all sources.
///
/// ```
///  index of the root, 4 bytes, big-endian │ path below the root, NUL for each slash
/// ```
///
/// Names contain neither slash nor NUL, and NUL sorts first, so keys compare as bytes as their paths compare by
/// components: the contents of a directory come right after it, before `directory.old`. Records have the same order
/// (`SortRecord`), with the whole path instead of the part below the root.
package struct EntryKey: Hashable, Comparable, Sendable {
    package let bytes: [UInt8]

    /// - Parameters:
    ///   - root: index of the PATH in its scan. Roots of two sources pair by it.
    ///   - path: relative to the root, without a slash in front or at the end; empty for the root itself.
    package init(root: Int, path: some Collection<UInt8>) {
        var bytes = Self.prefix(of: root)
        bytes.reserveCapacity(4 + path.count)
        for byte in path { bytes.append(byte == UInt8(ascii: "/") ? 0 : byte) }
        self.bytes = bytes
    }

    /// - Parameters:
    ///   - path: of a scan, as `find` prints it.
    ///   - rootPath: its PATH.
    package init(root: Int, path: UnsafeRawBufferPointer, below rootPath: [UInt8]) {
        var rest = path[rootPath.count...]
        if rest.first == UInt8(ascii: "/") { rest = rest.dropFirst() }
        self.init(root: root, path: rest)
    }

    /// - Parameter bytes: from `bytes`: at least four.
    package init(bytes: [UInt8]) {
        precondition(bytes.count >= 4, "a key begins with the index of its root")
        self.bytes = bytes
    }

    package var root: Int { bytes[..<4].reduce(0) { $0 << 8 | Int($1) } }

    /// Relative to the root, with slashes; empty for the root itself.
    package var path: [UInt8] { bytes[4...].map { $0 == 0 ? UInt8(ascii: "/") : $0 } }

    package var isRoot: Bool { bytes.count == 4 }

    /// Whether it contains an empty name. No path of a scan does, and a path with two slashes in a row has a different
    /// key from the path with one.
    package var hasEmptyName: Bool {
        if isRoot { return false }
        var last: UInt8 = 0
        for byte in bytes[4...] {
            if byte == 0, last == 0 { return true }
            last = byte
        }
        return last == 0
    }

    /// The directory that the entry is in; nil for a root.
    package var parent: EntryKey? {
        if isRoot { return nil }
        return EntryKey(bytes: Array(bytes[..<max(4, bytes.lastIndex(of: 0).map { $0 >= 4 ? $0 : 4 } ?? 4)]))
    }

    /// The last component of the path; empty for a root.
    package var name: ArraySlice<UInt8> {
        bytes[(bytes[4...].lastIndex(of: 0).map { $0 + 1 } ?? 4)...]
    }

    /// For an entry below this one: its ancestor directly in this directory, or the entry itself.
    package func next(towards other: EntryKey) -> EntryKey {
        let start = isRoot ? 4 : bytes.count + 1
        return EntryKey(bytes: Array(other.bytes[..<(other.bytes[start...].firstIndex(of: 0) ?? other.bytes.count)]))
    }

    /// Whether `other` is this entry, or lies below it.
    package func contains(_ other: EntryKey) -> Bool {
        guard other.bytes.count >= bytes.count, other.bytes.starts(with: bytes) else { return false }
        return isRoot || other.bytes.count == bytes.count || other.bytes[bytes.count] == 0
    }

    /// The path as `find` prints it: the root's path, a slash if the root's path does not end in one, and the rest.
    package func path(below rootPath: [UInt8]) -> [UInt8] {
        if isRoot { return rootPath }
        if rootPath.isEmpty { return path }
        return rootPath + (rootPath.last == UInt8(ascii: "/") ? [] : [UInt8(ascii: "/")]) + path
    }

    package static func < (left: EntryKey, right: EntryKey) -> Bool {
        left.bytes.withUnsafeBytes { left in
            right.bytes.withUnsafeBytes { right in
                // Both have four bytes at least, so both have an address.
                let order = memcmp(left.baseAddress!, right.baseAddress!, min(left.count, right.count))
                return order == 0 ? left.count < right.count : order < 0
            }
        }
    }

    private static func prefix(of root: Int) -> [UInt8] {
        let index = UInt32(root)
        return [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: index >> $0) }
    }
}
