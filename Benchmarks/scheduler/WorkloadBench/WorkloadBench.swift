// The workloads where stealing matters, on this package's scheduler and on Swift's own executor.
//
//     WorkloadBench actors|forks|tasks|swift WORKLOAD SIZE THREADS
//
// `actors-oldest`, `actors-random`, `actors-polling` and `actors-articles` are actors whose scheduler behaves like that
// of the Cython+ articles in one respect (a worker takes its own work oldest first; sends go to a random worker; idle
// workers poll each millisecond), or in all three. With `actors-waking` each push to an empty deque wakes a worker, with
// `actors-locking` a worker also locks its own deque.
//
// Prints `RESULT SECONDS PEAK_KIB`. `swift` has as many threads as the default executor chooses.

import Glibc
import Measuring
@_spi(Ablation) import WorkStealing

@main
enum WorkloadBench {
    /// Synchronous: the calling thread becomes worker 0, and must not be one of the default executor's.
    static func main() throws {
        let arguments = CommandLine.arguments
        guard arguments.count == 5, let size = Int(arguments[3]), let threads = Int(arguments[4]),
            let workload = Workload(arguments[2], size), (1...1024).contains(threads)
        else {
            fatalError(
                "usage: WorkloadBench actors|forks|tasks|swift fib|queens|uts|pingpong|fanin|chain|for SIZE THREADS")
        }
        let clock = ContinuousClock()
        let started = clock.now
        @Sendable func report(_ result: Int) {
            print(result, (clock.now - started) / .seconds(1), Measurement.peakKiB())
        }
        switch arguments[1] {
        case "forks":
            report(try Forks.run(workload, on: Scheduler(threads: threads)))
        case "tasks":
            let scheduler = Scheduler(threads: threads)
            let total = Total()
            scheduler.spawn { total.set(await Tasks.run(workload, on: scheduler)) }
            try scheduler.run()
            report(total.value)
        case "swift":
            // Detached: a task that inherited the main actor would wait for ever.
            Task.detached {
                report(await Tasks.run(workload, on: nil))
                exit(0)
            }
            while true { pause() }
        case let other:
            guard let policy = SchedulingPolicy(named: other) else { fatalError("unknown contender: \(other)") }
            report(try Actors.run(workload, on: Scheduler(threads: threads, policy: policy)))
        }
    }
}

extension SchedulingPolicy {
    fileprivate init?(named name: String) {
        let names = [
            "actors", "actors-oldest", "actors-random", "actors-polling", "actors-waking", "actors-locking",
            "actors-articles",
        ]
        guard names.contains(name) else { return nil }
        self.init()
        takesOldest = ["actors-oldest", "actors-articles"].contains(name)
        postsAtRandom = ["actors-random", "actors-articles"].contains(name)
        wakesForEach = name == "actors-waking"
        locksQueues = name == "actors-locking"
        polls = ["actors-polling", "actors-articles"].contains(name)
    }
}
