// Outputs that the first rank writes for all: one stream of records, a saved scan.

import TestSupport
import Testing

@Suite(.serialized, .enabled(if: MPI.isThere, "\(MPI.obstacle)")) struct MPIStreamTests {
    private static func randomTree() throws -> TemporaryDirectory {
        let names = try OddNames.load() + (0..<200).map { "name \($0).x\($0 % 7)" }
        return try TemporaryDirectory(Tree.random(seed: 5, entries: 3_000, names: names))
    }

    @Test func recordsAreThoseOfOneProcess() throws {
        let script = """
            for options in "" "--sorted" "--hash sha256,git --mime --xattrs"; do
              "$F" --ndjson $options "$T" > one 2> /dev/null
              \(MPI.mpirun(3)) --threads 2 --ndjson $options -o many "$T" > noise 2>&1; echo "$options: $?"
              for file in one many; do
                sed -e 's/"started":"[^"]*"//' -e 's/"timing":.*//' -e 's/"threads":[0-9]*//' $file > cut
                { head -n 1 cut; if [ "$options" = --sorted ]; then sed '1d;$d' cut; else sed '1d;$d' cut | sort; fi
                  tail -n 1 cut; } > $file.cut
              done
              cmp one.cut many.cut; "$PYTHON" "$VALIDATE" records many
            done
            """
        let tree = try Self.randomTree()
        let outcome = try MPI.shell(script, tree.path)
        #expect(
            outcome.outputText == ": 0\n--sorted: 0\n--hash sha256,git --mime --xattrs: 0\n", "\(outcome.errorText)")
    }

    @Test func otherFormatsAreThoseOfOneProcess() throws {
        let script = """
            for format in ncdu mtree csv sha256sum paths; do
              "$F" --format $format --now 2026-01-01 "$T" > one 2> /dev/null; echo "$format: $?"
              \(MPI.mpirun(3)) --threads 1 --format $format -o many "$T" > noise 2>&1; echo $?
              # The header of ncdu has the time of the scan.
              for file in one many; do sed 's/"timestamp":[0-9]*//' $file > cut; [ $format = ncdu ] || sort -o cut cut; mv cut $file; done
              cmp one many; [ -s many ] || echo empty
            done
            """
        let tree = try Self.randomTree()
        let outcome = try MPI.shell(script, tree.path)
        #expect(
            outcome.outputText == "ncdu: 0\n0\nmtree: 0\n0\ncsv: 0\n0\nsha256sum: 0\n0\npaths: 0\n0\n",
            "\(outcome.errorText)")
    }

    /// Workers wait, and no rank is blamed for it.
    @Test func aSlowReaderOfRecordsLosesNobody() throws {
        let tree = try TemporaryDirectory(Tree((0..<30_000).map { .file("a longer name \($0)") }))
        let script = """
            mkfifo out; { sleep 5; cat; } < out > all & reader=$!
            \(MPI.mpirun(3)) --threads 1 --patience 2 --ndjson -o out "$T" > noise 2>&1; echo $?
            wait $reader; wc -l < all; tail -n 1 all | jq .complete
            """
        // Header, directory, summary.
        let outcome = try MPI.shell(script, tree.path)
        #expect(outcome.outputText == "0\n30003\ntrue\n", "\(outcome.errorText)")
    }

    @Test func recordsThatCannotBeWrittenEndTheJob() throws {
        let tree = try TemporaryDirectory(Tree((0..<5_000).map { .file("f\($0)") }))
        let script = """
            \(MPI.mpirun(3)) --ndjson -o /dev/full "$T" 2> noise; echo $?
            grep -a -c '^fsscan: .*/dev/full.*No space left' noise
            """
        #expect(try MPI.shell(script, tree.path).outputText == "74\n1\n")
    }

    // MARK: Saved scans

    @Test func aSavedScanIsThatOfOneProcess() throws {
        let script = """
            for options in "" "--hash sha256,git --mime --xattrs"; do
              rm -f one many
              "$F" --save one $options -o /dev/null "$T" 2> one.text
              \(MPI.mpirun(3)) --threads 2 --save many $options --json -o report "$T" > noise 2>&1; echo "$options: $?"
              for file in one many; do "$F" saved $file --json | jq -c '.scans[] | del(.started, .ended, .kept_since)' > $file.json; done
              cmp one.json many.json; sed -n 's/^fsscan: .*#1.: evidence: //p' one.text > one.evidence
              grep -a -h '#1.: evidence: ' noise | sed 's/.* //' | cmp - one.evidence; [ -s one.evidence ] || echo none
              jq -r .saved.evidence report | cmp - one.evidence
              "$F" diff one many > text || cat text; "$F" verify many > text || cat text
              "$PYTHON" "$VALIDATE" report report
            done
            """
        let tree = try Self.randomTree()
        let outcome = try MPI.shell(script, tree.path)
        #expect(outcome.outputText == ": 0\n--hash sha256,git --mime --xattrs: 0\n", "\(outcome.errorText)")
    }

    /// The file lies in the tree that it describes; records are written besides.
    @Test func aSavedScanLeavesItselfOut() throws {
        let tree = try TemporaryDirectory([.directory("d", [.file("f", "1")]), .file("g", "22")])
        let script = """
            \(MPI.mpirun(2)) --hash sha256 --save "$T/d/saved" --ndjson -o parts/ "$T" > noise 2>&1; echo $?
            grep -a -c 'is inside the saved tree' noise; cat parts/* | grep -c '"type":"entry"'
            "$F" verify "$T/d/saved" > /dev/null; echo $?; tail -n 1 parts/part-0.ndjson | jq -r '.saved.evidence | length'
            """
        #expect(try MPI.shell(script, tree.path).outputText == "0\n1\n4\n0\n64\n")
    }

    @Test func aStoppedScanIsNotSaved() throws {
        guard canUseFUSE else { return }
        let script = """
            \(MPI.mpirun(2)) --pool 1 --patience 1 --save saved -o report "$T" > noise 2>&1 & job=$!
            for i in $(seq 400); do pid=$(rank 1); [ -n "$pid" ] && break; sleep 0.05; done
            sleep 1; kill -STOP $pid; wait $job; echo $?; ls saved 2>&1
            """
        let outcome = try MPI.slowTree().mounted { try MPI.shell(script, $0) }
        #expect(outcome.outputText == "75\nls: cannot access 'saved': No such file or directory\n")
    }

    // MARK: Parts

    @Test func partsAreReadAsOne() throws {
        let script = """
            \(MPI.mpirun(3)) --threads 1 --hash sha256 --ndjson -o parts/ "$T" > noise 2>&1; echo $?
            cat parts/* | "$F" diff - "$T" > text; echo "all $?"
            cat parts/part-2.ndjson parts/part-0.ndjson parts/part-1.ndjson > other; "$F" diff other "$T" > text; echo "other order $?"
            "$F" diff parts/part-0.ndjson "$T" 2>&1; echo "one $?"
            cat parts/* parts/part-1.ndjson | "$F" diff - "$T" 2> twice; echo "twice $?"
            grep -c 'is no other part of the same records' twice
            """
        let tree = try Self.randomTree()
        let outcome = try MPI.shell(script, tree.path)
        #expect(
            outcome.outputText == """
                0
                all 0
                other order 0
                fsscan: ‘parts/part-0.ndjson’: has 1 of the 3 parts of the records: read all of them as one, by cat
                one 2
                twice 2
                1

                """, "\(outcome.errorText)")
    }
}
