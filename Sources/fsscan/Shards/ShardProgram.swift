import CLinux
import Entries
import Formats
import Glibc
import ScanEngine
import Snapshots
import WorkStealing

/// `fsscan --shard`: scans one part of a tree, and saves its results.
struct ShardProgram {
    private let settings: ScanSettings
    private let shard: ShardSettings

    init(_ settings: ScanSettings, _ shard: ShardSettings) { (self.settings, self.shard) = (settings, shard) }

    func run() throws -> ExitStatus {
        let plan = try ShardFiles.plan(shard.plan)
        let name = CarriedArgument(bytes: shard.plan)
        guard plan.version == Program.version else {
            throw UsageError("--plan", name, "was made by fsscan \(plan.version), and this is \(Program.version)")
        }
        guard plan.shards == shard.shards else {
            throw UsageError("--plan", name, "has \(plan.shards) shards, and not \(shard.shards)")
        }
        guard plan.options.paths == settings.paths, settings.pathLists.isEmpty else {
            throw UsageError("--plan", name, "was made for another PATH")
        }
        clinux_install_stop_handler()
        let output = try OutputFile(shard.partial, mode: settings.mode)
        var environment = ScanEnvironment()
        environment.isCancelled = { clinux_stop_signal() != 0 }
        environment.onError = { error in StandardStreams.complain(error.path, error.message) }
        let threads = settings.threads ?? Scheduler.defaultThreads
        let scan = try Scan(plan, shard: shard.shard, threads: threads, pool: settings.options.pool, environment)
        MIMEHelp.warn(scan)
        let progress = ProgressDisplay(settings.progress)
        progress.begin(.scanning(scan, .unknown))
        let outcome = scan.runShard(shard.shard, of: plan)
        progress.stop()
        // Without its file a shard counts as missing; an incomplete file would count as complete.
        if let stopped = ExitStatus.stopSignal { return stopped }
        try outcome.file.bytes.withUnsafeBytes { try output.write($0) }
        try output.finish()
        return outcome.errors > 0 ? .unreadable : .success
    }
}
