import CLinux

/// Work that another process does while a worker waits for it.
package enum Delegation {
    /// Calls `body`, which waits for a result from another process. The monitor counts the processor time of that
    /// process as this worker's: a worker that waits for another's computation is not blocked, and needs no spare
    /// worker in its place.
    ///
    /// Costs two stores. Outside a worker only `body` runs.
    package static func wait<Value, Failure: Error>(
        for process: Int32, _ body: () throws(Failure) -> Value
    ) throws(Failure) -> Value {
        guard let worker = Worker.current else { return try body() }
        worker.delegate = process
        defer { worker.delegate = 0 }
        return try body()
    }
}

/// The clocks of the processes that compute for workers, as read by the monitor. They are kept per process, because a
/// process that goes from worker to worker is seldom found with the same worker at two looks.
struct DelegateClocks {
    private struct Clock {
        let process: Int32
        /// Its processor time at the last look.
        var time: Int64
        /// When a worker last waited for it, in nanoseconds.
        var lastNeeded: Int64
    }

    private var clocks: [Clock] = []

    /// Forgets a process after this time without a waiting worker, because its number may be reused.
    private static let oblivion: Int64 = 1_000_000_000

    /// A worker was waiting for `process` at the time `now`.
    mutating func note(_ process: Int32, at now: Int64) {
        if let index = clocks.firstIndex(where: { $0.process == process }) {
            clocks[index].lastNeeded = now
        } else if case let time = clinux_process_time(process), time >= 0 {
            clocks.append(Clock(process: process, time: time, lastNeeded: now))
        }
    }

    /// The processor time used by all processes since the last call, or since they were noted, in nanoseconds.
    mutating func timeUsed(at now: Int64) -> Int64 {
        var sum: Int64 = 0
        for index in clocks.indices.reversed() {
            let time = clinux_process_time(clocks[index].process)
            guard time >= 0, now - clocks[index].lastNeeded < Self.oblivion else {
                clocks.remove(at: index)
                continue
            }
            sum += time - clocks[index].time
            clocks[index].time = time
        }
        return sum
    }
}
