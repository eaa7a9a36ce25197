// `fsscan duplicates`: the files it considers, the saved scans it trusts, and its progress messages.

import Entries
import Glibc
import ScanEngine
import TestSupport
import Testing

@testable import fsscan

@Suite struct DuplicateSelectionTests {
    private static let tree: Tree = [
        .directory(
            "t",
            [
                .file("a.jpg", "same", mtime: 1_000), .file("b.jpg", "same", mtime: 2_000_000_000),
                .file("c.txt", "same", mtime: 2_000_000_000), .file("linked", "same"),
                .hardLink("link", to: "t/linked"),
                .file("pair", "same"), .hardLink("other", to: "t/pair"),
                .directory("d", [.file("e.jpg", "same", mtime: 1_000), .file("f.txt", "other")]),
                .directory(
                    "cache",
                    [
                        .file("CACHEDIR.TAG", "Signature: 8a477f597d28d172789f06886806bc55"), .file("g.jpg", "same"),
                        .file("h.txt", "other"),
                    ]),
            ])
    ]

    private static func shell(_ script: ByteString, _ options: ProcessOptions = ProcessOptions()) throws -> String {
        let directory = try TemporaryDirectory(tree + [.file("patterns", "*.txt\n# none\nlink*\n")])
        let outcome = try Fsscan.shell("set -o pipefail\n" + script, in: directory, options)
        #expect(outcome.status == 0, "\(outcome.outputText)\(outcome.errorText)")
        return outcome.outputText
    }

    /// The files that find finds and sha256sum calls equal.
    @Test(
        arguments: [
            ("--name '*.jpg'", "-name '*.jpg'"), ("--type f", ""), ("--newer 2001-09-09", "-newermt 2001-09-09"),
            ("--older 2001-09-09", "! -newermt 2001-09-09"), ("--links 1", "-links 1"), ("--links +1", "-links +1"),
            ("--exclude-from patterns", "! -name '*.txt' ! -name 'link*'"),
            ("--exclude-from patterns --exclude '!c.txt'", "( ! -name '*.txt' -o -name c.txt ) ! -name 'link*'"),
            ("--exclude-caches", "! -path '*/cache/[gh]*'"), ("--name '*.txt' --max-size 4", "-name '*.txt' -size -5c"),
            ("--newer 3d --now 2001-01-01", "-newermt 2000-12-29"), ("--owner nobody", "-user nobody"),
        ] as [(ByteString, ByteString)]) func theSelectionAgreesWithFind(
            _ options: ByteString, _ find: ByteString
        ) throws
    {
        let script: ByteString = """
            find t -type f $(echo "\(find)" | tr -d "'") -print0 | xargs -0r sha256sum | sort | uniq -w 64 -D | cut -c 67- | sort >expected
            set -f; $F duplicates --no-directories -0 \(options) t | tr '\\0' '\\n' | grep . | sort >found
            test "${PIPESTATUS[0]}" -le 1; cmp expected found
            """
        _ = try Self.shell("set -f\n" + script)
    }

