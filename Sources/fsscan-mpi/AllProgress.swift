import ScanEngine
import Synchronization

/// The progress of all ranks, for a display.
final class AllProgress: Sendable {
    private let latest = Mutex(ScanProgress())

    func set(_ ranks: [ScanProgress]) {
        let sum = ranks.reduce(into: ScanProgress()) { $0.add($1) }
        latest.withLock { $0 = sum }
    }

    var sum: ScanProgress { latest.withLock { $0 } }
}
