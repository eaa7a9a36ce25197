// Numbers and strings as bytes that another machine reads: little-endian, strings prefixed by their length.
//
// The reader trusts nothing: it checks each number against the remaining bytes, so that no input makes it trap, read
// beyond the end, or allocate more memory than a small multiple of the input.

/// The bytes are not in this format.
package struct BinaryFailure: Error, Equatable {
    /// A sentence for people: "is cut short".
    package let message: String

    package init(_ message: String) { self.message = message }

    static let cutShort = BinaryFailure("is cut short")
}

package struct BinaryWriter: Sendable {
    package private(set) var bytes: [UInt8] = []

    package init() {}

    package mutating func put(_ value: some FixedWidthInteger) {
        withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
    }

    package mutating func put(_ value: Bool) { bytes.append(value ? 1 : 0) }

    /// How many items follow.
    package mutating func put(count: Int) { put(UInt64(count)) }

    /// With the length in front.
    package mutating func put(string: some Collection<UInt8>) {
        put(count: string.count)
        bytes.append(contentsOf: string)
    }

    package mutating func put(raw: some Collection<UInt8>) { bytes.append(contentsOf: raw) }
}

package struct BinaryReader: Sendable {
    private let bytes: [UInt8]
    private var offset: Int

    package init(_ bytes: [UInt8]) { (self.bytes, offset) = (bytes, 0) }

    package var left: Int { bytes.count - offset }

    package mutating func number<Value: FixedWidthInteger>(
        _ type: Value.Type = Value.self
    ) throws(BinaryFailure) -> Value {
        let size = MemoryLayout<Value>.size
        guard size <= left else { throw .cutShort }
        defer { offset += size }
        return bytes.withUnsafeBytes { Value(littleEndian: $0.loadUnaligned(fromByteOffset: offset, as: Value.self)) }
    }

    package mutating func bool() throws(BinaryFailure) -> Bool {
        switch try number(UInt8.self) {
        case 0: false
        case 1: true
        default: throw BinaryFailure("has an invalid truth value")
        }
    }

    /// How many items follow.
    ///
    /// - Parameter size: the minimum size of an item, 1 or more bytes: a count that does not fit into the rest is
    ///   refused.
    package mutating func count(ofAtLeast size: Int) throws(BinaryFailure) -> Int {
        let count = try number(UInt64.self)
        guard count <= UInt64(left / size) else { throw .cutShort }
        return Int(count)
    }

    package mutating func string() throws(BinaryFailure) -> [UInt8] {
        let count = try count(ofAtLeast: 1)
        return try raw(count)
    }

    package mutating func raw(_ count: Int) throws(BinaryFailure) -> [UInt8] {
        guard count <= left else { throw .cutShort }
        defer { offset += count }
        return Array(bytes[offset..<offset + count])
    }

    /// Call it after the last item.
    package func end() throws(BinaryFailure) {
        if left > 0 { throw BinaryFailure("has bytes after its end") }
    }
}
