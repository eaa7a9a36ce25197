import Glibc
import Measuring
import Synchronization
import WorkStealing

/// Messages that wait in the kernel, mixed with messages that compute: every other sleeps for 1 to 5 ms, as a read from
/// a remote disk would, the rest computes for 50 µs. The pool decides how many wait at a time.
///
/// `latency-fixed`: N threads. `latency-surplus`: 4 N threads. `latency-monitor`: N that run.
func latency(_ mode: String, count: Int, threads: Int) throws {
    let scheduler =
        switch mode {
        case "latency-fixed": Scheduler(threads: threads)
        case "latency-surplus": Scheduler(threads: threads * 4)
        default: Scheduler(threads: threads, maximumThreads: max(64, threads * 32))
        }
    var measurement = Measurement(mode, threads: threads)
    let done = Done()
    Empty(on: scheduler).send { _ in
        for number in 0..<count {
            Empty(on: scheduler).send { _ in
                if number % 2 == 0 { usleep(UInt32(1000 + number * 7919 % 4000)) } else { compute(microseconds: 50) }
                done.count.add(1, ordering: .relaxed)
            }
        }
    }
    measurement.spawnEnded()
    try scheduler.run()
    measurement.end()
    precondition(done.count.load(ordering: .relaxed) == count, "a message was lost")
}

private final class Done: Sendable {
    let count = Atomic<Int>(0)
}

/// Processor time, so that a busy machine does not make the work less.
private func compute(microseconds: Int) {
    var (begin, now) = (timespec(), timespec())
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &begin)
    repeat {
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now)
    } while (now.tv_sec - begin.tv_sec) * 1_000_000_000 + now.tv_nsec - begin.tv_nsec < microseconds * 1000
}
