// Work that one process lends to others during the scan.
//
//   courier ── ask(n) ──▶ wanted ──▶ a worker, at its next directory or slice: takes the oldest next
//                                       that one, and each of these that has not started ──▶ offered
//                                    a worker that is reading a large directory: the next slice ──▶ offered
//                                    a worker amid many entries: half of those that are left ──▶ offered
//   courier ◀── offers ── offered ──▶ lent, by ticket ──▶ … ──▶ answer(ticket) ──▶ its waiter, as from a child here
//
// A request stays until somebody has offered something: the first worker that sees it may have nothing to spare, while
// others have. What was borrowed may be lent on, so that a rank with much to do can always share it.
//
// A lent directory is answered exactly once, by its borrower, or here if that is given up. So the counts of pending
// children, by which totals go up the tree, also determine when everything is done, in whichever process: there is no
// separate protocol for the end.

import LinuxKernel
import Synchronization
import WorkStealing

final class ScanLender: Sendable {
    enum Lent: Sendable {
        case directory(Directory)
        /// With its entries.
        case slice(EntrySlice, [UInt8])
    }

    /// How many items borrowers would take. Relaxed: nothing is ordered by it.
    private let wanted = Atomic<Int>(0)

    private struct State: Sendable {
        var offered: [Lent] = []
        var lent: [UInt64: (item: Lent, borrower: Int)] = [:]
        var nextTicket: UInt64 = 0
        /// Where borrowers had work that they will not answer.
        var unanswered: [EntryPath] = []
    }

    private let state = Mutex(State())

    // MARK: Workers

    /// Whether borrowers would take something.
    var isWanted: Bool { wanted.load(ordering: .relaxed) > 0 }

    /// Whether the caller's directory or slice, which has not started, is left to a borrower.
    func takes(_ lent: @autoclosure () -> Lent, _ worker: WorkerLocals) -> Bool {
        if worker.toBeLent > 0 {
            worker.toBeLent -= 1
        } else {
            guard case let most = wanted.load(ordering: .relaxed), most > 0,
                let count = Scheduler.takeOldestNext(atMost: most)
            else { return false }
            wanted.store(0, ordering: .relaxed)
            // The caller's goes with them: the borrower waits, and on a slow file system it would take a while.
            worker.toBeLent = count
        }
        offer(lent())
        return true
    }

    /// Leaves something that has not started to a borrower, or to `takeBack()`.
    func offer(_ lent: Lent) {
        wanted.subtract(1, ordering: .relaxed)
        state.withLock { $0.offered.append(lent) }
    }

    // MARK: The courier

    func ask(_ count: Int) { wanted.store(count, ordering: .relaxed) }

    /// The offered items, grouped by directory. They count as lent.
    ///
    /// - Parameter borrowers: how many would like some, this one included: it gets its share.
    func takeOffers(atMost limit: Int, for borrower: Int, amongst borrowers: Int) -> [BorrowedGroup] {
        let taken = state.withLock { state in
            let share = (state.offered.count + borrowers - 1) / borrowers
            let taken = Array(state.offered.prefix(min(limit, share)))
            state.offered.removeFirst(taken.count)
            let first = state.nextTicket
            state.nextTicket += UInt64(taken.count)
            for (offset, lent) in taken.enumerated() { state.lent[first + UInt64(offset)] = (lent, borrower) }
            return taken.enumerated().map { (ticket: first + UInt64($0), lent: $1) }
        }
        var groups: [BorrowedGroup] = []
        var last: Directory?
        for (ticket, lent) in taken {
            let (directory, inode, what) = lent.place
            if directory !== last {
                let (root, names) = directory.node.names
                groups.append(BorrowedGroup(root: root, names: names, inode: inode, items: []))
                last = directory
            }
            groups[groups.count - 1].items.append((ticket, what))
            // This one does not need that directory's descriptor any more.
            directory.childWasOpened()
        }
        return groups
    }

    /// No borrower wants the offered items: they are scanned here.
    func takeBack() {
        let offered = state.withLock { state in
            defer { state.offered = [] }
            return state.offered
        }
        for lent in offered {
            switch lent {
            case .directory(let directory): directory.send { $0.scan() }
            case .slice(let slice, _): slice.send { $0.scan() }
            }
        }
    }

    /// - Returns: false for an unknown ticket.
    func answer(_ ticket: UInt64, _ completion: Completion) -> Bool {
        guard let lent = state.withLock({ $0.lent.removeValue(forKey: ticket) }) else { return false }
        lent.item.receive(completion)
        return true
    }

    /// This borrower will not answer: its items are unfinished, and count as nothing.
    func giveUp(on borrower: Int) {
        let lost = state.withLock { state in
            let lost = state.lent.filter { $1.borrower == borrower }
            for (ticket, (item, _)) in lost {
                state.lent[ticket] = nil
                state.unanswered += item.unfinished
            }
            return lost.values.map(\.item)
        }
        // Digests above are not known.
        var nothing = Subtotal()
        nothing.isWhole = false
        for item in lost { item.receive(Completion(subtotal: nothing)) }
    }

    /// The directories that borrowers have left unfinished, or some of their entries.
    var unanswered: [EntryPath] { state.withLock { $0.unanswered } }
}

extension ScanLender.Lent {
    /// The unfinished items without an answer: directories, those of a slice by name, and for its other entries the
    /// directory that contains them.
    fileprivate var unfinished: [EntryPath] {
        switch self {
        case .directory(let directory): return [EntryPath(directory: directory.node, name: nil)]
        case .slice(let slice, let entries):
            let node = slice.directory.node
            var places: [EntryPath] = []
            var hasOthers = false
            entries.withUnsafeBytes { bytes in
                for entry in DirectoryEntries(bytes) {
                    if entry.kind == .directory {
                        places.append(EntryPath(directory: node, name: Array(entry.name)))
                    } else {
                        hasOthers = true
                    }
                }
            }
            if hasOthers { places.append(EntryPath(directory: node, name: nil)) }
            return places
        }
    }

    fileprivate func receive(_ completion: Completion) {
        switch self {
        case .directory(let directory): directory.send { $0.answered(completion) }
        case .slice(let slice, _): slice.answered(completion)
        }
    }

    /// The directory that contains it, that directory's inode, and the item.
    fileprivate var place: (Directory, UInt64, BorrowedGroup.What) {
        switch self {
        case .directory(let directory):
            guard let containing = directory.containing else {
                preconditionFailure("what is lent lies in a directory of this process")
            }
            return (containing, directory.node.parentIdentity.inode, .directory(directory.node.name))
        case .slice(let slice, let entries): return (slice.directory, slice.inode, .slice(entries))
        }
    }
}

extension PathNode {
    /// The number of the PATH, and the names from there downwards.
    fileprivate var names: (root: Int, names: [[UInt8]]) {
        var names: [[UInt8]] = []
        var node = self
        while let parent = node.parent {
            names.append(node.name)
            node = parent
        }
        return (root, names.reversed())
    }
}
