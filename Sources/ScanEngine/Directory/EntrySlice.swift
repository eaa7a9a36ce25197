import LinuxKernel
import WorkStealing

/// A part of a large directory's entries, as `getdents64` gave them: a unit of work that other workers can steal.
///
/// Child directories that it meets report to the slice, which reports to the directory: nothing completes too early, and
/// a directory with 100,000 children is not one long queue of messages.
actor EntrySlice: MailboxActor {
    nonisolated let mailbox: Mailbox
    nonisolated var unownedExecutor: UnownedSerialExecutor { UnownedSerialExecutor(ordinary: self) }

    private nonisolated let opened: OpenedDirectory
    private var entries: [UInt8]
    private var gathering = Gathering()

    init(_ entries: [UInt8], of opened: OpenedDirectory, scheduler: SchedulerID) {
        mailbox = Mailbox(scheduler)
        self.opened = opened
        self.entries = entries
    }

    nonisolated var directory: Directory { opened.directory }

    func scan() { inPlace { $0.scanInPlace() } }

    private func scanInPlace() {
        let worker = ScanWorker.current
        gathering.prepare(worker.context)
        worker.isAt(EntryPath(directory: directory.node, name: nil))
        defer { worker.isDone() }
        do throws(Errno) {
            let number = try directory.borrowDescriptor(opened.identity, worker)
            let left = entries.withUnsafeBytes { bytes in
                worker.scanEntries(
                    DirectoryEntries(bytes), of: opened, number, waiter: .slice(self), into: &gathering)?.bytes.count
            }
            directory.descriptor.giveBack()
            if let left {
                entries.removeFirst(entries.count - left)
                return send { $0.scan() }
            }
            worker.context.descriptors.noteProgress()
        } catch {
            if worker.mayTryAgain(after: error) { return send { $0.scan() } }
            // The directory cannot be reached any more: its names were listed, so they are entries, and errors.
            entries.withUnsafeBytes { bytes in
                worker.reportAll(DirectoryEntries(bytes), of: directory.node, error, into: &gathering)
            }
        }
        entries = []
        directory.descriptorNeedEnded(worker)
        gathering.listingDone()
        if gathering.isComplete { complete() }
    }

    /// A child directory is done.
    func completed(_ completion: Completion) {
        let worker = ScanWorker.current
        gathering.add(completion, worker.context.devices, &worker.tallies)
        if gathering.isComplete { complete() }
    }

    private func complete() {
        var completion = Completion(subtotal: gathering.subtotal, trees: gathering.takeTrees())
        if gathering.digests != nil || gathering.states != nil {
            completion.content = .slice(digests: gathering.digests, states: gathering.states)
            gathering.digests = nil
            gathering.states = nil
        }
        directory.send { [completion] in $0.completed(completion) }
    }
}
