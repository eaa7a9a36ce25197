// The fixed, short run of the fuzz targets: their corpus, and reproducible mutations of it.

import Foundation
import Fuzzing
import TestSupport
import Testing

@Suite struct FuzzTests {
    /// A failure traps; the lines before it show the target and the seed.
    @Test(arguments: FuzzTarget.all.map(\.name))
    func theCorpusAndItsMutationsBreakNothing(name: String) throws {
        let target = try #require(FuzzTarget.named(name))
        let directory = Repository.path("fixtures/fuzz").appending(ByteString(name)).text
        let corpus = try FileManager.default.contentsOfDirectory(atPath: directory).sorted()
            .map { Array(try Data(contentsOf: URL(fileURLWithPath: directory + "/" + $0))) }
        #expect(corpus.count >= 3, "a corpus in fixtures/fuzz/\(name)")
        for input in corpus { target.run(input) }
        // A sanitizer makes each run about ten times slower.
        for seed in 1...UInt64(isSanitized ? target.mutations / 10 : target.mutations) {
            var generator = SeededGenerator(seed: seed)
            target.run(mutated(corpus, &generator))
        }
    }

    private func mutated(_ corpus: [[UInt8]], _ generator: inout SeededGenerator) -> [UInt8] {
        var bytes = corpus.randomElement(using: &generator)!
        for _ in 0..<Int.random(in: 1...8, using: &generator) {
            let place = Int.random(in: 0...bytes.count, using: &generator)
            switch Int.random(in: 0..<6, using: &generator) {
            case 0 where place < bytes.count: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
            case 1 where place < bytes.count: bytes[place] = Self.interesting.randomElement(using: &generator)!
            case 2 where place < bytes.count: bytes.remove(at: place)
            case 3: bytes.insert(UInt8.random(in: 0...255, using: &generator), at: place)
            case 4: bytes.removeLast(bytes.count - place)
            default:
                let other = corpus.randomElement(using: &generator)!
                let from = Int.random(in: 0...other.count, using: &generator)
                bytes.insert(contentsOf: other[from...].prefix(40), at: place)
            }
        }
        return bytes
    }

    private static let interesting = [0, 1, 0x7F, 0x80, 0xC2, 0xE2, 0xED, 0xF4, 0xFF] + Array(#"*?[]!\/"{}:,-. "#.utf8)
}
