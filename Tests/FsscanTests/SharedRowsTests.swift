// Rows that several scans share: each scan stays as it was saved when later scans are added and removed.

import TestSupport
import Testing

@Suite struct SharedRowsTests {
    private let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    /// `$E` is the oracle of evidence; `change SEED` changes `tree` at random places.
    private func prepare(_ script: ByteString) throws -> String {
        let outcome = try Fsscan.shell(
            "set -euo pipefail; " + Self.tools + script, in: directory,
            ProcessOptions {
                $0.environment["E"] = Repository.path("Tests/oracles/evidence.py").text
                $0.timeout = 1800
            })
        try #require(outcome.status == 0, "\(outcome.outputText)\(outcome.errorText)")
        return outcome.outputText
    }

    private static let tools: ByteString = """
        save() { "$F" --save "$@" > none 2> printed || [ $? = 1 ]; sed -n 's/.*evidence: //p' printed; }
        change() { python3 - $1 <<'END'
        import os, random, shutil, sys
        random.seed(int(sys.argv[1]))
        names = [b"a", b"b", b"c.d", b"e f", b"\\n", b"\\xff", b"\\x01", b"\\x02", b"a.b", b"-"]
        os.makedirs(b"tree", exist_ok=True)
        for _ in range(40):
            tops = [top for top, _, _ in os.walk(b"tree")]
            files = [os.path.join(top, name) for top, _, files in os.walk(b"tree") for name in files]
            new = os.path.join(random.choice(tops), random.choice(names) + random.choice(names))
            kind = random.randrange(12)
            try:
                if kind < 4: open(new, "w").write(str(random.random()))
                elif kind < 6: os.mkdir(new)
                elif kind == 6: os.symlink(random.choice(names), new)
                elif kind == 7: os.rename(random.choice(files + tops[1:]), new)
                elif kind == 8: os.link(random.choice(files), new)
                elif kind == 9: os.chmod(random.choice(files + tops[1:]), random.choice([0o700, 0o755, 0o4755]))
                elif kind == 10: os.unlink(random.choice(files))
                elif len(tops) > 3: shutil.rmtree(random.choice(tops[1:]))
            except (OSError, IndexError, shutil.Error): pass
        for file in files[:3]:
            try: os.setxattr(file, b"user.a", b"%d" % random.randrange(3))
            except OSError: pass
        END
        }

        """

    /// Each scan has the evidence that was printed when it was saved, also by an independent program; and what `diff` sees
    /// between two of them is what it sees between the records of both.
    @Test(arguments: [1, 2, 3]) func eachScanStaysUnchanged(seed: Int) throws {
        let printed = try prepare(
            """
            for i in 1 2 3 4 5 6 7; do
                change \(seed)$i; save s.db --xattrs --hash md5 tree missing$((i / 3)) missing >> all
                if [ $i = 3 ]; then save s.db other tree >> all; fi
                "$F" --ndjson --xattrs --hash md5 tree missing$((i / 3)) missing > $i.ndjson 2> none || [ $? = 1 ]
            done
            for i in 1 2 3 4 5 6 7 8; do python3 $E s.db $i; done | cmp - all
            "$F" saved --evidence s.db | sed -n 's/^   evidence //p' | cmp - all
            sqlite3 s.db 'PRAGMA integrity_check'
            # The scans of another series come in between.
            scan() { echo $(($1 + ($1 > 3))); }
            for i in 1 2 3 4 5 6 7; do
                status=0; "$F" diff --also inode,device,disk_bytes s.db#$(scan $i) $i.ndjson > out || status=$?
                if grep '^[-+*!=?] ' out | grep -v '^? missing'; then exit 1; fi
                for j in 1 4 7; do
                    "$F" diff --json s.db#$(scan $i) s.db#$(scan $j) > one || true
                    "$F" diff --json $i.ndjson $j.ndjson > other || true
                    for f in one other; do jq -c '.changes[] | del(.errors)' $f > $f.changes; done; cmp one.changes other.changes
                done
            done
            """)
        #expect(printed == "ok\n", "\(printed)")
    }

