// System calls that a sandbox refuses, C library calls that fail now and then, and lack of memory.

import Glibc
import TestSupport
import Testing

/// ThreadSanitizer and AddressSanitizer bring their own malloc, and want to be the first library of a process.
private let unsanitized = ConditionTrait.disabled(if: isSanitized, "nothing can be preloaded into a sanitized program")

@Suite struct RefusedCallTests {
    /// The scan to compare with: the same one without interference.
    private static let options: [ByteString] = ["--hash", "sha256,git", "--mime", "--depth", "3"]

    private static func tree() throws -> TemporaryDirectory {
        try TemporaryDirectory(
            mixedTree
                + Tree((0..<40).map { .directory("d\($0)", [.file("f", "\($0)"), .directory("e", [.file("g")])]) }))
    }

    private static func expectNoChange(without calls: ByteString, _ code: ByteString) throws {
        let directory = try Self.tree()
        let free = try ScanRun(Self.options + [directory.path]).timeless()
        for threads in threadCounts {
            let scan = try ScanRun(
                Self.options + [directory.path], threads: threads, under: [CProgram.refuse.get().path, code, calls])
            #expect(scan.outcome.end == .exited(0), "\(calls) \(scan.outcome.errorText)")
            let isSame = try scan.timeless() == free
            #expect(isSame, "\(calls)")
        }
    }

    @Test(
        arguments: [
            "statx", "io_uring_setup", "clone3,membarrier", "fadvise64", "preadv2", "RWF_DONTCACHE", "statx,clone3",
        ] as [ByteString],
        ["ENOSYS", "EPERM"] as [ByteString])
    func aSandboxWithoutTheNewerCallsChangesNothing(calls: ByteString, code: ByteString) throws {
        try Self.expectNoChange(without: calls, code)
    }

    @Test(
        .disabled(if: isSanitized, "a sanitizer ends the program when it may not ask for limits"),
        arguments: ["ENOSYS", "EPERM"] as [ByteString])
    func aSandboxThatHidesLimitsChangesNothing(code: ByteString) throws {
        try Self.expectNoChange(without: "sched_getaffinity,prlimit64", code)
    }

    /// Only these calls report a file system's kind, holes and listings: if they are refused, each entry gets an error.
    @Test(
        .disabled(if: isSanitized, "LeakSanitizer ends the program when it cannot list its threads"),
        arguments: [("getdents64", 1), ("fstatfs", 9), ("lseek", 9)] as [(ByteString, Int)])
    func aSandboxWithoutTheOldCallsMakesErrors(call: ByteString, least: Int) throws {
        let directory = try TemporaryDirectory(mixedTree)
        let scan = try ScanRun(
            Self.options + [directory.path], under: [CProgram.refuse.get().path, "EPERM", call])
        #expect(scan.outcome.end == .exited(1))
        let report = try scan.report()
        #expect(report.errors.allSatisfy { $0.operation == call.text && $0.code == "EPERM" })
        #expect(report.totals.errors >= least)
        #expect(try scan.schemaProblems() == "")
    }

    /// - Parameter name: the name for which `openat` fails; nil for all.
    private static func failing(_ rules: String, name: String? = nil) throws -> ProcessOptions {
        let library = try CProgram.failing.get().path.text
        return ProcessOptions {
            $0.environment = ["LD_PRELOAD": library, "FAILING": rules, "FAILING_NAME": name]
            // Some of them retry for two seconds of processor time, in parallel with all other tests.
            $0.timeout = 300
        }
    }

    /// Every second, third … open, of directories and files, finds no free descriptor.
    @Test(unsanitized, arguments: ["EMFILE", "ENFILE"], [2, 3, 7])
    func aLackOfDescriptorsThatPassesCostsNothing(code: String, every: Int) throws {
        let directory = try Self.tree()
        let free = try ScanRun(Self.options + [directory.path]).timeless()
        for threads in threadCounts {
            // The first opens are the program's own: /proc/self/mountinfo, libmagic's database.
            let scan = try ScanRun(
                Self.options + [directory.path], threads: threads, Self.failing("openat:\(code):\(every):20"))
            #expect(scan.outcome.end == .exited(0), "\(scan.outcome.errorText)")
            let isSame = try scan.timeless() == free
            #expect(isSame, "\(threads) threads")
        }
    }

