// Records of several ranks: a directory with a part for each rank, which together are those of one process.

import TestSupport
import Testing

@Suite(.serialized, .enabled(if: MPI.isThere, "\(MPI.obstacle)")) struct MPIRecordTests {
    private static func expectSameRecords(
        _ tree: ByteString, _ options: String, ranks: Int, status: Int = 0,
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let script = """
            "$F" --ndjson \(options) "$T" > one 2> /dev/null
            \(MPI.mpirun(ranks)) --threads 2 --ndjson \(options) -o parts/ "$T" > noise 2>&1; echo "status $?"
            [ "$(ls parts | wc -l)" = \(ranks) ] && ls parts/part-0.ndjson parts/part-\(ranks - 1).ndjson > /dev/null || ls parts
            # Each has a header, the first one the summary; the rest is the same.
            for part in parts/*; do head -n 1 $part; done | grep -c '^{"type":"header"'
            tail -n 1 parts/part-0.ndjson | sed 's/"timing":.*//' > summary
            tail -n 1 one | sed 's/"timing":.*//' | diff summary - | head
            grep -h -v -e '^{"type":"header"' -e '^{"type":"summary"' parts/* | sort > all
            grep -v -e '^{"type":"header"' -e '^{"type":"summary"' one | sort | diff all - | head
            { head -n 1 parts/part-0.ndjson; cat all; tail -n 1 parts/part-0.ndjson; } > whole
            "$PYTHON" "$VALIDATE" records whole; [ "$(wc -l < one)" = "$(wc -l < whole)" ] || echo "lines are missing"
            """
        let outcome = try MPI.shell(script, tree)
        #expect(
            outcome.outputText == "status \(status)\n\(ranks)\n", "\(options): \(outcome.errorText)",
            sourceLocation: sourceLocation)
    }

    @Test func togetherTheyAreThoseOfOneProcess() throws {
        let names = try OddNames.load() + (0..<200).map { "name \($0).x\($0 % 7)" }
        let tree = try TemporaryDirectory(Tree.random(seed: 3, entries: 2_000, names: names))
        for ranks in [1, 3] { try Self.expectSameRecords(tree.path, "--hash sha256,git --mime", ranks: ranks) }
        try Self.expectSameRecords(tree.path, "--xattrs --atime --exclude '*a*' --sorted", ranks: 2)
    }

    @Test func errorsAreInThePartOfTheirRank() throws {
        let tree = try TemporaryDirectory(
            Tree((0..<200).map { .directory("d\($0)", [.directory("e", [.file("f", "12")]), .file("g", "1")]) }))
        try Self.expectSameRecords(tree.path, "--max-read 1 --hash sha256", ranks: 3, status: 1)
    }

    /// A large directory: its slices are lent, so several parts have records.
    @Test func eachRankWritesItsOwn() throws {
        let tree = try TemporaryDirectory(Tree((0..<20_000).map { .file("f\($0)") }))
        let script = """
            \(MPI.mpirun(3)) --threads 1 --hash sha256 --ndjson -o parts/ "$T" > noise 2>&1; echo $?
            wc -l parts/*.ndjson | awk '/part/ && $1 > 100 { n++ } END { print (n > 1 ? "shared" : "not shared") }'
            cat parts/* | wc -l
            """
        // A header each, the root, and a summary.
        #expect(try MPI.shell(script, tree.path).outputText == "0\nshared\n20005\n")
    }

    @Test func theirDirectoryMustBeEmpty() throws {
        let tree = try TemporaryDirectory([.file("f")])
        let script = """
            mkdir full empty; touch full/x file
            for to in full/ empty/ missing/parts/ file/; do
              \(MPI.mpirun(2)) --ndjson -o $to "$T" 2>&1 | grep -a '^fsscan: '; echo ${PIPESTATUS[0]}
            done
            ls full empty | grep -c part-
            """
        #expect(
            try MPI.shell(script, tree.path).outputText == """
                fsscan: ‘full/’: Directory not empty
                74
                0
                fsscan: ‘missing/parts/’: No such file or directory
                74
                fsscan: ‘file/’: Not a directory
                74
                2

                """)
    }
}
