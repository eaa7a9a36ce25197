// One shard of a scan: its task comes from a plan, and its results go into a file.

package import Bytes
import CLinux
import Entries
import LinuxKernel
import Synchronization
import WorkStealing

/// The file of a shard.
///
/// ```
///  "fsscanPT" │ version │ plan │ shard │ threads │ seconds │ partial result
/// ```
package struct ShardFile: Sendable {
    package let plan: ScanPlan
    /// From 1.
    package let shard: Int
    let timing: Timing
    /// See PartialCoding.swift.
    let partial: [UInt8]

    private static let magic = Array("fsscanPT".utf8)

    init(_ plan: ScanPlan, shard: Int, timing: Timing, partial: [UInt8]) {
        (self.plan, self.shard, self.timing, self.partial) = (plan, shard, timing, partial)
    }

    package init(_ bytes: [UInt8]) throws(BinaryFailure) {
        var input = BinaryReader(bytes)
        guard input.left >= Self.magic.count, try input.raw(Self.magic.count) == Self.magic else {
            throw BinaryFailure("is not a partial result of fsscan")
        }
        let version = try input.number(UInt32.self)
        guard version == PartialFormat.version else {
            throw BinaryFailure("has format \(version), and this program reads \(PartialFormat.version)")
        }
        plan = try ScanPlan(try input.string())
        shard = Int(try input.number(UInt32.self))
        guard (1...plan.shards).contains(shard) else { throw BinaryFailure("is for a shard outside its plan") }
        var timing = plan.start
        timing.threads = Int(try input.number(UInt32.self))
        timing.elapsedSeconds = Double(bitPattern: try input.number())
        guard (0..<1e9).contains(timing.elapsedSeconds) else { throw BinaryFailure("has an impossible duration") }
        self.timing = timing
        partial = try input.string()
        try input.end()
    }

    package var bytes: [UInt8] {
        var out = BinaryWriter()
        out.put(raw: Self.magic)
        out.put(PartialFormat.version)
        out.put(string: plan.bytes)
        out.put(UInt32(shard))
        out.put(UInt32(timing.threads))
        out.put(timing.elapsedSeconds.bitPattern)
        out.put(string: partial)
        return out.bytes
    }
}

/// The outcome of a shard.
package struct ShardOutcome: Sendable {
    package let file: ShardFile
    /// False if a signal stopped it: the file is then useless.
    package let isComplete: Bool
    package let entries: Int64
    package let errors: Int64
}

extension Scan {
    /// - Parameter shard: from 1.
    package convenience init(
        _ plan: ScanPlan, shard: Int, threads: Int, pool: Int?, _ environment: ScanEnvironment
    ) throws(ScanUnavailable) {
        var options = plan.options(threads: threads)
        options.pool = pool
        var environment = environment
        environment.part = plan.part(shard)
        try self.init(options, environment)
    }

    /// Scans the part given by the environment. Call it once.
    package func runShard(_ shard: Int, of plan: ScanPlan) -> ShardOutcome {
        guard let part = context.part else { preconditionFailure("a shard is a part of a scan") }
        let begin = clinux_now(CLOCK_MONOTONIC)
        let scheduler = makeScheduler()
        let limit = context.descriptors.pathsAtATime
        let paths = PathQueue(part.hasTrunk ? options.paths : [], on: scheduler)
        paths.send { $0.start(atATime: limit) }
        let answers = Mutex<[BorrowedAnswer]>([])
        let borrowed = BorrowedQueue(atATime: limit, on: scheduler) { ticket, completion in
            let cut = part.borrowed[Int(ticket)]
            answers.withLock { $0.append(BorrowedAnswer(cut: cut, completion: completion)) }
        }
        borrowed.send { $0.add(BorrowedGroup.groups(part.borrowed)) }
        run(scheduler)

        guard let outcome = paths.outcome.withLock({ $0 }) else {
            preconditionFailure("the scan ended before its PATHs were done")
        }
        let counted = progress()
        let partial = PartialScan(
            paths: outcome.parts, answers: answers.withLock { $0 }, workers: context.takeWorkers(), context)
        let end = clinux_now(CLOCK_MONOTONIC)
        var timing = start
        timing.threads = min(start.threads, scheduler.statistics.mostThreads)
        timing.elapsedSeconds = Double(end.tv_sec - begin.tv_sec) + Double(end.tv_nsec - begin.tv_nsec) * 1e-9
        return ShardOutcome(
            file: ShardFile(plan, shard: shard, timing: timing, partial: partial.bytes(part.mounts)),
            isComplete: !context.wasStopped, entries: counted.entries, errors: counted.errors)
    }
}

