// fsscan-mpi: the same report as one process, byte for byte, for any number of ranks and threads.

import TestSupport
import Testing

@Suite(.serialized, .enabled(if: MPI.isThere, "\(MPI.obstacle)")) struct MPITests {
    /// `make stress-mpi` takes all seeds, more ranks, and more runs of one tree.
    @Test(arguments: RandomTrees.seeds.prefix(isLarge ? Int.max : 2)) func aRandomTreeIsTheSame(seed: UInt64) throws {
        let names = try OddNames.load() + (0..<200).map { "name \($0).x\($0 % 7)" }
        let tree = try TemporaryDirectory(Tree.random(seed: seed, entries: 3_000, names: names))
        // Without --now, because ages are relative to the start.
        try MPI.expectSameReport(tree.path, "--depth 5 --top 30 --hash sha256,git --mime")
        try MPI.expectSameReport(tree.path, "--exclude '*a*' --rank newest", ranks: [3])
    }

    @Test func hardLinksAChainAndALargeDirectory() throws {
        let tree = try MPI.entangledTree()
        try MPI.expectSameReport(tree.path, "--depth 700")
        try MPI.expectSameReport(tree.path, "--hash sha1 --depth 2", ranks: [4])
    }

    /// The lent work and its borrowers differ from run to run.
    @Test func eachRunIsTheSame() throws {
        let names = (0..<500).map { ByteString("name \($0).x\($0 % 7)") }
        let tree = try TemporaryDirectory(Tree.random(seed: 11, entries: 3_000, names: names))
        let runs = Array(repeating: 4, count: isLarge ? 50 : 3)
        try MPI.expectSameReport(tree.path, "--hash sha256 --depth 3", ranks: runs, threads: [1])
    }

    @Test func workIsShared() throws {
        let tree = try TemporaryDirectory(Tree((0..<30_000).map { .file("f\($0)") }))
        let script = """
            \(MPI.mpirun(3)) --threads 1 --hash sha256 --stats --json -o out.json "$T" 2>&1 | grep -o '[0-9]* borrowed' |
              awk '{ sum += $1 } END { print (sum > 0 ? "shared" : "not shared") }'
            """
        #expect(try MPI.shell(script, tree.path).outputText == "shared\n")
    }

    @Test func errorsAndNothingAreTheSame() throws {
        let tree = try TemporaryDirectory(
            Tree((0..<50).map { .directory("d\($0)", [.directory("e", [.file("f", "12")]), .file("g", "1")]) })
                + [.file("file", "12345"), .directory("empty", [])])
        try MPI.expectSameReport(tree.path, "--max-read 1 --hash sha256 --depth 4", ranks: [2, 3])
        for name: ByteString in ["file", "empty", "missing"] {
            try MPI.expectSameReport(tree.appending(name), "--hash sha256", ranks: [2])
        }
    }

    @Test func aKilledRankLeavesNoReport() throws {
        let tree = try TemporaryDirectory(Tree((0..<2_000).map { .file("\($0)", "\($0)") }))
        // Files that are read from a FIFO's writer would be skipped: libmagic is slow enough.
        let script = """
            \(MPI.mpirun(3)) --threads 1 --mime --hash sha256,sha512,md5 --json -o out.json "$T" > noise 2>&1 & job=$!
            for i in $(seq 200); do
              victims=$(pgrep -P $(pgrep -P $job mpirun || echo $job) | tail -1); [ -n "$victims" ] && break; sleep 0.02
            done
            sleep 0.4; kill -9 $victims; wait $job; echo "$(($? != 0))"; ls out.json 2> /dev/null
            """
        #expect(try MPI.shell(script, tree.path).outputText == "1\n")
    }

    @Test func itsOwnOptionsAreInItsManual() throws {
        let script = """
            options() { grep -o '^  \\(-[a-zA-Z], \\)*--[a-z-]*' | grep -o -e '--[a-z-]*' | sort -u; }
            "$F" --help | options > one; \(MPI.mpirun(1)) --help 2> /dev/null | options | comm -13 one - > own
            # --ndjson has another meaning.
            sed -n 's/^\\.It Fl \\(-[a-z]*\\) .*/-\\1/p' "$MANUAL" | grep -v ndjson | sort | diff own - && wc -l < own
            """
        let manual = Repository.path("docs/man/fsscan-mpi.1").text
        #expect(try MPI.shell("MANUAL=\(manual)\n" + script, "/").outputText == "3\n")
    }

    @Test(arguments: [
        ("--hash sha1 --baseline x.db", "--baseline is not for fsscan-mpi: use fsscan"),
        ("--save x.db --journal x", "--save is not for a scan with a journal"),
        ("--format csv --journal x", "--format csv is not for a scan with a journal"),
        ("--format ncdu /", "--format ncdu: takes one PATH, as the format has one root"),
        ("--patience 0", "--patience: '0' is not a time (seconds, or a number with s, m, h, d)"),
        ("--nonsense", "unknown option '--nonsense' (see fsscan --help)"),
    ])
    func optionsForASingleProcessAreRefusedOnce(option: String, message: String) throws {
        let script = "\(MPI.mpirun(3)) \(option) . 2>&1 | grep -a '^fsscan: '; echo ${PIPESTATUS[0]}"
        #expect(try MPI.shell(script, "/").outputText == "fsscan: \(message)\n64\n")
    }
}
