// Reviewed reports: fixtures/*.json, renewed by `make fixtures` (FSSCAN_RENEW_FIXTURES=1).

import TestSupport
import Testing

@Suite struct GoldenTests {
    /// Fixed contents, modes and times; sizes far enough apart that block sizes do not change an order.
    static let tree: Tree = [
        .directory(
            "tree",
            [
                .directory(
                    "docs",
                    [
                        .file("manual.PDF", zeros(900_000), mtime: 1_000_000_000),
                        .file("notes.txt", "notes\n", mtime: 1_000_000_001),
                        .hardLink("same.txt", to: "tree/docs/notes.txt"),
                        .directory("old", [.file("v1.tar.gz", zeros(300_000), mtime: 1)], mode: 0o750, mtime: 2),
                    ], mtime: 3),
                .directory("empty", mtime: 4),
                .directory([0x63, 0x61, 0x66, 0xe9], [.file("line\nbreak \"quoted\".txt", "x", mtime: 5)], mtime: 6),
                .symlink("latest", to: "docs/manual.PDF", mtime: 7),
                .fifo("fifo", mtime: 8), .socket("socket", mtime: 9),
                .file("run", "#!/bin/sh\n", mode: 0o755, mtime: 10),
            ], mtime: 11)
    ]

    /// Written as data: a hole would make the file the smallest on disk.
    private static func zeros(_ count: Int) -> ByteString { ByteString([UInt8](repeating: 0, count: count)) }

    /// Values that depend on the machine, the version or the time become null: allocated bytes, owners, timing.
    static let normalisation: ByteString = """
        (.. | objects | select(has("disk_bytes")) | .disk_bytes) |= null
        | .timing |= map_values(null) | .version |= null
        | .owners |= map(map_values(null)) | .groups |= map(map_values(null))
        """

    @Test(arguments: threadCounts)
    func theReportIsTheReviewedOne(threads: Int) throws {
        let directory = try TemporaryDirectory(GoldenTests.tree)
        let inside = ProcessOptions { $0.directory = directory.path }
        let scan = try ScanRun(
            ["--depth", "2", "--top", "3", "--now", "2001-09-10", "tree", "missing"], threads: threads, inside)
        #expect(scan.outcome.end == .exited(1))
        let report = try output(
            of: ["jq", "--indent", "2", GoldenTests.normalisation],
            ProcessOptions { $0.input = scan.outcome.standardOutput })
        let difference = try Golden.difference(report, from: "report.json")
        #expect(difference == nil)
    }
}
