import CLinux
import Entries
import Ignore
import LinuxKernel
import Synchronization
import WorkStealing

/// State shared by all parts of one scan: the options, and facts about the system determined at the start.
final class ScanContext: Sendable {
    let paths: [[UInt8]]
    let oneFileSystem: Bool
    let excludesPseudo: Bool
    let treeDepth: Int
    let top: Int
    let ranking: Ranking
    let map: MapRequest
    /// The reference time for ages.
    let now: FileTime
    /// The patterns of `--exclude`.
    let excludes: IgnoreScope?
    let obeysGitignore: Bool
    let excludesCaches: Bool
    let followsRoots: Bool
    /// Nil without a selection.
    let selector: EntrySelector?
    /// How to read the content of files; nil if it is not read.
    let content: SharedContent?
    let linkedFiles = LinkedFiles()
    private let leased = Mutex<LeasedFiles?>(nil)
    /// The number of entries per slice, for directories whose files are read. So a message takes a few milliseconds (a
    /// file takes 0.3 ms with libmagic, up to 10 ms with digests), does not look like an endless one, and others can
    /// steal from a large directory. Making a slice takes 2 µs. Nil if a full buffer is a slice.
    let entriesPerSlice: Int?
    /// The destinations of entries.
    let outputs: [any EntryOutput]
    /// SHA-256 for the Merkle values of directories; nil if no output wants them.
    let stateMethods: DigestMethods?
    /// Whether to read extended attributes.
    let readsAttributes: Bool
    /// The detail to request for each entry: records include the birth time.
    let detail: Kernel.Detail
    let largeAttributes = LargeAttributes()
    let devices: DeviceTable
    let descriptors: DescriptorBudget
    /// The effective user.
    let user: UInt32
    let onError: (@Sendable (ScanError) -> Void)?
    /// The scan is stopped once it has passed.
    let deadline: Deadline?
    let onContradiction: (@Sendable ([UInt8]) -> Void)?
    let leftOut: LeftOut?
    let choice: (any ContentChoice)?
    let sizesMet: SizesMet?
    /// The display of the tree during the scan.
    let watch: DirectoryWatch?
    /// Which part of the scan this is; nil: all of it.
    let part: ScanPart?
    /// The lender from which others take work; nil if there is none.
    let lender: ScanLender?
    private let isCancelled: @Sendable () -> Bool
    /// Set by `cancel()`, and once `isCancelled` has returned true. Relaxed: nothing is ordered by it.
    private let stopped = Atomic<Bool>(false)
    private let workers = Mutex<[WorkerLocals]>([])
    /// The counts of workers that have been taken.
    private let past = Mutex(ScanProgress())
    /// Where a worker was when progress was last shown.
    private let lastPlace = Mutex<EntryPath?>(nil)

    /// - Parameter start: of the scan.
    init(_ options: ScanOptions, _ environment: ScanEnvironment, start: FileTime) throws(ScanUnavailable) {
        outputs = environment.outputs
        var proc = FileStatus()
        readsAttributes = options.xattrs && !outputs.isEmpty
        if readsAttributes, (try? Kernel.status(of: "/proc/self/fd", in: Kernel.workingDirectory, into: &proc)) == nil {
            throw ScanUnavailable(option: "--xattrs", message: "needs /proc")
        }
        detail = outputs.isEmpty ? .basic : .full
        do throws(DigestUnavailable) {
            stateMethods = outputs.contains { $0.wantsState } ? try DigestMethods(EntryFingerprint.methods) : nil
        } catch {
            throw ScanUnavailable(option: "--save", message: error.message)
        }
        paths = options.paths
        oneFileSystem = options.oneFileSystem
        excludesPseudo = options.excludeKernfs
        treeDepth = options.depth
        top = options.top
        ranking = options.rank
        map = options.map
        now = options.now ?? start
        excludes = IgnoreScope(excludes: options.exclude)
        obeysGitignore = options.gitignore
        excludesCaches = options.excludeCaches
        followsRoots = options.followRoots
        selector = options.selection.isEmpty ? nil : EntrySelector(options.selection, now: now)
        devices = DeviceTable(options)
        let limit = Int(clamping: clinux_raise_open_files_limit())
        // Counting the open ones matters only if the limit is low. One more is the monitor's.
        let open = limit < 1024 ? Int(clinux_open_descriptors(Int32(limit))) + 1 : 4
        let wanted = options.pool ?? Self.maximumThreads(options.threads, openFiles: limit)
        descriptors = DescriptorBudget(
            limit: limit, open: open, workers: min(wanted, Self.workersThatFit(withTypes: options.mime)),
            helpers: options.mime ? options.detectors ?? options.pool ?? options.threads : 0,
            filesPerSlice: Self.filesPerSlice)
        let limits = SharedContent.Limits(
            largeFiles: descriptors.largeFilesAtATime, openFiles: descriptors.openFilesAtATime,
            detectors: descriptors.helpersAtATime, directories: descriptors.directoriesAtATime)
        content = try SharedContent.make(options, limits: limits, baseline: environment.baseline)
        entriesPerSlice = content == nil || environment.baseline != nil ? nil : Self.filesPerSlice
        user = geteuid()
        isCancelled = environment.isCancelled
        onError = environment.onError
        deadline = environment.deadline
        part = environment.part
        lender = environment.part?.lender
        (onContradiction, leftOut, watch) = (environment.onContradiction, environment.leftOut, environment.watch)
        (choice, sizesMet) = (environment.choice, environment.sizesMet)
    }

