import Glibc
import ScanEngine

/// Detects a scan that makes no progress, usually because a file system does not answer: a server that is down, a FUSE
/// mount whose program hangs. Without `--deadline` such a scan waits forever, so the user must at least learn what it
/// waits for.
struct StallWatch {
    /// Seconds without progress before the warning. Tests set the variable.
    private let patience: Double
    /// The time of the next look, by the monotonic clock.
    private(set) var next: Double
    private var lastLook: Double
    /// The counts at the last progress, and its time.
    private var done: Int64 = -1
    private var since: Double
    private var isTold = false

    init(_ patience: Double = variable ?? 60, now: Double = ProgressState.now()) {
        self.patience = patience
        (lastLook, since) = (now, now)
        next = now + patience / Self.looks
    }

    /// Before it warns.
    private static let looks = 4.0

    private static var variable: Double? {
        guard let value = getenv("FSSCAN_STALL_SECONDS").flatMap({ Double(String(cString: $0)) }) else { return nil }
        return value > 0 ? value : nil
    }

    /// - Returns: a warning, once until there is progress again.
    mutating func look(_ work: ProgressDisplay.Work, at now: Double) -> [UInt8]? {
        guard case .scanning(let scan, _) = work else { return look(done: -1, at: now) { [] } }
        let progress = scan.progress()
        return look(done: progress.entries &+ progress.bytesRead &+ progress.errors, at: now) { scan.places }
    }

    /// - Parameter places: those that the work may wait for.
    mutating func look(done: Int64, at now: Double, _ places: () -> [[UInt8]]) -> [UInt8]? {
        // The process itself was stopped, by a signal or by the machine.
        let wasAsleep = now - lastLook > patience / 2
        (lastLook, next) = (now, now + patience / Self.looks)
        if done != self.done || wasAsleep {
            (self.done, since) = (done, now)
            isTold = false
            return nil
        }
        guard !isTold, now - since >= patience else { return nil }
        let places = places()
        // Without places, the work is computing.
        if places.isEmpty { return nil }
        isTold = true
        let quoting = Quoting.forErrors
        let names = places.prefix(Self.mostNames).map { quoting.quoted($0) }.joined(separator: Array(", ".utf8))
        let others = places.count > Self.mostNames ? " and \(places.count - Self.mostNames) more" : ""
        return Array("no progress for \(Int64(now - since)) s, waiting for ".utf8) + names + Array(others.utf8)
    }

    private static let mostNames = 3
}
