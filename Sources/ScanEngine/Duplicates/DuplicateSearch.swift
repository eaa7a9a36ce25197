// The search for duplicates, after the scan of the trees:
//
//   scan ──▶ CandidateOutput: regular files, sorted by size ──▶ DuplicateQueue: some sizes at a time
//                                                                  │ sizes that occur once: nothing is opened
//                                                                  ▼
//                                                               SizeClass ⇄ ReadBatch, LargeRead
//                                                                  │ groups
//                                                                  ▼
//                                                               DuplicateQueue ──▶ DuplicateReport
//
// Only files whose size occurs twice are opened. The scan reads small files whose size it has met before (`SizesMet`);
// the others are read after it, because their sizes must be known first. Memory: the sorter's 20 MiB, the
// files of the sizes that are being compared, and the groups.

import CLinux
package import Entries
package import ExternalSort
package import LinuxKernel
import Synchronization
import WorkStealing

/// The shared state of one search.
final class DuplicateSearch: Sendable {
    let options: DuplicateOptions
    let methods: DigestMethods
    let hasBaseline: Bool
    let scheduler: SchedulerID
    let progress: ReadingProgress
    let disks: DiskQueues
    /// Limits the large files that are open: each keeps a descriptor and digest contexts.
    let largeFiles: LimitedResource
    /// See `ByteComparison`.
    let comparedAtATime: Int
    private let isCancelled: @Sendable () -> Bool
    private let onError: (@Sendable (ScanError) -> Void)?
    private let trouble = Mutex(Trouble())

    /// What the limit on open files allows. Each worker has two descriptors, a file and the `O_PATH` descriptor it was
    /// opened through; each large file has one.
    struct Limits {
        let workers: Int
        let largeFiles: Int
        let comparedAtATime: Int

        init(threads: Int) {
            let limit = Int(clamping: clinux_raise_open_files_limit())
            // One is for the monitor, one for the sorter's file.
            let open = limit < 1024 ? Int(clinux_open_descriptors(Int32(limit))) + 2 : 8
            let free = max(limit - open, 4)
            let wanted = min(ScanContext.maximumThreads(threads, openFiles: limit), ScanContext.workersThatFit())
            workers = max(1, min(wanted, free / 4))
            largeFiles = max(1, min(2 * threads, free / 4))
            comparedAtATime = max(1, min(8, (free - largeFiles) / workers / 2 - 1))
        }
    }

    private struct Trouble {
        var errors = ErrorList()
        var count: Int64 = 0
        var skipped: Int64 = 0
    }

    init(
        _ options: DuplicateOptions, _ methods: DigestMethods, _ limits: Limits, on scheduler: borrowing Scheduler,
        _ environment: ScanEnvironment, _ progress: ReadingProgress, _ disks: DiskQueues
    ) {
        (self.progress, self.disks) = (progress, disks)
        (self.options, self.methods, hasBaseline) = (options, methods, environment.baseline != nil)
        self.scheduler = scheduler.id
        largeFiles = LimitedResource("large files", limit: limits.largeFiles)
        comparedAtATime = limits.comparedAtATime
        (isCancelled, onError) = (environment.isCancelled, environment.onError)
    }

    var digests: DigestSet { methods.set }
    var shouldStop: Bool { isCancelled() }

    func fail(_ failure: ContentFailure, _ path: [UInt8]) {
        let cause = failure.cause
        trouble.withLock { trouble in
            trouble.errors.add(cause, at: EntryPath(directory: .root(path, index: 0), name: nil))
            trouble.count += 1
        }
        progress.countErrors(1)
        onError?(ScanError(path: path, cause))
    }

    func skip(_ file: Candidate) { trouble.withLock { $0.skipped += Int64(file.paths.count) } }

    func fill(_ report: inout DuplicateReport, besides scanned: ReportedErrors, count: Int64) {
        trouble.withLock { trouble in
            var all = trouble.errors
            for error in scanned {
                let cause = ErrorCause(operation: error.operation, code: error.code, message: error.message)
                all.add(cause, at: EntryPath(directory: .root(error.path, index: 0), name: nil))
            }
            report.errors = all.ranked
            report.totals.errors = count + trouble.count
            report.totals.skipped = trouble.skipped
        }
    }
}

/// Sizes of small files for one message: a message and an actor for each would cost as much as comparing its digests.
private struct Batch {
    private(set) var files: [SizedFiles] = []
    private var inodes = 0
    private var unread = 0

