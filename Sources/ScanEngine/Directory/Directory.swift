// The actor at the heart of the scan: one for each directory.
//
//  waiter ── send scan ──▶ Directory
//                            openat(parent's descriptor, name), statx
//                            getdents64 into the worker's buffer
//                              it fits:      stat each entry, in this message
//                              it does not:  an EntrySlice for each buffer full, which others can steal while the
//                                            directory is still being read
//                              files are to be read: an EntrySlice for some of them each
//                            child directories ──▶ actors of their own, send scan
//                        ◀── child, slice: completed(subtotal), one message each
//                          last one in: totals, tree node ──▶ waiter.completed
//
// A child directory is not stat'ed by name: it is opened, and then stat'ed through its descriptor. That saves a system
// call for each directory, and avoids a race between check and open. Only if the status decides whether to open it
// (`-x`, names of unknown kind) is the name stat'ed first, and the opened directory must then be the same inode.
//
// Where to read on: Directory+Listing.swift, WorkerLocals+Entries.swift (what happens to an entry), EntrySlice.swift,
// DescriptorBudget.swift.

import CLinux
import Entries
import Ignore
import LinuxKernel
import WorkStealing

/// A directory of the tree: lists itself, starts its children, and adds up what they report.
actor Directory: MailboxActor {
    nonisolated let mailbox: Mailbox
    nonisolated var unownedExecutor: UnownedSerialExecutor { UnownedSerialExecutor(ordinary: self) }

    nonisolated let node: PathNode
    nonisolated let descriptor = DirectoryDescriptor()

    /// The waiter for the completion of everything below. Written in `init` and, when this directory is complete, by
    /// `complete`, so that releasing a leaf last does not free a long chain of parents recursively.
    ///
    /// `unsafe` because code outside that needs this directory's descriptor (`containing`) reads it: children not yet
    /// opened and slices. This directory still waits for each of these, so it is not complete.
    nonisolated(unsafe) private var waiter: Waiter

    /// Set if the name was stat'ed before this actor was created.
    private let known: StatedEntry?
    /// The device of the PATH.
    private(set) var rootDevice: UInt64
    /// Whether a mount here leads back to the device of a directory above that mount.
    private(set) var mayLoop: Bool
    private(set) var identity = DeviceInode(device: 0, inode: 0)
    /// The pseudo file system that contains it: that of the directory above until it is open.
    private(set) var pseudo: PseudoFileSystem?
    /// The patterns for this directory's entries: those of the directory above until its own `.gitignore` has been
    /// read.
    private(set) var ignore: IgnoreScope?
    var subtree = SubtreeAccumulator()
    private var isSelected = true
    /// The data for this entry's record, if records are requested; its digests are known only when everything below is
    /// done.
    private var recorded: StatedEntry?
    var xattrs: [ExtendedAttribute]?
    private var facts = EntryFacts(isDirectory: true)

    init(
        _ node: PathNode, waiter: Waiter, known: StatedEntry?, rootDevice: UInt64, pseudo: PseudoFileSystem?,
        mayLoop: Bool, ignore: IgnoreScope?, scheduler: SchedulerID
    ) {
        mailbox = Mailbox(scheduler)
        self.node = node
        self.waiter = waiter
        self.known = known
        self.rootDevice = rootDevice
        self.pseudo = pseudo
        self.mayLoop = mayLoop
        self.ignore = ignore
    }

    /// The directory that contains this one; nil for a PATH.
    nonisolated var containing: Directory? { waiter.directory }

    // MARK: Messages

    /// Opens and lists the directory.
    func scan() { inPlace { $0.scanInPlace() } }

    private func scanInPlace() {
        let worker = WorkerLocals.current
        if let lender = worker.lender, mayBeLent, lender.takes(.directory(self), worker) { return }
        worker.prepare(&subtree)
        if worker.shouldStop {
            subtree.subtotal.isWhole = false
            worker.unfinished.add(EntryPath(directory: node, name: nil))
            giveUpOpening(worker)
            return complete(worker)
        }
        worker.isAt(node)
        defer { worker.isDone() }
        if let known, !known.isToBeListed {
            guard readAttributesByName(known.status, isOpened: true, worker) else { return }
            giveUpOpening(worker)
            count(known.status, worker)
            return complete(worker)
        }
        do throws(Errno) {
            let opened = try open(worker)
            var status = FileStatus()
            try worker.status(ofDirectory: opened.number, into: &status)
            try list(opened, status, worker)
        } catch {
            couldNotOpen(error, worker)
        }
    }

    /// Reads the open directory once more: earlier there was no descriptor for its `.gitignore`.
    ///
    /// - Parameter place: the place that it has had since then.
    func readOnceMore(in place: DirectoryPlace?) {
        let worker = WorkerLocals.current
        guard let number = descriptor.borrow() else {
            preconditionFailure("the descriptor of a directory that is being listed is not given up")
        }
        defer { descriptor.giveBack() }
        worker.inPlace(place) { read(number, worker) }
    }

    /// Continues reading a large directory: with a place, so that there are not many more slices than can be worked on.
    /// Not if descriptors are short: this directory's cannot be given up, and the holders of the places may wait for
    /// one.
    func readOn() {
        if WorkerLocals.current.context.descriptors.hasGivenUp {
            readSlices(WorkerLocals.current)
        } else {
            inPlace { $0.readSlices(WorkerLocals.current) }
        }
    }

    /// A child or a slice is done.
    func completed(_ completion: Completion) {
        let worker = WorkerLocals.current
        worker.add(completion, to: &subtree)
        if subtree.isComplete { complete(worker) }
    }

    // MARK: Lending

    private var mayBeLent: Bool {
        switch waiter {
        case .directory, .slice, .elsewhere: known?.isToBeListed ?? true
        case .path, .nobody: false
        }
    }

    /// The borrower has finished it.
    func answered(_ completion: Completion) {
        let waiter = self.waiter
        self.waiter = .nobody
        waiter.receive(completion)
    }

    // MARK: Opening

    private func open(_ worker: WorkerLocals) throws(Errno) -> FileDescriptor {
        guard let parent = containing else {
            return try node.withCString { (path) throws(Errno) in
                try worker.openDirectory(path, in: Kernel.workingDirectory)
            }
        }
        let number = try parent.borrowDescriptor(node.parentIdentity, worker)
        defer { parent.descriptor.giveBack() }
        return try node.withCString { (name) throws(Errno) in try worker.openDirectory(name, in: number) }
    }

    private func giveUpOpening(_ worker: WorkerLocals) { containing?.descriptorNeedEnded(worker) }

    /// Stats the name if it cannot be opened as a directory, and counts the result.
    private func couldNotOpen(_ error: Errno, _ worker: WorkerLocals) {
        if willTryAgain(after: error, worker) { return }
        var status = FileStatus()
        var statusError: Errno?
        if known == nil {
            do throws(Errno) { try statusByName(worker, &status) } catch { statusError = error }
            if let statusError, willTryAgain(after: statusError, worker) { return }
        }
        if let known {
            guard readAttributesByName(known.status, isOpened: false, worker) else { return }
        } else if statusError == nil, status.kind == .directory {
            guard readAttributesByName(status, isOpened: false, worker) else { return }
        }
        defer {
            giveUpOpening(worker)
            complete(worker)
        }
        if let known {
            // It existed when it was stat'ed, so it is an entry, whatever has happened to it.
            count(known.status, worker)
            return worker.report(error, "openat", EntryPath(directory: node, name: nil), into: &subtree)
        }
        if let statusError {
            // It disappeared before it was stat'ed: not an entry.
            if statusError == .noSuchEntry { return }
            subtree.subtotal.countUnknown(.directory)
            worker.recordUnknown(nil, in: node, .directory)
            return worker.report(statusError, "statx", EntryPath(directory: node, name: nil), into: &subtree)
        }
        if status.kind == .directory {
            count(status, worker)
            worker.report(error, "openat", EntryPath(directory: node, name: nil), into: &subtree)
        } else if let parent = node.parent, let kind = status.kind {
            // Something else has taken the name since the directory was listed.
            subtree.isDirectory = false
            isSelected = node.withName { name in
                worker.countEntry(
                    status, kind, name, pseudo(onDevice: status.device), in: parent,
                    EntryPath(directory: parent, name: node.name), &worker.tallies, into: &subtree)
            }
            // Its content is not read: whatever replaced a directory at this moment may be gone in the next.
            if worker.context.content != nil, isSelected {
                let path = EntryPath(directory: parent, name: node.name)
                worker.report(.stale, "openat", path, into: &subtree)
            }
            if isSelected { worker.record(nil, in: node, kind, status, .unknown) }
            subtree.subtotal.isWhole = false
        }
    }

    /// All descriptors are in use by other workers right now: try again behind other work.
    func willTryAgain(after error: some OpeningFailure, _ worker: WorkerLocals) -> Bool {
        guard worker.mayTryAgain(after: error) else { return false }
        send { $0.scan() }
        return true
    }

    private func count(_ status: borrowing FileStatus, _ worker: WorkerLocals) {
        worker.countDirectory(status, pseudo(onDevice: status.device), below: node.root, into: &subtree)
        (facts.uid, facts.ownBytes) = (status.uid, status.diskBytes)
        if let directories = worker.directories {
            let isOnOtherDevice = status.device != node.parentIdentity.device
            let sums = DirectorySums(diskBytes: status.diskBytes, entries: 1)
            directories.count(
                isOnOtherDevice && node.level > 0 ? .addedMount : .added, node, sums, newest: status.mtime.seconds)
        }
        if let selector = worker.selector {
            isSelected = selector.contains(status, .directory, node)
            if isSelected { worker.selected?.count(status, .directory, worker.context.devices) }
        }
        if !worker.streams.isEmpty, isSelected { recorded = StatedEntry(copy status) }
    }

    /// The pseudo file system of an entry of the directory above, or of this directory once it is open; nil for an
    /// entry on another device that has not been examined.
    private func pseudo(onDevice device: UInt64) -> PseudoFileSystem? {
        device == identity.device || device == node.parentIdentity.device ? pseudo : nil
    }

    private func statusByName(_ worker: WorkerLocals, _ status: inout FileStatus) throws(Errno) {
        guard let parent = containing else {
            return try node.withCString { (path) throws(Errno) in
                try Kernel.status(of: path, in: Kernel.workingDirectory, into: &status)
            }
        }
        let number = try parent.borrowDescriptor(node.parentIdentity, worker)
        defer { parent.descriptor.giveBack() }
        try node.withCString { (name) throws(Errno) in try Kernel.status(of: name, in: number, into: &status) }
    }

    // MARK: Listing

    private func list(
        _ opened: consuming FileDescriptor, _ status: borrowing FileStatus, _ worker: WorkerLocals
    ) throws(Errno) {
        identity = status.identity
        if let known, known.status.identity != identity {
            // Opening may trigger an automount: the open directory is then not the named one, but the one mounted on
            // it.
            guard status.isMountRoot, identity.device != known.status.device else { throw .stale }
        }
        if containing == nil { rootDevice = identity.device }
        // Once per mount: the contents of a directory are mostly on the same file system.
        if identity.device != node.parentIdentity.device {
            pseudo = try? Kernel.pseudoFileSystem(of: opened.number)
            worker.context.part?.mounts.note(identity.device, at: node)
        }
        if worker.context.part?.holes?.areBelow(node) == true { subtree.isOpen = true }
        worker.noteOwner(ofDirectory: status)
        count(status, worker)

        if worker.context.readsAttributes, isSelected {
            let place = EntryPath(directory: node, name: nil)
            xattrs = worker.extendedAttributes(ofDirectory: opened.number, at: place, into: &subtree)
        }
        let number = opened.release()
        let published = descriptor.publish(number)
        precondition(published, "a directory is opened once")
        if let containing {
            // From here on this directory does not need the parent's descriptor, not even to restore its own.
            containing.childWasOpened()
        } else {
            // Everything below can be reached from here: needed until `complete`.
            descriptor.need()
        }

        if worker.context.oneFileSystem, identity.device != rootDevice {
            // Opening it triggered an automount.
            return finishListing(worker)
        }
        if worker.context.excludesPseudo, pseudo != nil, identity.device != rootDevice {
            return finishListing(worker)
        }
        if status.isMountRoot { mayLoop = node.hasAncestor { $0.device == identity.device } }
        if mayLoop, node.hasAncestor({ $0 == identity }) {
            worker.report(.isLoop, "openat", EntryPath(directory: node, name: nil), into: &subtree)
            return finishListing(worker)
        }
        worker.context.descriptors.keep(self, number)
        read(number, worker)
    }

    /// Reads the files that decide which entries count, then the entries.
    private func read(_ number: Int32, _ worker: WorkerLocals) {
        let context = worker.context
        var isCache = false
        let isRead = reading(CacheTag.name, context.excludesCaches, worker) { () throws(Errno) in
            isCache = try worker.opening { () throws(Errno) in try CacheTag.isValid(in: number) }
        }
        guard isRead else { return }
        let isObeyed = reading(".gitignore", context.obeysGitignore, worker) { () throws(Errno) in
            try readGitignore(number, worker)
        }
        guard isObeyed else { return }
        if isCache { ignore = CacheTag.scope(of: node, ignore) }
        readAll(number, worker)
    }

    /// Reads a file that decides which entries count, if requested.
    ///
    /// - Returns: false if the directory is read again, behind other work.
    private func reading(
        _ name: String, _ isWanted: Bool, _ worker: WorkerLocals, _ read: () throws(Errno) -> Void
    ) -> Bool {
        guard isWanted else { return true }
        do throws(Errno) {
            try read()
        } catch {
            if worker.mayTryAgain(after: error) {
                send { [place = worker.place] in $0.readOnceMore(in: place) }
                return false
            }
            worker.report(error, "openat", EntryPath(directory: node, name: Array(name.utf8)), into: &subtree)
        }
        return true
    }

    /// Reads this directory's `.gitignore`, if it has one. As in git, a symlink is not followed, and only a regular
    /// file is read.
    private func readGitignore(_ number: Int32, _ worker: WorkerLocals) throws(Errno) {
        let contents = try worker.opening { () throws(Errno) in
            try Kernel.contents(ofFile: ".gitignore", in: number, limit: IgnoreRules.maximumFileSize)
        }
        if let contents { ignore = IgnoreScope.child(of: ignore, gitignore: contents, depth: node.level) }
    }

    // MARK: Completing

    func complete(_ worker: WorkerLocals) {
        if node.level == 0, descriptor.needEnded() { _ = descriptor.take() }
        let completion =
            subtree.isOpen
            ? worker.keepOpen(node, subtree, facts)
            : worker.completion(of: node, &subtree, facts, recorded: recorded, xattrs, isSelected: isSelected)
        let waiter = self.waiter
        self.waiter = .nobody
        waiter.receive(completion)
    }
}

