// Regression tests for trees that other users write to. Tests/hostile has the programs that attack a tree.

import Foundation
import LinuxKernel
import TestSupport
import Testing

@Suite struct HostileTests {
    /// A name that was listed some time ago may be a device by now, and opening one has effects: large files, which
    /// wait for their turn, and `.gitignore` files, which were not stat'ed, are pinned with O_PATH first.
    @Test(.disabled(if: isSanitized, "LeakSanitizer does not work under strace"))
    func aNameThatWasListedLongAgoIsNotOpenedAsItIs() throws {
        let directory = try TemporaryDirectory([
            .file("large", size: 20 << 20), .hardLink("linked", to: "large"), .fifo(".gitignore"),
            .directory("d", [.file(".gitignore", "*.o\n.gitignore\n"), .file("x.o")]),
        ])
        let trace = directory.path + ".trace"
        defer { trace.withCString { _ = unlink($0) } }
        let outcome = try run([
            "strace", "-f", "-e", "trace=openat", "-o", trace, Fsscan.path, "--json", "--gitignore", "--hash", "sha256",
            directory.path,
        ])
        #expect(outcome.status == 0, "\(outcome.errorText)")
        let lines = String(decoding: try Data(contentsOf: URL(fileURLWithPath: trace.text)), as: UTF8.self)
            .split(separator: "\n")
        let named = lines.filter { line in
            ["\"linked\"", "\"large\"", "\".gitignore\""].contains { line.contains($0) }
        }
        // One of the two links, and a file to ignore in each of two directories.
        #expect(named.count == 3, "\(named)")
        #expect(named.allSatisfy { $0.contains("O_PATH") }, "\(named)")
        #expect(lines.count { $0.contains("\"/proc/self/fd/") && !$0.contains("O_DIRECTORY") } == 2)
    }

    /// 10,000 errors at the bottom of a deep tree, each with a path of 50 KB: half a gigabyte, where 256 MiB are left.
    @Test(.disabled(if: isSanitized, "sanitizers reserve terabytes of addresses"))
    func errorsDoNotKeepTheirPaths() throws {
        let name = ByteString([UInt8](repeating: 0x6E, count: 250))
        let directory = try TemporaryDirectory([
            .chain(name, depth: 200, Tree((0..<10_000).map { .file("\($0)", "x") }))
        ])
        let script = #""$0" "$@" | head -c 1000 >/dev/null; exit "${PIPESTATUS[0]}""#
        let outcome = try run(
            [
                "bash", "-c", ByteString(script), Fsscan.path, "--json", "--threads", "2", "--hash", "md5",
                "--max-read", "0", directory.path,
            ], ProcessOptions { $0.limits = ["as": 256 << 20] })
        // The reader closes the pipe: writing everything would take long.
        #expect(outcome.status == 128 + SIGPIPE, "\(outcome.end) \(outcome.errorText.prefix(500))")
    }
}
