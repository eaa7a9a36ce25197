import Glibc
import LinuxKernel
import Synchronization

/// Work on a thread of its own; the caller polls for its result instead of waiting.
final class BackgroundTask<Value: Sendable>: Sendable {
    private let state = Mutex<Value?>(nil)
    private let cancelled = Atomic<Bool>(false)

    /// - Parameter body: must check `isCancelled` often.
    init(_ body: @escaping @Sendable (BackgroundTask<Value>) -> Value) {
        let work: @Sendable () -> Void = { self.run(body) }
        // Signals go to the main thread: curses handles those of the terminal.
        if let thread = Thread.start(takesSignals: false, work) {
            pthread_detach(thread)
        } else {
            // No thread is available: run it here and now.
            work()
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
