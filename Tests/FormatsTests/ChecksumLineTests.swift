import Entries
import ScanEngine
import Testing

@testable import Formats

/// Cases that ForeignFormatTests cannot check with `sha256sum -c`.
@Suite struct ChecksumLineTests {
    private let digits = String(repeating: "ab", count: 32)
    private let digest = [UInt8](repeating: 0xAB, count: 32)

    private func lines(_ text: String, algorithm: DigestAlgorithm? = nil) throws -> [ChecksumLine] {
        var parser = ChecksumParser(algorithm: algorithm)
        return try text.split(separator: "\n", omittingEmptySubsequences: false).compactMap { try parser.line($0.utf8) }
    }

    private func refusal(_ text: String, algorithm: DigestAlgorithm? = nil) -> String? {
        do {
            _ = try lines(text, algorithm: algorithm)
            return nil
        } catch {
            return (error as? ChecksumParser.Refusal)?.reason
        }
    }

    private func named(_ path: String) -> ChecksumLine {
        ChecksumLine(digest: .named(.sha256, digest), path: Array(path.utf8))
    }

    @Test func linesOfOtherProgramsThanCoreutilsAreRead() throws {
        #expect(try lines("SHA2-256(a)= \(digits)") == [named("a")])
        #expect(try lines("sha256   (a) = \(digits)") == [named("a")])
        #expect(try lines("; rhash\n  # and others\n \t\nSHA256 (a) = \(digits)") == [named("a")])
        let long = Array((digest + digest).prefix(48))
        #expect(try lines("SHA2-384(a)= \(digits)\(digits.prefix(32))").first?.digest == .named(.sha384, long))
        #expect(try lines("SHA256 (a) = b) = \(digits)") == [named("a) = b")])
        #expect(try lines("BLAKE2B-512(a)= \(digits)\(digits)").first?.digest == .named(.blake2b, digest + digest))
    }

    @Test func anAlgorithmThatIsUnknownHasItsName() throws {
        let unknown = [
            "RMD160 (a) = 12345678": "rmd160", "SHA2-512/256(a)= \(digits)": "sha2-512/256",
            "SHA2-224(a)= 1234567890": "sha224", "\(digits.prefix(56))  a": "sha224",
        ]
        for (line, name) in unknown {
            #expect(try lines(line) == [ChecksumLine(digest: .unknown(name), path: Array("a".utf8))])
        }
    }

    @Test func theLengthSuggestsAnUnnamedDigestsAlgorithm() throws {
        #expect(try lines("\(digits)  a").first?.digest == .unnamed(.sha256, digest))
        let md5 = Array(digest.prefix(16))
        #expect(try lines("\(digits.prefix(32))  a").first?.digest == .unnamed(.md5, md5))
        #expect(try lines("\(digits.prefix(32))  a", algorithm: .xxh128).first?.digest == .named(.xxh128, md5))
        #expect(try lines("MD5 (a) = \(digits.prefix(32))", algorithm: .xxh128).first?.digest == .named(.md5, md5))
    }

    @Test func aLineIsRefusedForAReason() {
        let none = "neither a digest and a name nor NAME (file) = digest"
        #expect(refusal("garbage") == none)
        #expect(refusal("\(digits)") == none)
        #expect(refusal("SHA256 (a) = \(digits) ") == none)
        #expect(refusal("\(digits)12  a") == "66 hex digits belong to no known algorithm")
        #expect(refusal("SHA256 (a) = abcdef12") == "8 hex digits are not a digest of sha256")
        #expect(refusal("\(digits)  a", algorithm: .md5) == "64 hex digits are not a digest of md5")
        #expect(refusal("\(digits)  a\n\(digits) b") == "one character before the name, but two in earlier lines")
        #expect(refusal("\\\(digits)  a\\x") == "a name with an invalid escape")
        #expect(refusal("\(digits)  a\0") == "a name with a NUL")
        #expect(refusal("\(digits) ") == "no name")
    }
}
