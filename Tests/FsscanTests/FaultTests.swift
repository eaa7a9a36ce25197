// A file system that fails (Tests/faults/faultfs.c): errors during listing, stat and reading, and a readdir that
// reports little or wrong data.

import Foundation
import TestSupport
import Testing

extension FaultyTree {
    /// Scans with each number of workers: the same bytes each time, valid by the schema.
    func scan(
        _ options: [ByteString] = [], status: Int32 = 1, sourceLocation: SourceLocation = #_sourceLocation
    ) throws -> Report {
        var first: ByteString?
        var report: Report?
        for threads in threadCounts {
            let scan = try ScanRun(
                options + [root], threads: threads, ProcessOptions { $0.timeout = 60 }, under: launcher())
            #expect(
                scan.outcome.end == .exited(status), "\(scan.outcome.errorText.prefix(500))",
                sourceLocation: sourceLocation)
            let text = try scan.timeless()
            let isSame = text == first ?? text
            #expect(isSame, "other bytes with \(threads) threads", sourceLocation: sourceLocation)
            if first == nil { #expect(try scan.schemaProblems() == "", sourceLocation: sourceLocation) }
            (first, report) = (text, try scan.report())
        }
        return try #require(report)
    }

    /// `PATH OPERATION CODE` of each error, the PATH counted from the root.
    func errors(_ report: Report) -> [String] {
        report.errors.map { error in
            "\(error.path.dropFirst(root.bytes.count + 1)) \(error.operation) \(error.code)"
        }
    }
}

