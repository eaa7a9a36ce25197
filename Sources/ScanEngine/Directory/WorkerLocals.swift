// Each worker's own state during a scan: buffers, and the parts of the report that need no tree. Nothing here is shared
// while the scan runs; at the end the workers' parts are merged into the report.

import CLinux
import Entries
import LinuxKernel
import Synchronization
import WorkStealing

/// The worker-local side of a scan.
///
/// `@unchecked Sendable`: it is reached only through `current`, on the thread of its worker, and never kept beyond a
/// message; others use it only after the workers were joined. `progress` and `at` are open to all.
final class WorkerLocals: @unchecked Sendable {
    let context: ScanContext
    /// The context's.
    let lender: ScanLender?
    let scheduler: SchedulerID

    /// The buffer for `getdents64`.
    let listing: UnsafeMutableRawBufferPointer

    /// The tallies for every entry. One value, so that going through a directory is one access to this object instead
    /// of several for each entry, each of which the runtime would check.
    var tallies: Tallies
    var largestDirectories: LargestList
    /// The largest files and directories, for a map.
    var map: LargestList
    /// A constant, like `keepsPartial`.
    let mapHasFiles: Bool
    /// Whether files are put on the map when their digests are known or cannot be, instead of when they are counted.
    let mapHasDigests: Bool
    private let deepestOnMap: Int
    /// As in the context.
    let selector: EntrySelector?
    /// Used with a selector.
    var selected: SelectedCounts?
    /// Whether each file is ranked, and there is no map. A constant, like `keepsPartial`.
    let isRankingAlone: Bool
    var errors = ErrorList()
    var types: [String: FileCounts] = [:]
    var descriptorsReopened: Int64 = 0
    var baselineUse = BaselineUse()
    /// This worker's cursor in the baseline.
    var baselineCursor = -1
    /// The unfinished work when the scan was stopped.
    var unfinished = UnfinishedList()
    /// Used with a deadline.
    var partial: PartialCounts?
    /// Whether `partial` is used. A constant: reading a variable of a class costs the runtime's exclusivity check, 120
    /// instructions per entry.
    let keepsPartial: Bool

    /// For a progress display: written by this worker alone.
    let progress = ProgressCounters()
    /// Where it is now.
    let at = WorkerPlace()

    /// The device of the last opened directory.
    private var device: (number: UInt64, facts: DeviceTable.Device)?

    /// The last device that was looked up, the pseudo file system on it, and whether a server answers for it (FUSE).
    var lastDevice: (number: UInt64, pseudo: PseudoFileSystem?, isServed: Bool)?

    /// The streams for entries, record by record.
    let streams: [any EntryStream]
    /// Set if `ScanContext.stateMethods` is.
    var entryFingerprint: EntryFingerprint?
    /// The stream for events about directories, if requested.
    let directories: DirectoryStream?
    var path = RecordPath()
    /// Directories that cannot complete here, in a part of a scan.
    var openDirectories: [OpenDirectory] = []
    /// How many of the next directories and slices to lend.
    var toBeLent = 0

    /// For reading files; nil if no content is requested.
    var contentReader: ContentReader?
    /// The place of the current message's directory; nil if it needs none. Set only by `inPlace`.
    var place: DirectoryPlace?
    /// Files for a question to libmagic before the message ends: see `askLater`.
    var untyped: [FileBatch.Member] = []
    /// Files that were asked about in the current message: see `takeSettled`.
    var settled: [Completion] = []

    /// The owner of the last opened directory: another user's directories cannot be opened with O_NOATIME, and an
    /// attempt costs a system call, so the next one is tried only if this one was ours.
    private var lastOwner: UInt32

    /// About 1,000 names of usual length: a slice should be long enough to be worth stealing, and short enough that
    /// several workers share a large directory.
    static let listingSize = 32 << 10

    init(_ context: ScanContext) {
        self.context = context
        lender = context.lender
        guard let scheduler = Scheduler.currentID else { preconditionFailure("not on a worker") }
        self.scheduler = scheduler
        listing = .allocate(byteCount: Self.listingSize, alignment: 16)
        tallies = Tallies(top: context.top, by: context.ranking, now: context.now)
        // For a part, the final report is unknown. A display of the tree has all directories, and needs no list.
        let isReplaced =
            context.watch != nil || context.part == nil && context.map.replacesDirectories(context.ranking)
        largestDirectories = LargestList(
            length: isReplaced ? 0 : context.top, by: context.ranking, of: .directories)
        map = context.map.makeList(context.ranking)
        mapHasFiles = context.map.length > 0 && context.map.hasFiles
        mapHasDigests = mapHasFiles && context.hasDigests
        deepestOnMap = context.map.deepestLevel
        selector = context.selector
        if selector != nil { selected = SelectedCounts() }
        isRankingAlone = !mapHasFiles && selector == nil
        lastOwner = context.user
        keepsPartial = context.deadline != nil
        if keepsPartial { partial = PartialCounts() }
        streams = context.outputs.map { $0.makeStream() }
        directories = context.watch?.makeStream()
        if let methods = context.stateMethods { entryFingerprint = EntryFingerprint(methods) }
        if let shared = context.content { contentReader = ContentReader(shared) }
        context.add(self)
    }

    deinit {
        listing.deallocate()
    }

    // These are methods of the worker so that their callers count no references to the context: all workers would count
    // them, for each directory, on one cache line.

    /// Whether the scan should end as soon as it can.
    var shouldStop: Bool { context.shouldStop }

    /// Call it before anything is collected in `subtree`.
    func prepare(_ subtree: inout SubtreeAccumulator) { subtree.prepare(context) }

    func add(_ completion: Completion, to subtree: inout SubtreeAccumulator) {
        subtree.add(completion, context.devices, &tallies)
    }

