// fsscan-mpi built with MPICH, and under Slurm: `make test-all` builds the one, and starts the other.

import Glibc
import TestSupport
import Testing

/// `make mpi MPI=mpich`.
private let programOfMPICH = Repository.path(".build/mpich/release/fsscan-mpi")
private let hasProgramOfMPICH = access(programOfMPICH.text, X_OK) == 0

@Suite(.serialized) struct MPILauncherTests {
    private static func expectSameReport(_ launch: (Int) -> String) throws {
        let names = (0..<500).map { ByteString("name \($0).x\($0 % 7)") }
        let tree = try TemporaryDirectory(Tree.random(seed: 7, entries: 3_000, names: names))
        try MPI.expectSameReport(tree.path, "--hash sha256 --depth 3", launch: launch)
        try MPI.expectSameReport(try MPI.entangledTree().path, "--hash sha1 --depth 700", threads: [1], launch: launch)
    }

    @Test(
        .enabled(if: isInstalled("mpiexec.mpich"), "mpiexec.mpich is not installed: make test-all"),
        .enabled(if: hasProgramOfMPICH, "fsscan-mpi is not built with MPICH: make mpi MPI=mpich"))
    func theReportIsTheSameWithMPICH() throws {
        try Self.expectSameReport { "timeout 100 mpiexec.mpich -n \($0) '\(programOfMPICH.text)'" }
    }

    @Test(
        .enabled(if: hasProgramOfMPICH, "fsscan-mpi is not built with MPICH: make mpi MPI=mpich"),
        .enabled(if: hasSlurm, "there is no Slurm cluster: make test-all"))
    func theReportIsTheSameWithMPICHUnderSlurm() throws {
        try MPI.expectSameReport(try MPI.entangledTree().path, "--hash sha256", threads: [1]) {
            "timeout 100 srun -n \($0) --mpi=pmi2 '\(programOfMPICH.text)'"
        }
    }

    /// Slurm sends the same signal before it ends a job whose time is over.
    @Test(
        .enabled(if: MPI.isThere, "\(MPI.obstacle)"), .enabled(if: canUseFUSE, "\(fuseObstacle ?? "")"),
        .enabled(if: hasSlurm, "there is no Slurm cluster: make test-all"))
    func aCancelledJobLeavesAnIncompleteReport() throws {
        let script = """
            timeout 100 srun -n 2 --mpi=pmix -J cancelled "$M" --pool 1 --json -o out.json "$T" > noise 2>&1 & job=$!
            for i in $(seq 400); do squeue -h -n cancelled -t RUNNING | grep -q . && break; sleep 0.05; done
            sleep 2; scancel -n cancelled; wait $job; echo "status $?, complete $(jq .complete out.json)"
            "$PYTHON" "$VALIDATE" report out.json; [ $(jq .totals.entries out.json) -gt 1 ] && echo counted
            """
        let outcome = try MPI.slowTree().mounted { try MPI.shell(script, $0) }
        #expect(outcome.outputText == "status 143, complete false\ncounted\n", "\(outcome.errorText)")
    }

    /// Each process would be rank 0 of one, and they would write the same file.
    @Test(
        .enabled(if: MPI.isThere, "\(MPI.obstacle)"),
        .enabled(if: isInstalled("mpiexec.mpich"), "mpiexec.mpich is not installed: make test-all"))
    func theLauncherOfAnotherMPIIsRefused() throws {
        let script = """
            timeout 100 mpiexec.mpich -n 2 "$M" --json -o out.json "$T" 2> noise; echo $?
            ls out.json noise; grep -c 'each is alone' noise
            """
        let outcome = try MPI.shell(script, "/dev")
        #expect(outcome.outputText == "69\nnoise\n2\n")
    }

    @Test(
        .enabled(if: MPI.isThere, "\(MPI.obstacle)"),
        .enabled(if: hasSlurm, "there is no Slurm cluster: make test-all"))
    func theReportIsTheSameUnderSlurm() throws {
        try Self.expectSameReport { "timeout 100 srun -n \($0) --mpi=pmix \"$M\"" }
    }
}