    @Test func aSavedScanIsSelectedFrom() throws {
        let printed = try Self.shell(
            """
            $F --save s.db --hash sha256 t >out 2>&1
            $F duplicates --json --name '*.jpg' --older 2001-09-09 s.db >json || true
            jq -c '[.options.select, [.groups[].files[].path]]' json
            $F duplicates --exclude-from patterns s.db 2>&1 || echo $?
            $F duplicates --type d t 2>&1 || echo $?
            """)
        #expect(
            printed == """
                [{"names":[{"pattern":"*.jpg"}],"older":"2001-09-09T00:00:00.000000000Z"},["t/a.jpg","t/d/e.jpg"]]
                fsscan: --exclude-from is for a scan, and s.db is a saved one
                64
                fsscan: --type: only regular files (f) have duplicates
                64

                """)
        let directory = try TemporaryDirectory(Self.tree)
        for form: ByteString in ["--json", "--ndjson"] {
            let path = directory.path.appending("t")
            try expectValid("duplicates", Fsscan.run(["duplicates", form, "--newer", "1d", path]).standardOutput)
        }
    }

    /// A user who can write to SAVED chooses among equal files.
    @Test func aSavedScanIsTheOneThatIsExpected() throws {
        let printed = try Self.shell(
            """
            $F --save s.db --hash sha256 t 2>said >out; evidence=$(grep evidence: said | grep -oE '[0-9a-f]{64}')
            count() { "$F" duplicates "$@" >out 2>said; echo $? $(grep -c 'does not match --expect' said); }
            count --expect $evidence s.db; count --expect $(sha256sum <s.db | cut -c 1-64) s.db
            count --expect $(echo | sha256sum | cut -c 1-64) s.db
            count --expect $(echo | sha256sum | cut -c 1-64) --expect $evidence 's.db#1'
            count --expect $evidence --hash sha256 --baseline s.db t
            count --expect $evidence t; cat said
            """)
        #expect(
            printed == """
                1 0
                1 0
                2 1
                1 0
                1 0
                64 0
                fsscan: --expect is for a saved scan: SAVED, or that of --baseline

                """)
    }

    // MARK: Progress

    /// While files are read a signal asks for a line.
    @Test func theProgressOfReadingIsShown() throws {
        let directory = try TemporaryDirectory()
        _ = try Fsscan.shell("head -c 400M /dev/zero | tr '\\0' x >a; cp a b; cp a c", in: directory)
        let process = try RunningProcess([
            Fsscan.path, "duplicates", "--hash", "sha512", "--threads", "1", directory.path,
        ])
        try process.waitUntilItHandles(SIGUSR1)
        for _ in 0..<15 {
            usleep(100_000)
            process.send(SIGUSR1)
        }
        process.send(SIGTERM)
        let outcome = try process.finish()
        let lines = outcome.errorText.split(separator: "\n").filter { $0.hasPrefix("fsscan: reading: ") }
        #expect(lines.contains { $0.contains(" %, ") && $0.contains(" MiB read, ") }, "\(outcome.errorText)")
        #expect(lines.contains { $0.contains("  " + directory.path.text) }, "\(lines)")
    }

    @Test func theRemainingTimeIsShown() {
        var rate = ProgressRate()
        let figures = ReadingProgress.Figures(
            done: 250, expected: 1000, bytesRead: 10 << 20, errors: 1, path: Array("a/b".utf8))
        let line = ProgressLine(reading: figures, 10, &rate)
        #expect(
            String(decoding: line.whole, as: UTF8.self)
                == "reading: 25 %, 10.0 MiB read, 1.0 MiB/s, 1 error, 10 s, 30 s left  a/b")
    }

    /// All files are done in the end, whatever was read of them.
    @Test func theWorkDoneAddsUp() throws {
        let directory = try TemporaryDirectory(Self.tree)
        _ = try Fsscan.shell(
            """
            cd t; head -c 20M /dev/zero | tr '\\0' x >4; cp 4 5; truncate -s 1G 6 7
            head -c 40000 4 >1; cp 1 2; head -c 40000 /dev/zero >3
            """, in: directory)
        for way in [(false, false), (true, false), (false, true)] {
            var options = DuplicateOptions()
            (options.comparesBytes, options.wantsUnique) = way
            let scan = ScanOptions(paths: [directory.appending("t").bytes], threads: 2)
            let finder = try DuplicateFinder(scan, options, ScanEnvironment())
            var before: ReadingProgress.Figures?
            let report = try finder.run { before = finder.reading.figures }
            let after = finder.reading.figures
            #expect(before?.done == 0 && after.done == after.expected && after.errors == 0, "\(way) \(after)")
            #expect(before?.expected == after.expected && after.bytesRead == report.totals.bytesRead)
        }
    }

    // MARK: The table of exit statuses

    /// The page for people and the manual name the same ones.
    @Test func exitStatusesAreTheSameEverywhere() throws {
        let table = try output(of: [
            "sh", "-c",
            #"""
            sed -n '/^| status/,$s/^| \([0-9, ]*\) |.*/\1/p' "$1" | tr ',' '\n' | tr -d ' ' | sort -n | tr '\n' ' '; echo
            sed -n '/^.Sh EXIT/,/^.Sh EXAMPLES/s/^.It //p' "$2" | tr ',' '\n' | tr -d ' ' | sort -n | tr '\n' ' '; echo
            "$3" duplicates --help | sed -n '/^EXIT STATUS/,/^$/p' | sed -nE 's/^ +([0-9, ]*[0-9])  .*/\1/p' | tr ',' '\n' |
              tr -d ' ' | sort -n | tr '\n' ' '; echo
            """#, "sh", Repository.path("docs/DUPLICATES.md"), Repository.path("docs/man/fsscan-duplicates.1"),
            Fsscan.path,
        ])
        let lines = String(decoding: table, as: UTF8.self).split(separator: "\n")
        #expect(lines.count == 3 && Set(lines) == ["0 1 2 64 74 129 130 141 143 "], "\(lines)")
    }
}
