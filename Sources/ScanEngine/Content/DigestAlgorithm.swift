import Bytes

/// The digest algorithms of `--hash`. Raw values are the names on the command line and in every output.
///
/// No algorithm is implemented here: OpenSSL's EVP computes all but XXH3, which is libxxhash's.
public enum DigestAlgorithm: String, CaseIterable, Hashable, Sendable {
    case sha256
    case sha1
    case sha512
    case md5
    /// BLAKE2b-512, as `b2sum` prints it.
    case blake2b
    /// XXH3-128 in its canonical (big-endian) form, as `xxhsum -H2` prints it.
    case xxh128
    /// Object ids of git's SHA-1 format: SHA-1 over `blob <length>` NUL content, or over a tree object.
    case git

    /// Length of a digest, in bytes.
    public var byteCount: Int {
        switch self {
        case .md5, .xxh128: 16
        case .sha1, .git: 20
        case .sha256: 32
        case .sha512, .blake2b: 64
        }
    }

    /// The name under which OpenSSL's default provider knows the algorithm; nil for XXH3. Source: EVP_MD-SHA2(7) and its sisters.
    var openSSLName: String? {
        switch self {
        case .sha256: "SHA2-256"
        case .sha1, .git: "SHA1"
        case .sha512: "SHA2-512"
        case .md5: "MD5"
        case .blake2b: "BLAKE2B-512"
        case .xxh128: nil
        }
    }
}

/// The algorithms that a scan computes, in the order in which they were asked for, without repeats.
///
/// The digests of one entry are one *row*: raw bytes, one algorithm after the other, `rowBytes` in all. Rows of many
/// entries lie in one flat `[UInt8]`, so that a directory of 100,000 entries costs one allocation and not 100,000.
public struct DigestSet: Equatable, Sendable {
    public let algorithms: [DigestAlgorithm]
    /// Length of a row, in bytes; 0 for the empty set, 232 for all seven algorithms.
    public let rowBytes: Int

    /// Keeps the first of each repeated algorithm: `--hash sha1,md5 --hash sha1` is sha1, md5.
    public init(_ algorithms: some Sequence<DigestAlgorithm>) {
        var kept: [DigestAlgorithm] = []
        for algorithm in algorithms where !kept.contains(algorithm) { kept.append(algorithm) }
        self.algorithms = kept
        self.rowBytes = kept.reduce(0) { $0 + $1.byteCount }
    }

    public var isEmpty: Bool { algorithms.isEmpty }

    /// Splits one row into digests in hex, for a report or a record.
    ///
    /// - Precondition: `row` has `rowBytes` bytes.
    public func named(_ row: some Collection<UInt8>) -> [NamedDigest] {
        precondition(row.count == rowBytes, "a digest row has the length that its set prescribes")
        var rest = row[...]
        return algorithms.map { algorithm in
            let digest = rest.prefix(algorithm.byteCount)
            rest = rest.dropFirst(algorithm.byteCount)
            var hex: [UInt8] = []
            hex.appendHex(digest)
            return NamedDigest(algorithm: algorithm.rawValue, hex: String(decoding: hex, as: UTF8.self))
        }
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
