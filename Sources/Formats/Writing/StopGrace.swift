import CLinux
import Synchronization

/// The time that sorted records have after a stop signal. A small tree is written completely; the output of a large one
/// ends early, because merging and writing it may take minutes.
final class StopGrace: Sendable {
    private let isCancelled: @Sendable () -> Bool
    private let milliseconds: Int64
    /// When the signal was noticed, in milliseconds of the monotonic clock; 0: not yet. Relaxed: one thread asks.
    private let start = Atomic<Int64>(0)

    /// A signal is answered within 200 ms: see docs/RELIABILITY.md. The scan needs some of them to end, too.
    init(milliseconds: Int64 = 100, isCancelled: @escaping @Sendable () -> Bool) {
        (self.milliseconds, self.isCancelled) = (milliseconds, isCancelled)
    }

    var isOver: Bool {
        guard isCancelled() else { return false }
        let time = clinux_now(CLOCK_MONOTONIC)
        let now = Int64(time.tv_sec) * 1_000 + Int64(time.tv_nsec) / 1_000_000
        var start = start.load(ordering: .relaxed)
        if start == 0 {
            start = now
            self.start.store(start, ordering: .relaxed)
        }
        return now - start >= milliseconds
    }
}
