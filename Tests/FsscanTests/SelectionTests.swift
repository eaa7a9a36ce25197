// Selections, against find and du on the same tree.

import Glibc
import TestSupport
import Testing

@Suite struct SelectionTests {
    /// Gives each entry a time, and as root an owner, derived from its path. Some times are those in the options.
    private static let vary: ByteString = #"""
        python3 -c '
        import os, sys, zlib
        for root, directories, files in os.walk(b"t", topdown=False):
            for name in directories + files + [b"."]:
                path = os.path.join(root, name)
                number = zlib.crc32(path)
                time = (1000000000 + number % 50 * 86400) * 10**9 + [0, 1, 999999999][number % 3]
                if os.geteuid() == 0: os.lchown(path, [0, 1, 65534][number // 3 % 3], [0, 2, 65534][number // 9 % 3])
                os.utime(path, ns=(time, time), follow_symlinks=False)
        '
        # The paths of records, each with a NUL behind it.
        paths() {
            python3 -c '
        import base64, json, sys
        for line in sys.stdin.buffer:
            record = json.loads(line)
            if record["type"] == "entry":
                path = base64.b64decode(record["path_b64"]) if "path_b64" in record else record["path"].encode()
                sys.stdout.buffer.write(path + b"\0")
        ' | LC_ALL=C sort -z
        }
        # What the options ($1) and an expression of find ($2) select below t, and what that takes.
        same() {
            eval "find t $2 -print0" | LC_ALL=C sort -z > expected
            eval "\"$F\" $1 --ndjson t" > records; paths < records | cmp expected - || echo "$1"
            eval "\"$F\" $1 --json --depth 9 --top 10000 t" > report
            [ $(tr -cd '\0' < expected | wc -c) = $(jq .selected.entries report) ] || echo "$1: entries"
            tail -n 1 records | jq -c .selected | cmp - <(jq -c .selected report) || echo "$1: records"
            eval "find t $2 -printf '%i %b %y %s\n'" | sort -u |
                awk '{ disk += $2 * 512; if ($3 == "f" || $3 == "l") apparent += $4 } END { print disk + 0; print apparent + 0 }' |
                cmp - <(jq '.selected.disk_bytes, .selected.apparent_bytes' report) || echo "$1: bytes"
            if [ -z "$(eval "find t $2 -type d")" ]; then
                eval "find t $2 -print0" | du -c -B1 --files0-from=- | tail -n 1 | cut -f 1 |
                    cmp - <(jq .selected.disk_bytes report) || echo "$1: du"
            fi
            eval "find t $2 -type f -printf '%i\n'" | sort -u | wc -l | cmp - <(jq '.largest_files | length' report) ||
                echo "$1: files"
            eval "find t $2 -type d -print0" | tr -cd '\0' | wc -c | cmp - <(jq '.largest_directories | length' report) ||
                echo "$1: directories"
            jq -S '[.totals, [.roots[].totals, .roots[].tree], .sizes, .extensions, .owners, .groups]' report |
                cmp - all || echo "$1: totals"
        }
        "$F" --json --depth 9 t |
            jq -S '[.totals, [.roots[].totals, .roots[].tree], .sizes, .extensions, .owners, .groups]' > all

        """#

    /// Times are 1,000,000,000 s and some days, with no nanoseconds, one, or one less than a second.
    private static let cases: [(options: String, find: String)] = [
        ("--type f", "-type f"), ("--type f,l --type p", "-type f,l,p"), ("--type d", "-type d"),
        ("--type s,b,c", "-type s,b,c"),
        ("--name '*a*'", "-name '*a*'"), ("--name '[!a-m]*'", "-name '[!a-m]*'"), ("--name '?'", "-name '?'"),
        ("--name '.*' --name '*.*'", #"\( -name '.*' -o -name '*.*' \)"#), ("--name t", "-name t"),
        ("--name ''", "-name ''"),
        (#"--name '*\**'"#, #"-name '*\**'"#), ("--name '[a'", "-name '[a'"),
        ("--name '*[[:space:]]*'", "-name '*[[:space:]]*'"),
        ("--min-size 5000", "-type f -size +4999c"), ("--max-size 9000", "-type f -size -9001c"),
        ("--min-size 1 --max-size 100K", "-type f -size +0c -size -102401c"), ("--min-size 0", "-type f"),
        ("--older @1002000000", "! -newermt @1001999999.999999999"), ("--newer @1002000000", "-newermt @1002000000"),
        ("--older @1001728000.000000001", "! -newermt @1001728000"),
        ("--newer 2001-09-29T01:46:40Z", "-newermt @1001728000"),
        ("--older 2w --now @1002937600", "! -newermt @1001727999.999999999"),
        ("--newer 1m --now @1003456000.5", "-newermt @1000864000.5"),
        ("--older 5d --newer 10d --now @1003456000", "-newermt @1002592000 ! -newermt @1003023999.999999999"),
        ("--owner 1", "-uid 1"), ("--owner nobody", "-user nobody"), ("--group nogroup --owner 0", "-gid 65534 -uid 0"),
        ("--links 2", "-links 2"), ("--links +1 --type f,l", "-links +1 -type f,l"), ("--links -2", "-links -2"),
        (
            "--type f --name '*[aeiou]*' --min-size 100 --older 3000d --links 1 --now 2026-01-01",
            "-type f -name '*[aeiou]*' -size +99c -links 1 ! -newermt '2017-10-14 23:59:59.999999999 UTC'"
        ),
    ]

    @Test(arguments: RandomTrees.seeds) func theSelectionAgreesWithFind(seed: UInt64) throws {
        let directory = try TemporaryDirectory([.directory("t")])
        // Hard links of a random tree are relative to its root.
        let tree = openat(directory.descriptor, "t", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        defer { close(tree) }
        // du and Python are given whole paths, which may not be too long.
        let names = try OddNames.load().filter { $0.bytes.count < 100 }
        try Tree.random(seed: seed, entries: 250, names: names).create(in: tree)
        var script = Self.vary
        // A quarter of them for each tree: each one gets two.
        for (index, one) in Self.cases.enumerated() where index % 4 == Int(seed % 4) {
            script = script + ByteString("same \(quoted(one.options)) \(quoted(one.find))\n")
        }
        let options = ProcessOptions {
            $0.environment["LC_ALL"] = "C.UTF-8"
            $0.timeout = 1200
        }
        let outcome = try Fsscan.shell(script, in: directory, options)
        #expect(outcome.status == 0 && outcome.outputText == "", "\(outcome.outputText)\(outcome.errorText)")
    }

    private func quoted(_ text: String) -> String {
        "'" + text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: #"'\''"#) + "'"
    }

    // MARK: Bytes, links, PATHs

    private func shell(_ script: ByteString, _ tree: Tree) throws -> String {
        let directory = try TemporaryDirectory(tree)
        let outcome = try Fsscan.shell("set -e -o pipefail; " + script, in: directory)
        #expect(outcome.status == 0, "\(outcome.errorText)")
        return outcome.outputText
    }

    private static let tree: Tree = [
        .directory(
            "t",
            [
                .file("a.log", "12345", mtime: 1_000_000_000), .hardLink("b.txt", to: "t/a.log"),
                .directory(
                    "d", [.hardLink("c.log", to: "t/a.log"), .file("big", size: 1 << 20), .symlink("s.log", to: "x")]),
                .directory("e.log", [.file("inside", "some text")]),
            ]),
        .symlink("link.log", to: "t"),
    ]

    @Test func linkedFilesCountOnceInASelection() throws {
        let printed = try shell(
            """
            of() { "$F" --json "$@" | jq -c '[.selected | .files, .hard_linked_files, .apparent_bytes], [.totals.files]'; }
            of --name '*.log' --type f t; of --name '*.log' --type f --threads 1 t t/d; of --name b.txt t; of --name none t
            find t -name '*.log' -type f -print0 | du -c -B1 --files0-from=- | tail -n 1 | cut -f1 > expected
            "$F" --json --name '*.log' --type f t | jq .selected.disk_bytes | cmp - expected
            """, Self.tree)
        #expect(printed == "[2,1,5]\n[5]\n[3,1,5]\n[7]\n[1,1,5]\n[5]\n[0,0,0]\n[5]\n", "\(printed)")
    }

    /// The name of a PATH is its last component, however many slashes follow it.
    @Test func pathsAreSelectedByTheirNames() throws {
        let printed = try shell(
            """
            same() {
                find $2 $1 -maxdepth 0 -name "$3" > expected
                "$F" $2 --ndjson --name "$3" $1 | jq -r --arg path $1 'select(.path == $path).path' | cmp - expected
                wc -l < expected
            }
            same t '' t; same t/ '' t; same t// '' t; same ./t '' t; same t/a.log '' '*.log'; same . '' .; same t/d '' t
            same link.log '' '*.log'; same link.log -H '*.log'
            """, Self.tree)
        #expect(printed == "1\n1\n1\n1\n1\n1\n0\n1\n1\n", "\(printed)")
    }

    // MARK: Content

    /// Files that are too large to be read are errors, if they are to be read.
    @Test func onlySelectedFilesAreRead() throws {
        let printed = try shell(
            """
            "$F" --json --hash md5 --mime --max-read 10 t | jq -c '[.errors[].path]' || true
            "$F" --json --hash md5 --mime --max-read 10 --max-size 10 t |
                jq -c '[.errors[].path], .roots[0].digests, [.mime_types[] | .type, .files], .roots[0].tree.digests'
            "$F" --ndjson --hash md5 --mime --max-size 10 t > records; grep -c '"entry"' records
            jq -r 'select(.type == "entry") | .digests.md5 + "  " + .path' records | md5sum -c --quiet
            "$F" --ndjson --hash md5 --type d,f --name 't*' t | jq -c 'select(.type == "entry") | [.path, .kind, .digests]'
            "$F" --hash md5 --json t/a.log --name '*.log' | jq -c .roots[0].digests.md5
            "$F" --hash md5 --json t/a.log --name '*.txt' | jq -c .roots[0].digests
            "$F" --format md5sum --type f --name '*.log' t > sums; md5sum -c --quiet sums; wc -l < sums
            "$F" --hash md5 --name '*.log' t | grep -c Digests || true
            """, Self.tree)
        #expect(
            printed == """
                ["t/d/big"]
                []
                null
                ["text/plain",4]
                null
                4
                ["t","directory",null]
                "827ccb0eea8a706c4c34a16891f84e7b"
                null
                2
                0

                """, "\(printed)")
    }

    @Test(.disabled(if: isSanitized, "LeakSanitizer does not work under strace"))
    func onlySelectedEntriesHaveTheirAttributesRead() throws {
        let printed = try shell(
            """
            "$F" --ndjson --xattrs --name big --name t t | jq -c 'select(.type == "entry") | [.path, (.xattrs | type)]' | LC_ALL=C sort
            strace -f -e trace=listxattr,flistxattr,getxattr -o calls "$F" --ndjson --xattrs --name big t > none
            grep -c 'listxattr(' calls
            """, Self.tree)
        #expect(printed == "[\"t\",\"object\"]\n[\"t/d/big\",\"object\"]\n1\n", "\(printed)")
    }

    // MARK: Formats

    @Test func everyFormatListsTheSelectedEntries() throws {
        let printed = try shell(
            """
            find t -name '*.log' | sort > expected
            "$F" --format csv --name '*.log' t | tail -n +2 | tr -d '\\r' | cut -d, -f1 | sort | cmp - expected
            "$F" --format ndjson --sorted --name '*.log' t | jq -r 'select(.type == "entry").path' | sort | cmp - expected
            "$F" --format paths --name '*.log' t | sort | cmp - expected
            "$F" --print path --name '*.log' t | sort | cmp - expected
            "$F" --format mca --name '*.log' t | grep -c 'log"' || true
            "$F" --format mtree --name '*.log' t > spec; mtree -e -f spec -p t; cat spec | cut -d' ' -f1-2
            "$F" --format ncdu --name '*.log' t > tree.ncdu; ncdu -0 -f tree.ncdu -o again.ncdu
            jq -c '.[3] | [.. | objects | .name, .read_error // false]' tree.ncdu
            "$F" --format ncdu -x --name e.log t | jq -c '.[3] | [.. | objects | .name, .excluded]'
            "$F" --format ncdu --name t --name none t | jq -c '.[3] | [.. | objects | .name, .read_error]'
            "$F" --format ncdu --name none t | jq -c '.[3] | [.. | objects | .name, .read_error]'
            "$F" --format mtree --name '*.log' t/a.log | cut -d' ' -f1-2; "$F" --format mtree --name none t/a.log
            "$F" --name '*.log' t | grep -o 'selected: 4 entries'
            """, Self.tree)
        #expect(
            printed.hasSuffix(
                """
                #mtree
                . type=dir
                a.log type=file
                d type=dir
                c.log type=file
                s.log type=link
                ..
                e.log type=dir
                ..
                ..
                ["t",false,"a.log",false,"d",false,"c.log",false,"s.log",false,"e.log",false]
                ["t",null,"e.log",null]
                ["t",null]
                ["t",null]
                #mtree
                . type=dir
                a.log type=file
                ..
                #mtree
                selected: 4 entries

                """), "\(printed)")
    }

    @Test func reportsRecordTheSelection() throws {
        let directory = try TemporaryDirectory(Self.tree)
        let options: [ByteString] = [
            "--type", "f,d", "--name", [0x2A, 0xFF], "--name", "*", "--min-size", "0", "--max-size", "1M", "--older",
            "1d",
            "--newer", "1990-01-01", "--owner", "0", "--group", "0", "--links", "+0", "--now", "2026-11-30",
        ]
        let tree = directory.appending("t")
        for (format, mode) in [("json", "report"), ("ndjson", "records")] as [(ByteString, ByteString)] {
            let outcome = try Fsscan.run(["--format", format] + options + [tree])
            #expect(outcome.status == 0)
            try expectValid(mode, outcome.standardOutput)
            let printed = try output(
                of: ["jq", "-c", "select(.options).options.select"],
                ProcessOptions { $0.input = outcome.standardOutput })
            let expected = """
                {"kinds":["directory","file"],"names":[{"pattern":"*\u{FFFD}","pattern_b64":"Kv8="},{"pattern":"*"}],\
                "min_size":0,"max_size":1048576,"older":"2026-11-29T00:00:00.000000000Z",\
                "newer":"1990-01-01T00:00:00.000000000Z","uid":0,"gid":0,"min_links":1}

                """
            #expect(String(decoding: printed, as: UTF8.self) == expected)
        }
    }

    @Test(arguments: [
        "--save s.db --type f", "--html --name x", "--format du --name x", "--format openmetrics --type f", "--type x",
        "--type f,", "--min-size x", "--min-size 2 --max-size 1",
        "--older 3", "--older 30h", "--older yesterday", "--newer 1.5d", "--owner no-such-user-here", "--owner -1",
        "--owner ''",
        "--owner 4294967296", "--group no-such-group-here", "--links x", "--links -0", "--links +", "--links 1k",
    ]) func contradictoryOptionsAreRefused(options: String) throws {
        let directory = try TemporaryDirectory(Self.tree)
        let outcome = try Fsscan.shell("\"$F\" " + ByteString(options) + " t", in: directory)
        #expect(outcome.status == 64 && outcome.outputText == "", "\(outcome.outputText)\(outcome.errorText)")
        #expect(outcome.errorText.split(separator: "\n").count == 1)
    }

    // MARK: Comparing

    private static let changes: ByteString = """
        cp -a t old; echo more >> t/a.log; echo new > t/new.log; echo new > t/new.txt; rm t/e.log/inside; truncate -s 1 t/d/big
        list() {
            { "$F" diff --ndjson --ignore ctime,mtime,nlink "$@" || true; } |
                jq -r 'select(.type == "change").path' | sort | paste -sd ' '
        }

        """

    /// An entry is shown if it is or was selected: growth and shrinkage across the bound are not lost.
    @Test func aComparisonShowsChangesOfEntriesSelectedOnEitherSide() throws {
        let printed = try shell(
            Self.changes + """
                list old t; list --name '*.log' old t; list --type d old t; list --min-size 1M old t
                list --max-size 1 old t; list --max-size 5 --type f old t
                "$F" diff --ignore ctime,mtime,nlink --name nothing old t; echo $?
                "$F" diff --ignore ctime,mtime,nlink --name '*.txt' --json old t > json || true
                jq -c '.select, .totals.not_shown, (.changes | length)' json
                """, Self.tree)
        #expect(
            printed.hasPrefix(
                """
                old/e.log/inside t/a.log t/b.txt t/d/big t/d/c.log t/new.log t/new.txt
                t/a.log t/d/c.log t/new.log

                t/d/big
                t/d/big
                t/a.log t/b.txt t/d/big t/d/c.log t/new.log t/new.txt
                No difference in selected entries.
                """), "\(printed)")
        #expect(
            printed.hasSuffix("\n0\n[{\"names\":[{\"pattern\":\"*.txt\"}]}]\n5\n2\n"), "\(printed)")
    }

    /// Entries that are not in the records were not selected there, so they are not new.
    @Test func recordsOfASelectionAreComparedByIt() throws {
        let printed = try shell(
            """
            "$F" --hash md5 --ndjson --name '*.log' t > records; "$F" diff records t > said; head -n 1 said
            \(Self.changes)
            list records t; "$F" diff --json --name '*' records t > json || true; jq -c '[.select[].names[].pattern]' json
            """, Self.tree)
        #expect(
            printed == "No difference in selected entries.\nt/a.log t/d/c.log t/new.log\n[\"*\",\"*.log\"]\n",
            "\(printed)")
    }

    /// A file that is missing from the other records may have existed, with another size. A file found under another
    /// name is known.
    @Test func entriesThatCrossedTheBoundAreNotKnownToBeNew() throws {
        let printed = try shell(
            """
            head -c 100 /dev/zero > t/grows; head -c 3000 /dev/zero > t/shrinks; head -c 4000 /dev/zero > t/moves
            list() { "$F" --ndjson --type f --min-size 1000 --max-size 9000 t; }
            list > old; head -c 2000 /dev/zero > t/grows; : > t/shrinks; mv t/moves t/moved; list > new; : > t/small
            "$F" diff --ignore ctime old new > said || echo $?; grep -E '^[-+=?]' said
            # A side that lists everything knows.
            "$F" diff --ignore ctime,mtime old t > said || echo $?; grep -E '^[-+=?*]' said
            """, Self.tree)
        #expect(
            printed == """
                2
                + t/grows  not known before
                = t/moves -> t/moved
                - t/shrinks  not known now
                2
                * t/shrinks  size 3000 -> 0
                + t/grows  not known before
                = t/moves -> t/moved

                """, "\(printed)")
    }

    @Test func recordsOfASelectionHaveNoSums() throws {
        let printed = try shell(
            """
            export LC_ALL=C
            "$F" --ndjson --name '*.log' t > records; "$F" diff --growth records t 2>&1 || echo $?
            "$F" diff --html t records 2>&1 || echo $?
            """, Self.tree)
        let line = "fsscan: 'records': has only selected entries (--name and the like), so it has no sums\n2\n"
        #expect(printed == line + line, "\(printed)")
    }

    @Test func fieldsThatNoSideHasCannotSelect() throws {
        let printed = try shell(
            """
            (cd t; find . -type f -exec md5sum {} +) > one; cp one two; echo "00000000000000000000000000000000  ./z.log" >> two
            "$F" diff --owner 0 one two 2>&1 || echo $?
            "$F" diff --name '*.log' --only added one two | grep -c '^+ .*z.log' || true; "$F" diff --growth --name x t t 2>&1 || echo $?
            """, Self.tree)
        #expect(
            printed == """
                fsscan: neither side has the uid that the selection needs
                64
                1
                fsscan: --growth and --html cover everything: leave out --name
                64

                """, "\(printed)")
    }
}
