import Glibc
import Synchronization

/// The libmagic handles of a scan: as many as may run at a time, however many workers there are.
///
/// A handle maps its own copy of the database and keeps buffers, 11 MiB in all, and uses a processor when it is used. More of
/// them than N would cost memory (64 workers: 750 MiB) and gain nothing: who waits for one waits for a processor.
package final class MIMEDetectors: @unchecked Sendable {
    private let cache = MIMECache()
    /// Counts the handles that are free, made or not. Allocated: a semaphore must not move, and it is safe to use from any
    /// thread. Everything else is behind the mutex, or constant: hence `@unchecked Sendable`.
    private let places: UnsafeMutablePointer<sem_t>
    private let made = Mutex<[Detector]>([])

    /// A detector that goes from hand to hand. It is used by who has taken it out of `made`.
    private final class Detector: @unchecked Sendable {
        var detector: MIMEDetector
        init(_ detector: consuming MIMEDetector) { self.detector = detector }
    }

    package init(count: Int) {
        places = .allocate(capacity: 1)
        sem_init(places, 0, UInt32(count))
    }

    deinit {
        sem_destroy(places)
        places.deallocate()
    }

    /// Makes the first handle, so that a missing database ends the program and not each file.
    package func prepare() throws(MIMEUnavailable) { try withDetector { _ in } }

    /// As `MIMEDetector.type(of:head:)`, once a handle is free.
    package func type(
        of reader: borrowing FileReader, head: UnsafeRawBufferPointer
    ) throws(MIMEUnavailable) -> Result<String, ContentFailure> {
        try withDetector { detector in
            do throws(ContentFailure) {
                return .success(try detector.type(of: reader, head: head))
            } catch {
                return .failure(error)
            }
        }
    }

    private func withDetector<Answer>(_ body: (inout MIMEDetector) -> Answer) throws(MIMEUnavailable) -> Answer {
        while sem_wait(places) != 0 {}  // interrupted by a signal
        defer { sem_post(places) }
        let free = made.withLock { $0.popLast() }
        let taken: Detector
        if let free { taken = free } else { taken = Detector(try MIMEDetector(cache: cache)) }
        let answer = body(&taken.detector)
        made.withLock { $0.append(taken) }
        return answer
    }
}
