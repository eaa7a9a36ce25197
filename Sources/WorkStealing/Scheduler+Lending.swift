// For programs that share their work with other processes: what such a program lends is what a thief would take, the oldest
// runnables, which are the biggest parts. Two questions, asked of nobody but this scheduler; what becomes of the work is
// the business of the actors.

extension Scheduler {
    /// Whether a worker sleeps and nothing is queued. For any thread, and out of date when it is told.
    package var isHungry: Bool { idle.now.sleeping > 0 && visibleWork == 0 }

    /// The calling worker takes its oldest runnables next, the oldest first: at most half of those in its deque.
    ///
    /// Nobody sees them on their way from one end of the deque to the other, so that a worker may go to sleep over them:
    /// hence `notify()`.
    ///
    /// - Returns: how many.
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
