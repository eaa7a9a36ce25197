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
    /// The destination of its result if it was borrowed, instead of the directory.
    private let home: BorrowedPlace?
    private var entries: [UInt8]
    private var subtree = SubtreeAccumulator()

    init(_ entries: [UInt8], of opened: OpenedDirectory, home: BorrowedPlace? = nil, scheduler: SchedulerID) {
        mailbox = Mailbox(scheduler)
        self.home = home
        self.opened = opened
        self.entries = entries
    }

    nonisolated var directory: Directory { opened.directory }
    /// The inode of that directory.
    nonisolated var inode: UInt64 { opened.identity.inode }

    func scan() { inPlace { $0.scanInPlace() } }

    /// The borrower has finished it.
    nonisolated func answered(_ completion: Completion) {
        if let home { return home.receive(completion) }
        directory.send { $0.completed(completion) }
    }

    private func scanInPlace() {
        let worker = WorkerLocals.current
        if let lender = worker.lender, home == nil, lender.takes(.slice(self, entries), worker) { return }
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

    /// A child directory is done.
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
