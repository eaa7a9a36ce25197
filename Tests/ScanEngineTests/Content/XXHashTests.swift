import CXXHash
import TestSupport
import Testing

@Suite struct XXHashTests {
    /// The oracle for the digests themselves is xxhsum: `OracleTests`.
    @Test(.enabled(if: cxxhash_has_avx2() != 0, "the processor has no AVX2"))
    func withAVX2TheDigestIsTheSameAsForAnyProcessor() throws {
        let state = try #require(cxxhash_create())
        defer { cxxhash_free(state) }
        var random = SeededGenerator(seed: 7)
        let bytes = (0..<20_000).map { _ in UInt8.random(in: .min ... .max, using: &random) }
        func digest(of count: Int, _ update: (OpaquePointer, UnsafeRawPointer, Int) -> Void) -> [UInt8] {
            cxxhash_begin(state)
            // In two pieces, of which either may end anywhere in a block of 1,024 bytes.
            bytes.withUnsafeBytes { bytes in
                update(state, bytes.baseAddress!, count / 3)
                update(state, bytes.baseAddress! + count / 3, count - count / 3)
            }
            var digest = [UInt8](repeating: 0, count: 16)
            cxxhash_finish(state, &digest)
            return digest
        }
        for count in Array(0..<2_100) + stride(from: 2_100, through: bytes.count, by: 179) {
            #expect(digest(of: count, cxxhash_update_any) == digest(of: count, cxxhash_update_avx2))
        }
    }
}
