import CLinux

/// Work that another process does while a worker waits for it.
package enum Delegation {
    /// Calls `body`, which waits for what the process computes. The monitor counts the processor time of that process
    /// as this worker's: a worker that waits for another's computing is not blocked, and in its place no other is
    /// needed.
    ///
    /// Costs two stores. Outside of a worker nothing but `body` happens.
    package static func wait<Value, Failure: Error>(
        for process: Int32, _ body: () throws(Failure) -> Value
    ) throws(Failure) -> Value {
        guard let worker = Worker.current else { return try body() }
        worker.delegate = process
        defer { worker.delegate = 0 }
        return try body()
    }
}

/// The clocks of the processes that compute for workers, as the monitor reads them. They are kept by process: one that
/// goes from worker to worker is seldom found with the same worker at two looks.
struct DelegateClocks {
    private struct Clock {
        let process: Int32
        /// Its processor time at the last look.
        var time: Int64
        /// When a worker was last seen to wait for it, in nanoseconds.
        var lastNeeded: Int64
    }

    private var clocks: [Clock] = []

    /// Another process may get the number of one that has ended, so that nobody waits for it any more.
    private static let oblivion: Int64 = 1_000_000_000

    /// A worker waits for `process` at the time `now`.
    mutating func note(_ process: Int32, at now: Int64) {
        if let index = clocks.firstIndex(where: { $0.process == process }) {
            clocks[index].lastNeeded = now
        } else if case let time = clinux_process_time(process), time >= 0 {
            clocks.append(Clock(process: process, time: time, lastNeeded: now))
        }
    }

    /// The processor time that they have used since the last call, or since they were noted, in nanoseconds.
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
