// Reading leaves the page cache as it was: cached pages stay, and pages that a scan brings in are dropped.

import TestSupport
import Testing

/// cachestat(2) gives root true answers. The file system must keep file contents in the page cache, and release them.
private let pageCacheObstacle: String? = {
    guard isRoot else { return "needs root, to whom cachestat(2) tells all" }
    guard let directory = try? TemporaryDirectory(in: "/var/tmp"),
        (try? PageCacheTests.prepare(directory)) != nil, let shown = try? PageCacheTests.shown(directory)
    else { return "needs cachestat(2), Linux 6.5" }
    return shown == PageCacheTests.asPrepared(shown) ? nil : "needs a file system whose pages can be dropped"
}()

@Suite(
    .enabled(if: pageCacheObstacle == nil, "\(pageCacheObstacle ?? "")"),
    .disabled(if: isSanitized, "a sanitized program may not run under a seccomp filter"))
struct PageCacheTests {
    fileprivate static let tool = Repository.path("Tests/oracles/cached.py")

    /// Files of many sizes below `hot`, all of them cached, and the same below `cold`, where no page is.
    fileprivate static func prepare(_ directory: TemporaryDirectory) throws {
        _ = try output(of: [Repository.python(), tool, "prepare", directory.path])
    }

    fileprivate static func shown(_ directory: TemporaryDirectory) throws -> [Substring] {
        let lines = try output(of: [Repository.python(), tool, "show", directory.path])
        return String(decoding: lines, as: UTF8.self).split(separator: "\n")
    }

    /// The expected state of the files.
    fileprivate static func asPrepared(_ shown: [Substring]) -> [Substring] {
        shown.map { line in
            let path = line.prefix { $0 != " " }
            return Substring(path + (path.hasPrefix("hot/") ? " cached" : " not"))
        }
    }

    private static func refusing(_ call: ByteString) throws -> [ByteString] {
        try [CProgram.refuse.get().path, "EOPNOTSUPP", call]
    }

    /// `RWF_DONTCACHE`, and the fallback without it. libmagic reads differently from a scan, and does not care for
    /// caches.
    @Test(
        arguments: [
            ["--hash", "sha256"], ["--mime"], ["--hash", "md5", "--mime"], ["duplicates"], ["duplicates", "--compare"],
        ] as [[ByteString]], [false, true])
    func cachedPagesStayAndNoOthersAreAdded(arguments: [ByteString], isOld: Bool) throws {
        var changed: [Substring] = []
        // The kernel may keep a page that it is asked to drop, while another processor has it in hand.
        for _ in 0..<3 {
            let directory = try TemporaryDirectory(in: "/var/tmp")
            try Self.prepare(directory)
            let outcome = try run(
                (isOld ? Self.refusing("RWF_DONTCACHE") : []) + [Fsscan.path] + arguments + [directory.path])
            #expect(outcome.end == .exited(arguments[0] == "duplicates" ? 1 : 0), "\(outcome.errorText)")
            let shown = try Self.shown(directory)
            #expect(shown.count == 72)
            changed = zip(shown, Self.asPrepared(shown)).filter { $0 != $1 }.map(\.0)
            if changed.isEmpty { return }
        }
        Issue.record("\(changed)")
    }

    @Test(arguments: [false, true]) func comparingLeavesTheCacheAsItWas(isOld: Bool) throws {
        let directory = try TemporaryDirectory(in: "/var/tmp")
        let place = try TemporaryDirectory()
        let saved = place.appending("saved")
        let launcher = isOld ? try Self.refusing("RWF_DONTCACHE") : []
        try Self.prepare(directory)
        _ = try Fsscan.run(["--save", saved, "--hash", "sha256", directory.path])
        for arguments: [ByteString] in [
            ["verify", saved], ["diff", "--ignore", "mtime", directory.appending("cold"), directory.appending("hot")],
        ] {
            var changed: [Substring] = []
            for _ in 0..<3 {
                let outcome = try run(launcher + [Fsscan.path] + arguments)
                #expect(outcome.end == .exited(0), "\(outcome.outputText) \(outcome.errorText)")
                let shown = try Self.shown(directory)
                changed = zip(shown, Self.asPrepared(shown)).filter { $0 != $1 }.map(\.0)
                if changed.isEmpty { break }
                // Once more from the beginning; the times of the files stay. The kernel may have reclaimed pages, too.
                let again: ByteString = """
                    sync; find "$0/hot" -type f -exec cat {} + > /dev/null
                    find "$0/cold" -type f -exec dd of={} oflag=nocache conv=notrunc,fdatasync count=0 status=none \\;
                    """
                _ = try output(of: ["sh", "-c", again, directory.path])
            }
            #expect(changed.isEmpty, "\(arguments[0]): \(changed)")
        }
    }

    /// Where neither flag is known, files are read as ever.
    @Test func aKernelWithoutFlagsReadsAndKeeps() throws {
        let directory = try TemporaryDirectory(in: "/var/tmp")
        try Self.prepare(directory)
        let outcome = try run(Self.refusing("preadv2") + [Fsscan.path, "--hash", "sha256", directory.path])
        #expect(outcome.end == .exited(0), "\(outcome.errorText)")
        #expect(try Self.shown(directory).allSatisfy { $0.hasSuffix(" cached") })
    }

    /// Each file was one call that is not known there, and one that is.
    @Test func aRefusedWayIsTriedOncePerFileSystem() throws {
        let directory = try TemporaryDirectory(
            Tree((0..<200).map { .file(ByteString("f\($0)".utf8), "\($0)") }), in: "/dev/shm")
        let place = try TemporaryDirectory()
        let trace = place.appending("trace")
        _ = try output(
            of: ["strace", "-f", "-qq", "-o", trace, "-e", "trace=preadv2,pread64", Fsscan.path, "--threads", "1"]
                + ["--hash", "sha256", directory.path])
        let calls = String(decoding: try output(of: ["cat", trace]), as: UTF8.self).split(separator: "\n")
        let flagged = calls.filter { $0.contains("preadv2(") }
        // Each worker tries once, and a worker that blocks is replaced.
        #expect(flagged.count < 100, "\(flagged.count) of \(calls.count)")
    }
}
