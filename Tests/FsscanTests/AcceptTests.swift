// `fsscan accept`: what `verify` showed is the baseline afterwards, and nothing else has changed in it.

import Glibc
import TestSupport
import Testing

@Suite struct AcceptTests {
    private let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    private func prepare(_ script: ByteString) throws -> String {
        let outcome = try Fsscan.shell(
            """
            set -euo pipefail
            mkdir -p tree/d tree/old; for f in a b d/x old/y; do echo $f > tree/$f; done
            "$F" --save s.db --hash sha256 --xattrs tree > none 2>&1
            verify() { "$F" verify "$@" s.db > out || [[ $? = ${status:-1} ]]; grep -E '^[-+*!=?] ' out || true; }
            \(script)
            """, in: directory,
            ProcessOptions {
                $0.environment["E"] = Repository.path("Tests/oracles/evidence.py").text
                $0.timeout = 600
            })
        try #require(outcome.status == 0, "\(outcome.outputText)\(outcome.errorText)")
        return outcome.outputText
    }

    /// Content, metadata, kinds, what is new, gone and moved: `verify` finds nothing afterwards, `diff` of the two scans what it
    /// found before, and the older scan is as it was.
    @Test func theChangesThatVerifyShowedBecomeTheBaseline() throws {
        let printed = try prepare(
            """
            echo other > tree/a; chmod 4755 tree/b; rm -r tree/old; mkdir -p tree/new/e; echo n > tree/new/e/n
            rm tree/d/x; mkdir tree/d/x; echo deep > tree/d/x/y; ln -s a tree/link
            verify > before; "$F" saved --evidence --json s.db | jq -r '.scans[0].evidence' > evidence
            "$F" accept --reason 'it was me' s.db > accepted 2> printed
            grep -E '^[-+*!=?] ' accepted | cmp - before; grep accepted. accepted
            status=0 verify; head -1 out; "$F" diff s.db#1 s.db > out || [ $? = 1 ]; grep -E '^[-+*!=?] ' out | cmp - before
            "$F" saved --evidence --json s.db > list; jq -r '.scans[0].evidence' list | cmp - evidence
            [ $(sed -n 's/.*evidence: //p' printed) = $(jq -r '.scans[1].evidence' list) ]
            python3 $E s.db 2 | cmp - <(jq -r '.scans[1].evidence' list)
            jq -c '.scans[1] | [.base, .reason, (.who | length > 0), .totals.entries]' list; find tree | wc -l
            "$F" saved s.db | sed -n 's/^   accepted on 1 by .*: //p'
            """)
        let lines = printed.split(separator: "\n")
        try #require(lines.count == 5, "\(printed)")
        #expect(lines[0].hasSuffix("changes accepted.") && lines[1] == "No difference.", "\(printed)")
        #expect(lines[2] == "[1,\"it was me\",true,\(lines[3])]" && lines[4] == "it was me", "\(printed)")
    }

    /// The rest is shown by the next `verify` as by the one before.
    @Test func belowSomePATHsAlone() throws {
        let printed = try prepare(
            """
            echo other > tree/a; echo other > tree/d/x; mkdir -p tree/new/e; echo n > tree/new/e/n; echo m > tree/new/m; rm -r tree/old
            "$F" accept s.db "$PWD/tree/d" tree/new/e > accepted 2> none; grep -cE '^[-+*!=?] ' accepted; verify
            (cd tree; "$F" accept ../s.db old a > ../accepted 2> ../none); grep -cE '^[-+*!=?] ' accepted; verify
            python3 $E s.db; "$F" saved --evidence --json s.db | jq -r '.scans[2].evidence, .scans[2].base'
            for path in /nowhere tree/../tree/a tree/..; do "$F" accept s.db $path > none 2>&1 || echo $?; done
            """)
        let lines = printed.split(separator: "\n", omittingEmptySubsequences: false)
        try #require(lines.count == 13, "\(printed)")
        // What leads to a place that is new is accepted with it.
        #expect(lines[0] == "3" && lines[1].hasPrefix("* tree/a  "), "\(printed)")
        #expect(lines[2] == "+ tree/new/m" && lines[3].hasPrefix("- tree/old  with 1 entry"), "\(printed)")
        #expect(lines[4] == "3" && lines[5] == "+ tree/new/m", "\(printed)")
        #expect(lines[6] == lines[7] && lines[8...] == ["2", "64", "64", "64", ""], "\(printed)")
    }

    /// A change made between `verify` and `accept` is not accepted.
    @Test func onlyTheChangesThatWereSeen() throws {
        let printed = try prepare(
            """
            echo other > tree/a; echo new > tree/new; verify > none; digest=$(sed -n 's/^Changes \\([0-9a-f]*\\) .*/\\1/p' out)
            { "$F" verify --json s.db || true; } | jq -r .verified.changes | cmp - <(echo $digest)
            cp s.db before; "$F" accept --dry-run s.db | sed -n 's/^Changes //p' | cmp - <(echo $digest); cmp s.db before
            sqlite3 s.db 'SELECT count(*) FROM scans'; echo trojan > tree/new
            "$F" accept --expect-changes $digest s.db > none 2> err || echo $?; grep -c 'has changes other than' err; cmp s.db before
            echo new > tree/new; touch -r tree/b tree/new; verify > none
            digest=$(sed -n 's/^Changes \\([0-9a-f]*\\) .*/\\1/p' out); "$F" accept --expect-changes $digest s.db > none 2>&1
            status=0 verify; head -1 out; "$F" accept --expect-changes $digest s.db > none 2>&1 || echo $?
            "$F" accept s.db; sqlite3 s.db 'SELECT count(*) FROM scans'
            for bad in 12 x; do "$F" accept --expect-changes $bad s.db > none 2>&1 || echo $?; done
            """)
        #expect(printed == "1\n2\n1\nNo difference.\n2\nNothing to accept.\n2\n64\n64\n", "\(printed)")
    }

