import CLinux
import Entries
import ScanEngine
import Synchronization

/// A tree that is scanned while it is shown. Used by one thread; the scan has its own.
final class LiveBrowse: BrowseSource {
    let options: ScanOptions
    private var running: Running
    /// The unfinished scan of a part of the tree.
    private var rescan: Rescan?
    private(set) var errorList: [ScanError] = []
    /// Whether `report` describes the tree as shown.
    private var isOriginal = true
    private var isTaken = false

    let activity = "scanning"

    /// A scan and its events.
    private struct Running {
        let scan: Scan
        let watch: DirectoryWatch
        let errors: ErrorLog
        let task: BackgroundTask<ScanReport>

        init(_ options: ScanOptions, root: DirectoryNumber, next: DirectoryNumber) throws(ScanUnavailable) {
            watch = DirectoryWatch(roots: [root], next: next)
            let errors = ErrorLog()
            var environment = ScanEnvironment()
            environment.watch = watch
            environment.onError = { errors.add($0) }
            let scan = try Scan(options, environment)
            (self.errors, self.scan) = (errors, scan)
            task = BackgroundTask { _ in scan.run() }
        }
    }

    let allowsDeleting: Bool

    /// Starts a scan of the options' one PATH.
    init(_ options: ScanOptions, allowsDeleting: Bool = false) throws(ScanUnavailable) {
        self.options = options
        self.allowsDeleting = allowsDeleting
        running = try Running(options, root: DirectoryTree.root, next: DirectoryTree.root + 1)
    }

    var path: [UInt8] { options.paths[0] }
    var isRunning: Bool { !isTaken }
    var failure: [UInt8]? { report?.complete == false ? Array("the scan was stopped".utf8) : nil }

    /// Of the whole tree; nil while the scan runs, and after a part of it was scanned again.
    var report: ScanReport? { isOriginal ? running.task.result : nil }

    func update(_ tree: inout DirectoryTree, _ spare: inout DirectoryEvents) {
        guard !isTaken else { return }
        // Checked first: later events are for the next call.
        let isOver = running.task.result != nil
        running.watch.take(&spare, all: isOver) { tree.apply($0) }
        tree.settle()
        if let errors = running.errors.list(waits: isOver) { errorList = keptErrors + errors }
        guard isOver else { return }
        isTaken = true
        guard let rescan else { return }
        tree.endRescan(rescan)
        self.rescan = nil
    }

    func files(of directory: DirectoryNumber, names: [[UInt8]]) -> BackgroundTask<FileTable> {
        BackgroundTask { [options] task in FileTable(options, names: names) { task.isCancelled } }
    }

    func cancel() { running.scan.cancel() }

    // MARK: Rescans

    /// Errors outside the rescanned part.
    private var keptErrors: [ScanError] = []

    /// Scans a directory again, or the whole tree if patterns do not allow a part of it to be scanned alone.
    ///
    /// - Returns: the directory whose scan was started.
    func scanAgain(_ number: DirectoryNumber, of tree: inout DirectoryTree) throws(RescanRefusal) -> DirectoryNumber {
        guard isTaken else { throw RescanRefusal(message: "the scan is still running") }
        var number = hasPatternsOfPlaces ? DirectoryTree.root : number
        // No call accepts a longer path: then use the nearest directory above with a shorter one.
        while let parent = tree.parent(of: number), tree.path(of: number).count >= Self.longestPath { number = parent }
        let isMount = tree.flags(of: number).contains(.mount)
        if isMount, options.oneFileSystem || options.excludeKernfs {
            throw RescanRefusal(message: "it is on another file system, which is left out")
        }
        var part = options
        part.paths = [tree.path(of: number)]
        guard part.paths[0].count < Self.longestPath else { throw RescanRefusal(message: "its path is too long") }
        do throws(ScanUnavailable) {
            running = try Running(part, root: number, next: DirectoryNumber(tree.count))
        } catch {
            throw RescanRefusal(message: error.message)
        }
        keptErrors = errorList.filter { !Self.isIn($0.path, part.paths[0]) }
        rescan = tree.beginRescan(number)
        isOriginal = number == DirectoryTree.root
        isTaken = false
        return number
    }

    /// `PATH_MAX`, with the NUL.
    private static let longestPath = 4096

    /// A `.gitignore` above, or a pattern with an inner slash, means something else with another PATH.
    private var hasPatternsOfPlaces: Bool {
        options.gitignore || options.exclude.contains { $0.dropLast().contains(UInt8(ascii: "/")) }
    }

    static func isIn(_ path: [UInt8], _ directory: [UInt8]) -> Bool {
        guard path.starts(with: directory) else { return false }
        return path.count == directory.count || directory.last == UInt8(ascii: "/")
            || path[directory.count] == UInt8(ascii: "/")
    }

    // MARK: Tables

    /// Counts the contents of a directory by kind and owner, and finds its largest files.
    func tables(of number: DirectoryNumber, in tree: borrowing DirectoryTree) -> BackgroundTask<ScanReport?>? {
        if number == DirectoryTree.root, let report { return BackgroundTask { _ in report } }
        var part = options
        part.paths = [tree.path(of: number)]
        let isWhole = number == DirectoryTree.root
        guard part.paths[0].count < Self.longestPath, isWhole || !hasPatternsOfPlaces else { return nil }
        return BackgroundTask { [part] task in
            var environment = ScanEnvironment()
            environment.isCancelled = { task.isCancelled }
            return try? Scan(part, environment).run()
        }
    }
}

/// Why a directory is not scanned again: a sentence for people.
struct RescanRefusal: Error {
    var message: String
}

/// The errors of a scan, up to a readable number.
private final class ErrorLog: Sendable {
    private let errors = Mutex<[ScanError]>([])
    private static let limit = 10_000

    func add(_ error: ScanError) {
        errors.withLock { if $0.count < Self.limit { $0.append(error) } }
    }

    /// Nil if a worker has the lock, and `waits` is false.
    func list(waits: Bool) -> [ScanError]? { waits ? errors.withLock { $0 } : errors.withLockIfAvailable { $0 } }
}
