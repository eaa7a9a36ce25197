// For programs that share their work with other processes. Such a program lends what a thief would take, the oldest
// runnables, which are the biggest parts. Both questions are about this scheduler only; the actors decide what becomes
// of the work.

extension Scheduler {
    /// Whether a worker sleeps and nothing is queued. For any thread; the answer may be stale.
    package var isHungry: Bool { idle.now.sleeping > 0 && visibleWork == 0 }

    /// Whether something is queued that no worker has begun. For any thread; the answer may be stale.
    package var hasQueuedWork: Bool { visibleWork > 0 }

    /// The calling worker takes its oldest runnables next, the oldest first: at most half of those in its deque, or, if
    /// that is empty, of those queued from outside.
    ///
    /// Other workers cannot see them on their way from one end of the deque to the other, so a worker may go to sleep
    /// in spite of them: hence `notify()`.
    ///
    /// - Returns: their number; nil if nothing is queued there.
    package static func takeOldestNext(atMost limit: Int) -> Int? {
        guard let worker = Worker.current else { return nil }
        let scheduler = worker.scheduler
        var oldest = Ring()
        if case let own = worker.deque.count, own > 0 {
            for _ in 0..<min(limit, own / 2) {
                guard let runnable = worker.deque.popOldest() else { break }
                oldest.prepend(runnable)
            }
        } else {
            let injected = scheduler.injector.count
            if injected == 0 { return nil }
            if injected > 1 { scheduler.injector.take(into: &oldest, share: 2, limit: limit) }
        }
        if oldest.count > 0 {
            worker.deque.push(contentsOf: oldest)
            scheduler.idle.notify()
        }
        return oldest.count
    }
}
