// `--save` and `fsscan saved`: against find, sqlite3 and jq, and the state after a crash.

import Glibc
import TestSupport
import Testing

/// A file of saved scans in a directory of its own, outside the tree.
struct SavedFile {
    let directory: TemporaryDirectory
    var path: ByteString { directory.appending("scans.db") }

    init() throws { directory = try TemporaryDirectory() }

    @discardableResult
    func save(_ arguments: [ByteString], status: Int32 = 0) throws -> ProcessOutcome {
        let outcome = try Fsscan.run(["--save", path] + arguments)
        #expect(outcome.status == status, "\(outcome.errorText)")
        return outcome
    }

    func query(_ sql: String) throws -> String {
        String(decoding: try output(of: ["sqlite3", path, ByteString(sql)]), as: UTF8.self)
    }

    /// The result of a `jq` filter on `fsscan saved --json`, which is also validated.
    func listed(_ filter: String) throws -> String {
        let json = try output(of: [Fsscan.path, "saved", "--json", path])
        try expectValid("saved", json)
        let filtered = try run(["jq", "-c", ByteString(filter)], ProcessOptions { $0.input = json })
        return filtered.outputText
    }
}

func expectValid(_ mode: ByteString, _ json: [UInt8]) throws {
    let outcome = try run(
        [Repository.python(), Repository.path("Tests/oracles/validate.py"), mode], ProcessOptions { $0.input = json })
    #expect(outcome.status == 0, "\(outcome.outputText)\(outcome.errorText)")
}

@Suite struct SavedTests {
    private let tree: Tree = [
        .file("a\nb", "1"), .file([0xFF, 0x01, 0x02, 0x61], "22"), .file([0x02, 0x01], "333"), .file([0x01], ""),
        .directory(
            "d", [.file("setuid", "x", mode: 0o4755), .directory("e", [.fifo("p")]), .symlink("s", to: [0xFE])]),
        .directory("d.old", [.hardLink("link", to: "d/setuid")]), .directory([0x02, 0x02], [.file([0x02, 0x61])]),
        .file("big", size: 1 << 40),
    ]

