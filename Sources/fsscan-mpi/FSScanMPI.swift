// fsscan-mpi: fsscan on several machines that mount the same file system, started by mpirun or srun.
//
// Each rank is a separate scan. Idle ranks take directories from others, like the workers of one process. The first
// rank has the PATHs, the output and the report, which equals that of fsscan, byte for byte.

import Bytes
import CLinux
import Entries
import Glibc
import LinuxKernel
import ScanEngine
import WorkStealing

@main
enum FSScanMPI {
    static func main() {
        StandardStreams.prepare()
        // MPI has threads of its own.
        Scheduler.prepareProcess()
        // mpirun passes SIGUSR1 on to all ranks: the first one prints a line about the progress, and it must end none.
        clinux_install_progress_handler()
        clinux_prefix_standard_error()
        let started = startedProcesses
        guard let link = Link() else {
            StandardStreams.complain("this MPI does not support a program with several threads")
            exit(ExitStatus.unavailable.rawValue)
        }
        // Each would scan everything, and write the same file.
        if link.size == 1, started > 1 {
            StandardStreams.complain(
                "\(started) processes were started, and each is alone: use the mpirun of the MPI that fsscan-mpi was "
                    + "built with, or srun --mpi=pmix for Open MPI and --mpi=pmi2 for MPICH")
            exit(ExitStatus.unavailable.rawValue)
        }
        let status: ExitStatus
        do {
            let settings = try Self.settings()
            if settings.journal == nil {
                status = try RankProgram(link, settings).run()
            } else {
                var program = JournalProgram(link, settings)
                status = try program.run()
            }
        } catch {
            // All ranks find the same mistake in the command line: the first reports it.
            status = link.rank == 0 ? report(error) : .success
            link.farewell(patience: RankSettings.usualPatience)
        }
        exit(status.rawValue)
    }

    /// How many processes the launcher started, as Open MPI, MPICH or Slurm says. MPI itself may change it later.
    private static var startedProcesses: Int {
        for variable in ["OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_STEP_NUM_TASKS"] {
            if let value = getenv(variable), let number = Int(String(cString: value)) { return number }
        }
        return 1
    }

    private static func report(_ error: any Error) -> ExitStatus {
        guard let information = error as? Information else { return ExitStatus(reporting: error) }
        do {
            let output = try OutputFile(nil)
            try Array("\(information.text)\n".utf8).withUnsafeBytes { try output.write($0) }
            try output.finish()
            return .success
        } catch {
            return ExitStatus(reporting: error)
        }
    }

    private static func settings() throws -> RankSettings {
        let runs = PathRuns(CarriedArgument.ofProcess())
        var settings: RankSettings?
        let invocation = try Invocation.parsed(RankCommand.self, runs) { command in
            settings = try RankSettings(command, runs)
            return .scan(settings!.scan)
        }
        if let settings { return settings }
        if case .information(let text) = invocation { throw Information(text: text) }
        throw Information(text: Program.version)
    }
}

/// The output of `--help` and `--version`.
struct Information: Error {
    let text: String
}
