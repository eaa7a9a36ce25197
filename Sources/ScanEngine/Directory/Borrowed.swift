// Directories, and slices of large ones, that belong to another process's tree and are scanned here.
//
// A directory is reached from its PATH name by name, each relative to the descriptor of the directory above and never
// through a symlink, as in a scan. The directory that contains a borrowed item is opened, and stays open until all
// borrowed items in it are done: everything below is reopened from there when descriptors are short.

import Entries
import Ignore
import LinuxKernel
import Synchronization
import WorkStealing

/// Items that are borrowed together: all in one directory.
struct BorrowedGroup: Sendable {
    enum What: Sendable {
        /// A directory in it, by its name.
        case directory([UInt8])
        /// Some of its entries, as `getdents64` returned them.
        case slice([UInt8])
    }

    /// The number of the PATH.
    let root: Int
    /// From the PATH down to the containing directory; empty for the PATH itself.
    let names: [[UInt8]]
    /// The inode of that directory; nil if it is not known. (Not its device, which has another number on another
    /// machine.)
    let inode: UInt64?
    /// Each with the ticket for its answer.
    var items: [(ticket: UInt64, what: What)]

    /// Groups cuts, numbered in their order; those in one directory are adjacent.
    static func groups(_ cuts: [CutPath]) -> [BorrowedGroup] {
        var groups: [BorrowedGroup] = []
        for (index, cut) in cuts.enumerated() {
            let above = Array(cut.names.dropLast())
            if groups.last?.root != cut.root || groups.last?.names != above {
                groups.append(BorrowedGroup(root: cut.root, names: above, inode: nil, items: []))
            }
            groups[groups.count - 1].items.append((UInt64(index), .directory(cut.names[cut.names.count - 1])))
        }
        return groups
    }
}

/// The waiter for a directory, or a slice, that is scanned for another process.
final class BorrowedPlace: Sendable {
    let ticket: UInt64
    /// The containing directory, which is not scanned; it exists as long as this is pending.
    let directory: Directory
    /// The number of its group in the queue.
    fileprivate let group: Int
    private let queue: BorrowedQueue

    fileprivate init(_ ticket: UInt64, in directory: Directory, group: Int, _ queue: BorrowedQueue) {
        (self.ticket, self.directory, self.group, self.queue) = (ticket, directory, group, queue)
    }

    func receive(_ completion: Completion) { queue.send { [self] in $0.completed(self, completion) } }
}

/// Starts borrowed items in their order, from a limited number of directories at a time (each keeps a descriptor), and
/// passes on their results.
actor BorrowedQueue: MailboxActor {
    nonisolated let mailbox: Mailbox
    nonisolated var unownedExecutor: UnownedSerialExecutor { UnownedSerialExecutor(ordinary: self) }

    private let limit: Int
    /// Whether groups wait. Relaxed: a hint.
    private nonisolated let hasWaiting = Atomic<Bool>(false)
    private let answer: @Sendable (_ ticket: UInt64, Completion) -> Void
    private var waiting: [BorrowedGroup] = []
    /// The number of pending items in each group that has started.
    private var running: [Int: Int] = [:]
    private var started = 0

    /// - Parameter answer: called on a worker.
    init(
        atATime limit: Int, on scheduler: Scheduler,
        answer: @escaping @Sendable (_ ticket: UInt64, Completion) -> Void
    ) {
        mailbox = Mailbox(scheduler)
        (self.limit, self.answer) = (limit, answer)
    }

    func add(_ groups: [BorrowedGroup]) {
        waiting.insert(contentsOf: groups.reversed(), at: 0)
        startWaiting()
    }

    fileprivate func completed(_ place: BorrowedPlace, _ completion: Completion) {
        place.directory.descriptorNeedEnded(WorkerLocals.current)
        answered(place.ticket, inGroup: place.group, completion)
    }

    fileprivate func answered(_ ticket: UInt64, inGroup group: Int, _ completion: Completion) {
        guard let pending = running[group] else { preconditionFailure("a borrowed directory completed twice") }
        running[group] = pending == 1 ? nil : pending - 1
        answer(ticket, completion)
        startWaiting()
    }

    /// Starts one more than the limit allows: for a process that has nothing else to do. All that it has begun may wait
    /// for others, and these for what waits here.
    nonisolated func startAnother() {
        if hasWaiting.load(ordering: .relaxed) { send { $0.startWaiting(upTo: $0.running.count + 1) } }
    }

    private func startWaiting() { startWaiting(upTo: limit) }

    private func startWaiting(upTo limit: Int) {
        while running.count < limit, let group = waiting.popLast() {
            started += 1
            running[started] = group.items.count
            BorrowedStart(group, started, self, WorkerLocals.current.scheduler).send { $0.start() }
        }
        hasWaiting.store(!waiting.isEmpty, ordering: .relaxed)
    }
}