    /// To compare how many rows there are with how many there were would not tell.
    @Test func renamedEntriesAreFound() throws {
        let printed = try prepare(
            """
            mkdir -p tree/d; echo x > tree/d/a; save s.db tree > none; mv tree/d/a tree/d/b; save s.db tree > none
            save s.db tree > none
            sqlite3 s.db "SELECT scan, path FROM entry WHERE kind = 'file' ORDER BY 1, 2"
            sqlite3 s.db "SELECT CAST(key AS TEXT), since, until FROM history WHERE kind = 1"
            """)
        #expect(printed == "1|tree/d/a\n2|tree/d/b\n3|tree/d/b\nd\u{1}a|1|1\n", "\(printed)")
    }

    /// Unchanged entries, attributes and errors take no space.
    @Test func aSecondScanOfTheSameAddsNoRow() throws {
        let printed = try prepare(
            """
            change 5; for i in $(seq 200); do echo $i > tree/file$i; done
            setfattr -n user.b -v same tree/file1 tree/file2 tree/file3 || true
            counts() { for t in entries history errors attributes lists; do sqlite3 s.db "SELECT count(*) FROM $t"; done; }
            save s.db --xattrs tree missing > none; counts > before; ls -s s.db > size
            for i in 1 2 3; do save s.db --xattrs tree missing > none; done; counts | cmp - before; ls -s s.db | cmp - size
            sqlite3 s.db "SELECT count(*) FROM lists WHERE id IN (SELECT xattrs FROM entries WHERE key LIKE 'file%')"
            """)
        #expect(printed == "1\n" || printed == "0\n", "\(printed)")
    }

    /// A file has a column for each digest that one of its scans asked for.
    @Test func aFurtherAlgorithmIsAColumn() throws {
        let printed = try prepare(
            """
            mkdir tree; echo x > tree/a; save s.db tree > all; save s.db --hash sha384 tree >> all
            save s.db --hash git,sha384 tree >> all; for i in 1 2 3; do python3 $E s.db $i; done | cmp - all
            sqlite3 s.db "SELECT scan, substr(sha384, 1, 4), substr(git, 1, 4) FROM entry WHERE kind = 'file' ORDER BY 1"
            "$F" diff s.db#2 s.db#3 | head -1; sha384sum tree/a | cut -c1-4
            """)
        let digest = printed.split(separator: "\n").last ?? ""
        #expect(printed == "1||\n2|\(digest)|\n3|\(digest)|587b\nNo difference.\n\(digest)\n", "\(printed)")
    }

    // MARK: Directories

    /// Of the newest scan, and for each directory alone: an inode with several names counts once in it.
    @Test(arguments: [1, 2, 3]) func theSumsOfDirectoriesAreThoseOfDu(seed: Int) throws {
        let printed = try prepare(
            """
            for i in 1 2 3 4 5; do change \(seed)$i; save s.db --xattrs --max-read 3 --hash md5 tree > none; done
            python3 - <<'END'
            import os, sqlite3, subprocess
            database = sqlite3.connect("s.db")
            database.text_factory = bytes
            rows = database.execute("SELECT key, entries, disk_bytes, newest FROM directories")
            found = {}
            for key, *sums in rows:
                names = key.replace(b"\\x02\\x01", b"\\0a").replace(b"\\x02\\x02", b"\\0b").replace(b"\\x01", b"/")
                path = os.path.join(b"tree", names.replace(b"\\0a", b"\\x01").replace(b"\\0b", b"\\x02")).rstrip(b"/")
                found[path] = sums
            expected = {}
            for top, _, names in os.walk(b"tree"):
                disk = int(subprocess.check_output(["du", "-s", "-B1", "--", top]).split()[0])
                entries = 1 + sum(len(files) + len(below) for _, below, files in os.walk(top))
                links = [os.path.join(top, name) for name in os.listdir(top)]
                inside = [path for path in links if os.path.islink(path) or not os.path.isdir(path)]
                newest = max(int(os.lstat(path).st_mtime_ns // 10**9) for path in [top, *inside])
                expected[top] = [entries, disk, newest]
            assert found == expected, (found, expected)
            END
            # Each save writes the changes; a copy writes everything.
            "$F" saved --copy s.db copy.db 2> none
            sums='SELECT series, root, key, entries, apparent_bytes, disk_bytes, links, newest, changed IS NULL FROM directories'
            for f in s copy; do sqlite3 $f.db "$sums" > $f; done
            cmp s copy; sqlite3 s.db 'SELECT count(*) > 0 FROM directories WHERE changed IS NULL'
            """)
        #expect(printed == "1\n", "\(printed)")
    }