extension WorkerLocals {
    /// The result of a directory whose entries have all been counted.
    func completion(
        of node: PathNode, _ subtree: inout SubtreeAccumulator, _ facts: EntryFacts, recorded: StatedEntry?,
        _ xattrs: [ExtendedAttribute]?, isSelected: Bool = true
    ) -> Completion {
        let totals = subtree.subtotal.totals
        var completion = Completion(subtotal: subtree.subtotal)
        let isThere = subtree.isDirectory && totals.entries > 0
        if isThere {
            let row = subtree.digests == nil ? nil : digestRow(of: subtree)
            rank(
                node, totals, lastChange: subtree.subtotal.lastChange, facts, digests: row, isSelected: isSelected)
            var state: [UInt8]?
            if let recorded {
                var answer = EntryContent(digests: context.hasDigests ? row : [])
                answer.xattrs = xattrs
                let tree = subtree.subtotal.isWhole ? subtree.states : nil
                state = record(nil, in: node, .directory, recorded.status, answer, tree: tree)
            }
            if subtree.digests != nil || subtree.states != nil {
                completion.content = .entry(name: node.name, mode: UInt32(S_IFDIR), row: row, state: state)
            }
            if node.level <= context.treeDepth {
                completion.tree = TreeNode(
                    name: node.name, totals: totals, digests: context.named(row),
                    children: node.level < context.treeDepth ? subtree.sortedChildren() : nil)
            }
        }
        directories?.count(isThere ? .done : .gone, node, DirectorySums(totals))
        return completion
    }

    /// The digests of a directory; nil if anything at or below was not read.
    private func digestRow(of subtree: SubtreeAccumulator) -> [UInt8]? {
        guard subtree.subtotal.isWhole, let digests = subtree.digests else { return nil }
        return digestRow(of: digests)
    }
}
