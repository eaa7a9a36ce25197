// The threads of a scheduler's workers, and of its monitor.

import CLinux

extension Scheduler {
    /// Starts all workers that take part from the start, but for that of the caller of `run()`.
    func startThreads() -> [pthread_t] {
        var threads: [pthread_t] = []
        for worker in workers[1..<self.threads] {
            guard let thread = Self.startThread(worker, inReserve: false) else { break }
            threads.append(thread)
        }
        idle.giveUp(self.threads - 1 - threads.count)
        countStarted(threads.count + 1)
        return threads
    }

    private static func startThread(_ worker: Worker, inReserve: Bool) -> pthread_t? {
        inReserve
            ? startThread(worker) { worker in
                Unmanaged<Worker>.fromOpaque(worker!).takeUnretainedValue().runFromReserve()
                return nil
            }
            : startThread(worker) { worker in
                Unmanaged<Worker>.fromOpaque(worker!).takeUnretainedValue().run()
                return nil
            }
    }

    /// Starts a thread that runs `body` with `object`. The caller keeps the object until it has joined the thread.
    static func startThread(
        _ object: AnyObject, _ body: @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer?
    ) -> pthread_t? {
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        pthread_attr_setstacksize(&attributes, Self.stackSize)
        defer { pthread_attr_destroy(&attributes) }
        var thread = pthread_t()
        let status = pthread_create(&thread, &attributes, body, Unmanaged.passUnretained(object).toOpaque())
        return status == 0 ? thread : nil
    }

    /// Stack of a worker, in bytes. Independent of `ulimit -s`, and small enough that 1,024 threads fit into a limited
    /// address space; libmagic's regular expressions are the deepest known user.
    private static let stackSize = 1 << 20

    /// Creates the thread of one more worker, which begins in reserve; nil if there is no more, or the system refuses.
    func startSpare() -> pthread_t? {
        let index = startedWorkers
        guard index < workers.count else { return nil }
        // Before the thread can push anything.
        countStarted(index + 1)
        guard let thread = Self.startThread(workers[index], inReserve: true) else {
            countStarted(index)
            return nil
        }
        return thread
    }
}
