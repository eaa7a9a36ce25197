// How an `async` function lets other work run first.

extension Scheduler {
    /// Puts the rest of the calling `async` function behind everything else in the deque of the worker it runs on.
    ///
    /// Costs two moves in and out of the deque and no allocation. `Task.yield()` allocates a job, and on this pool
    /// returns to the newest end of the deque, before everything else except once in 1,021 turns. Outside a pool the
    /// two are the same.
    public static func yield() async {
        guard Worker.currentReference != nil else { return await Task.yield() }
        await withUnsafeContinuation { continuation in
            // The same worker: nothing above suspends. The continuation may already be resumed on another one when this
            // returns.
            guard let worker = Worker.current else { return continuation.resume() }
            worker.pushOldest(.yielded(continuation))
        }
    }

    /// The number of threads of the caller's pool; nil outside a pool.
    package static var currentThreads: Int? { Worker.current?.scheduler.threads }

    /// Whether the caller's run was cancelled; false outside a pool.
    package static var isCurrentRunCancelled: Bool { Worker.current?.scheduler.isCancelled ?? false }
}
