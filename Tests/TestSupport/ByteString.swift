// Names, paths and arguments in tests are bytes, as in the kernel; a literal may be text or bytes.

/// A name, a path or an argument: any bytes except NUL.
///
/// Written as `"text"`, as `[0x66, 0xff]`, or as text with single bytes in between: `"caf" + [0xe9] + ".txt"`.
package struct ByteString: Hashable, Sendable {
    package var bytes: [UInt8]

    package init(_ bytes: some Sequence<UInt8>) { self.bytes = Array(bytes) }
    package init(_ text: String) { bytes = Array(text.utf8) }

    /// The text, with U+FFFD for bytes that are not UTF-8: for messages, never for system calls.
    package var text: String { String(decoding: bytes, as: UTF8.self) }

    /// This path with a slash and `name` appended; no second slash after one, as in `find`.
    package func appending(_ name: ByteString) -> ByteString {
        bytes.last == UInt8(ascii: "/") ? self + name : self + "/" + name
    }

    package static func + (left: ByteString, right: ByteString) -> ByteString { ByteString(left.bytes + right.bytes) }

    /// Calls `body` with the bytes and a trailing NUL.
    package func withCString<R>(_ body: (UnsafePointer<CChar>) throws -> R) rethrows -> R {
        precondition(!bytes.contains(0), "a name with a NUL cannot be passed to the kernel")
        return try (bytes + [0]).withUnsafeBytes { try body($0.baseAddress!.assumingMemoryBound(to: CChar.self)) }
    }
}

extension ByteString: ExpressibleByStringInterpolation {
    package init(stringLiteral value: String) { self.init(value) }
}

extension ByteString: ExpressibleByArrayLiteral {
    package init(arrayLiteral elements: UInt8...) { self.init(elements) }
}

extension ByteString: Comparable {
    package static func < (left: ByteString, right: ByteString) -> Bool {
        left.bytes.lexicographicallyPrecedes(right.bytes)
    }
}

extension ByteString: CustomStringConvertible {
    package var description: String { text }
}
