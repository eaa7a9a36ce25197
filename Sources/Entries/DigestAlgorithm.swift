import CLinux

/// A digest algorithm. To add one, write a declaration like those of DigestAlgorithm+All.swift, in a file of its own,
/// and a line in `allCases`.
///
/// No algorithm is implemented here: OpenSSL's EVP computes all except XXH3, which comes from the header of
/// libxxhash.
public struct DigestAlgorithm: Sendable {
    /// Its name on the command line, in every output, and as a column of saved scans.
    package let name: StaticString
    /// Length of a digest, in bytes.
    public let byteCount: Int
    /// The algorithm's name in OpenSSL's default provider; nil for XXH3. Source: EVP_MD-SHA2(7) and related pages.
    package let openSSLName: StaticString?
    /// The program whose lists `--format` writes under its name.
    package let program: StaticString?
    package let traits: Traits

    package struct Traits: OptionSet, Sendable {
        package let rawValue: UInt8

        package init(rawValue: UInt8) { self.rawValue = rawValue }

        /// No attacker can create two files with the same digest.
        package static let resistsCollisions = Traits(rawValue: 1 << 0)
        /// mtree(5) has a keyword of this name.
        package static let inMTree = Traits(rawValue: 1 << 1)
        /// Lists of checksums name it.
        package static let inLists = Traits(rawValue: 1 << 2)
        /// The likely algorithm for digits of this length, in a list that names no algorithm.
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
