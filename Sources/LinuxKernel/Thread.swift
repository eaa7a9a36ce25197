package import Glibc

/// A thread for work that waits, or that nobody may wait for. Anything else belongs on the scheduler.
package enum Thread {
    /// Starts a thread that calls `body` once. The caller joins or detaches it.
    ///
    /// - Parameter takesSignals: false: the process's other threads get them.
    /// - Returns: nil if the system refuses a thread.
    package static func start(takesSignals: Bool = true, _ body: @escaping @Sendable () -> Void) -> pthread_t? {
        // A new thread inherits the mask.
        var before = sigset_t()
        if !takesSignals {
            var all = sigset_t()
            sigfillset(&all)
            pthread_sigmask(SIG_SETMASK, &all, &before)
        }
        defer { if !takesSignals { pthread_sigmask(SIG_SETMASK, &before, nil) } }
        let work = Unmanaged.passRetained(Work(body))
        var thread = pthread_t()
        let result = pthread_create(
            &thread, nil,
            { work in
                Unmanaged<Work>.fromOpaque(work!).takeRetainedValue().body()
                return nil
            }, work.toOpaque())
        if result == 0 { return thread }
        work.release()
        return nil
    }

    private final class Work: Sendable {
        let body: @Sendable () -> Void

        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }
}
