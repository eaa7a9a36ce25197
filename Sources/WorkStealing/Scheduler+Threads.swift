// The threads of a scheduler's workers, and of its monitor.

import CLinux

extension Scheduler {
    /// Prepares the process for its schedulers. Call it while the process has one thread: with several, the kernel
    /// waits 10 to 15 ms until each processor knows that the process uses membarrier(2).
    package static func prepareProcess() { AsymmetricFence.prepare() }

    /// Starts all workers that take part from the start, except that of the caller of `run()`.
    func startThreads() -> [pthread_t] {
        var threads: [pthread_t] = []
        for worker in workers[1..<self.threads] {
            guard let thread = startThread(worker, inReserve: false) else { break }
            threads.append(thread)
        }
        idle.giveUp(self.threads - 1 - threads.count)
        countStarted(threads.count + 1)
        return threads
    }

    private func startThread(_ worker: Worker, inReserve: Bool) -> pthread_t? {
        inReserve
            ? startThread(worker) { worker in
                clinux_with_stack_guard(
                    { Unmanaged<Worker>.fromOpaque($0).takeUnretainedValue().runFromReserve() }, worker!)
                return nil
            }
            : startThread(worker) { worker in
                clinux_with_stack_guard({ Unmanaged<Worker>.fromOpaque($0).takeUnretainedValue().run() }, worker!)
                return nil
            }
    }

    /// Starts a thread that runs `body` with `object`. The caller keeps the object alive until it has joined the
    /// thread.
    func startThread(
        _ object: AnyObject, _ body: @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer?
    ) -> pthread_t? {
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        pthread_attr_setstacksize(&attributes, stackSize)
        pthread_attr_setguardsize(&attributes, Self.guardSize)
        defer { pthread_attr_destroy(&attributes) }
        var thread = pthread_t()
        let status = pthread_create(&thread, &attributes, body, Unmanaged.passUnretained(object).toOpaque())
        return status == 0 ? thread : nil
    }

    /// Larger than most frames: a frame that is larger than the guard may skip it.
    private static let guardSize = 64 << 10

    /// Creates the thread of one more worker, which begins in reserve; nil if there is no more, or the system refuses.
    func startSpare() -> pthread_t? {
        let index = startedWorkers
        guard index < workers.count else { return nil }
        // Before the thread can push anything.
        countStarted(index + 1)
        guard let thread = startThread(workers[index], inReserve: true) else {
            countStarted(index)
            return nil
        }
        return thread
    }
}
