// What is fed with bytes that nobody meant. One table for three ways of running it: `make fuzz` (libFuzzer, for as long as
// wanted), FuzzTests (the corpus and 10,000 mutations of it, in `make test`), and `fuzz TARGET FILE...` for one input.
//
// A reader of a file format is added as a line of `all`: it must end, without a trap, for any bytes; what it reads, it
// should check with an oracle. Its corpus is fixtures/fuzz/NAME/.

/// Something that takes any bytes. It traps where a promise is broken.
package struct FuzzTarget: Sendable {
    /// As in fixtures/fuzz.
    package let name: String
    /// The bytes end where their memory ends, so that AddressSanitizer sees a read beyond them.
    package let run: @Sendable (UnsafeRawBufferPointer) -> Void

    package static let all: [FuzzTarget] = [
        FuzzTarget(name: "dirents", run: fuzzDirectoryEntries),
        FuzzTarget(name: "gitignore", run: fuzzGitignore),
        FuzzTarget(name: "json", run: fuzzJSON),
    ]

    package static func named(_ name: String) -> FuzzTarget? { all.first { $0.name == name } }

    /// Runs it on a copy that is no longer than the bytes.
    package func run(_ bytes: [UInt8]) {
        let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 16)
        defer { copy.deallocate() }
        copy.copyBytes(from: bytes)
        run(UnsafeRawBufferPointer(copy))
    }
}
