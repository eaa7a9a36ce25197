// Before and after the scan: the first rank waits for the reader of a FIFO, and the others for the first rank.

import TestSupport
import Testing

@Suite(.serialized, .enabled(if: MPI.isThere, "\(MPI.obstacle)")) struct MPIEndTests {
    /// Starts a job with a report that fills a pipe, and waits until its ranks are there.
    private static func shell(_ options: String, _ script: String) throws -> ProcessOutcome {
        let tree = try TemporaryDirectory(
            Tree((0..<3_000).map { .file("a file with quite a long name, number \($0)") }))
        let start = """
            mkfifo fifo
            \(MPI.mpirun(3)) --threads 1 --top 3000 --json \(options) -o fifo "$T" > noise 2>&1 & job=$!
            for i in $(seq 400); do [ $(rank 2 | wc -l) = 1 ] && break; sleep 0.05; done
            sleep 1

            """
        return try MPI.shell(start + script, tree.path)
    }

    /// In both places for longer than a rank may be silent.
    @Test(arguments: ["", "--journal journal"]) func aLateReaderLosesNoRank(journal: String) throws {
        let script = """
            sleep 3; exec 3< fifo; sleep 4; cat <&3 > out.json; wait $job; echo "status $?"
            jq -c '[.complete, .totals.entries, (.largest_files | length)]' out.json; grep -a '^fsscan' noise
            """
        let outcome = try Self.shell("--patience 1 \(journal)", script)
        #expect(outcome.outputText == "status 0\n[true,3001,3000]\n", "\(outcome.errorText)")
    }

    @Test(arguments: ["", "--journal journal"]) func aFirstRankThatIsStoppedBeforeTheScanEndsTheJob(
        journal: String
    ) throws {
        let script = """
            kill -STOP $(rank 0); wait $job; echo "status $?"
            grep -a -o 'rank 0 does not answer: there is no report' noise | sort -u; sleep 1; rank 1
            """
        let outcome = try Self.shell("--patience 2 \(journal)", script)
        #expect(
            outcome.outputText == "status 75\nrank 0 does not answer: there is no report\n", "\(outcome.errorText)")
    }

    @Test(arguments: ["", "--journal journal"]) func aFirstRankThatIsStoppedWhileItWritesTheReportEndsTheJob(
        journal: String
    ) throws {
        let script = """
            exec 3< fifo; sleep 2; kill -STOP $(rank 0); wait $job; echo "status $?"
            grep -a -o 'rank 0 does not answer: there is no report' noise | sort -u; sleep 1; rank 1
            """
        let outcome = try Self.shell("--patience 2 \(journal)", script)
        #expect(
            outcome.outputText == "status 75\nrank 0 does not answer: there is no report\n", "\(outcome.errorText)")
    }

    /// The report is complete: that rank has answered everything.
    @Test(arguments: ["", "--journal journal"]) func aRankThatIsStoppedAfterTheScanEndsTheJob(journal: String) throws {
        let script = """
            exec 3< fifo; sleep 2; kill -STOP $(rank 1); cat <&3 > out.json; wait $job; echo "status $?"
            jq -c '[.complete, .totals.entries]' out.json
            grep -a -o 'another rank does not end, and the job is ended' noise | sort -u; sleep 1; rank 1
            """
        let outcome = try Self.shell("--patience 2 \(journal)", script)
        #expect(
            outcome.outputText == """
                status 75
                [true,3001]
                another rank does not end, and the job is ended

                """, "\(outcome.errorText)")
    }
}
