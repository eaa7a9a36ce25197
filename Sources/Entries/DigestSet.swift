import Bytes

/// The algorithms of a scan, in the order in which they were requested, without repeats.
///
/// The digests of one entry are one *row*: raw bytes, one algorithm after the other, `rowBytes` in all. Rows of many
/// entries are in one flat `[UInt8]`, so that a directory of 100,000 entries costs one allocation and not 100,000.
public struct DigestSet: Equatable, Sendable {
    public let algorithms: [DigestAlgorithm]
    /// Length of a row, in bytes.
    public let rowBytes: Int

    /// Keeps the first of each repeated algorithm: `--hash sha1,md5 --hash sha1` is sha1, md5.
    public init(_ algorithms: some Sequence<DigestAlgorithm>) {
        var kept: [DigestAlgorithm] = []
        for algorithm in algorithms where !kept.contains(algorithm) { kept.append(algorithm) }
        self.algorithms = kept
        self.rowBytes = kept.reduce(0) { $0 + $1.byteCount }
    }

    @inlinable public var isEmpty: Bool { algorithms.isEmpty }

    /// Splits one row into digests in hex, for a report or a record.
    ///
    /// - Precondition: `row` has `rowBytes` bytes.
    public func named(_ row: some Collection<UInt8>) -> [NamedDigest] {
        precondition(row.count == rowBytes, "a digest row has the length that its set prescribes")
        // Of an array this is a reference, and the rest is compiled for arrays.
        var rest = Array(row)[...]
        return algorithms.map { algorithm in
            let digest = rest.prefix(algorithm.byteCount)
            rest = rest.dropFirst(algorithm.byteCount)
            var hex: [UInt8] = []
            hex.appendHex(digest)
            return NamedDigest(algorithm: algorithm.rawValue, hex: String(decoding: hex, as: UTF8.self))
        }
    }
}

extension DigestSet {
    /// Calls `body` with each digest of a row.
    @inlinable package func forEachDigest(of row: [UInt8], _ body: (DigestAlgorithm, UnsafeRawBufferPointer) -> Void) {
        precondition(row.count == rowBytes, "a digest row has the length that its set prescribes")
        row.withUnsafeBytes { row in
            var offset = 0
            for algorithm in algorithms {
                body(algorithm, UnsafeRawBufferPointer(rebasing: row[offset..<offset + algorithm.byteCount]))
                offset += algorithm.byteCount
            }
        }
    }
}

/// A digest in lower-case hex, beside the name of its algorithm.
public struct NamedDigest: Equatable, Sendable {
    public var algorithm: String
    public var hex: String

    public init(algorithm: String, hex: String) {
        self.algorithm = algorithm
        self.hex = hex
    }
}

extension [UInt8] {
    /// Appends the bytes as lower-case hex digits.
    package mutating func appendHex(_ bytes: some Collection<UInt8>) {
        reserveCapacity(count + 2 * bytes.count)
        for byte in bytes {
            append(Self.hexDigit(byte >> 4))
            append(Self.hexDigit(byte & 15))
        }
    }

    private static func hexDigit(_ value: UInt8) -> UInt8 {
        value < 10 ? UInt8(ascii: "0") &+ value : UInt8(ascii: "a") &+ value &- 10
    }
}
