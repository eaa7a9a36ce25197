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
        clinux_prefix_standard_error()
        guard let link = Link() else {
            StandardStreams.complain("this MPI cannot be called by one thread of several")
            exit(ExitStatus.unavailable.rawValue)
        }
        let status: ExitStatus
        do {
            status = try RankProgram(link, settings()).run()
        } catch {
            // All ranks find the same mistake in the command line: the first reports it.
            status = link.rank == 0 ? report(error) : .success
            link.farewell {}
        }
        exit(status.rawValue)
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

    /// The settings of `fsscan`, except those that only a single process supports.
    private static func settings() throws -> ScanSettings {
        let runs = PathRuns(CarriedArgument.ofProcess())
        let invocation = try Invocation.parsed(ScanCommand.self, runs) { .scan(try ScanSettings($0, runs)) }
        switch invocation {
        case .scan(let settings):
            try refuse(settings)
            return settings
        case .information(let text): throw Information(text: text)
        default: throw Information(text: Invocation.version)
        }
    }

    private static func refuse(_ settings: ScanSettings) throws(UsageError) {
        let refused: [(String, Bool)] = [
            ("--format \(settings.format)", settings.format.records != nil), ("--save", settings.save != nil),
            ("--baseline", settings.baseline != nil), ("--deadline", settings.deadline != nil),
            ("a selection of entries", !settings.options.selection.isEmpty), ("--trace", settings.trace != nil),
            ("--shard", settings.shard != nil),
            ("--files-from", !settings.pathLists.isEmpty),
            // Only the first rank has standard input.
            ("--exclude-from -", settings.patternLists.contains(where: \.isStandardInput)),
        ]
        if let (option, _) = refused.first(where: \.1) {
            throw UsageError("\(option) is not for fsscan-mpi: use fsscan")
        }
    }
}

/// The output of `--help` and `--version`.
struct Information: Error {
    let text: String
}
