// Ages and sizes of files, and the sort keys of the lists: against find and awk, and the reference scanner.

import TestSupport
import Testing

@Suite struct HistogramTests {
    /// Every limit of ages and sizes from both sides, and inodes with names in several directories.
    private static func tree() throws -> TemporaryDirectory {
        let directory = try TemporaryDirectory([
            .directory("a", [.file("one", "1"), .file("two", ByteString([UInt8](repeating: 1, count: 5000)))]),
            .directory("b", [.hardLink("one", to: "a/one"), .hardLink("again", to: "a/one"), .file("own", "own")]),
            .directory("sizes"), .directory("ages"), .fifo("pipe"), .symlink("link", to: "a/one"),
        ])
        let script = """
            cd "$1/sizes"; truncate -s 0 0; size=1
            for power in $(seq 0 21); do
                for near in $((size - 1)) $size $((size + 1)); do truncate -s $near $near; done; size=$((size * 4))
            done
            cd ../ages
            for days in 0 1 7 30 90 365 730 1825 20000; do
                for near in -2 -1 0 1; do
                    : > $days.$near; touch -d @$((1800000000 - days * 86400 + near)) $days.$near
                    : > $days.$near.5; touch -d @$((1800000000 - days * 86400 + near)).500000001 $days.$near.5
                done
            done
            : > far; touch -d @9000000000 far; touch -d @1799990000 ../b/own ../a/two; touch -d @1700000000 ../a/one
            """
        _ = try output(of: ["bash", "-ec", ByteString(script), "bash", directory.path])
        return directory
    }

    /// An inode with several names counts once; a file in several PATHs counts once for each. `age files apparent disk`
    /// and `size files apparent disk`, at 1800000000.
    private static let sums = #"""
        export LC_ALL=C
        find "$@" -type f -printf '%D:%i\t%s\t%b\t%T@\t%n\n' | awk -F '\t' '
        function add(key, inode) {
            files[key]++
            if (!((key, inode) in seen)) { seen[key, inode] = 1; sizes[key] += size; disks[key] += disk }
        }
        BEGIN { count = split("1 7 30 90 365 730 1825", days, " "); split("1d 7d 30d 90d 1y 2y 5y", names, " ") }
        {
            size = $2; disk = $3 * 512; inode = $5 > 1 ? $1 : NR; split($4, time, ".")
            old = 1800000000 - time[1] - (time[2] + 0 > 0); age = "older"
            for (i = count; i > 0; i--) if (old < days[i] * 86400) age = names[i]
            if (old < 0) age = "future"
            add(age, inode)
            limit = 0; for (power = 1; power <= size && power <= 1099511627776; power *= 4) limit = power
            add(sprintf("%.0f", limit), inode)
        } END { for (key in files) printf "%s %d %.0f %d\n", key, files[key], sizes[key], disks[key] }' | sort
        """#

    @Test(arguments: [[""], ["/b"], ["/b", "", "/b"]] as [[ByteString]])
    func agesAndSizesAreThoseOfFindAndAwk(places: [ByteString]) throws {
        let directory = try Self.tree()
        let paths = places.map { directory.path + $0 }
        let expected = try output(of: ["bash", "-c", ByteString(Self.sums), "bash"] + paths)
        for threads in threadCounts {
            let scan = try ScanRun(["--now", "@1800000000"] + paths, threads: threads)
            let program: ByteString = """
                .ages[], .sizes[] | select(.files > 0) | "\\(.age // .size) \\(.files) \\(.apparent_bytes) \\(.disk_bytes)"
                """
            let found = try output(
                of: ["sh", "-c", "jq -r \"$0\" | LC_ALL=C sort", program],
                ProcessOptions { $0.input = scan.outcome.standardOutput })
            #expect(ByteString(found) == ByteString(expected))
        }
        try expectAgreement(["--now", "2027-01-15T08:00:00.500000001Z"] + paths)
    }

    @Test func allAgesAndSizesAreListedAndAddUp() throws {
        let scan = try ScanRun(["/usr/share/doc"])
        let program: ByteString = """
            [(.ages | map(.age) | join(" ")), (.sizes | [length, .[0].size, .[1].size, .[-1].size]),
             ([.ages, .sizes] | map(map(.files) | add)) == [.totals.files, .totals.files]]
            """
        let found = try output(of: ["jq", "-c", program], ProcessOptions { $0.input = scan.outcome.standardOutput })
        #expect(
            ByteString(found) == "[\"1d 7d 30d 90d 1y 2y 5y older future\",[22,0,1,1099511627776],true]\n")
    }

    @Test(arguments: ["disk", "apparent", "entries", "newest", "oldest"] as [ByteString])
    func theListsUseTheRequestedRank(key: ByteString) throws {
        let directory = try Self.tree()
        try expectAgreement(["--rank", key, "--top", "7", directory.path])
        try expectAgreement(["--rank", key, "--top", "0", directory.path])
        try expectAgreement(["--rank", key, "--top", "30", "/usr/share/doc"])
    }

    @Test(arguments: [("newest", "-rn"), ("oldest", "-n")] as [(ByteString, ByteString)])
    func timesRankAsFindAndSortDo(key: ByteString, order: ByteString) throws {
        let directory = try Self.tree()
        let script = "find \"$1\" -type f -printf '%T@\\n' | sort \"$2\" | head -5 | sed 's/.$//'"
        let expected = try output(of: ["sh", "-c", ByteString(script), "sh", directory.path, order])
        let scan = try ScanRun(["--rank", key, "--top", "5", directory.path])
        let program: ByteString = """
            .largest_files[].mtime | "\\(.[:19] + "Z" | fromdate).\\(.[20:29])"
            """
        let found = try output(of: ["jq", "-r", program], ProcessOptions { $0.input = scan.outcome.standardOutput })
        #expect(ByteString(found) == ByteString(expected))
    }

    @Test(
        arguments: [
            ("2026-11-29", "2026-11-29T00:00:00.000000000Z"),
            ("2026-11-29T18:30:01Z", "2026-11-29T18:30:01.000000000Z"),
            ("2026-11-29T18:30:01.5Z", "2026-11-29T18:30:01.500000000Z"), ("@0", "1970-01-01T00:00:00.000000000Z"),
            ("@-1.25", "1969-12-31T23:59:58.750000000Z"), ("@1.0123456789", "1970-01-01T00:00:01.012345678Z"),
            ("0000-01-01", "0000-01-01T00:00:00.000000000Z"),
        ] as [(ByteString, String)])
    func aTimeIsReadAndShown(given: ByteString, shown: String) throws {
        let directory = try TemporaryDirectory([.file("f")])
        let scan = try ScanRun(["--now", given, directory.path])
        let found = try output(
            of: ["jq", "-r", ".options.now"], ProcessOptions { $0.input = scan.outcome.standardOutput })
        #expect(String(decoding: found, as: UTF8.self) == shown + "\n")
    }

    @Test(
        arguments: [
            ["--now", "tomorrow"], ["--now", "2026-02-30"], ["--now", "2026-11-29T18:30:01"], ["--now", "@"],
            ["--now", "@1e3"], ["--now", "@999999999999999"], ["--now", "2026-11-29T18:30:01.Z"], ["--rank", "size"],
            ["--rank", ""],
        ] as [[ByteString]])
    func invalidTimesAndKeysAreWrongUsage(arguments: [ByteString]) throws {
        let outcome = try Fsscan.run(arguments + ["/etc"])
        #expect(outcome.status == 64 && outcome.outputText.isEmpty, "\(outcome.errorText)")
    }
}
