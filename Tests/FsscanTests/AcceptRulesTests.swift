// `accept --rules` and `--exclude`: fields that a rule does not compare stay as saved, accepted ones are as they are
// now.

import TestSupport
import Testing

@Suite struct AcceptRulesTests {
    private let directory: TemporaryDirectory

    init() throws {
        directory = try TemporaryDirectory([
            .directory(
                "t",
                [
                    .directory("bin", [.file("tool", "1\n"), .file("other", "o\n")]),
                    .directory("home", [.file("notes", "n\n")]),
                    .directory("log", [.file("app", "one\n"), .file("err", "long enough\n"), .file("old", "old\n")]),
                    .directory("srv", [.directory("cache", [.file("c", "c\n")]), .file("page", "p\n")]),
                    .directory("tmp", [.file("x", "x\n")]),
                    .file("mtab", "1\n"),
                ]),
            .file(
                "rules", "/log/** grows\n/tmp ignore\n/srv/cache ignore\n/mtab kind\n/home/** -mtime -ctime\n"),
        ])
    }

    private func run(_ script: ByteString) throws -> String {
        let outcome = try Fsscan.shell(
            """
            set -euo pipefail
            lines() { { grep -E '^[-+*!=?] ' || true; } | sed 's/  .*//'; }
            verify() { "$F" verify "$@" s.db >out 2>err || status=$?; lines <out; }
            digest() { sed -n 's/^Changes \\([0-9a-f]*\\).*/\\1/p' out; }
            row() { sqlite3 s.db "SELECT size, mtime, sha256, state FROM entry WHERE scan = $1 AND path = 't/$2'"; }
            evidence() { "$F" saved --evidence --json s.db | jq -r '.scans[-1].evidence' | cmp - <(python3 $E s.db); }
            [ -e s.db ] || "$F" --save s.db --hash sha256 --xattrs t >out 2>&1
            \(script)
            """, in: directory,
            ProcessOptions { $0.environment["E"] = Repository.path("Tests/oracles/evidence.py").text })
        try #require(outcome.status == 0, "\(outcome.outputText)\(outcome.errorText)")
        return outcome.outputText
    }

    @Test func fieldsThatARuleDoesNotCompareStayAsSaved() throws {
        let printed = try run(
            """
            echo 2 >t/bin/tool; touch -d 2001-01-01 t/home/notes; echo two >>t/log/app; echo short >t/log/err; echo 22 >t/mtab
            echo y >t/tmp/x; echo z >t/tmp/z; echo d >t/srv/cache/d; rm t/srv/page
            verify --rules rules; echo "status $status"; cp out before
            "$F" accept --rules rules s.db >out 2>err; lines <out
            cmp <(sed 's/ (see fsscan accept.*//' before | grep -E '^(Left out|By rules|Changes)') \
                <(grep -E '^(Left out|By rules|Changes)' out)
            for path in home/notes log/app mtab tmp/x srv/cache/c; do [ "$(row 1 $path)" = "$(row 2 $path)" ]; done
            [ "$(row 2 log/err | cut -d'|' -f1,3)" = "6|$(sha256sum <t/log/err | cut -d' ' -f1)" ]
            sqlite3 s.db "SELECT path FROM entry WHERE scan = 2 AND path IN ('t/tmp/z', 't/srv/cache/d', 't/srv/page')"
            evidence; status=0; verify --rules rules; head -1 out; echo "status $status"
            verify
            """)
        let changed = "* t/bin/tool\n* t/log/err\n- t/srv/page\n"
        let rest = """
            ! t/home/notes
            * t/log/app
            * t/mtab
            * t/tmp/x
            + t/srv/cache/d
            + t/tmp/z

            """
        let nothing = "No difference in what was compared.\nstatus 0\n"
        #expect(printed == changed + "status 1\n" + changed + nothing + rest, "\(printed)")
    }

    /// The digest of changes does not bind how much a log has grown, but binds everything else.
    @Test func verifyAndAcceptAgreeOnTheDigestOfChanges() throws {
        let printed = try run(
            """
            echo 2 >t/bin/tool; : >t/log/err; echo new >t/log/new; touch t/home/notes; echo n >>t/home/notes
            verify --rules rules --exclude /bin/other >lines; wanted=$(digest); [ -n "$wanted" ]
            echo more >>t/log/app; echo more >>t/log/err; echo more >>t/log/new; echo o2 >t/bin/other; touch t/home/notes
            accept() { "$F" accept --rules rules --exclude /bin/other "$@" s.db >out 2>err || echo "status $?"; }
            accept --dry-run; digest | cmp - <(echo $wanted)
            "$F" accept --expect-changes $wanted s.db >out 2>err || echo "status $?"
            echo trojan >t/bin/other2; accept --expect-changes $wanted; rm t/bin/other2
            chmod u+s t/mtab; accept --expect-changes $wanted; evidence
            row 2 log/new | cut -d'|' -f3 | cmp - <(sha256sum t/log/new | cut -d' ' -f1)
            echo more >>t/log/new; verify --rules rules --exclude /bin/other; head -1 out; verify --rules rules
            """)
        #expect(printed == "status 2\nstatus 2\nNo difference in what was compared.\n* t/bin/other\n", "\(printed)")
    }

