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
