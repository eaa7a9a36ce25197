import LinuxKernel
import WorkStealing

/// A part of a large directory's entries, as `getdents64` returned them: a unit of work that other workers can steal.
///
/// Child directories in it report to the slice, which reports to the directory. So nothing completes too early, and a
/// directory with 100,000 children is not one long queue of messages.
actor EntrySlice: MailboxActor {
    nonisolated let mailbox: Mailbox
    nonisolated var unownedExecutor: UnownedSerialExecutor { UnownedSerialExecutor(ordinary: self) }

    private nonisolated let opened: OpenedDirectory
    /// The directory, or the slice that this is a part of; or its place among what is borrowed.
    private let waiter: Waiter
    private var entries: [UInt8]
    private var subtree = SubtreeAccumulator()
    private var hasBegun = false

    init(_ entries: [UInt8], of opened: OpenedDirectory, waiter: Waiter, scheduler: SchedulerID) {
        mailbox = Mailbox(scheduler)
        self.waiter = waiter
        self.opened = opened
        self.entries = entries
    }

    nonisolated var directory: Directory { opened.directory }
    /// The inode of that directory.
    nonisolated var inode: UInt64 { opened.identity.inode }

    func scan() { inPlace { $0.scanInPlace() } }

    /// The borrower has finished it.
    nonisolated func answered(_ completion: Completion) { waiter.receive(completion) }

    private func scanInPlace() {
        let worker = WorkerLocals.current
        // Its counts so far are not in its entries.
        if !hasBegun, let lender = worker.lender, lender.takes(.slice(self, entries), worker) { return }
        hasBegun = true
        worker.prepare(&subtree)
        worker.isAt(directory.node)
        defer { worker.isDone() }
        do throws(Errno) {
            let number = try directory.borrowDescriptor(opened.identity, worker)
            let left = entries.withUnsafeBytes { bytes in
                worker.scanEntries(
                    DirectoryEntries(bytes), of: opened, number, waiter: .slice(self), into: &subtree)?.bytes.count
            }
            directory.descriptor.giveBack()
            if let left {
                entries.removeFirst(entries.count - left)
                if let lender = worker.lender { share(with: lender, worker) }
                return send { $0.scan() }
            }
            worker.context.descriptors.noteProgress()
        } catch {
            if worker.mayTryAgain(after: error) { return send { $0.scan() } }
            // The directory cannot be reached any more: its names were listed, so they are entries, with errors.
            entries.withUnsafeBytes { bytes in
                worker.reportAll(DirectoryEntries(bytes), of: directory.node, error, into: &subtree)
            }
        }
        entries = []
        directory.descriptorNeedEnded(worker)
        subtree.listingDone()
        if subtree.isComplete { complete() }
    }

    /// Gives half of the entries away, if another process wants some.
    private func share(with lender: ScanLender, _ worker: WorkerLocals) {
        guard lender.isWanted else { return }
        let half = entries.withUnsafeBytes { bytes in
            var rest = DirectoryEntries(bytes)
            return rest.popHalf().map { Array($0) }
        }
        guard let half else { return }
        entries.removeFirst(half.count)
        subtree.willWait()
        directory.descriptor.need()
        let slice = EntrySlice(half, of: opened, waiter: .slice(self), scheduler: worker.scheduler)
        lender.offer(.slice(slice, half))
    }

    /// A child directory is done, or a slice of these entries.
    func completed(_ completion: Completion) {
        let worker = WorkerLocals.current
        worker.add(completion, to: &subtree)
        if subtree.isComplete { complete() }
    }

    private func complete() {
        var completion = Completion(subtotal: subtree.subtotal, trees: subtree.takeTrees())
        if subtree.digests != nil || subtree.states != nil || subtree.isOpen {
            completion.content = .slice(digests: subtree.digests, states: subtree.states, isOpen: subtree.isOpen)
            subtree.digests = nil
            subtree.states = nil
        }
        answered(completion)
    }
}
