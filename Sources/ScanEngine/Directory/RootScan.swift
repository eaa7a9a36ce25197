import CLinux
import Entries
import LinuxKernel
import Synchronization
import WorkStealing

/// One PATH of the command line: stats it, and waits for its tree.
actor RootScan: MailboxActor {
    nonisolated let mailbox: Mailbox
    nonisolated var unownedExecutor: UnownedSerialExecutor { UnownedSerialExecutor(ordinary: self) }

    private let index: Int
    private let path: [UInt8]
    private let queue: PathQueue
    private var subtree = SubtreeAccumulator()
    private var isMissing = false
    private var row: [UInt8]?

    init(_ path: [UInt8], index: Int, queue: PathQueue, scheduler: SchedulerID) {
        mailbox = Mailbox(scheduler)
        self.path = path
        self.index = index
        self.queue = queue
    }

    func scan() {
        let worker = WorkerLocals.current
        let number = worker.context.watch?.roots[index] ?? 0
        var node = PathNode.root(path, index: index, number: number)
        let place = EntryPath(directory: node, name: nil)
        if worker.shouldStop {
            worker.unfinished.add(place)
            return finish(tree: nil)
        }
        worker.isAt(node)
        defer { worker.isDone() }
        var status = FileStatus()
        do throws(Errno) {
            // The kernel follows a PATH that ends in a slash, even if it is a symlink.
            try node.withCString { (path) throws(Errno) in
                try Kernel.status(of: path, in: Kernel.workingDirectory, into: &status)
            }
            // The path for the kernel if it is not the PATH itself.
            var target: [UInt8]?
            if status.kind == .symlink, worker.context.followsRoots, let followed = try node.followedStatus() {
                status = followed
                if status.kind == .directory {
                    node = PathNode.root(path, index: index, number: number, isFollowed: true)
                } else {
                    target = try FollowedPath(path).resolved(to: status.identity)
                }
            }
            guard let kind = status.kind else { throw .invalid }
            if kind == .directory {
                subtree.willWait()
                let known = StatedEntry(status)
                Directory(
                    node, waiter: .path(self), known: known, rootDevice: status.device, pseudo: nil, mayLoop: false,
                    ignore: worker.context.excludes, scheduler: worker.scheduler
                ).send { $0.scan() }
                return subtree.listingDone()
            }
            if let leftOut = worker.context.leftOut, leftOut.file == status.identity {
                leftOut.note(place)
                return finish(tree: nil)
            }
            let opened = (target ?? path) + [0]
            var attributes = AttributesResult.success(ReadAttributes())
            if worker.selector?.contains(status, kind, node) ?? true {
                attributes = opened.withUnsafeBytes { path in
                    worker.extendedAttributes(of: Self.entry(path, kind, node), status)
                }
            }
            if case .failure(let failure) = attributes, worker.mayTryAgain(after: failure) {
                return send { $0.scan() }
            }
            let name = EntrySelector.name(ofPath: path) + [0]
            let pseudo = opened.withUnsafeBytes { path in
                let entry = Self.entry(path, kind, node)
                return try? worker.pseudoFileSystem(
                    of: entry.cString, in: entry.descriptor, onDevice: status.device)
            }
            let isSelected = name.withUnsafeBytes { name in
                worker.countEntry(
                    status, kind, UnsafeRawBufferPointer(rebasing: name.dropLast()), pseudo, in: node, place,
                    &worker.tallies, into: &subtree)
            }
            guard isSelected else { return finish(tree: nil) }
            let answer = opened.withUnsafeBytes { path in
                let entry = Self.entry(path, kind, node)
                return worker.content(of: entry, status, attributes, waiter: .path(self), &subtree)
            }
            worker.askAboutUntyped()
            for completion in worker.takeSettled() { send { $0.completed(completion) } }
            // Otherwise another actor reads it, and will report.
            guard let answer else { return subtree.listingDone() }
            row = answer.digests
            _ = worker.record(place, kind, status, answer)
        } catch {
            worker.report(error, "statx", place, into: &subtree)
            isMissing = true
        }
        finish(tree: nil)
    }

    /// A PATH that is not a directory.
    ///
    /// - Parameter path: ends in a NUL.
    private static func entry(_ path: UnsafeRawBufferPointer, _ kind: EntryKind, _ node: PathNode) -> NamedEntry {
        NamedEntry(
            directory: nil, descriptor: Kernel.workingDirectory,
            name: UnsafeRawBufferPointer(rebasing: path.dropLast()), kind: kind, node: node)
    }

    /// The tree is done.
    func completed(_ completion: Completion) {
        let worker = WorkerLocals.current
        worker.add(completion, to: &subtree)
        row = completion.row
        finish(tree: completion.tree)
    }

    private func finish(tree: TreeNode?) {
        var report = RootReport(path: path)
        report.totals = subtree.subtotal.totals
        report.tree = tree
        report.digests = isMissing ? nil : WorkerLocals.current.context.named(subtree.subtotal.isWhole ? row : nil)
        let result = PathResult(report: report, subtotal: subtree.subtotal, isOpen: subtree.isOpen)
        let index = index
        queue.send { $0.finished(index, result) }
    }
}

/// The result of one PATH.
struct PathResult: Sendable {
    var report: RootReport
    var subtotal: Subtotal
    /// See `SubtreeAccumulator.isOpen`.
    var isOpen = false
}

/// Starts the PATHs in their order, a limited number at a time (each keeps a descriptor), and collects their results.
actor PathQueue: MailboxActor {
    nonisolated let mailbox: Mailbox
    nonisolated var unownedExecutor: UnownedSerialExecutor { UnownedSerialExecutor(ordinary: self) }

    /// The result of all PATHs; set when the last is done.
    nonisolated let outcome = Mutex<Outcome?>(nil)

    struct Outcome: Sendable {
        var totals = Totals()
        var roots: [RootReport] = []
        /// Replaces both in a part of a scan: hard links may continue in another part.
        var parts: [PathResult] = []
    }

    private let paths: [[UInt8]]
    private var next = 0
    private var running = 0
    private var total = Subtotal()
    private var results: [PathResult?]

    init(_ paths: [[UInt8]], on scheduler: Scheduler) {
        mailbox = Mailbox(scheduler)
        self.paths = paths
        results = Array(repeating: nil, count: paths.count)
    }

    func start(atATime limit: Int) {
        while running < limit, next < paths.count { startNext() }
        if running == 0 { deliver() }
    }

    func finished(_ index: Int, _ result: PathResult) {
        results[index] = result
        let worker = WorkerLocals.current
        if worker.context.part?.isLeftOpen != true {
            // Handed over: nothing uses the subtotal in `results` any more.
            total.add(result.subtotal, worker.context.devices, &worker.tallies)
        }
        running -= 1
        if next < paths.count { startNext() }
        if running == 0 { deliver() }
    }

    private func startNext() {
        let scan = RootScan(paths[next], index: next, queue: self, scheduler: WorkerLocals.current.scheduler)
        next += 1
        running += 1
        scan.send { $0.scan() }
    }

    private func deliver() {
        let worker = WorkerLocals.current
        let results = results.compactMap { $0 }
        let totals = total.totals
        total.settleLinks(&worker.tallies)
        let parts = worker.context.part?.isLeftOpen == true ? results : []
        outcome.withLock { $0 = Outcome(totals: totals, roots: results.map(\.report), parts: parts) }
    }
}
