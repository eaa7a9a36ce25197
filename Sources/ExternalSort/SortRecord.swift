import CLinux

/// A line with its key, as stored in memory and in runs.
///
/// ```
///  0            4             8              8 + key length
///  ┌────────────┬─────────────┬──────────────┬──────────────┐
///  │ key length │ line length │ key          │ line, \n     │ next record …
///  └────────────┴─────────────┴──────────────┴──────────────┘
///
///  key: index of the PATH, 4 bytes, big-endian · path with NUL for each slash
/// ```
///
/// Names contain neither slash nor NUL, and NUL sorts first. So keys compare as the components of their paths, and the
/// contents of a directory come right after it, before `directory.old`. All paths of one PATH begin with it, whatever
/// slashes it has. Records of one path compare as their lines: `{"type":"en…` before `{"type":"er…`, then by operation.
///
/// Unsafe only in this sense: the creator must ensure that a whole record is at `base`, and stays there.
package struct SortRecord {
    let base: UnsafeRawPointer

    static let headerSize = 8

    init(at base: UnsafeRawPointer) { self.base = base }

    /// The first record of bytes from another process; nil if they do not begin with a whole one.
    init?(in bytes: UnsafeRawBufferPointer) {
        guard bytes.count > Self.headerSize, let base = bytes.baseAddress else { return nil }
        self.base = base
        guard keyLength >= 4, lineLength > 0, length <= bytes.count else { return nil }
    }

    var keyLength: Int { Int(base.loadUnaligned(as: UInt32.self)) }
    var lineLength: Int { Int(base.loadUnaligned(fromByteOffset: 4, as: UInt32.self)) }
    var length: Int { Self.headerSize + keyLength + lineLength }

    package var key: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: base + Self.headerSize, count: keyLength) }
    package var line: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: base + Self.headerSize + keyLength, count: lineLength)
    }
    var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: base, count: length) }

    static func length(path: Int, line: Int) -> Int { headerSize + 4 + path + line }

    /// Writes a record to memory of `length(path:line:)` bytes.
    static func write(
        root: Int, path: UnsafeRawBufferPointer, line: UnsafeRawBufferPointer, to target: UnsafeMutableRawPointer
    ) {
        guard let keyLength = UInt32(exactly: 4 + path.count), let lineLength = UInt32(exactly: line.count) else {
            preconditionFailure("a path of 4 GiB: its directories would have printed more than any disk holds")
        }
        target.storeBytes(of: keyLength, as: UInt32.self)
        target.storeBytes(of: lineLength, toByteOffset: 4, as: UInt32.self)
        target.storeBytes(of: UInt32(root).bigEndian, toByteOffset: headerSize, as: UInt32.self)
        let key = target + headerSize + 4
        for index in 0..<path.count {
            let byte = path[index]
            key.storeBytes(of: byte == UInt8(ascii: "/") ? 0 : byte, toByteOffset: index, as: UInt8.self)
        }
        (key + path.count).copyMemory(from: line.baseAddress!, byteCount: line.count)
    }

    /// Eight bytes of the key from `offset` on, as a number that compares as they do. Beyond its end a key has NULs.
    func prefix(at offset: Int) -> UInt64 {
        let rest = keyLength - offset
        if rest >= 8 {
            return UInt64(bigEndian: base.loadUnaligned(fromByteOffset: Self.headerSize + offset, as: UInt64.self))
        }
        var prefix: UInt64 = 0
        for place in 0..<8 {
            let byte = place < rest ? base.load(fromByteOffset: Self.headerSize + offset + place, as: UInt8.self) : 0
            prefix = prefix << 8 | UInt64(byte)
        }
        return prefix
    }

    /// Records that are equal here are the same bytes.
    static func < (left: SortRecord, right: SortRecord) -> Bool {
        let order = compare(left.key, right.key)
        return order == 0 ? compare(left.line, right.line) < 0 : order < 0
    }

    private static func compare(_ left: UnsafeRawBufferPointer, _ right: UnsafeRawBufferPointer) -> Int {
        // Keys and lines are never empty, so both have an address.
        let order = memcmp(left.baseAddress!, right.baseAddress!, min(left.count, right.count))
        return order == 0 ? left.count - right.count : Int(order)
    }
}
