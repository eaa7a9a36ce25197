// `--deadline`: the report comes in time, says that it is incomplete, and lists the rest.

import TestSupport
import Testing

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

    @Test func aScanThatIsDoneInTimeIsComplete() throws {
        let directory = try TemporaryDirectory([.directory("tree", [.file("a", "x")])])
        let outcome = try Fsscan.shell("$F --json --deadline 1h tree | jq -c '.complete, .unfinished'", in: directory)
        #expect(outcome.outputText == "true\nnull\n", "\(outcome.errorText)")
    }
}
