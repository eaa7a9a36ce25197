import Bytes
import Entries
import ScanEngine

/// One line of a list of checksums that names a file.
struct ChecksumLine: Equatable {
    enum Digest: Equatable {
        /// Named by the line, or by `--algorithm`.
        case named(DigestAlgorithm, [UInt8])
        /// The line has only digits: their length suggests the algorithm.
        case unnamed(DigestAlgorithm, [UInt8])
        /// An algorithm that this program does not have, by its name in lower case.
        case unknown(String)
    }

    var digest: Digest
    var path: [UInt8]
}

/// Reads lines as `sha256sum -c` and its siblings do, and some that only other programs write and read.
///
/// ```
/// HEX  name        HEX *name        two characters between them: sha256sum, openssl -r
/// HEX name         HEX<tab>name     one: md5 -r, sha256 -r of BSD
/// SHA256 (name) = HEX               --tag, BSD, rhash
/// SHA256(name)= HEX                 openssl; since 3.0 SHA2-256(name)= HEX
/// ```
///
/// A line may begin with blanks, and with a backslash if the name is escaped; it may end with a carriage return.
struct ChecksumParser {
    /// Why a line was refused.
    struct Refusal: Error {
        var reason: String
    }

    /// `--algorithm`: the algorithm of digits without a name.
    private let algorithm: DigestAlgorithm?
    /// The algorithm of 128 hex digits without a name: SHA-512 or BLAKE2b.
    private let longHex: DigestAlgorithm
    /// Whether one character separates digits and name. The first line without a tag decides; otherwise a name that
    /// begins with a space would be ambiguous.
    private var hasOneBlank: Bool?

    init(algorithm: DigestAlgorithm? = nil, longHex: DigestAlgorithm = .sha512) {
        self.algorithm = algorithm
        self.longHex = longHex
    }

    /// - Returns: nil for a line without a file: an empty one, a comment.
    mutating func line(_ line: some Collection<UInt8>) throws(Refusal) -> ChecksumLine? {
        var rest = Array(line)[...]
        if rest.last == 0x0D { rest.removeLast() }
        rest = Self.withoutBlanks(rest)
        guard let first = rest.first, first != UInt8(ascii: "#"), first != UInt8(ascii: ";") else { return nil }
        let isEscaped = first == UInt8(ascii: "\\")
        if isEscaped { rest.removeFirst() }
        let digits = rest.prefix { hexDigit($0) != nil }
        let isBlankNext = rest.dropFirst(digits.count).first.map(Self.isBlank) ?? false
        if digits.count >= 32, isBlankNext {
            let digest = try digest(digits)
            let name = try name(rest.dropFirst(digits.count + 1))
            return ChecksumLine(digest: digest, path: try Self.path(name, isEscaped))
        }
        guard let (tag, name, digits) = Self.tagged(rest) else {
            throw Refusal(reason: "neither a digest and a name nor NAME (file) = digest")
        }
        return ChecksumLine(digest: try Self.digest(tag, digits), path: try Self.path(name, isEscaped))
    }

    // MARK: Digits and a name

    private func digest(_ digits: ArraySlice<UInt8>) throws(Refusal) -> ChecksumLine.Digest {
        if let algorithm { return .named(algorithm, try Self.bytes(digits, algorithm)) }
        let hex = Bytes.bytes(ofHex: digits) ?? []
        if digits.count == 128 { return .unnamed(longHex, hex) }
        let likely = DigestAlgorithm.allCases.first {
            $0.traits.contains(.byLength) && 2 * $0.byteCount == digits.count
        }
        if let likely { return .unnamed(likely, hex) }
        // Of SHA-2, too.
        if digits.count == 56 || digits.count == 96 { return .unknown("sha\(4 * digits.count)") }
        throw Refusal(reason: "\(digits.count) hex digits belong to no known algorithm")
    }

