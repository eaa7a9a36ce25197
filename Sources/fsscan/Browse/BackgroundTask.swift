import Glibc
import Synchronization

/// Work on a thread of its own; the caller polls for its result instead of waiting.
final class BackgroundTask<Value: Sendable>: Sendable {
    private let state = Mutex<Value?>(nil)
    private let cancelled = Atomic<Bool>(false)

    /// - Parameter body: must check `isCancelled` often.
    init(_ body: @escaping @Sendable (BackgroundTask<Value>) -> Value) {
        let work = Unmanaged.passRetained(Work { self.run(body) })
        // Signals go to the main thread: curses handles those of the terminal.
        var all = sigset_t()
        var before = sigset_t()
        sigfillset(&all)
        pthread_sigmask(SIG_SETMASK, &all, &before)
        defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
        var thread = pthread_t()
        let result = pthread_create(
            &thread, nil,
            { context in
                Unmanaged<Work>.fromOpaque(context!).takeRetainedValue().body()
                return nil
            }, work.toOpaque())
        if result == 0 {
            pthread_detach(thread)
        } else {
            // No thread is available: run it here and now.
            work.takeRetainedValue().body()
        }
    }

    private func run(_ body: @Sendable (BackgroundTask<Value>) -> Value) {
        let value = body(self)
        state.withLock { $0 = value }
    }

    /// The result; nil while it is not finished.
    var result: Value? { state.withLock { $0 } }

    var isCancelled: Bool { cancelled.load(ordering: .relaxed) }
    func cancel() { cancelled.store(true, ordering: .relaxed) }
}

/// The work of a thread.
private final class Work: Sendable {
    let body: @Sendable () -> Void
    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
}
