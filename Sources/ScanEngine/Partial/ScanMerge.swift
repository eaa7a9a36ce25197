// Merges the parts of a scan: the same report as from one process.
//
// The open directories of the trunk get the results of the shards below them, and complete, the deepest first, as in a
// scan: hard links that meet here are counted once, and digests and tree nodes are computed here.

import Bytes
import Entries
import LinuxKernel
import Synchronization
import WorkStealing

package struct ScanMerge {
    private let plan: ScanPlan
    private var shards: [Int: ShardFile] = [:]

    package init(_ plan: ScanPlan) { self.plan = plan }

    /// - Returns: false if it belongs to another plan.
    package mutating func add(_ file: ShardFile) -> Bool {
        guard file.plan.bytes == plan.bytes else { return false }
        // A shard that ran twice counts once.
        if shards[file.shard] == nil { shards[file.shard] = file }
        return true
    }

    /// Shards without a result.
    package var missing: [Int] { (1...plan.shards).filter { shards[$0] == nil } }

    /// - Throws: `BinaryFailure` with the number of the shard whose bytes are invalid.
    package func report() throws(ShardFailure) -> ScanReport {
        var options = plan.options(threads: 1)
        // No file is read here, so no types are determined.
        options.mime = false
        var environment = ScanEnvironment()
        environment.part = ScanPart(holes: nil, hasTrunk: true, borrowed: [])
        let scan: Scan
        do throws(ScanUnavailable) {
            scan = try Scan(options, environment)
        } catch {
            throw ShardFailure(shard: nil, message: "\(error.option): \(error.message)")
        }
        let context = scan.context
        let interner = PathInterner(options.paths)
        let digests = context.content?.set ?? DigestSet([])
        var decoders: [(shard: Int, decoder: PartialDecoder)] = []
        var devices = DeviceMap()
        for shard in shards.keys.sorted() {
            let decoder = try ShardFailure.of(shard) { () throws(BinaryFailure) in
                try PartialDecoder(shards[shard]!.partial, paths: interner, digests: digests, now: context.now)
            }
            devices.add(decoder.parts)
            decoders.append((shard, decoder))
        }
        var lists = ScanLists(context)
        var parts: [PartialScan] = []
        for (shard, decoder) in decoders {
            var decoder = decoder
            decoder.call(devices: devices.numbers(decoder.parts))
            parts.append(
                try ShardFailure.of(shard) { () throws(BinaryFailure) in
                    try PartialScan(&decoder, context, into: &lists)
                })
        }
        for cut in plan.cuts where shards[cut.shard] == nil {
            let node = interner.node(cut.path.names, below: cut.path.root)!
            lists.add(unfinished: EntryPath(directory: node, name: nil))
        }
        if shards[1] == nil {
            for index in options.paths.indices {
                lists.add(unfinished: EntryPath(directory: interner.root(index)!, name: nil))
            }
        }
        return scan.assemble(parts, lists, interner, missing: plan.cuts.filter { shards[$0.shard] == nil }.map(\.path))
            .finished(timing: timing, isComplete: missing.isEmpty)
    }

    /// From the start of the plan; as long as the longest shard, with the threads of all.
    private var timing: Timing {
        var timing = plan.start
        timing.threads = shards.values.reduce(0) { $0 + $1.timing.threads }
        timing.elapsedSeconds = shards.values.map(\.timing.elapsedSeconds).max() ?? 0
        return timing
    }
}

/// Why the parts cannot be merged.
package struct ShardFailure: Error {
    /// Nil: none in particular.
    package let shard: Int?
    package let message: String

    fileprivate static func of<Result>(
        _ shard: Int, _ body: () throws(BinaryFailure) -> Result
    ) throws(ShardFailure) -> Result {
        do throws(BinaryFailure) {
            return try body()
        } catch {
            throw ShardFailure(shard: shard, message: error.message)
        }
    }
}

extension ScanReport {
    fileprivate func finished(timing: Timing, isComplete: Bool) -> ScanReport {
        var report = self
        report.timing = timing
        report.complete = isComplete
        return report
    }
}

