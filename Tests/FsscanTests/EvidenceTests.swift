// Evidence: its coverage, its independence of other data, and its agreement with docs/SCHEMA-2.md.

import Glibc
import TestSupport
import Testing

@Suite struct EvidenceTests {
    private let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    /// `$E` is the oracle.
    private func shell(_ script: ByteString) throws -> ProcessOutcome {
        try Fsscan.shell(
            script, in: directory,
            ProcessOptions {
                $0.environment["E"] = Repository.path("Tests/oracles/evidence.py").text
                $0.environment["FORGE"] = Repository.path("Tests/oracles/forge_columns.py").text
                $0.timeout = 1800
            })
    }

    private func prepare(_ script: ByteString) throws -> String {
        let outcome = try shell("set -euo pipefail; " + script)
        try #require(outcome.status == 0, "\(outcome.outputText)\(outcome.errorText)")
        return outcome.outputText
    }

    /// Every kind of entry, two names of one file, odd names, attributes, a missing PATH, a file that is too large and
    /// one of a pseudo file system.
    private static let variety: ByteString = """
        mkdir -p tree/d/e other; echo x > tree/x; ln tree/x tree/d/twice; ln -s x tree/link; mkfifo tree/fifo
        for name in $'a\\x01b' $'a\\x02' $'a\\x01' a 'a.b' 'a b' $'\\xff' $'\\n'; do mkdir "tree/$name"; echo > "tree/$name/f"; done
        python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("tree/socket")'
        head -c 3000 /dev/zero > tree/large; setfattr -n user.a -v 1 tree/x; setfattr -n user.b -v 2 tree/x
        if [ $(id -u) = 0 ]; then mknod tree/block b 7 7; mknod tree/character c 1 3; chown 3:4 tree/d; fi
        touch -d @-1.5 tree/a; chmod 4755 tree/x

        """

    // MARK: The definition

    /// As computed by an independent program from the same file, for any tree.
    @Test(arguments: RandomTrees.seeds) func itAgreesWithTheDefinition(seed: UInt64) throws {
        let random = try TemporaryDirectory(.random(seed: seed, entries: 300, names: try OddNames.load()))
        let printed = try prepare(
            """
            \(Self.variety)
            ln -s \(random.path) random
            save() { "$F" --save s.db "$@" > report 2> printed || [ $? = 1 ]; sed -n 's/.*evidence: //p' printed >> all; }
            save random/; save --hash sha256,xxh128,git --mime --xattrs random/ random tree missing other
            save --hash md5 --exclude '*[a-m]*' --exclude $'\\xff' --max-read 2000 --max-holes 1G -x random/ tree
            save --xattrs --gitignore --exclude-kernfs --read-pseudo $PWD/tree ./tree tree/x missing
            save --json --hash sha256 --mime /proc/self/attr tree; jq -r .saved.evidence report | cmp - <(tail -1 all)
            cd tree; save() { "$F" --save ../s.db "$@" > none 2> ../printed; sed -n 's/.*evidence: //p' ../printed >> ../all; }
            save --hash blake2b .; rm none; cd ..
            for scan in 1 2 3 4 5 6; do python3 $E s.db $scan; done > oracle
            cmp oracle all; "$F" saved --evidence --json s.db > saved; jq -r '.scans[].evidence' saved | cmp - oracle
            "$F" saved --evidence s.db | sed -n 's/^   evidence //p' | cmp - oracle
            sort -u all | wc -l; wc -c < all
            """)
        #expect(printed == "6\n390\n", "\(printed)")
        try expectValid("saved", try output(of: ["cat", directory.appending("saved")]))
    }

    @Test func theSummaryOfRecordsHasIt() throws {
        let printed = try prepare(
            """
            mkdir tree; touch tree/a; "$F" --ndjson --save s.db --hash md5 tree 2> printed > records
            tail -1 records | jq -r '.saved | .evidence, .sha256, .scan, .path, .taken_over'
            sed -n 's/.*evidence: //p; s/.*sha256 of the file: //p' printed
            """)
        let lines = printed.split(separator: "\n")
        try #require(lines.count == 7, "\(printed)")
        #expect(lines[0] == lines[5] && lines[1] == lines[6] && lines[2...4] == ["1", "s.db", "0"], "\(printed)")
        try expectValid("records", try output(of: ["cat", directory.appending("records")]))
    }

    @Test func itIsTheSameForScansOfEarlierVersions() throws {
        let file = Repository.path("fixtures/saved-1/scans.db")
        let printed = try prepare(
            "$F saved --evidence --json '\(file)' | jq -r '.scans[].evidence'; for i in 1 2; do python3 $E '\(file)' $i; done"
        )
        let lines = printed.split(separator: "\n")
        #expect(lines.count == 4 && lines[0] == lines[2] && lines[1] == lines[3], "\(printed)")
        // Evidence kept elsewhere must never change.
        #expect(lines[0] == "1e5ebe451493377cf7138985f2a2f6c9cc4c406533607ffe3fd4c914ae382207")
        #expect(lines[1] == "dc7d5cd17b70ac3a64aa0665503fa7a1d1707fbf179be3833ae77b017a9c2ce7")
    }

