// A scan in shards: `plan`, `--shard` and `merge` produce the report of one process, byte for byte.

import TestSupport
import Testing

@Suite struct ShardTests {
    /// Scans a tree at once and in shards, and compares everything except the timing.
    private static func expectSameReport(
        _ tree: TemporaryDirectory, _ options: String = "", shards: Int,
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        try expectSameReport(tree.path, options, shards: shards, sourceLocation: sourceLocation)
    }

    private static func expectSameReport(
        _ tree: ByteString, _ options: String = "", shards: Int, sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let script = """
            "$F" \(options) --json "$T" > one.json 2> /dev/null; echo "$?"
            "$F" plan \(options) "$T" --shards \(shards) -o plan || exit 9
            for k in $(seq \(shards)); do
              "$F" --shard "$k/\(shards)" --plan plan --partial "part.$k" --threads $((k % 2 + 1)) "$T" 2> /dev/null
              [ $? -le 1 ] || exit 8
            done
            "$F" merge part.* --json -o merged.json 2> /dev/null; echo "$?"
            for report in one merged; do sed '/^  "timing": {/,$d' $report.json > $report.cut; done
            diff one.cut merged.cut | head -40
            [ "$(wc -l < one.cut)" -gt 20 ] || echo "no report"
            """
        let outcome = try Fsscan.shell(
            ByteString(script), in: try TemporaryDirectory(),
            ProcessOptions { $0.environment["T"] = String(decoding: tree.bytes, as: UTF8.self) })
        let lines = outcome.outputText.split(separator: "\n").map(String.init)
        #expect(
            lines.count == 2 && lines[0] == lines[1], "\(options), \(shards) shards: \(outcome.outputText)",
            sourceLocation: sourceLocation)
    }

    private static let optionSets = [
        "", "--depth 3 --top 20", "--depth 100 --hash sha256,git", "--mime --rank newest",
        "--exclude '*a*' --gitignore --rank entries --now 2031-01-01",
    ]

    @Test(arguments: RandomTrees.seeds) func aRandomTreeInShardsIsTheSame(seed: UInt64) throws {
        let names = try OddNames.load() + (0..<200).map { "name \($0).x\($0 % 7)" }
        let tree = Tree.random(seed: seed, entries: 600, names: names)
        let directory = try TemporaryDirectory(tree)
        for (index, options) in Self.optionSets.enumerated() {
            try Self.expectSameReport(directory, options, shards: [1, 2, 3, 5, 40][(index + Int(seed)) % 5])
        }
    }

    /// Names of one inode in directories of different shards, and inodes with all names in one shard.
    @Test func hardLinksAcrossBordersCountOnceInEachDirectory() throws {
        var tree: Tree = [.directory("origin", Tree((0..<40).map { .file("\($0).txt", size: 5_000 + Int64($0)) }))]
        for directory in 0..<60 {
            let links = (0..<7).map { number -> Node in
                .hardLink("l\(number).dat", to: ByteString("origin/\((directory * 7 + number * 3) % 40).txt"))
            }
            let name = ByteString("d\(directory)")
            tree = tree + [.directory(name, [.directory("e", Tree(links)), .directory("f", [])])]
        }
        let directory = try TemporaryDirectory(tree)
        for shards in [2, 7] {
            for options in ["--depth 9", "--mime --hash sha1"] {
                try Self.expectSameReport(directory, options, shards: shards)
            }
        }
    }

    @Test func aChainAndALargeDirectoryAndNothing() throws {
        let directory = try TemporaryDirectory([
            .chain("deep", depth: 2_000, [.file("bottom", "x")]),
            .directory("flat", Tree((0..<20_000).map { .file("\($0)") })),
            .directory("wide", Tree((0..<2_000).map { .directory("\($0)", [.file("f")]) })),
            .file("file", "12345"), .symlink("link", to: "nowhere"), .directory("empty", []),
        ])
        try Self.expectSameReport(directory, "--depth 3000", shards: 3)
        for name: ByteString in ["file", "link", "empty"] {
            try Self.expectSameReport(directory.appending(name), "--hash sha256", shards: 3)
        }
    }

    @Test func errorsAreThoseOfOneScan() throws {
        let tree = Tree((0..<12).map { .directory("d\($0)", [.directory("e", [.file("f", "12")]), .file("g", "1")]) })
        let directory = try TemporaryDirectory(tree)
        // As root nothing is refused, except through options of the scan.
        for options in ["--max-read 1 --hash sha256 --depth 4", "--max-read 0 --mime"] {
            try Self.expectSameReport(directory, options, shards: 3)
        }
    }

    @Test(.enabled(if: !isRoot || isInstalled("setpriv"), "an ordinary user is needed"))
    func closedDirectoriesAreTheSame() throws {
        let directory = try TemporaryDirectory([
            .directory("tree", Tree((0..<9).map { .directory("d\($0)", [.directory("e", [.file("f")])]) }))
        ])
        let copy = try Fsscan.copy(to: directory)
        let script = """
            chmod 0 tree/d1 tree/d2/e; chmod 444 tree/d3
            U="\(isRoot ? "setpriv --reuid 65534 --regid 65534 --clear-groups" : "")"; mkdir -m 777 out
            $U \(copy.text) --json tree > out/one.json 2> /dev/null; echo $?
            $U \(copy.text) plan tree --shards 3 -o out/plan
            for k in 1 2 3; do $U \(copy.text) --shard $k/3 --plan out/plan --partial out/p$k tree 2> /dev/null; done
            $U \(copy.text) merge out/p? --json > out/merged.json 2> /dev/null; echo $?
            for report in one merged; do sed '/"timing"/,$d' out/$report.json > out/$report; done
            diff out/one out/merged && jq .totals.errors out/one.json
            """
        let outcome = try Fsscan.shell(ByteString(script), in: directory)
        #expect(outcome.outputText == "1\n1\n3\n")
    }

    // MARK: What goes wrong

    private static let small: Tree = [
        .directory("tree", Tree((0..<8).map { .directory("d\($0)", [.file("f", "1")]) }))
    ]

    private static let made = """
        "$F" plan tree --shards 3 -o plan && for k in 1 2 3; do "$F" --shard $k/3 --plan plan --partial p$k tree; done

        """

    @Test func aShardDoneTwiceCountsOnce() throws {
        let script = made(
            """
            "$F" merge p1 p2 p3 p2 p3 --json | jq -c '[.totals.entries, .complete]'
            "$F" --json tree | jq .totals.entries
            """)
        let outcome = try Fsscan.shell(script, in: try TemporaryDirectory(Self.small))
        #expect(outcome.outputText == "[17,true]\n17\n")
    }

    @Test(arguments: [1, 2]) func aMissingShardIsNamed(shard: Int) throws {
        let script = made(
            """
            rm p\(shard); "$F" merge p? --json > out; echo $?
            jq -c '[.complete, (.unfinished | length > 0), .roots[0].digests]' out
            """)
        let outcome = try Fsscan.shell(script, in: try TemporaryDirectory(Self.small))
        #expect(outcome.outputText.hasPrefix("1\n[false,true,"))
        #expect(outcome.errorText == "fsscan: shard \(shard)/3 is missing\n")
    }

    @Test func resultsOfTwoPlansAreNotPutTogether() throws {
        let script = made(
            """
            "$F" plan tree --shards 3 -o plan; "$F" --shard 2/3 --plan plan --partial p2 tree
            "$F" merge p?; echo $?
            """)
        let outcome = try Fsscan.shell(script, in: try TemporaryDirectory(Self.small))
        #expect(outcome.outputText == "64\n")
        #expect(outcome.errorText == "fsscan: PARTIAL: 'p2' belongs to a different plan\n")
    }

    @Test(arguments: [
        ("--shard 4/3 --plan plan --partial p tree", "--shard: '4/3' is not K/N, with K from 1 to N"),
        ("--shard 0/3 --plan plan --partial p tree", "--shard: '0/3' is not K/N, with K from 1 to N"),
        ("--shard 1/2 --plan plan --partial p tree", "--plan: 'plan' has 3 shards, and not 2"),
        ("--shard 1/3 --plan plan --partial p .", "--plan: 'plan' was made for another PATH"),
        (
            "--shard 1/3 --plan plan --partial p --depth 2 tree",
            "--depth: a shard takes its options from the plan: give this one to fsscan plan"
        ),
        (
            "--shard 1/3 --plan plan --partial p --json tree",
            "--format is not for a shard, whose only output is --partial"
        ),
        (
            "--shard 1/3 --plan plan tree",
            "--shard, --plan and --partial belong together: give all three (see fsscan plan --help)"
        ),
        ("plan tree -o x", "plan needs --shards N (see fsscan plan --help)"),
        ("plan tree --shards 2", "plan needs -o PLAN (see fsscan plan --help)"),
        ("plan tree --shards 0 -o x", "--shards: '0' is not a number from 1 to 1000000"),
        ("merge", "no PARTIAL given (see fsscan merge --help)"),
    ])
    func contradictoryOptionsAreRefused(arguments: String, message: String) throws {
        let script = made("\"$F\" \(arguments); echo $?; ls p x 2> /dev/null")
        let outcome = try Fsscan.shell(script, in: try TemporaryDirectory(Self.small))
        #expect(outcome.outputText == "64\n")
        #expect(outcome.errorText == "fsscan: \(message)\n")
    }

    @Test func cutFilesAreRefused() throws {
        let script = made(
            """
            head -c 200 p2 > short; printf x | cat p2 - > long; printf 'not a result' > other; head -c 50 plan > half
            for file in short long other tree nothing; do "$F" merge p1 $file p3; echo $?; done
            "$F" --shard 1/3 --plan half --partial p tree; echo $?
            """)
        let outcome = try Fsscan.shell(script, in: try TemporaryDirectory(Self.small))
        #expect(outcome.outputText == "2\n2\n2\n2\n2\n2\n")
        #expect(
            outcome.errorText == """
                fsscan: ‘short’: is cut short
                fsscan: ‘long’: has bytes after its end
                fsscan: ‘other’: is not a partial result of fsscan
                fsscan: ‘tree’: is a directory
                fsscan: ‘nothing’: No such file or directory
                fsscan: ‘half’: is cut short

                """)
    }

    /// The example in docs/MANY-MACHINES.md.
    @Test(.enabled(if: isInstalled("parallel"), "GNU parallel is not installed"))
    func shardsUnderParallel() throws {
        let script = """
            export PATH="$(dirname "$F"):$PATH"
            fsscan plan tree --shards 8 --hash sha256 -o data.plan
            seq 8 | parallel --will-cite --retries 3 --joblog log \\
              fsscan --shard {}/8 --plan data.plan --partial data.{} tree
            fsscan merge data.[1-8] --json | jq -c '[.complete, .totals, .roots[0].digests]' > merged
            fsscan --hash sha256 --json tree | jq -c '[.complete, .totals, .roots[0].digests]' | diff - merged && wc -l < log
            """
        let outcome = try Fsscan.shell(ByteString(script), in: try TemporaryDirectory(Self.small))
        #expect(outcome.outputText == "9\n", "\(outcome.errorText)")
    }

    private func made(_ script: String) -> ByteString { ByteString(Self.made + script) }
}