    /// It covers folded and hidden changes. `accept` takes rules, but compares everything else: a digest of less would
    /// never be the one that it finds.
    @Test func theDigestIsThatOfAllChanges() throws {
        let printed = try prepare(
            """
            echo other > tree/a; mkdir tree/new; touch tree/new/1 tree/new/2; echo 'b ignore' > rules; chmod 600 rules
            for option in '' --unfold '--only moved'; do status=[01] verify $option > none; grep ^Changes out; done | uniq -c |
                sed 's/ [0-9a-f]* (.*//'
            for option in '--rules rules' '--exclude nothing' '--ignore ctime' '--also inode' --listed-only; do
                verify $option > none; grep -c '^Changes' out || true
            done
            """)
        #expect(printed == "      3 Changes\n1\n1\n0\n0\n0\n", "\(printed)")
    }

    /// The new scan is saved completely or not at all, and the older one is unchanged.
    @Test func killedAtAnyMomentTheFileIsValid() throws {
        _ = try prepare(
            """
            for i in $(seq 3000); do echo > tree/a-file-with-a-name-of-some-length-$i; done; rm s.db
            "$F" --save s.db tree > none 2>&1; for i in $(seq 1 2 3000); do echo x > tree/a-file-with-a-name-of-some-length-$i; done
            cp s.db whole.db; "$F" saved --evidence --json s.db | jq -r '.scans[].evidence' > before
            """)
        let environment = ProcessOptions {
            $0.environment["E"] = Repository.path("Tests/oracles/evidence.py").text
            $0.timeout = 600
        }
        var generator = SeededGenerator(seed: 5)
        var killed = 0
        for round in 0..<25 {
            _ = try Fsscan.shell("cp whole.db s.db; rm -f s.db-journal", in: directory)
            let process = try RunningProcess([Fsscan.path, "accept", directory.appending("s.db")])
            usleep(UInt32.random(in: 0..<(round < 18 ? 400_000 : 1_500_000), using: &generator))
            process.send(SIGKILL)
            if try process.finish().end != .exited(0) { killed += 1 }
            let outcome = try Fsscan.shell(
                """
                set -euo pipefail; sqlite3 s.db 'PRAGMA integrity_check'
                "$F" saved --evidence --json s.db | jq -r '.scans[].evidence' > after; head -1 after | cmp - before
                for i in $(seq $(wc -l < after)); do python3 $E s.db $i; done | cmp - after
                """, in: directory, environment)
            #expect(outcome.status == 0 && outcome.outputText == "ok\n", "\(outcome.outputText)\(outcome.errorText)")
        }
        #expect(killed > 0)
    }

    /// It stays as it was saved, is reported, and leads to status 2.
    @Test(.enabled(if: isRoot, "needs root")) func unreadableEntriesAreNotAccepted() throws {
        let tools = try TemporaryDirectory()
        let program = try Fsscan.copy(to: tools)
        let printed = try prepare(
            """
            chown -R 65534 . ; echo other > tree/b; chmod 0 tree/a tree/d
            as() { setpriv --reuid 65534 --regid 65534 --clear-groups \(program) "$@"; }
            as accept s.db > out 2> none || echo $?; grep -E '^[-+*!=?] ' out | cut -d' ' -f1-2 | sort; chmod 644 tree/a; chmod 755 tree/d
            as verify --ignore ctime,uid s.db > out || true; grep -E '^[-+*!=?] ' out || head -1 out
            """)
        let lines = printed.split(separator: "\n")
        #expect(lines.first == "2" && lines.contains("* tree/b") && lines.contains("? tree/a"), "\(printed)")
        #expect(lines.last == "No difference.", "\(printed)")
    }

    /// Kept rows were read by an older scan: a file that changed just before that is read again.
    @Test func keptRowsAreAsOldAsTheScanThatReadThem() throws {
        let printed = try prepare(
            """
            sleep 2.2; echo other > tree/a; "$F" accept s.db > none 2>&1
            "$F" verify --quick --reread 0% --json s.db | jq -c '.new.baseline | [.reused, .read]'
            sleep 2.2; echo more > tree/b; "$F" --save s.db --hash sha256 --xattrs tree > none 2>&1; echo last > tree/d/x
            "$F" accept s.db > none 2>&1; "$F" verify --quick --reread 0% --json s.db | jq -c '.new.baseline | [.reused, .read]'
            """)
        // All were made less than 2 s before the first scan; then `a` and `old/y` look old enough.
        #expect(printed == "[0,4]\n[2,2]\n", "\(printed)")
    }
}
