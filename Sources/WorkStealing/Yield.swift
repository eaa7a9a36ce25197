// How an `async` function lets others go first.

extension Scheduler {
    /// Puts the rest of the calling `async` function behind everything else in the deque of the worker it runs on.
    ///
    /// Costs two moves in and out of the deque and no allocation. `Task.yield()` allocates a job, and on this pool comes back
    /// at the newest end of the deque, before everything else but once in 1,021 turns. Outside of a pool the two are the same.
    public static func yield() async {
        guard Worker.currentReference != nil else { return await Task.yield() }
        await withUnsafeContinuation { continuation in
            // The same worker: nothing above suspends. It may be another one's turn already when this returns.
            guard let worker = Worker.current else { return continuation.resume() }
            worker.pushOldest(.yielded(continuation))
        }
    }

    /// How many threads the pool has that the caller runs on; nil outside of a pool.
    package static var currentThreads: Int? { Worker.current?.scheduler.threads }

    /// Whether the run that the caller is part of was cancelled; false outside of a pool.
    package static var isCurrentRunCancelled: Bool { Worker.current?.scheduler.isCancelled ?? false }
}
