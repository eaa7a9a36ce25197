// For programs that share their work with other processes. Such a program lends what a thief would take, the oldest
// runnables, which are the biggest parts. Both questions are about this scheduler only; the actors decide what becomes
// of the work.

extension Scheduler {
    /// Whether a worker sleeps and nothing is queued. For any thread; the answer may be stale.
    package var isHungry: Bool { idle.now.sleeping > 0 && visibleWork == 0 }

    /// Whether something is queued that no worker has begun. For any thread; the answer may be stale.
    package var hasQueuedWork: Bool { visibleWork > 0 }

    /// The calling worker takes its oldest runnables next, the oldest first: at most half of those in its deque.
    ///
    /// Other workers cannot see them on their way from one end of the deque to the other, so a worker may go to sleep
    /// in spite of them: hence `notify()`.
    ///
    /// - Returns: their number.
    package static func takeOldestNext(atMost limit: Int) -> Int {
        guard let worker = Worker.current else { return 0 }
        var oldest = Ring()
        for _ in 0..<min(limit, (worker.deque.count + 1) / 2) {
            guard let runnable = worker.deque.popOldest() else { break }
            oldest.prepend(runnable)
        }
        let count = oldest.count
        if count > 0 {
            worker.deque.push(contentsOf: oldest)
            worker.scheduler.idle.notify()
        }
        return count
    }
}