    /// The number of files in one question to libmagic.
    private static let filesPerSlice = MIMEDetectors.mostFiles

    /// The maximum number of workers, so that `threads` of them run. Spare ones must not take descriptors that others
    /// need.
    static func maximumThreads(_ threads: Int, openFiles: Int) -> Int {
        max(threads, min(max(64, threads * 32), 1024, openFiles / 8))
    }

    /// Under a limit on address space (`ulimit -v`): a worker has a stack, buffers and, for MIME types, a mapped
    /// database of 10 MB and the beginnings of files. A failed allocation ends the program, in libmagic by a crash.
    static func workersThatFit(withTypes: Bool = false) -> Int {
        let left = clinux_address_space_left()
        return Int(clamping: max(1, left / (withTypes ? 32 << 20 : 8 << 20)))
    }

    /// Whether the scan should end as soon as it can. Once true, always true.
    var shouldStop: Bool {
        if stopped.load(ordering: .relaxed) { return true }
        // A scan whose records cannot be written is pointless.
        guard isCancelled() || deadline?.hasPassed == true || outputs.contains(where: { $0.failed }) else {
            return false
        }
        stopped.store(true, ordering: .relaxed)
        return true
    }

    /// Whether a worker has ended something early. (`isCancelled` may return true when everything is already done.)
    var wasStopped: Bool { stopped.load(ordering: .relaxed) }

    /// Whether digests are requested.
    var hasDigests: Bool { content.map { !$0.set.isEmpty } ?? false }

    /// The digests of a report item: empty if none are requested, nil if they are not known.
    func named(_ row: [UInt8]?) -> [NamedDigest]? {
        guard let content, hasDigests else { return [] }
        return row.map { content.set.named($0) }
    }

    /// The actor for files that cannot be opened yet.
    func leasedFiles(on scheduler: SchedulerID) -> LeasedFiles {
        leased.withLock { leased in
            if let leased { return leased }
            let made = LeasedFiles(scheduler: scheduler)
            leased = made
            return made
        }
    }

    func cancel() { stopped.store(true, ordering: .relaxed) }

    func add(_ worker: WorkerLocals) {
        workers.withLock { $0.append(worker) }
    }

    /// The sum of all workers' counts, and the place of one of them.
    func progress() -> ScanProgress {
        var sum = past.withLock { $0 }
        let place = workers.withLock { workers -> EntryPath? in
            for worker in workers { sum.add(worker.progress) }
            // Each is asked once, which a lazy `compactMap` does not do: a worker may leave its place meanwhile.
            for worker in workers { if let path = worker.at.path { return path } }
            return nil
        }
        sum.path =
            lastPlace.withLock { last in
                if let place { last = place }
                return last
            }?.bytes
        return sum
    }

    /// The directories and files that workers are at, in order. None while a worker writes records, because then it may
    /// wait for their reader.
    func places() -> [[UInt8]] {
        if outputs.contains(where: { $0.isReadMeanwhile && !$0.canBeFlushed }) { return [] }
        var places = UnfinishedList()
        for place in workers.withLock({ $0.compactMap { $0.at.path } }) { places.add(place) }
        return places.ranked
    }

    /// The workers' parts of the report, when all workers have been joined. They are released: each refers to the
    /// context.
    func takeWorkers() -> [WorkerLocals] {
        let sum = progress()
        past.withLock { $0 = sum }
        return workers.withLock { workers in
            defer { workers = [] }
            return workers
        }
    }
}
