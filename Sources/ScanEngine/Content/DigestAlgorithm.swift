import Bytes
import CLinux

/// A digest algorithm. To add one is a declaration like those of DigestAlgorithm+All.swift, in a file of its own, and a
/// line in `allCases`.
///
/// No algorithm is implemented here: OpenSSL's EVP computes all but XXH3, which is libxxhash's.
public struct DigestAlgorithm: Sendable {
    /// On the command line, in every output, and of the column in saved scans.
    package let name: StaticString
    /// Length of a digest, in bytes.
    public let byteCount: Int
    /// The name under which OpenSSL's default provider knows the algorithm; nil for XXH3. Source: EVP_MD-SHA2(7) and its
    /// sisters.
    let openSSLName: StaticString?
    /// The program whose lists `--format` writes under its name.
    package let program: StaticString?
    package let traits: Traits

    package struct Traits: OptionSet, Sendable {
        package let rawValue: UInt8

        package init(rawValue: UInt8) { self.rawValue = rawValue }

        /// Nobody can make two files of one digest.
        package static let resistsCollisions = Traits(rawValue: 1 << 0)
        /// mtree(5) has a keyword of this name.
        package static let inMTree = Traits(rawValue: 1 << 1)
        /// Lists of checksums name it.
        package static let inLists = Traits(rawValue: 1 << 2)
        /// What digits of this length are likely to be in a list that names no algorithm.
        package static let byLength = Traits(rawValue: 1 << 3)
    }

    init(
        _ name: StaticString, bytes byteCount: Int, openSSL openSSLName: StaticString?, program: StaticString? = nil,
        _ traits: Traits
    ) {
        (self.name, self.byteCount, self.openSSLName) = (name, byteCount, openSSLName)
        (self.program, self.traits) = (program, traits)
    }
}

extension DigestAlgorithm: Hashable, CustomStringConvertible {
    public var rawValue: String { name.description }
    public var description: String { rawValue }

    public init?(rawValue: String) {
        guard let known = Self.allCases.first(where: { $0.rawValue == rawValue }) else { return nil }
        self = known
    }

    public static func == (left: DigestAlgorithm, right: DigestAlgorithm) -> Bool {
        let (one, other) = (left.name, right.name)
        return one.utf8CodeUnitCount == other.utf8CodeUnitCount
            && (one.utf8Start == other.utf8Start || memcmp(one.utf8Start, other.utf8Start, one.utf8CodeUnitCount) == 0)
    }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(bytes: UnsafeRawBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount))
    }
}

/// The algorithms that a scan computes, in the order in which they were asked for, without repeats.
///
/// The digests of one entry are one *row*: raw bytes, one algorithm after the other, `rowBytes` in all. Rows of many
/// entries lie in one flat `[UInt8]`, so that a directory of 100,000 entries costs one allocation and not 100,000.
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
