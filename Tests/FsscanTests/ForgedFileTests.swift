// Files for diff and verify with statements that no scan makes: each is refused in one line, and soon.

import TestSupport
import Testing

@Suite struct ForgedFileTests {
    private let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory([.directory("tree", [.file("a", "x"), .file("b", "y")])]) }

    private func shell(_ script: ByteString) throws -> ProcessOutcome {
        try Fsscan.shell(script, in: directory, ProcessOptions { $0.timeout = isSanitized ? 600 : 60 })
    }

    private func expectRefused(_ outcome: ProcessOutcome) {
        #expect(outcome.status == 2, "\(outcome.end) \(outcome.outputText)")
        #expect(outcome.errorText.hasPrefix("fsscan: "))
        #expect(outcome.errorText.filter { $0 == "\n" }.count == 1, "\(outcome.errorText)")
    }

    /// Entries without a kind were compared with nothing, so different content was no difference. Negative, empty and
    /// NUL-terminated values were accepted.
    @Test(
        arguments: [
            #"echo '{"path": "/a", "hash": {"md5": "d41d8cd98f00b204e9800998ecf8427e"}}'"#,
            #"echo '{"path": "/a", "stat": {"st_size": 1}}'"#,
            #"echo '{"path": "/a", "stat": {"st_mode": 33188, "st_size": -1}}'"#,
            #"echo '{"path": "/a", "stat": {"st_mode": 33188, "st_blocks": -1}}'"#,
        ] as [ByteString])
    func aLineOfTheEarlierScannerHasAKindAndSizes(_ line: ByteString) throws {
        expectRefused(try shell("{ echo '{\"beginning_date\": \"x\"}'; \(line); } >old; $F diff old tree"))
    }

    @Test(arguments: [
        "a mode=0644", #"\$ type=file"#, "a type=file size=-1", "a type=file time=1.1000000000", "a type=char device",
    ])
    func aLineOfASpecificationHasANameAKindAndSizes(_ line: String) throws {
        expectRefused(try shell("{ echo '#mtree'; echo '\(line)'; } >old; $F diff old tree"))
    }

    @Test(
        arguments: [
            #"s/"path":"tree"/"path":"tree\\u0000"/"#, #"1s/"roots":.[^]]*./"roots":[]/"#,
            #"s/"size":1/"size":-1/"#, #"s/"disk_bytes":[0-9]*/"disk_bytes":-1/"#,
            #"s,"path":"tree/a","path":"tree//a","#, #"1s/"max_read":[0-9]*/"max_read":-1/"#,
        ])
    func aRecordHasPathsAndSizes(_ edit: String) throws {
        #expect(try shell("$F --ndjson --hash md5 tree | tee new | sed '\(edit)' >old; ! cmp -s new old").status == 0)
        expectRefused(try shell("$F diff old tree"))
    }

    /// A column without a name was dropped, and all following ones were shifted.
    @Test func aColumnWithoutANameKeepsItsPlace() throws {
        let digest: ByteString = "9dd4e461268c8034f5c8564e155c67a6"
        let outcome = try shell(
            """
            { echo '%%%% HASHDEEP-1.0'; echo '%%%% size,,md5,filename'; for f in a b; do
              echo "1,x,$(md5sum <tree/$f | cut -c1-32),$f"; done; } >old
            grep -q \(digest) old && $F diff old tree
            """)
        // A digest without a name cannot be checked.
        #expect(outcome.status == 2, "\(outcome.errorText)")
        #expect(outcome.outputText.hasPrefix("No difference in what was compared.\n"), "\(outcome.outputText)")
    }

    /// Joined lines were split into words again for each line, and all keywords of `/set` were copied for each entry.
    @Test(
        arguments: [
            ##"print("#mtree\n." + " \\\n" * 1_000_000 + " type=dir")"##,
            ##"print("#mtree\n/set type=file " + " ".join(f"k{i}=" for i in range(1_000_000)))"##
                + ##"; print("\n".join(f"f{i}" for i in range(3_000)))"##,
        ])
    func aSpecificationTakesTimeByItsLength(_ program: String) throws {
        #expect(try shell(ByteString("python3 -c '\(program)' >old")).status == 0)
        let outcome = try shell("$F diff old old")
        let hasUnknownKeywords = program.contains("/set")
        #expect(outcome.status == (hasUnknownKeywords ? 2 : 0), "\(outcome.end) \(outcome.errorText)")
        #expect(outcome.outputText.hasPrefix("No difference"), "\(outcome.outputText)")
    }

    // MARK: Saved scans

    @Test(
        arguments: [
            "UPDATE entries SET mtime_ns = 1000000000", "UPDATE entries SET mtime_ns = -1",
            "UPDATE entries SET size = -1", "UPDATE entries SET mode = 65535", "UPDATE entries SET uid = -1",
            "UPDATE entries SET key = CAST(key || x'01' AS BLOB) WHERE key <> x''", "DELETE FROM roots",
            "UPDATE roots SET path = x'2f00'",
        ])
    func aRowOfASavedScanIsOneThatWasWritten(_ sql: String) throws {
        #expect(try shell("$F --save old.db tree && sqlite3 old.db \"\(sql)\"").status == 0)
        expectRefused(try shell("$F diff old.db tree"))
    }

    /// The length of a list that is never printed overflowed.
    @Test func theOutputOptionsOfASavedScanAreIgnored() throws {
        let options = "json_object('depth', 9223372036854775807, 'top', 9223372036854775807)"
        let outcome = try shell(
            "$F --save old.db tree && sqlite3 old.db \"UPDATE scans SET options = \(options)\"; $F diff old.db tree")
        #expect(outcome.status == 0, "\(outcome.end) \(outcome.errorText)")
    }

    /// A page that has the same page as each of its children: with twenty such levels a table is practically endless.
    @Test(arguments: ["entries", "errors", "scans"]) func aPageThatIsThereTwiceIsDamage(
        _ table: String
    ) throws {
        let script = """
            for i in $(seq 40); do : >tree/$i; done
            for i in $(seq \(table == "errors" ? 200 : 0)); do echo -n "missing$i"; printf '\\0'; done >paths
            $F --save old.db --hash md5 --files-from paths tree
            for i in $(seq \(table == "scans" ? 30 : 0)); do $F --save old.db --label s$(printf %0200d $i) --hash md5 tree; done
            sqlite3 old.db "PRAGMA page_size = 512; VACUUM"
            page=$(sqlite3 old.db "SELECT rootpage FROM sqlite_schema WHERE name = '\(table)'")
            python3 - $page <<'EOF'
            import sys
            file = open("old.db", "r+b")
            start = 512 * (int(sys.argv[1]) - 1)
            file.seek(start)
            page = bytearray(file.read(512))
            assert page[0] in (2, 5), "an interior page"
            cells = int.from_bytes(page[3:5], "big")
            places = [int.from_bytes(page[12 + 2 * i:14 + 2 * i], "big") for i in range(cells)]
            for place in places[1:] + [8]: page[place:place + 4] = page[places[0]:places[0] + 4]
            file.seek(start)
            file.write(page)
            EOF
            """
        #expect(try shell(ByteString(script)).status == 0)
        let commands = [
            "entries": ["diff old.db tree", "verify --quick old.db tree"], "errors": ["diff old.db old.db"],
            "scans": ["diff old.db tree"],
        ]
        for command in commands[table] ?? [] {
            let outcome = try shell(ByteString("$F \(command)"))
            expectRefused(outcome)
            #expect(outcome.errorText.contains("is damaged: "), "\(outcome.errorText)")
        }
    }
}
