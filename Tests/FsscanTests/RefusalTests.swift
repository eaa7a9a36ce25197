// Unreadable files and directories, and files that change while they are read.

import Glibc
import TestSupport
import Testing

@Suite struct RefusalTests {
    /// As an ordinary user: not readable, listable but not searchable, searchable but not listable.
    @Test(.enabled(if: isRoot, "needs root")) func unreadableEntriesOfAnOrdinaryUserAreCountedAndReported() throws {
        let directory = try TemporaryDirectory([
            .directory("closed", [.file("secret", "x")], mode: 0),
            .directory(
                "listable", [.file("file", "12"), .directory("d"), .fifo("p"), .symlink("s", to: "x")], mode: 0o744),
            .directory("searchable", [.file("file")], mode: 0o711),
            .directory("open", [.file("unreadable", "123", mode: 0), .directory("closed", mode: 0o700)]),
        ])
        let tools = try TemporaryDirectory()
        let report = try expectAgreement(
            ["--depth", "2", directory.path], status: 1, ProcessOptions { $0.asOrdinaryUser = true },
            program: try Fsscan.copy(to: tools), user: 65_534
        ).report()
        let prefix = directory.path.text + "/"
        let errors = report.errors.map { String($0.path.dropFirst(prefix.count)) }
        #expect(
            errors == [
                "closed", "listable/d", "listable/file", "listable/p", "listable/s", "open/closed", "searchable",
            ])
        #expect(report.errors.allSatisfy { $0.code == "EACCES" && !$0.message.isEmpty })
        #expect(report.totals.entries == 11)
        #expect(report.totals.fifos == 1 && report.totals.symlinks == 1 && report.totals.directories == 7)
        #expect(report.totals.apparentBytes == 3)
    }

    @Test(.enabled(if: isRoot, "needs root")) func aPathBelowAClosedDirectoryIsAnError() throws {
        let directory = try TemporaryDirectory([.directory("closed", [.directory("d")], mode: 0o700)])
        let tools = try TemporaryDirectory()
        try expectAgreement(
            [directory.appending("closed/d"), directory.appending("closed")], status: 1,
            ProcessOptions { $0.asOrdinaryUser = true }, program: try Fsscan.copy(to: tools), user: 65_534)
    }

    /// The rest of the tree is reported exactly, whatever happens to the entries that come and go.
    @Test(arguments: threadCounts)
    func vanishingEntriesDisturbNothingElse(threads: Int) throws {
        let still = Tree((0..<50).map { .directory("d\($0)", [.file("f", "x"), .directory("e", [.file("g", "yy")])]) })
        let directory = try TemporaryDirectory([.directory("still", still), .directory("moving")])
        let churn = try RunningProcess(
            [
                "sh", "-c",
                """
                while :; do
                    mkdir -p a/b/c d/e; echo x >a/f; echo y >a/b/f; ln -s f a/s; mv d d2
                    rm -rf a d2; mkdir g; rmdir g; : >h; rm h; ln -s / a; rm a
                done 2>/dev/null
                """,
            ], ProcessOptions { $0.directory = directory.appending("moving") })
        defer {
            churn.send(SIGKILL)
            _ = try? churn.finish()
        }
        for _ in 0..<40 {
            let scan = try ScanRun(["--depth", "1", directory.path], threads: threads)
            let report = try scan.report()
            #expect(scan.outcome.end == .exited(report.totals.errors == 0 ? 0 : 1))
            let codes = Set(report.errors.map(\.code))
            #expect(codes.isSubset(of: ["ENOENT", "ESTALE", "ENOTDIR", "ELOOP"]), "\(report.errors)")
            let children = try #require(report.roots.first?.tree?.children)
            #expect(children.map(\.name) == ["moving", "still"])
            #expect(children[1].totals.entries == 201)
            #expect(children[1].totals.apparentBytes == 150)
            #expect(report.totals.entries < 220)
        }
    }

    @Test func aFifoWithoutAWriterDoesNotHangTheScan() throws {
        let directory = try TemporaryDirectory([.fifo("fifo"), .symlink("to the fifo", to: "fifo")])
        let scan = try ScanRun(
            [directory.path, directory.appending("fifo")], ProcessOptions { $0.timeout = 20 })
        #expect(scan.outcome.end == .exited(0))
    }

    @Test func aSymlinkLoopIsNotEntered() throws {
        let directory = try TemporaryDirectory([
            .directory("a", [.symlink("up", to: ".."), .symlink("self", to: "self"), .symlink("root", to: "/")])
        ])
        #expect(try expectAgreement([directory.path]).report().totals.entries == 5)
    }

    /// One automount point whose daemon is gone, one whose daemon refuses. The kernel sends SIGPIPE to the first
    /// process that enters the former: it ended the scan.
    @Test(
        .enabled(if: canMount && kernelKnows("autofs"), "\(mountObstacle ?? "needs autofs in the kernel")"),
        arguments: [[], ["-x"]] as [[ByteString]])
    func aStaleAutomountIsAnEntry(options: [ByteString]) throws {
        let directory = try TemporaryDirectory([.directory("tree", [.file("f", "x")])])
        let tree = directory.appending("tree")
        for threads in threadCounts {
            let scan = try ScanRun(
                options + [tree], threads: threads, ProcessOptions { $0.timeout = 60 },
                under: ["unshare", "-m", "python3", Repository.path("Tests/faults/stale_automount.py"), tree])
            let report = try scan.report()
            #expect(report.totals.entries == 4 && report.totals.directories == 3)
            // -x does not trigger it: another file system is mounted there.
            let errors = report.errors.map { "\($0.path.split(separator: "/").last!) \($0.code)" }
            #expect(errors == (options.isEmpty ? ["refused ENOENT", "stale ENOENT"] : []))
            #expect(scan.outcome.end == .exited(options.isEmpty ? 1 : 0))
        }
    }
}