    /// - Parameter rest: the text after the first blank after the digits.
    private mutating func name(_ rest: ArraySlice<UInt8>) throws(Refusal) -> ArraySlice<UInt8> {
        let isMark = rest.first == UInt8(ascii: " ") || rest.first == UInt8(ascii: "*")
        if rest.count == 1 || !isMark {
            guard hasOneBlank != false else {
                throw Refusal(reason: "one character before the name, but two in earlier lines")
            }
            hasOneBlank = true
        } else if hasOneBlank != true {
            hasOneBlank = false
            return rest.dropFirst()
        }
        return rest
    }

    // MARK: Tagged

    /// `NAME (file) = HEX`: the file's name ends at the last bracket.
    private static func tagged(
        _ line: ArraySlice<UInt8>
    ) -> (tag: ArraySlice<UInt8>, name: ArraySlice<UInt8>, digits: ArraySlice<UInt8>)? {
        let tag = line.prefix { byte in
            byte != UInt8(ascii: "(") && !isBlank(byte)
        }
        var rest = withoutBlanks(line.dropFirst(tag.count))
        guard !tag.isEmpty, tag.allSatisfy(isOfTag), rest.popFirst() == UInt8(ascii: "("),
            let end = rest.lastIndex(of: UInt8(ascii: ")"))
        else { return nil }
        var digits = withoutBlanks(rest[(end + 1)...])
        guard digits.popFirst() == UInt8(ascii: "=") else { return nil }
        digits = withoutBlanks(digits)
        // No digest is shorter than a CRC.
        guard digits.count >= 8, digits.allSatisfy({ hexDigit($0) != nil }) else { return nil }
        return (tag, rest[..<end], digits)
    }

    private static func digest(
        _ tag: ArraySlice<UInt8>, _ digits: ArraySlice<UInt8>
    ) throws(Refusal) -> ChecksumLine.Digest {
        let name = plainName(String(decoding: tag, as: UTF8.self).lowercased())
        guard let algorithm = DigestAlgorithm(rawValue: name), algorithm.traits.contains(.inLists) else {
            return .unknown(UncheckableCounts.name(name.utf8))
        }
        return .named(algorithm, try bytes(digits, algorithm))
    }

    /// `sha2-256`, `sha-256`, `blake2b-512` and their like have one name here.
    private static func plainName(_ name: String) -> String {
        if name == "blake2b-512" || name == "blake2b512" { return "blake2b" }
        let bits = name.split(separator: "-").last ?? ""
        let isPrefixed = name == "sha-\(bits)" || name == "sha2-\(bits)"
        let isKnown = ["224", "256", "384", "512"].contains(bits) || name == "sha-1"
        return isPrefixed && isKnown ? "sha\(bits)" : name
    }

    // MARK: Both

    private static func bytes(
        _ digits: ArraySlice<UInt8>, _ algorithm: DigestAlgorithm
    ) throws(Refusal) -> [UInt8] {
        guard let bytes = Bytes.bytes(ofHex: digits), bytes.count == algorithm.byteCount else {
            throw Refusal(reason: "\(digits.count) hex digits are not a digest of \(algorithm.rawValue)")
        }
        return bytes
    }

    private static func path(_ name: ArraySlice<UInt8>, _ isEscaped: Bool) throws(Refusal) -> [UInt8] {
        guard !name.isEmpty else { throw Refusal(reason: "no name") }
        guard !name.contains(0) else { throw Refusal(reason: "a name with a NUL") }
        guard isEscaped else { return Array(name) }
        guard let path = unescaped(name) else { throw Refusal(reason: "a name with an invalid escape") }
        return path
    }

    private static func unescaped(_ name: ArraySlice<UInt8>) -> [UInt8]? {
        var path: [UInt8] = []
        var rest = name
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "\\") else {
                path.append(byte)
                continue
            }
            switch rest.popFirst() {
            case UInt8(ascii: "\\"): path.append(byte)
            case UInt8(ascii: "n"): path.append(0x0A)
            case UInt8(ascii: "r"): path.append(0x0D)
            default: return nil
            }
        }
        return path
    }

    private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }

    private static func withoutBlanks(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> { bytes.drop(while: isBlank) }

    private static func isOfTag(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "/"), UInt8(ascii: "_"):
            true
        default: false
        }
    }
}
