// A rank that stops answering: the others finish without it, and the report lists the missing parts.

import TestSupport
import Testing

@Suite(
    .serialized, .enabled(if: MPI.isThere, "\(MPI.obstacle)"), .enabled(if: canUseFUSE, "\(fuseObstacle ?? "")"))
struct MPILossTests {
    @Test func aRankThatStopsAnsweringIsLeftOut() throws {
        let script = """
            for pause in 2 3 1; do
              rm -f out.json
              \(MPI.mpirun(3)) --pool 1 --hash git --patience 4 --json -o out.json "$T" > noise 2>&1 & job=$!
              for i in $(seq 400); do pid=$(rank 2); [ -n "$pid" ] && break; sleep 0.05; done
              sleep $pause; kill -STOP $pid; wait $job; status=$?
              # Unless it had nothing at that moment.
              [ $status = 75 ] && jq -e '.unfinished | length > 0' out.json > test && break
            done
            echo "status $status, complete $(jq .complete out.json)"
            grep -a -o 'fsscan: rank 2 .* does not answer: .*' noise | sed 's/ on [^ ]*//'
            # Tables and lists lack what rank 2 had counted; nothing else may be wrong.
            "$PYTHON" "$VALIDATE" report out.json | grep -v -e 'add up to' -e 'not those of the extensions' -e 'are more than' \\
              -e 'records, totals say'
            # Exactly the entries outside the named directories have been counted.
            jq -r '.unfinished[].path' out.json | while read -r d; do find "$d"; done | sort -u | wc -l > below
            find "$T" | wc -l > all; counted=$(jq .totals.entries out.json)
            [ $(cat below) -gt 0 ] && [ $((counted + $(cat below))) = $(cat all) ] && echo counted
            jq -c '.roots[0].digests' out.json
            # Nothing is left running.
            sleep 1; pgrep -c -f -- "fsscan-mpi.*$T"
            """
        let outcome = try MPI.slowTree().mounted { try MPI.shell(script, $0) }
        #expect(
            outcome.outputText == """
                status 75, complete false
                fsscan: rank 2 does not answer: its work is left out, and the report is incomplete
                counted
                null
                0

                """, "\(outcome.errorText)")
    }

    /// It is not listened to any more, and does not end the job of the others.
    @Test func aRankThatComesBackIsStillLeftOut() throws {
        let script = """
            \(MPI.mpirun(3)) --pool 1 --patience 1 --json -o out.json "$T" > noise 2>&1 & job=$!
            for i in $(seq 400); do pid=$(rank 2); [ -n "$pid" ] && break; sleep 0.05; done
            sleep 1; kill -STOP $pid; sleep 2; kill -CONT $pid; wait $job; echo "status $?, complete $(jq .complete out.json)"
            grep -a -c 'fsscan: rank 2 on .* does not answer' noise
            """
        let outcome = try MPI.slowTree().mounted { try MPI.shell(script, $0) }
        #expect(outcome.outputText == "status 75, complete false\n1\n", "\(outcome.errorText)")
    }

    @Test func withoutTheFirstRankTheJobEnds() throws {
        let script = """
            \(MPI.mpirun(2)) --pool 1 --patience 3 --json -o out.json "$T" > noise 2>&1 & job=$!
            for i in $(seq 400); do pid=$(rank 0); [ -n "$pid" ] && break; sleep 0.05; done
            sleep 1.5; kill -STOP $pid; wait $job; echo "status $?"
            ls out.json 2> /dev/null; grep -a -c 'fsscan: rank 1: rank 0 does not answer: there is no report' noise
            sleep 1; pgrep -c -f -- "fsscan-mpi.*$T"
            """
        let outcome = try MPI.slowTree().mounted { try MPI.shell(script, $0) }
        #expect(outcome.outputText == "status 75\n1\n0\n", "\(outcome.errorText)")
    }

    /// A job that is suspended as a whole, as Slurm does it, goes on.
    @Test func aSuspendedJobGoesOn() throws {
        let script = """
            \(MPI.mpirun(2)) --pool 1 --patience 2 --json -o out.json "$T" > noise 2>&1 & job=$!
            for i in $(seq 400); do pids="$(rank 0) $(rank 1)"; [ $(echo $pids | wc -w) = 2 ] && break; sleep 0.05; done
            sleep 0.5; kill -STOP $pids; sleep 5; kill -CONT $pids; wait $job; echo "status $?, complete $(jq .complete out.json)"
            """
        #expect(try MPI.slowTree().mounted { try MPI.shell(script, $0) }.outputText == "status 0, complete true\n")
    }

    /// A worker gives work away at its next directory, and that takes a while.
    @Test func slowDirectoriesAreShared() throws {
        let script = """
            \(MPI.mpirun(3)) --pool 1 --stats --json -o out.json "$T" 2>&1 | grep -a -o '[0-9]* borrowed' |
              awk '{ sum += $1 } END { print (sum >= 50 ? "shared" : "only " sum " of 200") }'
            """
        let outcome = try MPI.slowTree().mounted { try MPI.shell(script, $0) }
        #expect(outcome.outputText == "shared\n")
    }

    @Test func progressIsThatOfAllRanks() throws {
        let script = """
            \(MPI.mpirun(2)) --pool 1 --progress --stats --json -o out.json "$T" > noise 2>&1 &
            job=$!
            for i in $(seq 400); do pid=$(rank 0); [ -n "$pid" ] && break; sleep 0.05; done
            while sleep 0.3; do kill -USR1 $pid 2> /dev/null || break; done; wait $job; echo "status $?"
            # At some time more entries than rank 0 had seen at the end.
            own=$(grep -a -o 'rank 0: [0-9]* entries' noise | grep -o '[0-9]* e' | tr -d ' e')
            grep -a '^fsscan: .* entries, .*/s, ' noise | tail -1 | grep -o '^fsscan: [0-9,]*' | tr -d -c '0-9\\n' |
              awk -v own="$own" '{ print ($1 > own ? "all" : "own " own ", shown " $1) }'
            grep -a -c 'rank [01]: .* ms idle' noise
            """
        let outcome = try MPI.slowTree().mounted { try MPI.shell(script, $0) }
        #expect(outcome.outputText == "status 0\nall\n2\n", "\(outcome.errorText)")
    }
}
