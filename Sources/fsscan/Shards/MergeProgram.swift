import Entries
import Formats
import ScanEngine
import Snapshots

/// `fsscan merge`: from partial results to the report.
struct MergeProgram {
    private let settings: MergeSettings

    init(_ settings: MergeSettings) { self.settings = settings }

    func run() throws -> ExitStatus {
        var plan: ScanPlan?
        var merge: ScanMerge?
        var names: [Int: [UInt8]] = [:]
        for path in settings.partials {
            let file = try ShardFiles.shard(path)
            if merge == nil { (plan, merge) = (file.plan, ScanMerge(file.plan)) }
            guard merge!.add(file) else {
                throw UsageError("PARTIAL", CarriedArgument(bytes: path), "belongs to a different plan")
            }
            if names[file.shard] == nil { names[file.shard] = path }
        }
        guard let plan, let merge else { preconditionFailure("merge was started without a PARTIAL") }
        let output = try OutputFile(settings.output, mode: settings.mode)
        let report: ScanReport
        do throws(ShardFailure) {
            report = try merge.report()
        } catch {
            throw SnapshotFailure(path: error.shard.flatMap { names[$0] }, error.message)
        }
        if settings.isJSON {
            try ReportJSON(report, options: plan.options, version: plan.version).write { try output.write($0) }
        } else {
            for error in report.errors { StandardStreams.complain(error.path, error.message) }
            var summary = TextSummary(report, options: plan.options, style: TextStyle(for: output.descriptor))
            try summary.bytes().withUnsafeBytes { try output.write($0) }
        }
        try output.finish()
        for shard in merge.missing { StandardStreams.complain("shard \(shard)/\(plan.shards) is missing") }
        return report.totals.errors > 0 || !report.complete ? .unreadable : .success
    }
}
