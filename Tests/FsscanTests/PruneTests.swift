// `fsscan prune`: the scans that restic would keep stay, unchanged.

import Glibc
import TestSupport
import Testing

@Suite struct PruneTests {
    private let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    private func prepare(_ script: ByteString) throws -> String {
        let outcome = try Fsscan.shell(
            "set -euo pipefail; save() { \"$F\" --save s.db \"$@\" > none 2>&1 || [ $? = 1 ]; }; " + script,
            in: directory,
            ProcessOptions {
                $0.environment["E"] = Repository.path("Tests/oracles/evidence.py").text
                $0.environment["P"] = Repository.path("Tests/oracles/prune_policy.py").text
                $0.timeout = 1800
            })
        try #require(outcome.status == 0, "\(outcome.outputText)\(outcome.errorText)")
        return outcome.outputText
    }

    /// Against an independent program, on random times: ends of years, leap days and several a day among them.
    @Test func theKeptScansAgreeWithRestic() throws {
        let printed = try prepare(
            """
            mkdir tree; for i in $(seq 60); do save --label l$((i % 7)) tree; done
            python3 - <<'END'
            import datetime, random, sqlite3
            random.seed(1)
            database = sqlite3.connect("s.db")
            start = datetime.datetime(2023, 12, 20)
            for (number,) in database.execute("SELECT id FROM scans").fetchall():
                time = start + datetime.timedelta(seconds=random.choice([3600, 86400, 86400 * 7, 86400 * 80]) * random.random() * 9)
                database.execute("UPDATE scans SET started = ? WHERE id = ?", [time.strftime("%Y-%m-%dT%H:%M:%S.000000001Z"), number])
            database.commit()
            END
            sqlite3 -separator ' ' s.db 'SELECT id, started, label FROM scans' > times
            try() {
                python3 $P "$1" < times > expected; shift; "$F" prune --dry-run "$@" s.db > out
                sed -n 's/^would remove \\([0-9]*\\).*/\\1/p' out | sort > removed
                seq 60 | sort | comm -23 - removed | sort -n | cmp - expected; wc -l < expected
            }
            try last=1 --keep 1; try last=59 --keep 59; try last=90 --keep 90; try daily=5 --keep-daily 5
            try daily=900 --keep-daily 900; try weekly=4 --keep-weekly 4; try monthly=6 --keep-monthly 6
            try monthly=99 --keep-monthly 99; try label=l3 --keep-label l3
            try last=2,daily=7,weekly=5,monthly=12,label=l1,label=l2 --keep 2 --keep-daily 7 --keep-weekly 5 \\
                --keep-monthly 12 --keep-label l1 --keep-label l2
            """)
        let counts = printed.split(separator: "\n").compactMap { Int($0) }
        #expect(
            counts.count == 10 && counts[0] == 1 && counts[1] == 59 && counts[2] == 60 && counts[3] == 5, "\(counts)")
    }

    /// Whichever scans go, from the middle or the newest: the others have the same evidence, and no row is left over.
    @Test(arguments: [1, 2, 3, 4]) func theOtherScansAreUnchanged(seed: Int) throws {
        let printed = try prepare(
            """
            mkdir tree; for i in $(seq 50); do echo $i > tree/$i; done
            for i in $(seq 8); do
                for n in $(python3 -c "import random; random.seed(\(seed)$i); print(*random.sample(range(1, 60), 9))"); do
                    if [ $((n % 3)) = 0 ]; then rm -f tree/$n; else echo $i > tree/$n; fi
                    setfattr -n user.a -v $((n % 5)) tree/$n 2> none || true
                done
                save --label l$i --xattrs --hash md5 tree missing$((i % 2)); if [ $((i % 4)) = 0 ]; then save --label other .; fi
            done
            "$F" saved --evidence --json s.db | jq -r '.scans[] | [.id, .label, .evidence] | @tsv' > before
            keep=$(python3 -c "import random; random.seed(\(seed)); print('l%d l%d l%d' % (*random.sample([1, 3, 5, 7], 1), *random.sample([2, 4, 6, 8], 2)))")
            "$F" prune s.db --keep-label other $(for l in $keep; do echo --keep-label $l; done) > out
            "$F" saved --evidence --json s.db | jq -r '.scans[] | [.id, .label, .evidence] | @tsv' > after
            grep -E "$(echo "other $keep" | tr ' ' '|')" before | cmp - after
            for i in $(cut -f1 after); do python3 $E s.db $i; done | cmp - <(cut -f3 after)
            sqlite3 s.db 'PRAGMA integrity_check'
            # Every row is one of a scan, and a row of the newest scan is in `entries`.
            sqlite3 s.db "SELECT count(*) FROM history h WHERE NOT EXISTS
                (SELECT 1 FROM scans s WHERE s.series = h.series AND s.id BETWEEN h.since AND h.until)"
            sqlite3 s.db "SELECT count(*) FROM history h WHERE until >= (SELECT max(id) FROM scans s WHERE s.series = h.series)"
            sqlite3 s.db "SELECT count(*) FROM lists WHERE id NOT IN (SELECT xattrs FROM entries WHERE xattrs IS NOT NULL
                UNION SELECT xattrs FROM history WHERE xattrs IS NOT NULL)"
            sums() { sqlite3 $1 'SELECT r.path, d.root, key, entries, apparent_bytes, disk_bytes, links, newest, changed IS NULL
                FROM directories d JOIN roots r ON r.root = d.root AND
                r.scan = (SELECT max(id) FROM scans s WHERE s.series = d.series)' | sort; }
            rm -f copy.db; "$F" saved --copy s.db copy.db 2> none; sums s.db > one; sums copy.db | cmp - one
            # The next scan goes on.
            save --label next --xattrs --hash md5 tree missing0
            "$F" saved --evidence --json s.db | jq -r '.scans[] | [.id, .label, .evidence] | @tsv' | head -n -1 | cmp - after
            """)
        #expect(printed == "ok\n0\n0\n0\n", "\(printed)")
    }

    @Test func theFileGetsSmaller() throws {
        let printed = try prepare(
            """
            mkdir tree; for i in $(seq 3000); do echo > tree/a-file-with-a-name-of-some-length-$i; done; save --label full tree
            rm -r tree; mkdir tree; save tree; stat -c %s s.db > before
            "$F" saved --json s.db | jq '.scans[0].own.rows, .scans[1].own.rows'
            "$F" prune --keep 1 s.db; stat -c %s s.db > after
            [ $(cat after) -lt $(($(cat before) / 3)) ]; sqlite3 s.db 'PRAGMA freelist_count; SELECT count(*) FROM history'
            """)
        let lines = printed.split(separator: "\n")
        try #require(lines.count == 6, "\(printed)")
        // The PATH is another entry, too.
        #expect(lines[0] == "3001" && lines[1] == "1" && lines[2].hasPrefix("removed 1  ‘full’"), "\(printed)")
        #expect(lines[3] == "1 scan kept." && lines[4] == "0" && lines[5] == "0", "\(printed)")
    }

    /// The number of a scan that is gone is not used again: it would mean another one.
    @Test func numbersAreNotUsedAgain() throws {
        let printed = try prepare(
            """
            mkdir tree; save --label a tree; save tree; "$F" prune --keep-label a s.db > none; save tree
            sqlite3 s.db 'SELECT group_concat(id) FROM scans'
            """)
        #expect(printed == "1,3\n")
    }

    /// PATHs that are scanned seldom are not pushed out by those that are scanned often.
    @Test func scansOfOtherPATHsCountByThemselves() throws {
        let printed = try prepare(
            """
            mkdir a b; save a; for i in 1 2 3; do save b; done; "$F" prune --keep 2 s.db | grep -c removed
            sqlite3 s.db 'SELECT group_concat(id) FROM scans'
            for arguments in '--keep-label none' '' '--keep x' '--keep 1 s.db'; do "$F" prune s.db $arguments > none 2>&1 || echo $?; done
            sqlite3 s.db 'SELECT group_concat(id) FROM scans'
            """)
        #expect(printed == "1\n1,3,4\n64\n64\n64\n64\n1,3,4\n", "\(printed)")
    }

    @Test func killedAtAnyMomentTheFileIsValid() throws {
        _ = try prepare(
            """
            mkdir tree; for i in $(seq 4000); do echo > tree/a-file-with-a-name-of-some-length-$i; done; save --label l1 tree
            for s in 2 3 4; do for i in $(seq $s 7 4000); do echo $s > tree/a-file-with-a-name-of-some-length-$i; done
                save --label l$s tree; done
            cp s.db whole.db; "$F" saved --evidence --json s.db | jq -r '.scans[] | [.label, .evidence] | @tsv' > before
            """)
        var generator = SeededGenerator(seed: 9)
        var (killed, pruned) = (0, 0)
        for round in 0..<40 {
            _ = try prepare("cp whole.db s.db; rm -f s.db-journal")
            let process = try RunningProcess([Fsscan.path, "prune", "--keep-label", "l2", directory.appending("s.db")])
            usleep(UInt32.random(in: 0..<(round < 30 ? 150_000 : 600_000), using: &generator))
            process.send(SIGKILL)
            if try process.finish().end == .exited(0) { pruned += 1 } else { killed += 1 }
            // Its owner lets SQLite roll back the rest: then all scans exist, or only the kept one.
            let printed = try prepare(
                """
                sqlite3 s.db 'PRAGMA integrity_check'
                "$F" saved --evidence --json s.db | jq -r '.scans[] | [.label, .evidence] | @tsv' > after
                if [ $(wc -l < after) = 1 ]; then grep '^l2' before | cmp - after; else cmp before after; fi
                """)
            #expect(printed == "ok\n")
        }
        #expect(killed > 0, "\(killed) \(pruned)")
    }
}
