// Scans with a journal: finished parts are not scanned again.

import TestSupport
import Testing

@Suite(.serialized, .enabled(if: MPI.isThere, "\(MPI.obstacle)")) struct MPIJournalTests {
    private static let cut = """
        cut() { sed '/^  "timing": {/,$d' $1 > $1.cut; [ $(wc -l < $1.cut) -gt 20 ] || echo "no report"; }

        """

    @Test func theReportIsThatOfOneProcess() throws {
        let names = try OddNames.load() + (0..<200).map { "name \($0).x\($0 % 7)" }
        let tree = try TemporaryDirectory(Tree.random(seed: 5, entries: 2_000, names: names))
        for (ranks, options) in [(1, "--depth 3"), (3, "--hash sha256,git --mime --depth 2 --rank newest")] {
            let script = """
                "$F" --json \(options) "$T" > one.json 2> /dev/null; one=$?
                \(MPI.mpirun(ranks)) --threads 2 --journal kept \(options) --json -o mpi.json "$T" > noise 2>&1; s=$?
                [ $s = $one ] || { echo "status $s, not $one"; tail -5 noise; }
                cut one.json; cut mpi.json; diff one.json.cut mpi.json.cut | head -20
                """
            let outcome = try MPI.shell(Self.cut + script, tree.path)
            #expect(outcome.outputText.isEmpty, "\(ranks): \(outcome.outputText)")
        }
    }

    /// A new file in each directory: it is found in those of the missing shard.
    @Test func finishedShardsAreNotScannedAgain() throws {
        let tree = try TemporaryDirectory(Tree((0..<150).map { .directory("d\($0)", [.file("f", "1")]) }))
        let script = """
            scan() { \(MPI.mpirun(2)) --threads 1 "$@" --json -o out.json "$T" 2>&1 | grep -a '^fsscan: '
              jq -c '[.complete, .totals.entries]' out.json; }
            scan --journal kept; ls kept | wc -l
            for d in "$T"/d*; do touch $d/new; done
            scan --resume kept; rm kept/shard-2; scan --resume kept; ls kept | wc -l
            scan --resume kept --depth 2; scan --journal kept; scan --resume kept --exclude x
            rm -r kept; scan --resume kept
            """
        // 16 shards for each rank: of 150 directories the second one has 5.
        #expect(
            try MPI.shell(script, tree.path).outputText == """
                [true,301]
                33
                [true,301]
                [true,306]
                33
                fsscan: --resume: 'kept' was begun with another PATH, or with other options
                [true,306]
                fsscan: ‘kept’: Directory not empty
                [true,306]
                fsscan: --resume: 'kept' was begun with another PATH, or with other options
                [true,306]
                [true,451]

                """)
    }

    @Test(.enabled(if: canUseFUSE, "\(fuseObstacle ?? "")")) func aJobThatDiesOrHangsGoesOn() throws {
        let script = """
            options="--pool 1 --hash sha1 --patience 4 --json -o out.json"
            \(MPI.mpirun(3)) $options --journal kept "$T" > noise 2>&1 & job=$!
            while [ $(ls kept 2> /dev/null | wc -l) -lt 6 ]; do sleep 0.05; done
            kill -9 $(rank 1); wait $job; [ $? != 0 ] && echo dead; ls out.json 2> /dev/null
            ls -i kept > before; [ $(wc -l < before) -lt 49 ] && echo unfinished

            \(MPI.mpirun(3)) $options --resume kept "$T" > noise 2>&1 & job=$!
            while [ $(ls kept | wc -l) -lt $(($(wc -l < before) + 4)) ]; do sleep 0.05; done
            kill -STOP $(rank 2); wait $job; echo "status $?, complete $(jq .complete out.json)"
            grep -a -c 'fsscan: rank 2 on .* does not answer' noise

            \(MPI.mpirun(2)) $options --resume kept "$T" > noise 2>&1; echo "status $?"
            # The same files.
            ls -i kept | grep -c -x -F -f before | diff - <(wc -l < before)
            "$F" --hash sha1 --json "$T" > one.json; cut one.json; cut out.json; diff one.json.cut out.json.cut | head
            "$PYTHON" "$VALIDATE" report out.json; pgrep -c -f -- "fsscan-mpi.*$T"
            """
        let outcome = try MPI.slowTree().mounted { try MPI.shell(Self.cut + script, $0) }
        #expect(
            outcome.outputText == "dead\nunfinished\nstatus 75, complete false\n1\nstatus 0\n0\n",
            "\(outcome.errorText)")
    }
}