    // MARK: What it does not depend on

    /// Number, label, host, times, version, other scans, the file and its pages.
    @Test func theSameTreeHasTheSameEvidenceWhereverItIsSaved() throws {
        let printed = try prepare(
            """
            \(Self.variety)
            save() { "$F" --hash sha256,git --mime --xattrs --save "$@" tree missing other > none 2> printed || [ $? = 1 ]
                sed -n 's/.*evidence: //p' printed; }
            save one.db --label a; "$F" --save one.db other > none 2>&1; save one.db --label b --threads 7; save two.db
            of() { "$F" saved --json --evidence "$1" | jq -r "$2"; }
            sqlite3 one.db "UPDATE scans SET label = 'c', host = 'x', version = '9', started = '2001-02-03T04:05:06.000000007Z';
                DELETE FROM scans WHERE id = 2; DELETE FROM roots WHERE scan = 2; DELETE FROM entries WHERE series = 2;
                DELETE FROM errors WHERE series = 2; ANALYZE; VACUUM"
            of one.db '.scans[1].evidence'; sqlite3 one.db 'VACUUM INTO "three.db"'; of three.db '.scans[1].evidence'
            """)
        let lines = printed.split(separator: "\n")
        #expect(lines.count == 5 && Set(lines).count == 1, "\(printed)")
    }

    /// PATHs, their order, options, anything in the tree.
    @Test func everythingElseChangesIt() throws {
        let printed = try prepare(
            """
            mkdir -p a/d b; echo x > a/f; cp -a a c; echo .x > a/.gitignore
            save() { "$F" --save s.db "$@" > none 2> printed || [ $? = 1 ]; sed -n 's/.*evidence: //p' printed; }
            save a; save c; save a b; save b a; save a/; save a a; save a missing; save missing a
            for option in --hash=md5 --hash=git '--hash=git,md5' --mime -x --exclude=y --exclude=z '--exclude=y --exclude=z' \\
                '--exclude=z --exclude=y' --gitignore --xattrs --exclude-kernfs --read-pseudo --max-read=5 --max-holes=5; do
                save $option a
            done
            touch a/g; save a; touch a/g; save a; chmod u+s a/f; save a; ln a/f b/f; save a
            (cd a; "$F" --save ../s.db . 2>&1 > /dev/null | sed -n 's/.*evidence: //p')
            """)
        let lines = printed.split(separator: "\n")
        #expect(lines.count == 28 && Set(lines).count == lines.count, "\(printed)")
    }

    // MARK: What it covers

    /// Each column, each option, each row.
    @Test(arguments: [1, 2]) func noColumnCanBeForged(version: Int) throws {
        let printed = try prepare(
            """
            \(Self.variety) sleep 2.2
            $F --save s.db --hash sha256,git,md5,xxh128 --mime --xattrs --max-read 2000 tree missing other > none 2> printed || [ $? = 1 ]
            \(version == 1 ? "python3 $V1 s.db" : "")
            python3 $FORGE "$F" s.db $(sed -n 's/.*evidence: //p' printed)
            """)
        let lines = printed.split(separator: "\n")
        #expect(lines.count == 1, "\(printed)")
        #expect((lines.last.flatMap { Int($0) } ?? 0) > 400, "\(printed)")
    }

    /// The Merkle values of directories are not evidence and are not used: whatever they are, changes are detected.
    @Test func aForgedStateHidesNothing() throws {
        let printed = try prepare(
            """
            \(Self.variety)
            "$F" --save s.db --hash sha256 --xattrs tree > none 2> printed; evidence=$(sed -n 's/.*evidence: //p' printed)
            python3 $V1 s.db
            sqlite3 s.db "UPDATE entries SET state = zeroblob(32)"; echo changed > tree/d/e/new
            { "$F" verify --expect $evidence s.db || [ $? = 1 ]; } | grep -c '^+ tree/d/e/new$'
            """)
        #expect(printed == "1\n")
    }

    @Test(arguments: [
        "DELETE FROM entries WHERE CAST(key AS TEXT) = 'd'", "DELETE FROM entries WHERE key = x''",
        "UPDATE entries SET kind = 1 WHERE CAST(key AS TEXT) = 'd'",
    ]) func anEntryInNoDirectoryIsDamage(_ sql: ByteString) throws {
        _ = try prepare("\(Self.variety) $F --save s.db tree > none 2>&1; sqlite3 s.db \"\(sql)\"")
        for command: ByteString in ["verify s.db", "saved --evidence s.db"] {
            let outcome = try shell("$F \(command)")
            #expect(outcome.status == 2 && outcome.errorText.contains("is damaged: an entry is in no directory"))
        }
    }