    /// Limits of a batch, which takes some hundred microseconds if its files are cached. Files that are to be read are
    /// read one after the other, and a slow disk may take milliseconds for each.
    private static let mostInodes = 64
    private static let mostUnread = 4

    var isFull: Bool { inodes >= Self.mostInodes || unread >= Self.mostUnread }

    mutating func add(_ more: SizedFiles) {
        files.append(more)
        inodes += more.inodes.count
        unread += more.unread
    }

    mutating func take() -> [SizedFiles] {
        defer { self = Batch() }
        return files
    }
}

/// Starts the comparison of sizes in ascending order, a limited number at a time, and collects the results.
actor DuplicateQueue: MailboxActor {
    nonisolated let mailbox: Mailbox
    nonisolated var unownedExecutor: UnownedSerialExecutor { UnownedSerialExecutor(ordinary: self) }

    /// Set at the end.
    nonisolated let outcome = Mutex<Result<DuplicateReport, TemporaryFileError>?>(nil)

    private let search: DuplicateSearch
    private var candidates: Candidates
    private let unique: UniqueFiles?
    private var report = DuplicateReport()
    private var failure: TemporaryFileError?
    private var isAtEnd = false
    /// Batches of sizes that are being compared, and their files.
    private var running = 0
    private var runningFiles = 0

    /// The most files that are compared at the same time, unless one size has more. Each takes a few hundred bytes.
    private static let mostFiles = 4096

    init(_ candidates: Candidates, _ search: DuplicateSearch, unique: UniqueFiles?) {
        mailbox = Mailbox(search.scheduler)
        (self.candidates, self.search, self.unique) = (candidates, search, unique)
    }

    func start() {
        var batch = Batch()
        do throws(TemporaryFileError) {
            while !isAtEnd, !search.shouldStop, running == 0 && batch.files.isEmpty || runningFiles < Self.mostFiles {
                guard let files = try candidates.next() else {
                    isAtEnd = true
                    break
                }
                report.totals.inodes += Int64(files.inodes.count)
                report.totals.files += Int64(files.paths)
                guard files.inodes.count > 1 else {
                    search.progress.pass(files.weight)
                    if let first = files.inodes.first { try unique?.add(first.paths, files.size, first.identity) }
                    continue
                }
                runningFiles += files.inodes.count
                if files.size > SizesMet.largest || search.options.comparesBytes {
                    compare([files])
                } else {
                    batch.add(files)
                    if batch.isFull { compare(batch.take()) }
                }
            }
        } catch {
            failure = error
            isAtEnd = true
        }
        if !batch.files.isEmpty { compare(batch.take()) }
        if running == 0 { deliver() }
    }

    private func compare(_ files: [SizedFiles]) {
        running += 1
        SizeClass(files, search, self).send { $0.start() }
    }

    func ended(_ result: SizeClassResult) {
        running -= 1
        runningFiles -= result.candidates
        report.add(result.report)
        do throws(TemporaryFileError) {
            for file in result.unique { try unique?.add(file.paths, file.status?.size ?? 0, file.identity) }
        } catch {
            failure = error
            isAtEnd = true
        }
        start()
    }

    private func deliver() {
        report.sortGroups(areInOrder: true)
        report.totals.groups = Int64(report.groups.count)
        report.isComplete = !search.shouldStop
        let result: Result<DuplicateReport, TemporaryFileError> = failure.map { .failure($0) } ?? .success(report)
        outcome.withLock { $0 = result }
    }
}

/// Files that occur once, by path.
package final class UniqueFiles: Sendable {
    private let sorter = RecordSorter(memoryLimit: 16 << 20, temporaryDirectory: nil)
    private let arena = RecordArena()

    package init() { sorter.addStream() }

    /// By one thread at a time.
    package func add(
        _ paths: FilePaths, _ size: Int64, _ identity: DeviceInode
    ) throws(TemporaryFileError) {
        for path in paths {
            var line: [UInt8] = []
            for number in [UInt64(bitPattern: size), identity.device, identity.inode] {
                withUnsafeBytes(of: number) { line.append(contentsOf: $0) }
            }
            line += path
            path.withUnsafeBytes { path in
                line.withUnsafeBytes { arena.append(root: 0, path: path, line: $0) }
            }
        }
        try sorter.makeRoom(in: arena)
    }

    /// To be called once, when the search has ended.
    package func forEach<Failure: Error>(
        _ body: (_ path: [UInt8], _ size: Int64, _ identity: DeviceInode) throws(Failure) -> Void
    ) throws {
        try sorter.keep(arena)
        var merge = try sorter.takeMerge()
        while let record = merge.record {
            let line = record.line
            func number(_ index: Int) -> UInt64 { line.loadUnaligned(fromByteOffset: 8 * index, as: UInt64.self) }
            try body(
                Array(line[24...]), Int64(bitPattern: number(0)), DeviceInode(device: number(1), inode: number(2)))
            try merge.advance()
        }
    }
}