    /// The records of a scan that opens files for their attributes and their exclusion rules.
    private static func records(of paths: [ByteString], threads: Int, _ options: ProcessOptions) throws -> [Substring] {
        let scan = try Fsscan.run(
            ["--ndjson", "--sorted", "--xattrs", "--gitignore", "--threads", "\(threads)"] + paths, options)
        #expect(scan.end == .exited(0), "\(scan.errorText) \(scan.outputText.suffix(1000))")
        return scan.outputText.split(separator: "\n").filter { $0.hasPrefix(#"{"type":"en"#) }
    }

    private static func treeWithAttributes() throws -> TemporaryDirectory {
        let directory = try TemporaryDirectory(
            Tree(
                (0..<40).map {
                    .directory("d\($0)", [.file(".gitignore", "*.o\n"), .file("a.o"), .file("f", "\($0)"), .fifo("p")])
                }))
        _ = try output(of: ["sh", "-c", "setfattr -n user.a -v \"$0\" \"$0\"/d*/f; exit 0", directory.path])
        return directory
    }

    /// With attributes and `.gitignore` files each lack of a descriptor was an error at once.
    @Test(unsanitized, arguments: ["EMFILE", "ENFILE"], [3, 7])
    func aLackOfDescriptorsThatPassesCostsNoAttributesAndNoPatterns(code: String, every: Int) throws {
        let directory = try Self.treeWithAttributes()
        let paths = [directory.path, directory.appending("d7/f")]
        let free = try Self.records(of: paths, threads: 1, ProcessOptions())
        #expect(free.count == 1 + 40 * 4 + 1)
        for threads in threadCounts {
            let found = try Self.records(of: paths, threads: threads, Self.failing("openat:\(code):\(every):20"))
            #expect(found == free, "\(threads) threads")
        }
    }

    @Test func aLowLimitOnDescriptorsCostsNoAttributesAndNoPatterns() throws {
        let directory = try Self.treeWithAttributes()
        let free = try Self.records(of: [directory.path], threads: 1, ProcessOptions())
        let few = try Self.records(of: [directory.path], threads: 8, ProcessOptions { $0.limits = ["nofile": 12] })
        #expect(few == free)
    }

    /// Each directory was tried for a second: a tree with many took hours to fail.
    @Test(unsanitized, arguments: threadCounts)
    func aLackOfDescriptorsThatLastsEndsTheScanWithErrors(threads: Int) throws {
        let directory = try TemporaryDirectory(Tree((0..<300).map { .directory("d\($0)", [.file("f")]) }))
        let scan = try ScanRun([directory.path], threads: threads, Self.failing("openat:ENFILE:1:30"))
        #expect(scan.outcome.end == .exited(1))
        let report = try scan.report()
        #expect(report.totals.directories == 301)
        #expect(report.totals.errors > 200 && report.errors.allSatisfy { $0.code == "ENFILE" })
    }

    /// Directories that cannot be opened for lack of descriptors need their parents', and take them from each other.
    /// Each reopened parent counted as progress, forever. More of them than workers, so that each loses its parent's
    /// while others are tried.
    @Test(unsanitized, arguments: threadCounts)
    func directoriesThatTakeEachOthersDescriptorsEnd(threads: Int) throws {
        let names = (10..<50).map { "\($0)" }
        let directory = try TemporaryDirectory(Tree(names.map { .directory(ByteString($0), [.directory("closed")]) }))
        var options = try Self.failing("openat:EMFILE:1:0", name: "closed")
        // Few enough that all directories are candidates for giving up theirs.
        options.limits = ["nofile": 64]
        let scan = try ScanRun(["--stats", directory.path], threads: threads, options)
        #expect(scan.outcome.end == .exited(1))
        let report = try scan.report()
        #expect(report.totals.directories == 81)
        #expect(
            report.errors.map { "\($0.path.dropFirst(directory.path.bytes.count)) \($0.operation) \($0.code)" }
                == names.map { "/\($0)/closed openat EMFILE" })
        let reopened = try #require(scan.outcome.outputText.firstMatch(of: /"descriptors_reopened": ([0-9]+)/)?.1)
        #expect(try #require(Int(reopened)) >= 40)
    }

    /// One libmagic handle, or one helper, suffices: each file for which another could not be created was an error.
    @Test(unsanitized, arguments: threadCounts, ["magic_open:ENOMEM", "posix_spawn:EAGAIN"])
    func oneLibmagicHandleIsEnough(threads: Int, failure: String) throws {
        let place = try TemporaryDirectory()
        let program = failure.hasPrefix("posix_spawn") ? Fsscan.path : try Fsscan.copy(to: place, withHelper: false)
        // All contents differ, so that no answer is cached.
        let directory = try TemporaryDirectory(
            Tree(
                (0..<40).map { d in
                    .directory("d\(d)", Tree((0..<20).map { .file("f\($0)", "#!/bin/sh\n# \(d) \($0)") }))
                }))
        let free = try ScanRun(Self.options + [directory.path]).timeless()
        let scan = try ScanRun(
            Self.options + [directory.path], threads: threads, Self.failing("\(failure):1:1"), program: program)
        #expect(scan.outcome.end == .exited(0), "\(scan.outcome.errorText.prefix(300))")
        let isSame = try scan.timeless() == free
        #expect(isSame, "\(threads) threads")
        // Without the first call there is no scan.
        let none = try run([program] + Self.options + [directory.path], Self.failing("\(failure):1:0"))
        #expect(none.end != .exited(0) && none.errorText.contains("magic"))
    }

    @Test(
        unsanitized,
        arguments: [
            ("getdents64:EIO:20:3", "getdents64"), ("fstatat:EIO:10:1", "statx"), ("fstatat:ENOMEM:10:1", "statx"),
            ("fstat:ESTALE:50:1", "openat"), ("pread:EIO:10:1", "read"), ("openat:ENOMEM:10:30", "openat"),
            ("openat:EIO:10:30", "openat"),
        ])
    func callsThatFailNowAndThenAreErrorsAndNothingElse(rules: String, operation: String) throws {
        let directory = try Self.tree()
        let entries = try ScanRun([directory.path]).report().totals.entries
        for threads in threadCounts {
            let scan = try ScanRun(
                ["--hash", "sha256", directory.path], threads: threads, Self.failing(rules))
            #expect(scan.outcome.end == .exited(1))
            #expect(try scan.schemaProblems() == "")
            let report = try scan.report()
            #expect(report.totals.errors > 0 && report.totals.entries <= entries)
            let operations = Set(report.errors.map(\.operation))
            #expect(operations.isSubset(of: [operation, "fstat", "statx"]), "\(operations)")
        }
    }

    // MARK: Memory

    /// Where the allocation fails, in growing steps; FSSCAN_LARGE=1 tries a thousand places.
    private static let allocations: [Int] = {
        if isLarge { return Array(stride(from: 0, to: 40_000, by: 40)) }
        // Far in, several workers lack memory at once.
        return (0..<24).map { 1 << ($0 / 2) + ($0 % 2) * (1 << ($0 / 2)) / 2 } + [36_000, 37_000, 38_000, 39_000]
    }()

    @Test(unsanitized, arguments: [1, 7])
    func whenMemoryRunsOutItSaysSoAndTheOldReportStays(threads: Int) throws {
        let directory = try TemporaryDirectory(mixedTree)
        let place = try TemporaryDirectory()
        let report = place.appending("report")
        var failures = 0
        for after in Self.allocations {
            _ = try output(of: ["sh", "-c", "echo old >\"$0\"", report])
            let outcome = try Fsscan.run(
                Self.options + ["--threads", "\(threads)", "--json", "-o", report, directory.path],
                Self.failing("malloc:ENOMEM:1:\(after)"))
            if outcome.end == .exited(0) { continue }
            failures += 1
            #expect(outcome.end == .exited(71), "\(after)")
            #expect(outcome.errorText == "fsscan: out of memory\n")
            #expect(try output(of: ["cat", report]) == Array("old\n".utf8))
            #expect(try output(of: ["ls", "-A", place.path]) == Array("report\n".utf8))
        }
        #expect(failures >= 15)
    }

    /// With too little the loader refuses the program; with a little more it reports lack of memory; otherwise it
    /// works.
    @Test(unsanitized, arguments: stride(from: 40, through: 200, by: 16).map { $0 << 20 })
    func anyLimitOnAddressSpaceEndsInAReportOrAPlainLine(limit: Int) throws {
        let directory = try Self.tree()
        let outcome = try Fsscan.run(
            ["--json", "--hash", "sha256", "--mime", directory.path],
            ProcessOptions {
                $0.limits = ["as": limit]
                $0.timeout = 60
            })
        if outcome.end == .exited(0) {
            #expect(outcome.outputText.hasSuffix("}\n"))
        } else {
            #expect(outcome.standardOutput.isEmpty, "\(outcome.end)")
            // libmagic may print something, too.
            #expect((1...4).contains(outcome.errorText.split(separator: "\n").count), "\(outcome.errorText)")
            if case .exited(let status) = outcome.end {
                #expect([71, 74, 127].contains(status), "\(outcome.errorText)")
            } else {
                Issue.record("\(outcome.end) \(outcome.errorText)")
            }
        }
    }

    // MARK: /proc

    /// Processes come and go while their files are scanned; one is a zombie, whose links lead nowhere.
    @Test(arguments: threadCounts)
    func processesThatVanishAreErrorsAtMost(threads: Int) throws {
        let churn = try RunningProcess([
            "python3", "-c",
            """
            import os, time
            if os.fork() == 0: os._exit(0)
            print("ready", flush=True)
            end = time.time() + 60
            while time.time() < end:
                child = os.fork()
                if child == 0: os._exit(0)
                os.waitpid(child, 0)
            """,
        ])
        defer {
            churn.send(SIGKILL)
            _ = try? churn.finish()
        }
        for _ in 0..<3 {
            // The scan sees itself: each descriptor that it holds is an entry or two in the directory of each of its
            // threads, so a slow scan (under a sanitizer) sees ten times as many.
            let scan = try ScanRun(
                ["--hash", "md5", "/proc"], threads: threads, ProcessOptions { $0.limits = ["nofile": 256] })
            let report = try scan.report()
            #expect(scan.outcome.end == .exited(report.totals.errors == 0 ? 0 : 1))
            #expect(report.complete && report.totals.skipped > 0)
            let codes = Set(report.errors.map(\.code))
            #expect(
                codes.isSubset(of: [
                    "ENOENT", "ESRCH", "EACCES", "EPERM", "EINVAL", "ESTALE", "ENOTDIR", "ENAMETOOLONG",
                ]), "\(codes)")
        }
        let zombie = try ScanRun(["/proc/\(churn.pid)/task", "/proc/self/"], threads: threads)
        #expect(try zombie.schemaProblems() == "")
    }
}