/// The result of a directory that was scanned for another process.
struct BorrowedAnswer: Sendable {
    let cut: CutPath
    let completion: Completion
}

/// All results of one process about its part of a scan.
struct PartialScan {
    /// The results of each PATH, if it has the trunk.
    private(set) var paths: [PathResult]
    private(set) var open: [OpenDirectory]
    private(set) var answers: [BorrowedAnswer]
    private var lists: ScanLists

    init(paths: [PathResult], answers: [BorrowedAnswer], workers: [WorkerLocals], _ context: ScanContext) {
        (self.paths, self.answers) = (paths, answers)
        open = workers.flatMap(\.openDirectories)
        lists = ScanLists(context)
        for worker in workers { lists.add(worker) }
        if let content = context.content { lists.add(content.typedInodes) }
    }

    func bytes(_ mounts: MountNotes) -> [UInt8] {
        var encoder = PartialEncoder()
        encoder.out.put(count: paths.count)
        for path in paths {
            encoder.put(path.subtotal)
            encoder.out.put(path.isOpen)
            encoder.put(digests: path.report.digests)
            encoder.put(trees: path.report.tree.map { [$0] } ?? [])
        }
        encoder.out.put(count: open.count)
        for directory in open {
            encoder.put(directory.node)
            encoder.put(directory.facts)
            encoder.put(directory.subtree)
        }
        encoder.out.put(count: answers.count)
        for answer in answers {
            answer.cut.encode(to: &encoder.out)
            encoder.put(answer.completion)
        }
        encodeLists(to: &encoder)
        return encoder.finish(mounts)
    }

    mutating func add(unfinished path: EntryPath) { lists.add(unfinished: path) }

    func encodeLists(to encoder: inout PartialEncoder) { lists.encode(to: &encoder) }

    /// - Parameter lists: gets the lists of this part.
    init(
        _ decoder: inout PartialDecoder, _ context: ScanContext, into lists: inout ScanLists
    ) throws(BinaryFailure) {
        paths = []
        for _ in 0..<(try decoder.input.count(ofAtLeast: 100)) {
            guard paths.count < context.paths.count else { throw BinaryFailure("has a PATH too many") }
            var report = RootReport(path: context.paths[paths.count])
            let subtotal: Subtotal = try decoder.value()
            let isOpen = try decoder.input.bool()
            report.totals = subtotal.totals
            report.digests = try decoder.namedDigests()
            report.tree = try decoder.trees().first
            paths.append(PathResult(report: report, subtotal: subtotal, isOpen: isOpen))
        }
        open = []
        for _ in 0..<(try decoder.input.count(ofAtLeast: 100)) {
            let node = try decoder.node()
            let facts: EntryFacts = try decoder.value()
            open.append(OpenDirectory(node: node, subtree: try decoder.value(), facts: facts))
        }
        answers = []
        for _ in 0..<(try decoder.input.count(ofAtLeast: 100)) {
            let cut = try CutPath(from: &decoder.input, roots: context.paths.count)
            answers.append(BorrowedAnswer(cut: cut, completion: try decoder.value()))
        }
        try lists.merge(&decoder)
        try decoder.input.end()
        self.lists = ScanLists(context)
    }
}
