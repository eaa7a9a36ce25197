/// A scan of one or more trees.
public final class Scan: Sendable {
    public let options: ScanOptions
    private let isCancelled: @Sendable () -> Bool

    /// `isCancelled` is asked now and then by the workers, from any thread: true stops the scan as `cancel()` does. It
    /// must be cheap (a relaxed load of a flag that a signal handler sets).
    public init(_ options: ScanOptions, isCancelled: @escaping @Sendable () -> Bool = { false }) {
        self.options = options
        self.isCancelled = isCancelled
    }

    /// Scans, blocking the calling thread, which is worker 0.
    public func run() -> ScanReport { ScanReport() }

    /// Stops the scan soon; `run()` returns a report with `complete == false`. Async-signal-safe callers set a flag instead.
    public func cancel() {}

    /// Entries seen so far, for a progress display. Callable from any thread while `run()` runs.
    public func progress() -> (entries: Int64, diskBytes: Int64, errors: Int64) { (0, 0, 0) }
}
