// Fuzz targets. One table for three ways of running it: `make fuzz` (libFuzzer, for any time), FuzzTests (the corpus
// and some thousand mutations of it, in `make test`), and `fuzz TARGET FILE...` for one input.
//
// To add a reader of a file format, add a line to `all`. It must end, without a trap, for any bytes, and should check
// its results with an oracle. Its corpus is fixtures/fuzz/NAME/.

/// A target accepts any bytes, and traps if a promise is broken.
package struct FuzzTarget: Sendable {
    /// As in fixtures/fuzz.
    package let name: String
    /// The memory ends where the bytes end, so that AddressSanitizer sees a read beyond them.
    package let run: @Sendable (UnsafeRawBufferPointer) -> Void
    /// The number of mutations in the short run: a few seconds in a debug build.
    package let mutations: Int

    package static let all: [FuzzTarget] = [
        FuzzTarget(name: "dirents", run: fuzzDirectoryEntries, mutations: 10_000),
        FuzzTarget(name: "gitignore", run: fuzzGitignore, mutations: 10_000),
        FuzzTarget(name: "json", run: fuzzJSON, mutations: 10_000),
        FuzzTarget(name: "mountinfo", run: fuzzMountInfo, mutations: 10_000),
        FuzzTarget(name: "cgroup", run: fuzzControlGroups, mutations: 10_000),
        FuzzTarget(name: "partial", run: fuzzPartial, mutations: 1_000),
        FuzzTarget(name: "command", run: fuzzCommand, mutations: 300),
        FuzzTarget(name: "paths", run: fuzzPaths, mutations: 1_000),
        FuzzTarget(name: "rules", run: fuzzRules, mutations: 1_000),
        FuzzTarget(name: "dpkg", run: fuzzDpkg, mutations: 1_000),
        FuzzTarget(name: "records", run: fuzzText("records"), mutations: 300),
        FuzzTarget(name: "mca", run: fuzzText("mca"), mutations: 300),
        FuzzTarget(name: "mtree", run: fuzzText("mtree"), mutations: 300),
        FuzzTarget(name: "hashdeep", run: fuzzText("hashdeep"), mutations: 300),
        FuzzTarget(name: "checksums", run: fuzzText("checksums"), mutations: 300),
        FuzzTarget(name: "ncdu", run: fuzzNcdu, mutations: 1_000),
        FuzzTarget(name: "saved", run: fuzzSaved, mutations: 300),
    ]

    package static func named(_ name: String) -> FuzzTarget? { all.first { $0.name == name } }

    /// Runs it on a copy without spare capacity.
    package func run(_ bytes: [UInt8]) {
        let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 16)
        defer { copy.deallocate() }
        copy.copyBytes(from: bytes)
        run(UnsafeRawBufferPointer(copy))
    }
}
