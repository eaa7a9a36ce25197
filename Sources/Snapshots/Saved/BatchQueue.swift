import Glibc

/// Batches of entries on their way from the workers to the thread that writes the database: at most `limit` wait, then
/// workers wait, so that memory stays bounded when the disk is slower than the scan.
///
/// `@unchecked Sendable`: `batches` and `isClosed` are touched with the mutex held; mutex and conditions have addresses of
/// their own, freed in `deinit`.
final class BatchQueue<Batch: Sendable>: @unchecked Sendable {
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let changed = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private var batches: [Batch] = []
    private var isClosed = false
    private let limit: Int

    init(limit: Int) {
        self.limit = limit
        mutex.initialize(to: pthread_mutex_t())
        changed.initialize(to: pthread_cond_t())
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(changed, nil)
    }

    deinit {
        pthread_cond_destroy(changed)
        pthread_mutex_destroy(mutex)
        changed.deallocate()
        mutex.deallocate()
    }

    /// Waits for room. Drops the batch if the queue is closed.
    func push(_ batch: Batch) {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        while batches.count >= limit, !isClosed { pthread_cond_wait(changed, mutex) }
        if isClosed { return }
        batches.append(batch)
        pthread_cond_broadcast(changed)
    }

    /// Waits for batches and takes them all; empty when the queue is closed and nothing is left.
    func takeAll() -> [Batch] {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        while batches.isEmpty, !isClosed { pthread_cond_wait(changed, mutex) }
        defer {
            batches = []
            pthread_cond_broadcast(changed)
        }
        return batches
    }

    /// No batch comes any more; what waits is still taken.
    func close() {
        pthread_mutex_lock(mutex)
        isClosed = true
        pthread_cond_broadcast(changed)
        pthread_mutex_unlock(mutex)
    }
}
