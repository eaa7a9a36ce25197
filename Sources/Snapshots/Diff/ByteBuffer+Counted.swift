import Bytes

/// Numbers and byte strings as digests take them in: no two lists of values have the same bytes.
extension ByteBuffer {
    mutating func append(number: UInt64) {
        withUnsafeBytes(of: number.littleEndian) { append($0) }
    }

    mutating func append(counted bytes: [UInt8]) { bytes.withUnsafeBytes { append(counted: $0) } }

    mutating func append(counted bytes: UnsafeRawBufferPointer) {
        append(number: UInt64(bytes.count))
        append(bytes)
    }
}
