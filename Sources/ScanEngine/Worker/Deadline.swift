import CLinux

/// A point in time by CLOCK_MONOTONIC.
package struct Deadline: Sendable {
    private let end: Int64

    /// - Parameter seconds: from now on.
    package init(seconds: Double) {
        let span = min(seconds, 1e9) * 1e9
        end = Self.now &+ Int64(span)
    }

    package var hasPassed: Bool { Self.now >= end }

    private static var now: Int64 {
        let time = clinux_now(CLOCK_MONOTONIC)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
}