/// Opens the directory of a group, and starts its items. An actor, so that workers open several at a time: it takes two
/// operations for each name of the path.
private actor BorrowedStart: MailboxActor {
    nonisolated let mailbox: Mailbox
    nonisolated var unownedExecutor: UnownedSerialExecutor { UnownedSerialExecutor(ordinary: self) }

    private let group: BorrowedGroup
    private let number: Int
    private let queue: BorrowedQueue

    init(_ group: BorrowedGroup, _ number: Int, _ queue: BorrowedQueue, _ scheduler: SchedulerID) {
        mailbox = Mailbox(scheduler)
        (self.group, self.number, self.queue) = (group, number, queue)
    }

    func start() {
        let worker = WorkerLocals.current
        let way = BorrowedWay(group, worker.context)
        do throws(Errno) {
            let opened = try way.descend(worker)
            let directory = opened.directory
            for (ticket, what) in group.items {
                let place = BorrowedPlace(ticket, in: directory, group: number, queue)
                // One need until it is done, and one until it is open.
                directory.descriptor.need()
                switch what {
                case .slice(let entries):
                    directory.descriptor.need()
                    EntrySlice(entries, of: opened, waiter: .elsewhere(place), scheduler: worker.scheduler)
                        .send { $0.scan() }
                case .directory(let name): start(name, place, in: opened, worker)
                }
            }
            directory.descriptorNeedEnded(worker)
        } catch {
            if worker.mayTryAgain(after: error) { return send { $0.start() } }
            for (ticket, what) in group.items { couldNotReach(ticket, what, error, worker) }
        }
    }

    private func start(_ name: [UInt8], _ place: BorrowedPlace, in opened: OpenedDirectory, _ worker: WorkerLocals) {
        let node = name.withUnsafeBytes { PathNode.child($0, of: opened.node, parentIdentity: opened.identity) }
        var known: StatedEntry?
        if worker.context.oneFileSystem {
            // If the status is required first. If it cannot be read, opening reports the error.
            var status = FileStatus()
            let number = opened.directory.descriptor.borrow()
            let isKnown = node.withCString { name in
                (try? Kernel.status(of: name, in: number ?? -1, into: &status)) != nil
            }
            if number != nil { opened.directory.descriptor.giveBack() }
            if isKnown {
                known = StatedEntry(copy status, isToBeListed: status.device == opened.rootDevice)
            }
        }
        opened.directory.descriptor.need()
        Directory(
            node, waiter: .elsewhere(place), known: known, rootDevice: opened.rootDevice, pseudo: opened.pseudo,
            mayLoop: opened.mayLoop, ignore: opened.ignore, scheduler: worker.scheduler
        ).send { $0.scan() }
    }

    /// The containing directory has disappeared, or cannot be opened.
    private func couldNotReach(
        _ ticket: UInt64, _ what: BorrowedGroup.What, _ error: Errno, _ worker: WorkerLocals
    ) {
        var subtree = SubtreeAccumulator()
        worker.prepare(&subtree)
        let directory = PathNode.root(worker.context.paths[group.root], index: group.root).descending(group.names)
        switch what {
        case .directory(let name):
            // It disappeared before its status was read: not an entry.
            if error == .noSuchEntry { break }
            subtree.subtotal.countUnknown(.directory)
            name.withUnsafeBytes { worker.recordUnknown($0, in: directory, .directory) }
            worker.report(error, "openat", EntryPath(directory: directory, name: name), into: &subtree)
        case .slice(let entries):
            entries.withUnsafeBytes { worker.reportAll(DirectoryEntries($0), of: directory, error, into: &subtree) }
        }
        let completion = Completion(subtotal: subtree.subtotal)
        queue.send { [number] in $0.answered(ticket, inGroup: number, completion) }
    }
}

/// The way from a PATH down to a directory, and what a scan knows once it has opened it.
private struct BorrowedWay {
    private let group: BorrowedGroup
    private let context: ScanContext

    init(_ group: BorrowedGroup, _ context: ScanContext) { (self.group, self.context) = (group, context) }

    func descend(_ worker: WorkerLocals) throws(Errno) -> OpenedDirectory {
        // A directory, so following makes no difference if it is not a symlink.
        var node = PathNode.root(context.paths[group.root], index: group.root, isFollowed: context.followsRoots)
        var (rootDevice, pseudo, mayLoop) = (UInt64(0), PseudoFileSystem?.none, false)
        var ignore = context.excludes
        var opened = try node.withCString { (path) throws(Errno) in
            try worker.openDirectory(path, in: Kernel.workingDirectory)
        }
        var identity = DeviceInode(device: 0, inode: 0)
        for depth in 0...group.names.count {
            var status = FileStatus()
            try worker.status(ofDirectory: opened.number, into: &status)
            identity = status.identity
            if depth == 0 { rootDevice = identity.device }
            if identity.device != node.parentIdentity.device {
                pseudo = try? Kernel.pseudoFileSystem(of: opened.number)
                context.part?.mounts.note(identity.device, at: node)
            }
            if status.isMountRoot { mayLoop = node.hasAncestor { $0.device == identity.device } }
            if context.obeysGitignore,
                let rules = try? Kernel.contents(
                    ofFile: ".gitignore", in: opened.number, limit: IgnoreRules.maximumFileSize)
            {
                ignore = IgnoreScope.child(of: ignore, gitignore: rules, depth: depth)
            }
            if depth == group.names.count {
                if context.excludesCaches, (try? CacheTag.isValid(in: opened.number)) == true {
                    ignore = CacheTag.scope(of: node, ignore)
                }
                break
            }
            node = group.names[depth].withUnsafeBytes { PathNode.child($0, of: node, parentIdentity: identity) }
            let above = opened.number
            opened = try node.withCString { (name) throws(Errno) in try worker.openDirectory(name, in: above) }
        }
        // Another directory has the name now.
        if let inode = group.inode, inode != identity.inode { throw .stale }
        let directory = Directory(
            node, waiter: .nobody, known: nil, rootDevice: rootDevice, pseudo: pseudo, mayLoop: mayLoop,
            ignore: ignore, scheduler: worker.scheduler)
        // Never given up: it belongs to no budget.
        let isPublished = directory.descriptor.publish(opened.release())
        precondition(isPublished, "a directory is opened once")
        directory.descriptor.giveBack()
        return OpenedDirectory(
            directory: directory, identity: identity, rootDevice: rootDevice, pseudo: pseudo, mayLoop: mayLoop,
            ignore: ignore)
    }
}
