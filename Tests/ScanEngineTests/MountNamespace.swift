import CLinux
import Foundation
import Synchronization
import TestSupport
import Testing

/// Runs `body` on a separate thread with its own mounts.
func inMountNamespace<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) throws -> Result {
    let outcome = Outcome<Result>()
    Thread.detachNewThread {
        let result = Swift.Result {
            if unshare(CLONE_NEWNS) < 0 { throw Failure(errnoOf: "unshare", "") }
            return try body()
        }
        outcome.result.withLock { $0 = result }
        outcome.isThere.signal()
    }
    outcome.isThere.wait()
    return try #require(outcome.result.withLock { $0 }).get()
}

private final class Outcome<Value: Sendable>: Sendable {
    let result = Mutex<Result<Value, any Error>?>(nil)
    let isThere = DispatchSemaphore(value: 0)
}
