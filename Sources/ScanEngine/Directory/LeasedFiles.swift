import CLinux
import LinuxKernel
import WorkStealing

/// Files that cannot be opened yet, because another process has a lease on them (`fcntl(2)`, `F_SETLEASE`).
///
/// The first attempt to open such a file fails with EAGAIN and asks the holder to release the lease. Otherwise the
/// kernel breaks it after `/proc/sys/fs/lease-break-time` seconds. Without a second attempt, users could keep their
/// files out of every digest. The clocks of all leases run at the same time, so thousands of files take as long as one.
///
/// One actor per scan. Between attempts its message sleeps: the monitor lets another worker run meanwhile.
actor LeasedFiles: MailboxActor {
    nonisolated let mailbox: Mailbox
    nonisolated var unownedExecutor: UnownedSerialExecutor { UnownedSerialExecutor(ordinary: self) }

    private struct Waiting {
        var file: DeferredRead
        /// The time of the next attempt, in nanoseconds of CLOCK_MONOTONIC.
        var due: Int64
    }

    private var waiting: [Waiting] = []
    private var isAsleep = false

    init(scheduler: SchedulerID) { mailbox = Mailbox(scheduler) }

    /// Lets `file` try again after `pause` nanoseconds.
    func add(_ file: DeferredRead, after pause: Int64) {
        waiting.append(Waiting(file: file, due: Self.now + pause))
        guard !isAsleep else { return }
        isAsleep = true
        send { $0.sleep() }
    }

    /// Short, so that a stop signal is soon seen.
    private static let nap: Int64 = 20_000_000

    private func sleep() {
        let isStopped = WorkerLocals.current.context.shouldStop
        if !isStopped { clinux_sleep(Self.nap) }
        let now = Self.now
        let isDue = waiting.partition { isStopped || $0.due <= now }
        for item in waiting[isDue...] { item.file.send { $0.openOnceMore() } }
        waiting.removeSubrange(isDue...)
        isAsleep = !waiting.isEmpty
        if isAsleep { send { $0.sleep() } }
    }

    static var now: Int64 {
        let time = clinux_now(CLOCK_MONOTONIC)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
}

/// The attempts to open one file that is leased.
struct LeaseAttempts {
    /// The time when the kernel breaks the lease, plus a second: from then on EAGAIN is the file system's answer.
    private var end: Int64?
    private var pause: Int64 = 50_000_000

    /// The pause before the next attempt, in nanoseconds; nil if there should be none.
    mutating func nextPause(_ now: Int64 = LeasedFiles.now) -> Int64? {
        let end = self.end ?? now + Self.breakTime + 1_000_000_000
        self.end = end
        if now >= end { return nil }
        defer { pause = min(2 * pause, 5_000_000_000) }
        // The last attempt is after the end, whatever the sum of the pauses.
        return min(pause, max(end - now, 1_000_000))
    }

    /// In nanoseconds; 45 s if the system does not say. At most ten minutes, so that a scan ends.
    private static let breakTime: Int64 = {
        let text = Kernel.contents(of: Array("/proc/sys/fs/lease-break-time".utf8)) ?? []
        let seconds = Int64(String(decoding: text.prefix { $0 != 0x0A }, as: UTF8.self)) ?? 45
        return min(max(seconds, 0), 600) * 1_000_000_000
    }()
}