/// Scans trees and finds the files in them that have the same content.
package struct DuplicateFinder {
    private let scan: Scan
    private let output: CandidateOutput
    private let options: DuplicateOptions
    private let methods: DigestMethods
    private let endsMethods: DigestMethods
    private let environment: ScanEnvironment
    /// Files that occur once, if requested.
    package let unique: UniqueFiles?
    /// Progress of the part after the scan.
    package let reading = ReadingProgress()
    private let disks: DiskQueues

    /// - Parameter turns: whether a device is a disk that turns.
    /// - Throws: `ScanUnavailable`, `TemporaryFileError`.
    package init(
        _ scanOptions: ScanOptions, _ options: DuplicateOptions, _ environment: ScanEnvironment,
        turns: @escaping @Sendable (_ device: UInt64) -> Bool = Kernel.isRotational
    ) throws {
        do throws(DigestUnavailable) {
            methods = try DigestMethods(DigestSet([options.algorithm]))
            endsMethods = try DigestMethods(DigestSet([DigestAlgorithm.xxh128]))
        } catch {
            throw ScanUnavailable(option: "--hash", message: error.message)
        }
        self.options = options
        output = CandidateOutput(sizes: options.sizes, reading)
        try output.prepare()
        unique = options.wantsUnique ? UniqueFiles() : nil
        var environment = environment
        environment.outputs.append(output)
        var scanOptions = scanOptions
        disks = DiskQueues(turns: turns)
        // A disk that turns is asked for the status of all files first, and then for their content in its own order.
        let isOrdered = scanOptions.paths.contains { turns(Self.device(of: $0)) }
        if !options.comparesBytes, environment.baseline == nil, !isOrdered {
            scanOptions.hash = [options.algorithm]
            environment.sizesMet = SizesMet(options.sizes)
        }
        self.environment = environment
        scan = try Scan(scanOptions, environment)
    }

    /// 0 if it cannot be stat'ed: then there is nothing to read.
    private static func device(of path: [UInt8]) -> UInt64 {
        var status = FileStatus()
        let name = path.map { CChar(bitPattern: $0) } + [0]
        let isThere = (try? Kernel.status(of: name, in: Kernel.workingDirectory, .basic, into: &status)) != nil
        return isThere ? status.device : 0
    }

    /// For a progress display.
    package var progress: Scan { scan }

    /// Blocks the calling thread, which is one of the workers. To be called once.
    ///
    /// - Parameter willRead: called after the scan, before `reading` begins.
    /// - Throws: `TemporaryFileError`.
    package func run(willRead: () -> Void = {}) throws -> DuplicateReport {
        let scanned = scan.run()
        reading.countErrors(scanned.totals.errors)
        willRead()
        let candidates = try output.finish()
        let threads = scan.options.pool ?? scan.options.threads
        let limits = DuplicateSearch.Limits(threads: threads)
        let scheduler = Scheduler(threads: min(threads, limits.workers), maximumThreads: limits.workers) {
            [methods, endsMethods, baseline = environment.baseline] _ in
            DuplicateReader(methods, ends: endsMethods, baseline: baseline)
        }
        let search = DuplicateSearch(
            options, methods, limits, on: scheduler, environment, reading, disks)
        let queue = DuplicateQueue(candidates, search, unique: unique)
        queue.send { $0.start() }
        do {
            try scheduler.run()
        } catch {
            preconditionFailure("a message of the search threw \(error)")
        }
        guard let outcome = queue.outcome.withLock({ $0 }) else {
            preconditionFailure("the search ended before its files were done")
        }
        var report = try outcome.get()
        search.fill(&report, besides: scanned.errors, count: scanned.totals.errors)
        if !scanned.complete { report.isComplete = false }
        if options.findsDirectories, report.isComplete, !report.groups.isEmpty {
            let (groups, roots) = (report.groups, scan.options.paths)
            do {
                (report.directories, report.covered) = try scheduler.run {
                    var equal = EqualDirectories(groups, below: roots) { [scan] in
                        scan.context.devices[$0].endOfListing
                    }
                    return equal.find(isStopped: environment.isCancelled)
                }
            } catch {
                preconditionFailure("listing directories threw \(error)")
            }
        }
        return report
    }
}