    @Test(arguments: threadCounts) func savedEntriesAgreeWithFind(threads: Int) throws {
        let directory = try TemporaryDirectory(tree)
        let file = try SavedFile()
        try file.save(["--threads", "\(threads)", directory.path])
        let found = try output(of: ["find", directory.path, "-printf", "%s %#m %U %G %n %i %l %T@ %p\\0"])
        let expected = found.split(separator: 0).map { record in
            record.map { byte in (byte < 16 ? "0" : "") + String(byte, radix: 16) }.joined()
        }
        // sqlite3 prints hex, because names contain newlines.
        let rows = try file.query(
            """
            SELECT hex(CAST(printf('%d %s %d %d %d %d ', size, CASE WHEN mode GLOB '0*' THEN mode ELSE '0' || mode END, uid,
              gid, nlink, inode) AS BLOB) || coalesce(CAST(target AS BLOB), x'') || CAST(' ' || (SELECT
              printf('%d.%09d0', mtime, mtime_ns) FROM entries e WHERE e.inode = entry.inode LIMIT 1) || ' ' AS BLOB)
              || CAST(path AS BLOB)) FROM entry
            """)
        let saved = rows.split(separator: "\n").map { $0.lowercased() }
        #expect(saved.sorted() == expected.sorted())
        #expect(
            try file.query("PRAGMA integrity_check; PRAGMA user_version; SELECT count(*) FROM errors") == "ok\n2\n0\n")
    }

    @Test func rangesOfThePrimaryKeyAreSubtrees() throws {
        let directory = try TemporaryDirectory(tree)
        let file = try SavedFile()
        try file.save([directory.path])
        let below = "key > CAST('d' AS BLOB) AND key < CAST('d' || char(2) AS BLOB)"
        let subtree = try file.query(
            "SELECT replace(CAST(key AS TEXT), char(1), '/') FROM entries WHERE \(below) ORDER BY key")
        #expect(subtree == "d/e\nd/e/p\nd/s\nd/setuid\n")
        let plan = try file.query(
            "EXPLAIN QUERY PLAN SELECT * FROM entries WHERE series = 1 AND root = 0 AND \(below) ORDER BY key")
        #expect(plan.contains("SEARCH entries USING PRIMARY KEY") && !plan.contains("TEMP B-TREE"))
    }

    @Test func severalScansLiveInOneFile() throws {
        let directory = try TemporaryDirectory([.file("f", "x"), .directory("d")])
        let file = try SavedFile()
        try file.save(["--label", "it's \"the\" first; DROP TABLE scans", "--hash", "sha256,git", directory.path])
        try file.save([
            "--mime", "--exclude", "d", "--exclude", ByteString([0xFF, 0x22]), directory.path, directory.appending("f"),
        ])
        #expect(try file.listed(".scans | length") == "2\n")
        #expect(try file.listed(".scans[0].label") == "\"it's \\\"the\\\" first; DROP TABLE scans\"\n")
        #expect(try file.listed(".scans[0].options.hash") == "[\"sha256\",\"git\"]\n")
        #expect(try file.listed(".scans[1] | [.options.mime, .totals.entries, (.roots | length)]") == "[true,3,2]\n")
        #expect(
            try file.listed(".scans[1].options.exclude") == #"[{"pattern":"d"},{"pattern":"�\"","pattern_b64":"/yI="}]"#
                + "\n")
        // The digests of the root are those of the report.
        let report = try run([
            "sh", "-c", "\"$0\" --json --hash sha256,git \"$1\" | jq -c '.roots[0].digests'", Fsscan.path,
            directory.path,
        ])
        #expect(try file.listed(".scans[0].roots[0].digests") == report.outputText)
        let text = try Fsscan.run(["saved", file.path]).outputText
        #expect(text.split(separator: "\n").count == 2)
    }

    /// `find … | fsscan --files-from -` may find nothing: afterwards the other scans of the file were unreadable.
    @Test func aScanOfNoPathIsOneOfNothing() throws {
        let directory = try TemporaryDirectory([.file("f", "x")])
        let file = try SavedFile()
        try file.save([directory.path])
        try file.save(["--hash", "sha256", "--files-from", "/dev/null"])
        #expect(try file.listed(".scans | map([.totals.entries, (.roots | length)])") == "[[2,1],[0,0]]\n")
        let (first, empty) = (file.path + "#1", file.path + "#2")
        let baseline: [ByteString] = ["--baseline", empty, "--hash", "sha256", directory.path]
        for arguments in [["diff", first, directory.path], ["diff", empty, empty], ["verify", empty], baseline] {
            let outcome = try Fsscan.run(arguments)
            #expect(outcome.status == 0 && outcome.errorText.isEmpty, "\(arguments): \(outcome.errorText)")
        }
        let records = file.directory.appending("records")
        #expect(try Fsscan.run(["--files-from", "/dev/null", "--ndjson", "-o", records]).status == 0)
        #expect(try Fsscan.run(["diff", records, empty]).status == 0)
    }

    @Test func aSavedScanComposesWithEveryOutput() throws {
        let directory = try TemporaryDirectory([.file("f", "x")])
        for format: ByteString in ["--json", "--ndjson", "--format=text"] {
            let file = try SavedFile()
            let outcome = try file.save([format, directory.path])
            #expect(!outcome.standardOutput.isEmpty)
            #expect(try file.query("SELECT count(*) FROM entry") == "2\n")
        }
    }

    @Test(.enabled(if: isRoot, "needs root")) func errorsAreSaved() throws {
        let directory = try TemporaryDirectory([.directory("closed", [.file("x")], mode: 0)])
        let tools = try TemporaryDirectory()
        let file = try SavedFile()
        _ = try output(of: ["chmod", "0777", file.directory.path])
        let outcome = try run(
            [Fsscan.copy(to: tools), "--save", file.path, directory.path, directory.appending("missing")],
            ProcessOptions { $0.asOrdinaryUser = true })
        #expect(outcome.status == 1)
        let prefix = directory.path.text
        let errors = "\(prefix)/closed|openat|EACCES\n\(prefix)/missing|statx|ENOENT\n"
        #expect(try file.query("SELECT path, operation, code FROM error ORDER BY path") == errors)
        #expect(try file.query("SELECT count(*) FROM entries WHERE state IS NOT NULL") == "0\n")
    }

    // MARK: Crashes

    @Test func killedAtAnyMomentTheEarlierScansAreIntact() throws {
        let directory = try TemporaryDirectory(
            Tree((0..<150).map { .directory("d\($0)", Tree((0..<40).map { .file("f\($0)", "x") })) }))
        let file = try SavedFile()
        try file.save(["--label", "before", directory.path])
        // A scan that is complete before the signal adds columns for its digests.
        let columns = "path, kind, size, disk_bytes, mode, uid, gid, nlink, device, inode, mtime, ctime, btime, target"
        let before = try file.query("SELECT \(columns) FROM entry ORDER BY path")
        var generator = SeededGenerator(seed: 6)
        var kept = 1
        for _ in 0..<25 {
            let process = try RunningProcess(
                [Fsscan.path, "--save", file.path, "--hash", "sha256,md5", directory.path, directory.path])
            usleep(UInt32.random(in: 1000..<400_000, using: &generator))
            process.send(SIGKILL)
            if try process.finish().end == .exited(0) { kept += 1 }
            // A reader does not roll back the rest of it; its owner does, here with sqlite3.
            #expect(try file.query("PRAGMA integrity_check") == "ok\n")
            // The scan may have been complete when the signal came.
            let listed = try file.listed(".scans | length")
            #expect(listed == "\(kept)\n" || listed == "\(kept + 1)\n")
            kept = Int(listed.dropLast()) ?? kept
        }
        #expect(try file.query("SELECT \(columns) FROM entry WHERE scan = 1 ORDER BY path") == before)
        try file.save([directory.path])
        #expect(try file.listed(".scans | length") == "\(kept + 1)\n")
    }

    @Test func killedAtTheFirstScanTheFileCanBeUsed() throws {
        let directory = try TemporaryDirectory(Tree((0..<3000).map { .file("f\($0)") }))
        for delay in stride(from: UInt32(0), to: 100_000, by: 10_000) {
            let file = try SavedFile()
            let process = try RunningProcess([Fsscan.path, "--save", file.path, directory.path])
            usleep(delay)
            process.send(SIGKILL)
            _ = try process.finish()
            try file.save([directory.path])
            #expect(try file.query("PRAGMA integrity_check") == "ok\n")
        }
    }

    @Test func aStoppedScanIsNotKept() throws {
        let file = try SavedFile()
        let paths = [ByteString](repeating: "/usr", count: 2000)
        for keepsEarlier in [false, true] {
            if keepsEarlier { try file.save(["/dev/null"]) }
            let process = try RunningProcess([Fsscan.path, "--save", file.path] + paths)
            try process.waitUntilItHandles(SIGTERM)
            usleep(300_000)
            process.send(SIGTERM)
            #expect(try process.finish().end == .exited(143))
            #expect(try names(in: file.directory.descriptor) == (keepsEarlier ? ["scans.db"] : []))
        }
        #expect(try file.query("SELECT count(*) FROM scans; SELECT count(*) FROM entries") == "1\n1\n")
    }

    @Test func twoScansAtATimeDoNotMix() throws {
        let file = try SavedFile()
        try file.save(["/dev/null"])
        let holder = try RunningProcess([
            "python3", "-c",
            "import sqlite3, sys, time; c = sqlite3.connect(sys.argv[1]); c.execute('BEGIN IMMEDIATE'); time.sleep(100)",
            file.path,
        ])
        defer {
            holder.send(SIGKILL)
            _ = try? holder.finish()
        }
        var outcome = try Fsscan.run(["--save", file.path, "/dev/null"])
        for _ in 0..<200 where outcome.status == 0 {
            usleep(10_000)
            outcome = try Fsscan.run(["--save", file.path, "/dev/null"])
        }
        #expect(outcome.status == 74)
        #expect(outcome.errorText.hasSuffix("database is locked\n"))
    }

    @Test func aDatabaseThatCannotBeWrittenIsStatus74() throws {
        let directory = try TemporaryDirectory([
            .file("text", "no database at all, but long enough to have a header, one would think: 100 bytes are needed")
        ])
        let other = directory.appending("other.db")
        _ = try output(of: ["sqlite3", other, "CREATE TABLE t (a)"])
        let cases: [(ByteString, String)] = [
            ("/dev/full", "is no regular file"), ("/no/such/file", "No such file or directory"),
            (directory.appending("text"), "file is not a database"),
            (other, "is an SQLite database, but not one of saved scans"),
        ]
        for (path, message) in cases {
            let outcome = try Fsscan.run(["--save", path, "/dev/null"])
            #expect(outcome.status == 74)
            #expect(outcome.errorText.hasSuffix(": \(message)\n") && outcome.errorText.filter { $0 == "\n" }.count == 1)
        }
        #expect(try String(decoding: output(of: ["sqlite3", other, ".tables"]), as: UTF8.self) == "t\n")
        // A file at its size limit, in the middle of the scan.
        let file = try SavedFile()
        let outcome = try Fsscan.run(
            ["--save", file.path, "/usr/share"], ProcessOptions { $0.limits["fsize"] = 1 << 20 })
        #expect(outcome.status == 74, "\(outcome.errorText)")
        #expect(try names(in: file.directory.descriptor) == [])
    }

    // MARK: Damage

    @Test func damagedFilesAreOneLineAndStatus2() throws {
        let directory = try TemporaryDirectory(
            Tree((0..<300).map { .directory("d\($0)", [.file("f", "x"), .symlink("s", to: "f")]) }))
        let file = try SavedFile()
        try file.save(["--hash", "sha256", directory.path])
        let bytes = try [UInt8](output(of: ["cat", file.path]))
        let copy = file.directory.appending("copy.db")
        var generator = SeededGenerator(seed: 66)
        var refused = 0
        for round in 0..<40 {
            var damaged = bytes
            if round < 15 {
                damaged = Array(bytes.prefix(Int.random(in: 1..<bytes.count, using: &generator)))
            } else {
                for _ in 0..<(round < 30 ? 3 : 300) {
                    damaged[Int.random(in: 100..<bytes.count, using: &generator)] = UInt8.random(
                        in: 0...255, using: &generator)
                }
            }
            _ = try run(["sh", "-c", "cat > \"$0\"", copy], ProcessOptions { $0.input = damaged })
            for command: [ByteString] in [
                ["diff", copy, directory.path], ["diff", file.path, copy], ["saved", copy],
            ] {
                let outcome = try Fsscan.run(command, ProcessOptions { $0.timeout = 60 })
                let status = try #require(outcome.status, "\(outcome.end)")
                #expect([0, 1, 2].contains(status), "\(outcome.errorText)")
                if !outcome.errorText.isEmpty {
                    refused += 1
                    #expect(status == 2 && outcome.errorText.filter { $0 == "\n" }.count == 1)
                }
            }
        }
        #expect(refused > 30)
    }

    @Test func anInvalidFileOfSavedScansIsExplained() throws {
        let directory = try TemporaryDirectory([.file("text", "x"), .file("empty")])
        let file = try SavedFile()
        try file.save(["/dev/null"])
        let view = file.directory.appending("view.db")
        _ = try output(of: ["cp", file.path, view])
        _ = try output(of: [
            "sqlite3", view,
            "DROP TABLE errors; CREATE VIEW errors AS WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT n FROM r",
        ])
        let trigger = file.directory.appending("trigger.db")
        _ = try output(of: ["cp", file.path, trigger])
        _ = try output(of: [
            "sqlite3", trigger, "CREATE TRIGGER t AFTER INSERT ON entries BEGIN DELETE FROM scans; END",
        ])
        let later = file.directory.appending("later.db")
        _ = try output(of: ["cp", file.path, later])
        _ = try output(of: ["sqlite3", later, "PRAGMA user_version = 9"])
        let cases: [(ByteString, String)] = [
            (directory.path, "is no regular file"), (directory.appending("missing"), "No such file or directory"),
            (directory.appending("text"), "is no SQLite database"),
            (directory.appending("empty"), "is no SQLite database"),
            (view, "holds a table or view errors of unknown form"),
            (trigger, "holds tables, views, indices or triggers that saved scans do not have"),
            (later, "holds saved scans of version 9, this program knows version 2"),
        ]
        for (path, message) in cases {
            let outcome = try Fsscan.run(["saved", path])
            #expect(outcome.status == 2)
            #expect(outcome.errorText.hasSuffix(": \(message)\n"), "\(outcome.errorText)")
        }
    }
}
