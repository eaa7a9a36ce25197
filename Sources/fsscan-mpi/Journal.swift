import Bytes
import Entries
import Formats
import Glibc
import LinuxKernel
import ScanEngine
import Snapshots

/// The finished shards of a scan, in a directory: what is in it is not scanned again.
///
/// ```
///  DIR/plan        the plan
///  DIR/shard-7     the partial result of shard 7
/// ```
///
/// Each file is whole when it appears. Only the first rank uses the directory.
struct Journal {
    let plan: ScanPlan
    private let directory: [UInt8]
    private let mode: UInt32?
    private var merge: ScanMerge

    /// Begins or, if the directory has a plan, continues.
    ///
    /// - Parameters:
    ///   - goesOn: whether it may have one.
    ///   - shards: for a new plan.
    init(
        _ directory: [UInt8], goesOn: Bool, _ options: ScanOptions, shards: Int, mode: UInt32?
    ) throws {
        (self.directory, self.mode) = (directory, mode)
        let path = Self.path("plan", in: directory)
        if goesOn, withCString(path, { access($0, F_OK) }) == 0 {
            plan = try ShardFiles.plan(path)
            let name = CarriedArgument(bytes: directory)
            guard plan.version == Program.version else {
                throw UsageError(
                    "--resume", name, "was begun by fsscan \(plan.version), and this is \(Program.version)")
            }
            guard plan.isFor(options) else {
                throw UsageError("--resume", name, "was begun with another PATH, or with other options")
            }
            merge = ScanMerge(plan)
            for shard in merge.missing { try takeOver(shard) }
        } else {
            try OutputDirectory.make(directory, mode: mode)
            plan = ScanPlan(options, shards: shards, version: Program.version)
            merge = ScanMerge(plan)
            try write(plan.bytes, to: path)
        }
    }

    /// The shards that are still to be scanned.
    var missing: [Int] { merge.missing }

    /// Keeps the result of a shard.
    mutating func keep(_ file: ShardFile) throws {
        guard merge.add(file) else { preconditionFailure("a rank scans a shard of the plan that it was given") }
        try write(file.bytes, to: Self.path("shard-\(file.shard)", in: directory))
    }

    /// Of the shards that are there.
    func report() throws(SnapshotFailure) -> ScanReport {
        do throws(ShardFailure) {
            return try merge.report()
        } catch {
            throw SnapshotFailure(
                path: error.shard.map { Self.path("shard-\($0)", in: directory) }, error.message)
        }
    }

    private mutating func takeOver(_ shard: Int) throws {
        let path = Self.path("shard-\(shard)", in: directory)
        guard withCString(path, { access($0, F_OK) }) == 0 else { return }
        let file = try ShardFiles.shard(path)
        guard file.shard == shard, merge.add(file) else {
            throw SnapshotFailure(path: path, "belongs to another journal")
        }
    }

    private func write(_ bytes: [UInt8], to path: [UInt8]) throws {
        let file = try OutputFile(path, mode: mode)
        try bytes.withUnsafeBytes { try file.write($0) }
        try file.finish()
    }

    private static func path(_ name: String, in directory: [UInt8]) -> [UInt8] {
        directory + Array((directory.last == UInt8(ascii: "/") ? name : "/\(name)").utf8)
    }
}
