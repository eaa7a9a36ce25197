// `--deadline`: the report comes in time, says that it is incomplete, and lists the rest.

import TestSupport
import Testing

@testable import fsscan

@Suite struct DeadlineTests {
    /// Runs a script of bash with the file system mounted at `$1`, `fsscan` as `$F`.
    private func shell(_ lines: [String], _ script: ByteString) throws -> ProcessOutcome {
        let tree = try FaultyTree(lines)
        return try run(
            tree.launcher() + ["bash", "-c", script, "bash", tree.root],
            ProcessOptions {
                $0.environment["F"] = Fsscan.path.text
                $0.timeout = 120
            })
    }

    @Test(.enabled(if: canUseFUSE, "no FUSE"))
    func aSlowTreeIsReportedAsFarAsItWasSeen() throws {
        let outcome = try shell(
            ["a dir delay=100", "a/f file count=2000 size=10 delay=100", "b file size=1"],
            """
            report=$(mktemp); trap 'rm $report' EXIT
            $F --json --threads 1 --deadline 1 --hash md5 "$1" > $report; status=$?
            jq -c '.complete, .roots[0].digests, (.unfinished | length > 0), (.totals.entries < 2003)' $report; exit $status
            """)
        #expect(outcome.status == 75, "\(outcome.errorText)")
        #expect(outcome.outputText == "false\nnull\ntrue\ntrue\n")
    }

    /// A user's FUSE server that stopped answering blocked a worker forever.
    @Test(.enabled(if: canUseFUSE, "no FUSE"), arguments: ["--json", "--ndjson", "--ndjson --save $(mktemp -u)"])
    func aServerThatDoesNotAnswerDoesNotHoldTheReport(_ format: ByteString) throws {
        let outcome = try shell(
            ["f file size=10", "d dir", "d/g file size=20"],
            """
            cd "$1/.." && mkdir other && echo x > other/x && ln other/x other/y
            kill -STOP $FAULTFS_SERVER
            report=$(mktemp -p /dev/shm); trap 'rm $report' EXIT
            $F \(format) --deadline 1 --hash sha256 . > $report; status=$?
            kill -CONT $FAULTFS_SERVER
            jq -c 'select(.totals) | .complete, .totals.entries, .totals.hard_linked_files, .totals.apparent_bytes,
                .roots[0].digests, .unfinished' $report; exit $status
            """)
        #expect(outcome.status == 75, "\(outcome.errorText)")
        // The root, other, x and y, and the specification; the mount point is unfinished.
        let lines = outcome.outputText.split(separator: "\n")
        #expect(lines.first == "false" && lines.last == #"[{"path":"./mount"}]"#, "\(outcome.outputText)")
        #expect(lines.count == 6 && lines[1] == "5" && lines[2] == "1" && lines[4] == "null", "\(outcome.outputText)")
    }

    /// A hung mount made a scan without a deadline wait without a word.
    @Test(.enabled(if: canUseFUSE, "no FUSE"), arguments: ["--json", "--hash md5 --ndjson --no-progress", "verify"])
    func aServerThatDoesNotAnswerIsNamed(_ what: ByteString) throws {
        let outcome = try shell(
            ["f file size=10"],
            """
            cd "$1/.." && mkdir other && echo x > other/x
            out=$(mktemp -d -p /dev/shm); trap 'rm -r $out' EXIT
            scan="\(what) ."
            if [ "\(what)" = verify ]; then $F --save $out/db . > $out/none 2>&1; scan="verify $out/db"; fi
            kill -STOP $FAULTFS_SERVER
            FSSCAN_STALL_SECONDS=1 $F $scan > $out/report 2> $out/errors & scan=$!
            for _ in $(seq 900); do grep -q 'no progress' $out/errors && break; sleep 0.1; done
            # A second one would come now.
            sleep 2; kill -CONT $FAULTFS_SERVER; wait $scan; status=$?
            cat $out/errors; exit $status
            """)
        #expect(outcome.status == 0, "\(outcome.errorText)")
        let pattern = /fsscan: no progress for \d+ s, waiting for ‘.*\/mount’\n/
        #expect(outcome.outputText.wholeMatch(of: pattern) != nil, "\(outcome.outputText)")
    }

    /// The reader of the records may be slow.
    @Test func aReaderThatTakesHisTimeIsNoStall() throws {
        let files = Tree((0..<3000).map { .file(ByteString("a file with a name of some length \($0)")) })
        let directory = try TemporaryDirectory([.directory("tree", files)])
        let outcome = try Fsscan.shell(
            """
            FSSCAN_STALL_SECONDS=0.5 $F --ndjson tree 2> errors | (sleep 3; wc -l); cat errors
            """, in: directory)
        #expect(outcome.outputText == "3003\n", "\(outcome.outputText)")
    }

    @Test func aStallIsReportedOnceUntilThereIsProgress() {
        var watch = StallWatch(60, now: 0)
        var warnings: [Double] = []
        func look(_ done: Int64, at times: [Double], _ places: [String] = ["a", "b", "c", "d", "e"]) {
            for time in times {
                guard let warning = watch.look(done: done, at: time, { places.map { Array($0.utf8) } }) else {
                    continue
                }
                warnings.append(time)
                let text = String(decoding: warning, as: UTF8.self)
                let names = ["a", "b", "c"].map {
                    String(decoding: Quoting.forErrors.quoted(Array($0.utf8)), as: UTF8.self)
                }
                #expect(text == "no progress for 60 s, waiting for \(names.joined(separator: ", ")) and 2 more")
            }
        }
        look(7, at: [15, 30, 45, 60, 75, 90, 105, 120, 135])
        look(8, at: [150, 165, 180, 195])
        // The process was stopped, and continued.
        look(8, at: [500, 515, 530, 545])
        // No worker waits for a file system.
        look(9, at: [560, 575, 590, 605, 620, 635], [])
        look(10, at: [650, 665, 680, 695, 710])
        #expect(warnings == [75, 710])
    }

    @Test func aScanThatIsDoneInTimeIsComplete() throws {
        let directory = try TemporaryDirectory([.directory("tree", [.file("a", "x")])])
        let outcome = try Fsscan.shell("$F --json --deadline 1h tree | jq -c '.complete, .unfinished'", in: directory)
        #expect(outcome.outputText == "true\nnull\n", "\(outcome.errorText)")
    }
}
