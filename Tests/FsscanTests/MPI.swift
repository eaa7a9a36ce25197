// Running fsscan-mpi in these tests.

import Glibc
import TestSupport

enum MPI {
    /// The program, built beside the tests if there is MPI: `make test`.
    static let program = Fsscan.besideTests("fsscan-mpi")
    static let isThere = access(program.text, X_OK) == 0 && isInstalled("mpirun")
    static let obstacle = "fsscan-mpi is not built: FSSCAN_MPI=1 swift build --build-tests, with libopenmpi-dev"

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

    /// A tree whose scan takes about ten seconds: a rank is stopped in the middle.
    static func slowTree() throws -> FaultyTree {
        try FaultyTree((0..<200).flatMap { ["d\($0) dir", "d\($0)/f file count=8 size=10 delay=2"] })
    }
}
