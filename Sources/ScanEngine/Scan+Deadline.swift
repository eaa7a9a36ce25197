// A scan with a deadline ends even if workers are stuck.
//
//   caller                                scan thread, workers
//   starts the scan thread ────────────▶  run()
//   waits                                 …
//   the deadline passes                   each worker sees it, between two entries, and ends what it is at
//   waits for the grace                   one is in read(2) on a server that does not answer
//   abandons the threads                  a thread that returns from a system call stops forever: `Kernel.check`
//   waits until no thread runs
//   makes the report from what the workers have counted
//
// No signal ends such a call: a FUSE server that ignores the interruption blocks the thread until the process is
// killed. So the process ends with its threads where they are.

import CLinux
import Entries
import LinuxKernel
import Synchronization

extension Scan {
    /// Like `run()`, but returns a short time after the deadline of its environment, whatever the workers wait for.
    /// Then the report has the sums of each PATH, but no tree and no digests, and `unfinished` names the places of the
    /// workers.
    ///
    /// If it returns without its threads, the process must end soon: their resources are never released.
    package func runUntilDeadline() -> ScanReport {
        let begin = clinux_now(CLOCK_MONOTONIC)
        // The thread keeps it alive.
        let run = RunOnThread(self)
        guard run.start() else { return self.run() }
        var left = Self.graceInNaps
        while left > 0 {
            if run.isDone(within: Self.nap) { return run.report }
            if context.shouldStop { left -= 1 }
        }
        clinux_abandon_threads()
        Self.waitUntilOthersSleep()
        if run.isDone(within: 0) { return run.report }
        var report = reportWithoutThreads()
        let end = clinux_now(CLOCK_MONOTONIC)
        report.timing.elapsedSeconds = Double(end.tv_sec - begin.tv_sec) + Double(end.tv_nsec - begin.tv_nsec) * 1e-9
        return report
    }

    private static let nap: Int64 = 20_000_000
    /// Two seconds: a worker that is not stuck checks for a stop more than ten times in that time.
    private static let graceInNaps = 100

    /// Returns when no other thread has used a processor for a while. All threads come to rest: in their current call,
    /// in the next one, or asleep for lack of work.
    private static func waitUntilOthersSleep() {
        var quiet = 0
        for _ in 0..<500 where quiet < 5 {
            let before = clinux_now(CLOCK_PROCESS_CPUTIME_ID)
            clinux_sleep(nap)
            let after = clinux_now(CLOCK_PROCESS_CPUTIME_ID)
            let used = (after.tv_sec - before.tv_sec) * 1_000_000_000 + after.tv_nsec - before.tv_nsec
            // The pool's monitor takes less.
            quiet = used < Int(nap) / 10 ? quiet + 1 : 0
        }
    }

    private func reportWithoutThreads() -> ScanReport {
        let workers = context.takeWorkers()
        var report = ScanReport()
        report.complete = false
        var counts = PartialCounts()
        for worker in workers {
            guard let partial = worker.partial else { continue }
            counts.add(partial, context.devices)
            if let place = worker.at.path { worker.unfinished.add(place) }
        }
        report.totals = counts.sum(context.devices)
        report.roots = options.paths.enumerated().map { index, path in
            var root = RootReport(path: path)
            root.totals = counts.subtotals[index]?.totals ?? Totals()
            root.digests = context.named(nil)
            return root
        }
        // Waiting for an output that is blocked in writing would block.
        let isFree = context.outputs.map(\.canBeFlushed)
        report.hasAllRecords = zip(context.outputs, isFree).allSatisfy { $1 || !$0.isReadMeanwhile }
        // A saved scan must be complete: its streams are left alone, and say nothing about those of records.
        _ = fill(&report, from: workers) { output in
            zip(context.outputs, isFree).contains { $0 === output && $1 }
        }
        report.timing = start
        return report
    }
}

/// A scan on a thread of its own.
///
/// `@unchecked Sendable`: the thread writes `report` before it sets `done`; others read it after they have seen `done`.
private final class RunOnThread: @unchecked Sendable {
    private let scan: Scan
    private(set) var report = ScanReport()
    /// A futex word, never freed: the thread may be abandoned.
    private let done = UnsafeMutablePointer<UInt32>.allocate(capacity: 1)

    init(_ scan: Scan) {
        self.scan = scan
        done.initialize(to: 0)
    }

    /// - Returns: false if the thread cannot be created.
    func start() -> Bool {
        let thread = Thread.start { [self] in
            report = scan.run()
            clinux_set_flag(done)
            clinux_futex_wake(done, 1)
        }
        guard let thread else { return false }
        pthread_detach(thread)
        return true
    }

    func isDone(within nanoseconds: Int64) -> Bool {
        if clinux_flag_is_set(done) != 0 { return true }
        var time = timespec(tv_sec: 0, tv_nsec: Int(nanoseconds))
        _ = clinux_futex_wait(done, 0, &time)
        return clinux_flag_is_set(done) != 0
    }
}
