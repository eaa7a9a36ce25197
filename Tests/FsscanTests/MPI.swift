// Running fsscan-mpi in these tests.

import Glibc
import TestSupport
import Testing

/// Whether there is a Slurm cluster, as `Tests/oracles/slurm.sh` starts one.
let hasSlurm = (try? run(["sinfo"]))?.status == 0

enum MPI {
    /// The program, built beside the tests if there is MPI: `make test`.
    static let program = Fsscan.besideTests("fsscan-mpi")
    static let isThere = access(program.text, X_OK) == 0 && isInstalled("mpirun")
    static let obstacle = "fsscan-mpi is not built: FSSCAN_MPI=1 swift build --build-tests, with libopenmpi-dev"

    /// Starts so many ranks.
    static func mpirun(_ ranks: Int) -> String {
        "timeout 100 mpirun \(isRoot ? "--allow-run-as-root" : "") --oversubscribe --bind-to none -n \(ranks) \"$M\""
    }

    /// Runs a script of bash, in which `$T` is a tree, `$M` the program, `$F` fsscan, and `rank N` the process of rank N in
    /// a job that scans this tree.
    static func shell(_ script: String, _ tree: ByteString) throws -> ProcessOutcome {
        let rank = """
            rank() {
              for p in $(pgrep -f -- "fsscan-mpi.*$T"); do
                ! tr '\\0' '\\n' < /proc/$p/environ 2> /dev/null | grep -qx "OMPI_COMM_WORLD_RANK=$1" || echo $p
              done
            }

            """
        let python = try Repository.python().text
        return try Fsscan.shell(
            ByteString(rank + script), in: try TemporaryDirectory(),
            ProcessOptions {
                $0.environment["T"] = tree.text
                $0.environment["M"] = program.text
                $0.environment["PYTHON"] = python
                $0.environment["VALIDATE"] = Repository.path("Tests/oracles/validate.py").text
                $0.timeout = 600
            })
    }

    /// Compares the report of ranks, but for the time it took, with that of fsscan.
    ///
    /// - Parameter launch: how that many ranks are started.
    static func expectSameReport(
        _ tree: ByteString, _ options: String, ranks: [Int] = isLarge ? [1, 2, 3, 4, 8] : [1, 2, 4],
        threads: [Int] = [1, 2], launch: (Int) -> String = mpirun, sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let runs = ranks.flatMap { ranks in threads.map { (ranks, $0) } }.map { ranks, threads in
            """
            \(launch(ranks)) --threads \(threads) \(options) --json -o mpi.json "$T" > noise 2>&1; s=$?
            [ $s = $one ] || { echo "\(ranks)x\(threads): status $s, not $one"; tail -5 noise; }
            sed '/^  "timing": {/,$d' mpi.json | diff one.cut - | head -20; rm -f mpi.json
            """
        }
        let script = """
            "$F" --json \(options) "$T" > one.json 2> /dev/null; one=$?
            sed '/^  "timing": {/,$d' one.json > one.cut; [ $(wc -l < one.cut) -gt 20 ] || echo "no report"
            \(runs.joined(separator: "\n"))
            """
        let outcome = try shell(script, tree)
        #expect(outcome.outputText.isEmpty, "\(options): \(outcome.outputText)", sourceLocation: sourceLocation)
    }

    /// Names of an inode in directories scanned by several ranks, a chain, and a directory whose slices are lent.
    static func entangledTree() throws -> TemporaryDirectory {
        var nodes: [Node] = [
            .directory("origin", Tree((0..<100).map { .file("\($0).txt", size: 5_000 + Int64($0)) })),
            .chain("deep", depth: 600, [.file("bottom", "x")]),
            .directory("flat", Tree((0..<30_000).map { .file("file \($0)") })),
        ]
        for directory in 0..<400 {
            let links = (0..<7).map { number -> Node in
                .hardLink("l\(number).dat", to: ByteString("origin/\((directory * 7 + number * 3) % 100).txt"))
            }
            nodes.append(.directory("d\(directory)", [.directory("e", Tree(links)), .directory("f", [])]))
        }
        return try TemporaryDirectory(Tree(nodes))
    }

    /// A tree whose scan takes about ten seconds: a rank is stopped in the middle.
    static func slowTree() throws -> FaultyTree {
        try FaultyTree((0..<200).flatMap { ["d\($0) dir", "d\($0)/f file count=8 size=10 delay=2"] })
    }
}
