import CLinux
public import Entries
import LinuxKernel
import Synchronization
import WorkStealing

/// A scan of one or more trees.
///
/// ```swift
/// let report = try Scan(ScanOptions(paths: [Array("/usr".utf8)], threads: 4)).run()
/// print(report.totals.entries, report.totals.diskBytes)
/// ```
public final class Scan: Sendable {
    /// With ages converted to times.
    public let options: ScanOptions
    /// When the scan object was created: the start time in reports and records.
    public let start: Timing
    let context: ScanContext
    private let trace: Trace?

    /// - Parameters:
    ///   - isCancelled: called often, by all workers: once it returns true, the scan ends as soon as it can. Intended
    ///     for a flag that a signal handler sets.
    ///   - trace: gets a timeline of the scheduler's work, for Perfetto, in pieces: see `WorkStealing.Trace`.
    ///   - onError: called for each error when it happens, by any worker. The report lists the first 10,000 by path.
    /// - Throws: `ScanUnavailable` if a library on this machine cannot do what the options ask for.
    public convenience init(
        _ options: ScanOptions,
        isCancelled: @escaping @Sendable () -> Bool = { false },
        trace: (@Sendable ([UInt8]) -> Void)? = nil,
        onError: (@Sendable (ScanError) -> Void)? = nil
    ) throws(ScanUnavailable) {
        var environment = ScanEnvironment()
        (environment.isCancelled, environment.trace, environment.onError) = (isCancelled, trace, onError)
        try self.init(options, environment)
    }

    package init(_ options: ScanOptions, _ environment: ScanEnvironment) throws(ScanUnavailable) {
        precondition((1...1024).contains(options.pool ?? options.threads), "1 to 1024 threads")
        trace = environment.trace.map { Trace(write: $0) }
        var start = Timing.now
        start.threads = options.pool ?? options.threads
        self.start = start
        var options = options
        options.selection = options.selection.resolved(options.now ?? start.started)
        self.options = options
        context = try ScanContext(options, environment, start: start.started)
    }

    /// How libmagic is confined; nil without `mime`.
    package var mimeConfinement: MIMEConfinement? { context.content?.detectors?.confinement }

    /// Stops the scan soon; `run()` then returns a report that is not `complete`. Callable from any thread.
    public func cancel() { context.cancel() }

    /// Whether files are read, not only listed.
    package var readsFiles: Bool { context.content != nil }

    /// The progress so far, for a display. Callable from any thread, during `run()` and afterwards.
    public func progress() -> ScanProgress { context.progress() }

    /// The directories and files that workers are at now: those that a stalled scan waits for.
    package var places: [[UInt8]] { context.places() }

    /// Scans, blocking the calling thread, which is one of the workers. Call it once.
    ///
    /// Raises the process's soft limit on open files to the hard limit.
    public func run() -> ScanReport {
        var report = ScanReport()
        let begin = clinux_now(CLOCK_MONOTONIC)

        let scheduler = makeScheduler()
        let queue = PathQueue(options.paths, on: scheduler)
        queue.send { [limit = context.descriptors.pathsAtATime] in $0.start(atATime: limit) }
        run(scheduler)

        guard let outcome = queue.outcome.withLock({ $0 }) else {
            preconditionFailure("the scan ended before its PATHs were done")
        }
        report.totals = outcome.totals
        report.roots = outcome.roots
        report.complete = !context.wasStopped
        let reopened = fill(&report, from: context.takeWorkers())
        report.statistics = Self.statistics(scheduler.statistics) + [("descriptors_reopened", reopened)]

        let end = clinux_now(CLOCK_MONOTONIC)
        report.timing = start
        // The system may refuse threads; spare workers that replace blocked ones are more than N.
        report.timing.threads = min(start.threads, scheduler.statistics.mostThreads)
        report.timing.elapsedSeconds = Double(end.tv_sec - begin.tv_sec) + Double(end.tv_nsec - begin.tv_nsec) * 1e-9
        return report
    }

    func makeScheduler() -> Scheduler {
        let workers = context.descriptors.workers
        return Scheduler(
            threads: min(options.pool ?? options.threads, workers), maximumThreads: workers,
            trace: trace
        ) { [context] _ in
            WorkerLocals(context)
        }
    }

    /// Delivers pending messages, and everything that follows from them.
    func run(_ scheduler: Scheduler) {
        do {
            try scheduler.run()
        } catch {
            // Errors of the tree are records; no message of the engine throws.
            preconditionFailure("a message of the scan threw \(error)")
        }
        trace?.finish()
    }

    /// Merges the workers' own results.
    ///
    /// - Returns: how many descriptors had to be reopened.
    func fill(
        _ report: inout ScanReport, from workers: [WorkerLocals],
        flushing isFlushed: (any EntryOutput) -> Bool = { _ in true }
    ) -> Int64 {
        var lists = ScanLists(context)
        flush(workers, to: isFlushed)
        for worker in workers { lists.add(worker) }
        lists.fill(&report, context)
        return lists.descriptorsReopened
    }

    /// Hands the workers' remaining data to the outputs.
    func flush(_ workers: [WorkerLocals], to isFlushed: (any EntryOutput) -> Bool = { _ in true }) {
        var sorting: [any EntryStream] = []
        for worker in workers {
            for (stream, output) in zip(worker.streams, context.outputs) where isFlushed(output) {
                if output.sortsAtFlush { sorting.append(stream) } else { stream.flush() }
            }
        }
        flushTogether(sorting)
    }

    /// Flushes streams of workers that have ended, several at a time.
    private func flushTogether(_ streams: [any EntryStream]) {
        // A separate scheduler: workers of the scan's own would allocate buffers for scanning.
        let threads = min(options.threads, streams.count)
        if threads < 2 { return streams.forEach { $0.flush() } }
        // Sound: each stream belongs to one call, and the workers that filled it have ended.
        nonisolated(unsafe) let streams = streams
        do {
            try Scheduler(threads: threads).run {
                Scheduler.parallelFor(0..<streams.count, grain: 1) { streams[$0].flush() }
            }
        } catch {
            preconditionFailure("flushing threw \(error)")
        }
    }

    static func statistics(_ counted: Statistics) -> [(name: String, value: Int64)] {
        [
            ("messages", Int64(counted.messages)), ("turns", Int64(counted.turns)), ("jobs", Int64(counted.jobs)),
            ("steals", Int64(counted.steals)), ("stolen", Int64(counted.stolen)),
            ("steal_attempts", Int64(counted.stealAttempts)), ("parks", Int64(counted.parks)),
            ("wakes", Int64(counted.wakes)), ("longest_queue", Int64(counted.longestQueue)),
            ("spares_released", Int64(counted.sparesReleased)), ("rests", Int64(counted.rests)),
            ("rescues", Int64(counted.rescues)), ("most_threads", Int64(counted.mostThreads)),
            ("monitor_looks", Int64(counted.monitorLooks)),
        ]
    }
}