    /// An entry that a rule leaves out would have no directory if it stayed.
    @Test func excludedEntriesGoWithTheirDirectory() throws {
        let printed = try run(
            """
            rm -r t/srv; echo file >t/srv; rm -r t/tmp; verify --rules rules
            "$F" accept --rules rules s.db >out 2>err; evidence
            sqlite3 s.db "SELECT path FROM entry WHERE scan = 2 AND (path LIKE 't/srv%' OR path LIKE 't/tmp%')"
            verify --rules rules; echo; verify
            """)
        // A directory that a rule leaves out is not known to be gone.
        #expect(printed == "* t/srv\n- t/srv/page\nt/srv\nt/tmp\nt/tmp/x\n\n- t/tmp\n", "\(printed)")
    }

    /// Its old inode under another name, and a new log under the old one.
    @Test func aRotatedLogIsAccepted() throws {
        let printed = try run(
            """
            rm t/log/old; mv t/log/app t/log/app.1; echo next >t/log/app; verify --rules rules
            "$F" accept --rules rules --reason rotated s.db >out 2>err; tail -n +2 out | head -2; evidence
            echo more >>t/log/app; verify --rules rules; echo other >t/log/app; verify --rules rules
            """)
        #expect(
            printed == """
                = t/log/app -> t/log/app.1
                - t/log/old
                - t/log/old
                2 changes accepted.
                * t/log/app

                """, "\(printed)")
    }

    /// A file that a rule keeps from being read has no digest once it is accepted: that is said without the rule.
    @Test func unreadContentIsUnknown() throws {
        let printed = try run(
            """
            printf '/bin/** -content\\n/mtab kind\\n' >rules; chmod 600 t/bin/tool; rm t/mtab; ln -s x t/mtab; echo k >t/bin/new
            "$F" accept --rules rules s.db >out 2>err; evidence; row 2 bin/tool | cut -d'|' -f3,4; status=0
            verify --rules rules; head -1 out; echo "status $status"; verify; echo "status $status"
            """)
        #expect(
            printed == """
                |skipped
                No difference in what was compared.
                status 0
                ? t/bin/new
                ? t/bin/tool
                status 2

                """, "\(printed)")
    }

    @Test(.enabled(if: isRoot, "only root refuses other users' rules"))
    func rulesOfOthersAreRefused() throws {
        let printed = try run(
            """
            chmod 666 rules; cp s.db before
            "$F" accept --rules rules s.db >out 2>err || echo "status $?"; grep -c 'users other than root' err
            cmp s.db before
            """)
        #expect(printed == "status 64\n1\n", "\(printed)")
    }

    /// A directory's digest is over all that is below it: it is that of a new save, or it is not there.
    @Test func digestsOfDirectoriesMatchTheirContents() throws {
        let printed = try run(
            """
            echo 2 >t/bin/tool; echo 2 >t/log/app; echo 3 >t/log/err
            dirs() { sqlite3 s.db "SELECT path, CASE sha256 WHEN '' THEN '?' ELSE substr(sha256, 1, 6) END FROM entry
              WHERE scan = $1 AND kind = 'directory' ORDER BY path"; }
            "$F" accept s.db $PWD/t/bin $PWD/t/log/app >out 2>err; evidence; dirs 2 >partly
            "$F" --save new.db --hash sha256 --xattrs t >out 2>&1; mv s.db part.db; mv new.db s.db; dirs 1 >now; mv part.db s.db
            dirs 1 >then; paste -d' ' then partly now | awk '{ split($1, a, "|"); split($2, b, "|"); split($3, c, "|")
              print a[1], b[2] == "?" ? "unknown" : b[2] == c[2] && b[2] == a[2] ? "both" : b[2] == c[2] ? "now" : "then" }'
            "$F" accept s.db >out 2>err; evidence; dirs 3 | cmp - now && echo whole
            """)
        #expect(
            printed == """
                t unknown
                t/bin now
                t/home both
                t/log unknown
                t/srv both
                t/srv/cache both
                t/tmp both
                whole

                """, "\(printed)")
    }
}
