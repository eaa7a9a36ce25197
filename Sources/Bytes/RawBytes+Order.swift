import Glibc

// Keys and digests as bytes: a call of memcmp, where `elementsEqual` and `lexicographicallyPrecedes` take a step for each
// byte.

extension UnsafeRawBufferPointer {
    package func isEqual(to other: UnsafeRawBufferPointer) -> Bool {
        count == other.count && (count == 0 || memcmp(baseAddress!, other.baseAddress!, count) == 0)
    }

    /// In the order of their bytes; a beginning comes first.
    package func precedes(_ other: UnsafeRawBufferPointer) -> Bool {
        let common = Swift.min(count, other.count)
        let order = common == 0 ? 0 : memcmp(baseAddress!, other.baseAddress!, common)
        return order == 0 ? count < other.count : order < 0
    }
}

extension [UInt8] {
    /// In the order of their bytes; a beginning comes first.
    package func precedes(_ other: [UInt8]) -> Bool {
        withUnsafeBytes { bytes in other.withUnsafeBytes { bytes.precedes($0) } }
    }
}
