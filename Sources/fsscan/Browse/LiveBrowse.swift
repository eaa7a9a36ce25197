import CLinux
import ScanEngine
import Synchronization

/// A tree that is scanned while it is looked at.
final class LiveBrowse: Sendable {
    let options: ScanOptions
    private let scan: Scan
    private let watch: DirectoryWatch
    private let errors: ErrorLog
    private let task: BackgroundTask<ScanReport>

    /// Starts a scan.
    ///
    /// - Parameters:
    ///   - options: of one PATH.
    ///   - root: the number of its directory.
    ///   - next: that of the next directory.
    init(_ options: ScanOptions, root: DirectoryNumber, next: DirectoryNumber) throws(ScanUnavailable) {
        self.options = options
        let watch = DirectoryWatch(roots: [root], next: next)
        let errors = ErrorLog()
        var environment = ScanEnvironment()
        environment.watch = watch
        environment.onError = { errors.add($0) }
        let scan = try Scan(options, environment)
        (self.watch, self.errors, self.scan) = (watch, errors, scan)
        task = BackgroundTask { _ in scan.run() }
    }

    /// Nil while it runs.
    var report: ScanReport? { task.result }

    var progress: (entries: Int64, diskBytes: Int64, errors: Int64) { scan.progress() }

    /// Brings the tree up to date.
    func update(_ tree: inout DirectoryTree, _ spare: inout DirectoryEvents) {
        watch.take(&spare) { tree.apply($0) }
        tree.settle()
    }

    /// The first errors, in the order in which they happened.
    var errorList: [ScanError] { errors.list }

    func cancel() { scan.cancel() }
}

/// The errors of a scan, as many as anybody reads.
private final class ErrorLog: Sendable {
    private let errors = Mutex<[ScanError]>([])
    private static let limit = 10_000

    func add(_ error: ScanError) {
        errors.withLock { if $0.count < Self.limit { $0.append(error) } }
    }

    var list: [ScanError] { errors.withLock { $0 } }
}