extension Scan {
    /// Completes the directories that the parts have left open. On a worker, because that needs one: digests, rankings,
    /// tallies.
    fileprivate func assemble(
        _ parts: [PartialScan], _ lists: ScanLists, _ interner: PathInterner, missing: [CutPath]
    ) -> ScanReport {
        let scheduler = makeScheduler()
        let assembly = Mutex(Assembly(parts, context, interner, missing: missing))
        Assembler(on: scheduler).send { _ in assembly.withLock { $0.complete(WorkerLocals.current) } }
        run(scheduler)
        var lists = lists
        for worker in context.takeWorkers() { lists.add(worker) }
        var report = ScanReport()
        lists.fill(&report, context)
        assembly.withLock { assembly in
            report.totals = assembly.totals
            report.roots = assembly.reports
        }
        return report
    }
}

/// An actor, for access to a worker.
private actor Assembler: MailboxActor {
    nonisolated let mailbox: Mailbox
    nonisolated var unownedExecutor: UnownedSerialExecutor { UnownedSerialExecutor(ordinary: self) }

    init(on scheduler: Scheduler) { mailbox = Mailbox(scheduler) }
}

/// The open directories of a scan, and the results to put into them.
private struct Assembly: Sendable {
    private var open: [OpenDirectory] = []
    /// The indices in `open`.
    private var places: [ObjectIdentifier: Int] = [:]
    private var paths: [PathResult]
    private var answers: [(node: PathNode, completion: Completion)] = []
    private var total = Subtotal()
    /// The directories of the missing shards.
    private var holes: [PathNode] = []

    init(_ parts: [PartialScan], _ context: ScanContext, _ interner: PathInterner, missing: [CutPath]) {
        paths = context.paths.map { path in
            var report = RootReport(path: path)
            report.digests = nil
            return PathResult(report: report, subtotal: Subtotal())
        }
        for part in parts {
            for (index, path) in part.paths.enumerated() { paths[index] = path }
            for directory in part.open {
                places[directory.node.identifier] = open.count
                open.append(directory)
            }
            for answer in part.answers {
                answers.append((interner.node(answer.cut.names, below: answer.cut.root)!, answer.completion))
            }
        }
        holes = missing.map { interner.node($0.names, below: $0.root)! }
    }

    mutating func complete(_ worker: WorkerLocals) {
        for (node, completion) in answers { put(completion, above: node, worker) }
        for hole in holes { noteUnknown(above: hole) }
        // All open directories below a directory complete before it does.
        let order = open.indices.sorted { open[$0].node.level > open[$1].node.level }
        for index in order {
            var subtree = open[index].subtree
            // The set of hard links is handed over: it has no other owner.
            open[index].subtree = SubtreeAccumulator()
            let node = open[index].node
            let completion = worker.completion(of: node, &subtree, open[index].facts, recorded: nil, nil)
            put(completion, above: node, worker)
        }
        for index in paths.indices {
            paths[index].report.totals = paths[index].subtotal.totals
            total.add(paths[index].subtotal, worker.context.devices, &worker.tallies)
        }
        total.settleLinks(&worker.tallies)
    }

    var totals: Totals { total.totals }

    var reports: [RootReport] { paths.map(\.report) }

    /// Gives it to the directory above or, if that is not among the open ones (it has disappeared, or could not be
    /// listed), to the nearest open one above: everything counted must count.
    private mutating func put(_ completion: Completion, above node: PathNode, _ worker: WorkerLocals) {
        guard let place = place(above: node) else {
            paths[node.root].subtotal.add(completion.subtotal, worker.context.devices, &worker.tallies)
            guard node.level == 0 else { return }
            let row = completion.subtotal.isWhole ? completion.row : nil
            paths[node.root].report.digests = worker.context.named(row)
            paths[node.root].report.tree = completion.tree
            return
        }
        worker.add(completion, to: &open[place].subtree)
    }

    private mutating func noteUnknown(above node: PathNode) {
        if let place = place(above: node) { open[place].subtree.subtotal.isWhole = false }
    }

    private func place(above node: PathNode) -> Int? {
        var node = node
        while let parent = node.parent {
            if let place = places[parent.identifier] { return place }
            node = parent
        }
        return nil
    }
}
