import Entries
import Glibc
import LinuxKernel
import TestSupport
import Testing

@testable import ScanEngine

/// Digests of files against well-known programs.
@Suite struct DigestTests {
    static let programs: [(DigestAlgorithm, [ByteString])] = [
        (.sha256, ["sha256sum"]), (.sha1, ["sha1sum"]), (.sha512, ["sha512sum"]), (.md5, ["md5sum"]),
        (.blake2b, ["b2sum"]), (.xxh128, ["xxhsum", "-q", "-H2"]),
        (.git, ["git", "hash-object", "--no-filters"]), (.sha384, ["sha384sum"]),
    ]

    /// Lengths around every block length, slice and buffer that is in play.
    static let lengths = [
        0, 1, 2, 3, 16, 17, 55, 56, 63, 64, 65, 111, 112, 119, 127, 128, 129, 239, 240, 241, 1023, 1024, 4095, 4096,
        4097, 65535, 65536, 65537, 131_072, 1_048_575, 1_048_576, 1_048_577, 3_000_000,
    ]

    @Test func everyAlgorithmAgreesWithItsProgramAtEveryLength() throws {
        let bytes = noise(3_000_000)
        let nodes = Self.lengths.map { Node.file("f\($0)", ByteString(bytes.prefix($0))) }
        let directory = try TemporaryDirectory(Tree(nodes))
        let paths = Self.lengths.map { directory.appending("f\($0)") }
        let ours = try paths.map { try fileDigests($0, DigestAlgorithm.allCases) }
        #expect(Self.programs.count == DigestAlgorithm.allCases.count)
        for (algorithm, program) in Self.programs {
            let lines = String(decoding: try output(of: program + paths), as: UTF8.self).split(separator: "\n")
            let theirs = lines.map { String($0.prefix { $0 != " " }) }
            let lane = try #require(DigestAlgorithm.allCases.firstIndex(of: algorithm))
            #expect(ours.map { $0[lane] } == theirs, "\(algorithm)")
        }
    }

    @Test(arguments: [(1, 1), (7, 100), (64, 1000), (4096, 10_000), (65536, 65536)])
    func piecesAndMessagesDoNotShow(bufferBytes: Int, budget: Int64) throws {
        let directory = try TemporaryDirectory([.file("f", ByteString(noise(70_001)))])
        let path = directory.appending("f")
        let whole = try fileDigests(path, DigestAlgorithm.allCases)
        #expect(
            try fileDigests(path, DigestAlgorithm.allCases, bufferBytes: bufferBytes, budget: budget) == whole)
    }

    @Test(arguments: DigestAlgorithm.allCases)
    func oneAlgorithmAloneGivesTheSameDigestAsAmongOthers(algorithm: DigestAlgorithm) throws {
        let directory = try TemporaryDirectory([.file("f", ByteString(noise(200_000)))])
        let all = try fileDigests(directory.appending("f"), DigestAlgorithm.allCases)
        let lane = try #require(DigestAlgorithm.allCases.firstIndex(of: algorithm))
        #expect(try fileDigests(directory.appending("f"), [algorithm]) == [all[lane]])
        #expect(all[lane].utf8.count == 2 * algorithm.byteCount)
    }

    @Test func algorithmsKeepTheirOrderWithoutRepeats() {
        let set = DigestSet([.md5, .sha1, .md5, .git, .sha1])
        #expect(set.algorithms == [.md5, .sha1, .git])
        #expect(set.rowBytes == 56)
        #expect(DigestSet(DigestAlgorithm.allCases).rowBytes == 280)
        #expect(DigestSet([]).isEmpty)
    }

    @Test func aDigestThatWasBegunAndDroppedLeavesNoTrace() throws {
        var digest = MultiDigest(try DigestMethods(DigestSet(DigestAlgorithm.allCases)))
        var clean: [UInt8] = []
        digest.digest(UnsafeRawBufferPointer(start: nil, count: 0), appendingTo: &clean)
        digest.begin(length: 5)
        noise(3).withUnsafeBytes { digest.update($0) }
        var after: [UInt8] = []
        digest.digest(UnsafeRawBufferPointer(start: nil, count: 0), appendingTo: &after)
        #expect(clean == after)
    }

    @Test func zerosOfAHoleCountLikeZerosThatWereRead() throws {
        var digest = MultiDigest(try DigestMethods(DigestSet(DigestAlgorithm.allCases)))
        var fed: [UInt8] = []
        var skipped: [UInt8] = []
        [UInt8](repeating: 0, count: 200_003).withUnsafeBytes { digest.digest($0, appendingTo: &fed) }
        digest.begin(length: 200_003)
        digest.updateZeros(1)
        digest.updateZeros(200_002)
        digest.finish(appendingTo: &skipped)
        #expect(fed == skipped)
    }

    @Test func aSymlinkTargetOfAnyLengthIsReadWhole() throws {
        let lengths = [1, 255, 256, 257, 1023, 1024, 1025, 4095]
        let nodes = lengths.map { Node.symlink("l\($0)", to: ByteString([UInt8](repeating: 0xfe, count: $0))) }
        let directory = try TemporaryDirectory(Tree(nodes))
        for length in lengths {
            let target = try directory.appending("l\(length)").withCString {
                try Kernel.symlinkTarget($0, in: AT_FDCWD)
            }
            #expect(target == [UInt8](repeating: 0xfe, count: length))
        }
    }

    @Test func opensslErrorsAreSentences() throws {
        #expect(DigestMethods.lastOpenSSLError() == "no reason given")
    }
}