    /// An error of one scan alone is not passed over behind another one.
    @Test func errorsAreNotPassedOver() throws {
        let printed = try prepare(
            """
            mkdir -p tree/b tree/c/d; touch tree/b/x tree/c/d/y; save s.db tree > none; save s.db tree > none
            sqlite3 s.db "INSERT INTO errors VALUES (1, 0, x'61', 'statx', 'EIO', 'alone', 1, NULL),
                (1, 0, x'62', 'openat', 'EIO', 'later', 2, NULL), (1, 0, CAST('c' || char(1) || 'd' AS BLOB), 'openat', 'EIO', 'deep', 1, 1)"
            for sides in 's.db#1 s.db#2' 's.db#2 s.db#1'; do "$F" diff $sides > out || true; grep '^[-+*!=?] ' out; done
            """)
        #expect(
            printed == """
                ? tree/a  known neither before nor now, statx: alone
                ? tree/b  openat: later
                ? tree/c/d  not known before, openat: deep
                ? tree/a  known neither before nor now, statx: alone
                ? tree/b  not known before, openat: later
                ? tree/c/d  openat: deep

                """, "\(printed)")
    }

    /// Equal subtrees are not read: neither by `diff` nor by `--growth`, whose sums are right all the same.
    @Test func equalSubtreesAreNotRead() throws {
        let printed = try prepare(
            """
            mkdir -p tree/same/{1..20}/{1..5} tree/other tree/linked; touch tree/same/{1..20}/{1..5}/{1..5}; mkdir out
            echo x > tree/other/a; ln tree/other/a tree/linked/a; save s.db tree > none
            echo more > tree/linked/b; mv tree/other out; save s.db tree > none
            { "$F" diff --json s.db#1 s.db || true; } | jq -c '.totals | [.old_entries_read, .new_entries_read]'
            "$F" diff --growth --json s.db#1 s.db > growth || [ $? = 1 ]
            jq -c '.totals | [.old_entries_read, .new_entries_read]' growth
            jq -c '[.directories[] | [.path, .growth.entries, .growth.apparent_bytes]] | sort' growth
            cp s.db whole.db; { "$F" diff --growth --json s.db#1 whole.db || true; } | jq -c '[.directories[] | [.path, .growth.entries, .growth.apparent_bytes]] | sort'
            """)
        let lines = printed.split(separator: "\n")
        try #require(lines.count == 4, "\(printed)")
        // The PATH, `linked` and what is in it, and what is gone or new.
        #expect(lines[0] == "[4,3]" && lines[1] == "[6,5]", "\(printed)")
        // The inode still counts by its other name.
        #expect(lines[2] == lines[3] && lines[2].contains(#"["tree",-1,5]"#), "\(printed)")
    }

    // MARK: Earlier versions

    /// The copy of a file of version 1 has the same content and evidence.
    @Test func aCopyOfAnOlderFileHasTheSameEvidence() throws {
        let printed = try prepare(
            """
            for i in 1 2 3; do change $i; save old.db --label l$i --hash sha256 --xattrs tree missing >> all; done
            python3 $V1 old.db; for i in 1 2 3; do python3 $E old.db $i; done | cmp - all
            cp old.db before; "$F" saved --copy old.db new.db 2> printed; cmp old.db before
            sed -n 's/.*new.db#[123]’: evidence: //p' printed | cmp - all
            for i in 1 2 3; do python3 $E new.db $i; done | cmp - all
            filter='.scans[] | [.id, .label, .host, .started, .ended, .version, .cwd, .roots, .options, .totals]'
            for f in old new; do "$F" saved --json $f.db | jq -c "$filter" > $f.list; done; cmp old.list new.list
            for i in 1 2 3; do "$F" diff old.db#$i new.db#$i > out || true; grep '^[-+*!=?] ' out; done
            change 4; save new.db --hash sha256 --xattrs tree missing > none
            sqlite3 new.db 'SELECT count(DISTINCT series) FROM scans; PRAGMA user_version'
            """)
        #expect(
            printed
                == String(
                    repeating: "? missing  known neither before nor now, statx: No such file or directory\n", count: 3)
                + "1\n2\n", "\(printed)")
    }

    @Test func anOlderFileIsNotChanged() throws {
        let printed = try prepare(
            """
            change 1; save s.db tree > none; python3 $V1 s.db; cp s.db before
            for command in '--save s.db tree' 'accept s.db' 'prune --keep 1 s.db'; do
                status=0; "$F" $command > out 2> err || status=$?; echo $status; grep -c 'fsscan saved --copy OLD NEW' err
            done
            cmp s.db before; "$F" saved --copy s.db none 2> err || echo $?; grep -o 'already exists' err
            """)
        #expect(printed == "64\n1\n64\n1\n64\n1\n74\nalready exists\n", "\(printed)")
    }

    /// Of the fixture, which 0.1.0 has written, too.
    @Test func theFixtureCanBeCopied() throws {
        let printed = try prepare(
            """
            "$F" saved --copy '\(Repository.path("fixtures/saved-1/scans.db"))' new.db 2> none
            "$F" saved --evidence --json new.db | jq -r '.scans[].evidence'
            """)
        #expect(
            printed == "1e5ebe451493377cf7138985f2a2f6c9cc4c406533607ffe3fd4c914ae382207\n"
                + "dc7d5cd17b70ac3a64aa0665503fa7a1d1707fbf179be3833ae77b017a9c2ce7\n")
    }

    // MARK: Forged files

    /// Intervals that contradict each other, and states that do not follow.
    @Test(arguments: [
        "INSERT INTO history SELECT series, root, key, 1, 1, \(values) FROM entries WHERE kind = 1",
        "UPDATE entries SET state = 3 WHERE kind = 1", "UPDATE entries SET state = 9 WHERE kind = 1",
        "UPDATE entries SET since = NULL WHERE kind = 1", "UPDATE entries SET xattrs = 99 WHERE kind = 1",
        "UPDATE entries SET series = 7 WHERE kind = 1; UPDATE scans SET series = 7",
    ]) func aRowIsOneThatWasWritten(_ sql: String) throws {
        let printed = try prepare(
            """
            mkdir tree; echo x > tree/a; save s.db --xattrs tree > none; touch tree/b; save s.db --xattrs tree > none
            sqlite3 s.db "\(sql)" 2> none || { echo constraint; exit 0; }
            for scan in 1 2; do
                status=0; "$F" diff s.db#$scan tree > out 2> err || status=$?; echo $status $(grep -c damaged err || true)
            done
            """)
        #expect(printed == "constraint\n" || printed.contains("2 1\n") || sql.contains("series"), "\(printed)")
    }

    private static let values =
        "kind, size, disk_bytes, mode, uid, gid, nlink, device, inode, mtime, mtime_ns, ctime, ctime_ns, btime, "
        + "btime_ns, flags, rdev, xattrs, state, target, mime"
}