@Suite(.enabled(if: canUseFUSE, "\(fuseObstacle ?? "")")) struct FaultTests {
    private static let everyKind = [
        "d dir", "d/f file size=70000", "d/e dir", "d/e/g file size=1", "f file size=5", "p fifo", "l link size=6",
    ]

    @Test func kindsThatReaddirOmitsAreStated() throws {
        let told = try FaultyTree(Self.everyKind)
        let untold = try FaultyTree(Self.everyKind.map { $0 + " type=unknown" })
        let report = try untold.scan(["--hash", "sha256,git"], status: 0)
        #expect(report.totals == (try told.scan(["--hash", "sha256"], status: 0).totals))
        #expect(report.totals.entries == Int64(try untold.output(of: ["find", untold.root, "-printf", "x"]).count))
        let usage = String(decoding: try untold.output(of: ["du", "-s", "-B1", untold.root]), as: UTF8.self)
        #expect(usage.hasPrefix("\(report.totals.diskBytes)\t"))
        #expect(report.totals.fifos == 1 && report.totals.symlinks == 1 && report.totals.directories == 3)
    }

    /// The C library's readdir, and so find, omits entries with inode number 0, so these are counted by hand.
    @Test func theInodeNumbersOfReaddirAreNotLookedAt() throws {
        let tree = try FaultyTree(Self.everyKind.map { $0 + " ino=0" })
        #expect(try tree.scan(["--hash", "sha256"], status: 0).totals.entries == 8)
        let same = try FaultyTree(Self.everyKind.map { $0 + " ino=7" })
        #expect(try same.scan(status: 0).totals.entries == 8)
    }

    @Test func aNameListedTwiceIsReportedTwiceAndHasNoDigestAbove() throws {
        let tree = try FaultyTree([
            "d dir", "d/e dir", "d/e/f file size=10 twice=1", "d/g dir", "d/g/h file size=3", "b dir",
            "b/many file size=1 count=3000", "b/z dir twice=1", "b/z/y file",
        ])
        let report = try tree.scan(["--hash", "git", "--depth", "2"], status: 0)
        #expect(report.totals.entries == Int64(try tree.output(of: ["find", tree.root, "-printf", "x"]).count))
        #expect(report.totals.files == 3005 && report.totals.directories == 7)
        let text = try ScanRun(["--hash", "git", "--depth", "2", tree.root], under: tree.launcher()).outcome.outputText
        let known = text.components(separatedBy: #""digests": {"#).count - 1
        let unknown = text.components(separatedBy: #""digests": null"#).count - 1
        // d/g and both b/z are known; the root (twice: as a root and in its tree), d, d/e and b are not.
        #expect(known == 3 && unknown == 5, "\(known) \(unknown)")
    }

    @Test(arguments: ["EIO", "ESTALE"], [(0, 600), (300, 600), (2_999, 9_000), (8_999, 9_000)])
    func anErrorInTheMiddleOfAListingKeepsTheListedEntries(code: String, counts: (listed: Int, all: Int)) throws {
        let tree = try FaultyTree([
            "d dir list=\(code)@\(counts.listed)", "d/a_file_with_a_name_ file size=2 count=\(counts.all)", "f file",
        ])
        let report = try tree.scan()
        #expect(report.totals.entries == Int64(3 + counts.listed))
        #expect(report.totals.apparentBytes == Int64(2 * counts.listed))
        #expect(tree.errors(report) == ["d getdents64 \(code)"])
    }

    @Test func entriesThatCannotBeStatedHaveReaddirsKind() throws {
        let tree = try FaultyTree([
            "a dir lookup=EIO", "b dir stat=EIO", "c dir lookup=ESTALE", "d dir open=EIO", "d/e file",
            "e dir open=ESTALE",
            "f file lookup=EIO", "g file stat=ESTALE", "h link stat=EIO", "i fifo lookup=EIO",
            "j file lookup=EIO type=unknown", "k dir stat=EIO type=unknown", "l file size=3", "m file lookup=ENOENT",
            "n dir lookup=ENOENT", "o dir lookup=EBADF", "p dir open=EFAULT", "q file stat=EINTR", "r file stat=EMFILE",
            "s dir open=EPERM", "t dir open=EINTR", "u file stat=ENOSYS", "v file stat=EPERM", "w file stat=EAGAIN",
        ])
        let report = try tree.scan()
        #expect(
            tree.errors(report) == [
                "a statx EIO", "b statx EIO", "c statx ESTALE", "d openat EIO", "e openat ESTALE", "f statx EIO",
                "g statx ESTALE", "h statx EIO", "i statx EIO", "j statx EIO", "k statx EIO", "o statx EBADF",
                "p openat EFAULT", "q statx EINTR", "r statx EMFILE", "s openat EPERM", "t openat EINTR",
                "u statx ENOSYS",
                "v statx EPERM", "w statx EAGAIN",
            ])
        // The root, a to i, l, o to w.
        #expect(report.totals.entries == 20 && report.totals.directories == 10 && report.totals.fifos == 1)
        #expect(report.totals.apparentBytes == 3)
    }

    /// Attributes, content and target are read one after the other: each reported that the entry had disappeared.
    @Test(arguments: [[], ["--hash", "md5"]] as [[ByteString]])
    func aMissingEntryIsOneErrorAlsoWithAttributes(options: [ByteString]) throws {
        let kinds = ["a file size=3", "b link size=3", "c fifo", "d dir"].map { $0 + " lookup=ENOENT@1" }
        let tree = try FaultyTree(kinds + ["e file size=3 ino=changing", "f file size=3"])
        let report = try tree.scan(["-x", "--xattrs", "--save", tree.place.appending("saved")] + options)
        #expect(report.totals.entries == 7)
        #expect(tree.errors(report) == "abcd".map { "\($0) openat ENOENT" } + ["e openat ESTALE"])
    }

    /// Records contained it twice, in an object with unique names.
    @Test func anAttributeListedTwiceIsReportedOnce() throws {
        let tree = try FaultyTree([
            "d dir xattr=user.twice@2", "f file xattr=user.thrice@3", "g file xattr=user.once@1",
        ])
        let ask =
            "import os, sys\nfor n in 'dfg': print(*os.listxattr(os.path.join(os.fsencode(sys.argv[1]), n.encode())))"
        let listed = try tree.output(of: ["python3", "-c", ByteString(ask), tree.root])
        #expect(
            String(decoding: listed, as: UTF8.self)
                == "user.twice user.twice\nuser.thrice user.thrice user.thrice\nuser.once\n")
        for threads in threadCounts {
            let records = try tree.output(of: [
                Fsscan.path, "--ndjson", "--sorted", "--xattrs", "--threads", "\(threads)", tree.root,
            ])
            let attributes = String(decoding: records, as: UTF8.self).matches(of: /"xattrs":({.*?})/).map { $0.1 }
            // The root's come first. The value is the base64 form of `value`.
            #expect(
                attributes == [
                    "{}", #"{"user.twice":"dmFsdWU="}"#, #"{"user.thrice":"dmFsdWU="}"#, #"{"user.once":"dmFsdWU="}"#,
                ])
        }
    }

    @Test func readdirThatNamesAnotherKindIsNotBelieved() throws {
        let tree = try FaultyTree([
            "a dir type=file", "a/b file size=2", "c file size=3 type=dir", "d link type=dir size=6", "e fifo type=dir",
            "f dir type=fifo", "f/g file size=4",
        ])
        let report = try tree.scan(status: 0)
        // No oracle: find believes it, and du aborts.
        #expect(report.totals.entries == 8)
        #expect(report.totals.directories == 3 && report.totals.files == 3 && report.totals.fifos == 1)
        #expect(report.totals.symlinks == 1 && report.totals.apparentBytes == 15)
    }

    /// Small files, files of several buffers, and files that are read in pieces by messages.
    @Test func aPartlyReadableFileIsAnErrorAndTheOthersAreDigested() throws {
        let tree = try FaultyTree([
            "a file size=100 read=EIO@0", "b file size=3000000 read=EIO@2000000",
            "c file size=30000000 read=ESTALE@20000000",
            "d file size=100 open=EIO", "e file size=1000 end=300", "f file size=100 ino=changing",
            "g link read=EIO@0 size=6",
            "h file size=3000000", "i file size=20000000", "j dir", "j/k file size=5", "l file size=100 open=ESTALE",
        ])
        let report = try tree.scan(["--hash", "sha256", "--mime"])
        #expect(
            tree.errors(report) == [
                "a read EIO", "b read EIO", "c read ESTALE", "d openat EIO", "e read CHANGED", "f openat ESTALE",
                "g readlinkat EIO", "l openat ESTALE",
            ])
        let records = try run(
            tree.launcher() + [Fsscan.path, "--ndjson", "--hash", "sha256", tree.root]
        ).outputText
        for name in ["h", "i", "j/k"] {
            let sum = String(
                decoding: try tree.output(of: ["sha256sum", tree.root.appending(ByteString(name))]), as: UTF8.self)
            #expect(records.contains(#""digests":{"sha256":"\#(sum.prefix(64))"}"#), "\(name)")
        }
        #expect(records.components(separatedBy: #""sha256":""#).count - 1 == 4, "j, j/k, h and i")
    }

    @Test func slowAnswersChangeNothing() throws {
        let quick = try FaultyTree(Self.everyKind)
        let slow = try FaultyTree(Self.everyKind.map { $0 + " delay=15" })
        let totals = try slow.scan(["--hash", "md5"], status: 0).totals
        #expect(totals == (try quick.scan(["--hash", "md5"], status: 0).totals))
    }

    /// Any errno that a file system may return is reported by its name.
    @Test func everyErrnoIsReported() throws {
        let numbers = (1...133).filter { $0 != ENOENT && errnoName($0) != nil }
        let tree = try FaultyTree(numbers.map { "\(errnoName($0)!) file lookup=\(errnoName($0)!)" })
        let report = try tree.scan()
        #expect(tree.errors(report) == numbers.map { "\(errnoName($0)!) statx \(errnoName($0)!)" }.sorted())
        // ENOSYS would tell the kernel that directories need no opening; EMFILE and ENFILE are retried for a while.
        let names = numbers.filter { ![ENOSYS, EMFILE, ENFILE].contains($0) }.map { errnoName($0)! }.sorted()
        let closed = try FaultyTree(names.map { "\($0) dir open=\($0)" })
        #expect(closed.errors(try closed.scan()) == names.map { "\($0) openat \($0)" })
    }

    // MARK: Scans that only a signal ends

    /// Runs `script` with the program as `$0` and the mounted directory as `$1`.
    private func runScript(_ script: String, on tree: FaultyTree) throws -> ProcessOutcome {
        try run(
            tree.launcher() + ["sh", "-c", ByteString(script), Fsscan.path, tree.root],
            ProcessOptions { $0.timeout = 60 })
    }

    @Test func anEndlessDirectoryIsScannedUntilASignalComes() throws {
        let tree = try FaultyTree([". dir list=endless", "0 file size=1"])
        let outcome = try runScript(#"timeout -s INT 1 "$0" --json "$1"; echo " $?""#, on: tree)
        #expect(outcome.outputText.contains(#""complete": false"#) && outcome.outputText.hasSuffix(" 124\n"))
        let peak = try runScript(
            #"timeout -s INT 2 env time -f %M "$0" --ndjson "$1" 2>&1 >/dev/null | tail -1"#, on: tree)
        // Kilobytes: pending work is bounded, however many entries were seen. AddressSanitizer keeps freed memory for a
        // while.
        #expect(
            try #require(Int(peak.outputText.dropLast())) < (isSanitized ? 1_000_000 : 300_000), "\(peak.outputText)")
    }

    @Test func aFileSystemWhoseServerDiesEndsTheScanWithErrors() throws {
        let tree = try FaultyTree(["d dir count=40", "d0030/f file delay=500"] + ["e file delay=20 count=200"])
        let outcome = try runScript(
            #""$0" --json --hash md5 "$1" & sleep 0.7; kill -9 $FAULTFS_SERVER; wait $!; echo " $?""#, on: tree)
        #expect(outcome.outputText.hasSuffix(" 1\n"))
        #expect(outcome.outputText.contains("ECONNABORTED") || outcome.outputText.contains("ENOTCONN"))
        #expect(outcome.outputText.contains(#""complete": true"#))
    }

    /// A system call that does not return cannot be abandoned, and several signals of the same kind that arrive during
    /// it count as one: the program ends as soon as the kernel returns from it, with or without a report.
    @Test func signalsEndAScanThatWaitsForAServer() throws {
        let tree = try FaultyTree(["d dir count=40", "f file count=100"])
        let outcome = try runScript(
            """
            kill -STOP $FAULTFS_SERVER; "$0" --json "$1" & scan=$!
            sleep 0.5; kill -TERM $scan; sleep 0.5; kill -TERM $scan; kill -CONT $FAULTFS_SERVER; wait $scan; echo "$?"
            """, on: tree)
        #expect(outcome.outputText.hasSuffix("143\n"), "\(outcome.outputText.prefix(300)) \(outcome.errorText)")
    }
}