    /// Digests were taken over from such rows, which evidence did not cover.
    @Test(arguments: ["entries", "errors"]) func aRowOfNoRootIsDamage(_ table: ByteString) throws {
        _ = try prepare(
            """
            mkdir tree; echo x > tree/f; "$F" --save s.db --hash sha256 tree missing > none 2> printed || [ $? = 1 ]
            sqlite3 s.db "CREATE TEMP TABLE t AS SELECT * FROM \(table) ORDER BY root, key DESC LIMIT 1; UPDATE t SET root = -1;
                INSERT INTO \(table) SELECT * FROM t"
            """)
        for command: ByteString in [
            "verify --expect $(sed -n 's/.*evidence: //p' printed) s.db", "verify s.db", "diff s.db tree missing",
        ] {
            let outcome = try shell("$F \(command)")
            #expect(outcome.status == 2 || outcome.status == 64, "\(outcome.outputText)\(outcome.errorText)")
        }
        let outcome = try shell(
            "$F --baseline s.db --expect $(sed -n 's/.*evidence: //p' printed) --hash sha256 tree missing")
        #expect(outcome.status == 64 && outcome.outputText.isEmpty, "\(outcome.outputText)\(outcome.errorText)")
    }

    /// A file that SAVED, a symlink's target, had replaced was excluded on both sides, whether or not evidence covered
    /// it.
    @Test func theEntriesThatSavedReplacesAreMissing() throws {
        let printed = try prepare(
            """
            mkdir tree; echo login > tree/login; echo b > tree/b
            "$F" --save s.db --hash sha256 tree > none 2> printed; evidence=$(sed -n 's/.*evidence: //p' printed)
            mv s.db tree/login; ln -s tree/login s.db
            { "$F" verify --ignore mtime,ctime --expect $evidence s.db || [ $? = 1 ]; } | grep '^[-+*]'
            """)
        #expect(printed == "- tree/login\n")
    }

    // MARK: Where it stands

    @Test func verifyNamesTheComparedEvidenceAndPaths() throws {
        let printed = try prepare(
            """
            mkdir -p x/tree copy; echo a > x/tree/a; cd x; "$F" --save ../s.db --label now tree > ../none 2> ../printed; cd ..
            evidence=$(sed -n 's/.*evidence: //p' printed)
            [ "$("$F" verify s.db | tail -1)" = "Evidence $evidence of s.db#1, compared with $PWD/x/tree" ]
            (cd x; [ "$("$F" verify ../s.db | tail -1)" = "Evidence $evidence of ../s.db#1, compared with $PWD/tree" ])
            cp -a x/tree copy; "$F" verify --ignore ctime s.db copy/tree > out
            [ "$(tail -1 out)" = "Evidence $evidence of s.db#1, compared with $PWD/copy/tree" ]
            "$F" verify --json s.db > document; "$F" verify --ndjson --expect $evidence s.db > lines
            jq -r '.verified | .evidence, .scan, .paths[].path' document; tail -1 lines | jq -r '.verified.evidence'
            echo $evidence $PWD
            """)
        let lines = printed.split(separator: "\n").map(String.init)
        try #require(lines.count == 5, "\(printed)")
        let last = lines[4].split(separator: " ").map(String.init)
        #expect(lines[0] == last[0] && lines[1] == "1" && lines[2] == last[1] + "/x/tree" && lines[3] == last[0])
        for name: ByteString in ["document", "lines"] {
            try expectValid("diff", try output(of: ["cat", directory.appending(name)]))
        }
    }

    @Test func theReportOfASaveHasIt() throws {
        let printed = try prepare(
            """
            mkdir tree; echo a > tree/a; sleep 2.2; options=
            for i in 1 2; do
                "$F" --json --save s.db $options --hash sha256 tree > report 2> printed; options="--baseline s.db"
                jq -c '.saved | [.path, .scan, .taken_over]' report
                jq -r '.saved | .evidence, .sha256' report | cmp - <(sed -n 's/.*\\(evidence\\|of the file\\): //p' printed)
            done
            sha256sum < s.db | cut -c1-64 | cmp - <(jq -r .saved.sha256 report)
            """)
        #expect(printed == "[\"s.db\",1,0]\n[\"s.db\",2,1]\n")
        try expectValid("report", try output(of: ["cat", directory.appending("report")]))
    }

    /// Deeper than a call stack allows, and nothing is stored twice.
    @Test func aDeepTreeHasEvidence() throws {
        let printed = try prepare(
            """
            python3 - <<'END'
            import os
            os.mkdir("tree"); os.chdir("tree")
            for _ in range(3000): os.mkdir("d"); os.chdir("d")
            END
            "$F" --save s.db tree > none 2> printed
            ( ulimit -v 2000000; "$F" saved --evidence s.db | sed -n 's/^   evidence //p' | cmp - <(sed -n 's/.*evidence: //p' printed) )
            python3 $E s.db | cmp - <(sed -n 's/.*evidence: //p' printed)
            """)
        #expect(printed == "")
    }
}