    static var current: WorkerLocals { Scheduler.workerLocal(as: WorkerLocals.self) }

    /// - Parameter isRestored: the directory had a descriptor before.
    func openDirectory(
        _ name: UnsafePointer<CChar>, in directory: Int32, isRestored: Bool = false
    ) throws(Errno) -> FileDescriptor {
        let keepAccessTime = context.user == 0 || context.user == lastOwner
        return try opening(isRestored: isRestored) { () throws(Errno) in
            try Kernel.openDirectory(name, in: directory, keepAccessTime: keepAccessTime)
        }
    }

    /// Opens something. If no descriptor is available, the one that was kept longest is given up, and the open is
    /// retried.
    ///
    /// - Parameter isRestored: it was open before: see `DescriptorBudget.noteProgress`.
    /// - Throws: what `open` throws. If it still lacks descriptors, all of them are in use right now, and the caller
    ///   tries again behind other work, as long as `DescriptorBudget.mayTryAgain` permits it.
    func opening<Opened: ~Copyable, Failure: OpeningFailure>(
        isRestored: Bool = false, _ open: () throws(Failure) -> Opened
    ) throws(Failure) -> Opened {
        while true {
            do throws(Failure) {
                let opened = try open()
                if !isRestored { context.descriptors.noteProgress() }
                return opened
            } catch {
                guard error.isShortOfDescriptors, context.descriptors.giveUpOldest() else { throw error }
            }
        }
    }

    /// Whether to try again behind other work, because no descriptor is available now.
    func mayTryAgain(after error: some OpeningFailure) -> Bool {
        error.isShortOfDescriptors && context.descriptors.mayTryAgain()
    }

    /// The status of a directory that the scan enters. In full detail, whatever the output needs: the mount through
    /// which it was reached decides which links count and whether it may contain itself, in all formats alike. statx(2)
    /// takes 16 ns longer than fstat(2) here, 0.1 % of the scan for 15,000 directories of /usr.
    func status(ofDirectory descriptor: Int32, into status: inout FileStatus) throws(Errno) {
        try Kernel.status(of: descriptor, .full, into: &status)
        status.assumeMountRootWhereUnknown()
        context.devices.meet(mount: status.mount, of: facts(of: status.device))
    }

    /// Whether a listing at `position` is known to be complete.
    func isEndOfListing(_ position: Int64, onDevice number: UInt64) -> Bool {
        facts(of: number).endOfListing == position
    }

    /// The pseudo file system of a name or, without a name, of the directory. Looked up once for consecutive entries on
    /// one device.
    func pseudoFileSystem(
        of name: UnsafePointer<CChar>?, in directory: Int32, onDevice device: UInt64
    ) throws(Errno) -> PseudoFileSystem? {
        if let lastDevice, lastDevice.number == device { return lastDevice.pseudo }
        let type =
            if let name {
                try Kernel.fileSystemType(of: name, in: directory)
            } else {
                try Kernel.fileSystemType(of: directory)
            }
        let pseudo = PseudoFileSystem(magicNumber: type)
        lastDevice = (device, pseudo, type == Kernel.fuseType)
        return pseudo
    }

    private func facts(of number: UInt64) -> DeviceTable.Device {
        if let device, device.number == number { return device.facts }
        let facts = context.devices[number]
        device = (number, facts)
        return facts
    }

    /// Offers a directory to the list of the largest, if it is selected, and to the map.
    ///
    /// - Parameter digests: nil if none are requested or they are not known.
    func rank(
        _ directory: PathNode, _ totals: borrowing Totals, lastChange: FileTime?, _ facts: EntryFacts,
        digests: [UInt8]?, isSelected: Bool
    ) {
        let sizes = RankedSizes(
            diskBytes: totals.diskBytes, apparentBytes: totals.apparentBytes, entries: totals.entries,
            lastChange: lastChange ?? .distantPast)
        let path = EntryPath(directory: directory, name: nil)
        let place = directory.parent ?? directory
        if isSelected, largestDirectories.mayTake(sizes, in: place) { largestDirectories.offer(path, sizes) }
        guard directory.level <= deepestOnMap, map.mayTake(sizes, in: place) else { return }
        var facts = facts
        if mapHasDigests { facts.digests = digests }
        map.offer(path, sizes, facts)
    }

    /// Ranks and counts an entry that is not a directory, if it is selected, and offers a regular file to the map, unless
    /// its digests come later.
    ///
    /// - Returns: whether it is selected.
    @inline(never)
    func rankSelected(
        _ status: borrowing FileStatus, _ kind: EntryKind, _ name: UnsafePointer<CChar>, in directory: PathNode,
        _ path: @autoclosure () -> EntryPath, _ tallies: inout Tallies
    ) -> Bool {
        if let selector {
            guard selector.contains(status, kind, name) else { return false }
            selected?.count(status, kind, context.devices)
        }
        if kind == .file {
            tallies.rank(status, in: directory, path())
            if mapHasFiles, !mapHasDigests { putOnMap(status, in: directory, path(), digests: nil) }
        }
        return true
    }

    /// Offers a regular file to the map.
    func putOnMap(
        _ status: borrowing FileStatus, in directory: PathNode, _ path: @autoclosure () -> EntryPath, digests: [UInt8]?
    ) {
        let sizes = RankedSizes(
            diskBytes: status.diskBytes, apparentBytes: status.size, lastChange: status.mtime)
        guard map.mayTake(sizes, in: directory) else { return }
        map.offer(path(), sizes, EntryFacts(isLinked: status.links > 1, uid: status.uid, digests: digests))
    }

    func noteOwner(ofDirectory status: borrowing FileStatus) { lastOwner = status.uid }
}
