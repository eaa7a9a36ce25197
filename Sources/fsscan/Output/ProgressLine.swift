import Formats
import ScanEngine

/// One line about work in progress: its extent, then its place.
///
/// ```
/// 37 %, 1,234,567 entries, 1.5 GiB read, 210.3 MiB/s, 3 errors, 12 s, 20 s left  /usr/share/doc/…
/// reading: 37 %, 1.5 GiB read, 210.3 MiB/s, 3 errors, 12 s, 20 s left  /usr/share/doc/…
/// comparing: 45 %, 1,234,567 entries, 3 s, 4 s left
/// reading: 45 %, 120.3 MiB, 3 s, 4 s left
/// ```
struct ProgressLine {
    /// ASCII.
    private let figures: String
    /// Bytes as in the file system; nil if there is no place.
    private let path: [UInt8]?

    /// - Parameter elapsed: in seconds, since this work began.
    init(_ work: ProgressDisplay.Work, elapsed: Double, _ rate: inout ProgressRate) {
        switch work {
        case .nothing: self.init("starting", nil)
        case .scanning(let scan, let expected):
            let progress = scan.progress()
            self.init(scanning: progress, readsFiles: scan.readsFiles, expected, elapsed, &rate)
        case .together(let progress, let readsFiles):
            self.init(scanning: progress(), readsFiles: readsFiles, .unknown, elapsed, &rate)
        case .reading(let reading): self.init(reading: reading.figures, elapsed, &rate)
        case .readingInput(let input):
            let done = ProgressShare(input.bytesRead, of: input.size)
            self.init(
                "reading: "
                    + Self.joined([done?.percent, HumanUnits.bytes(input.bytesRead), Self.times(elapsed, done)]), nil)
        case .comparing(let counter, let expected):
            let done = ProgressShare(counter.value, of: expected)
            let count = HumanUnits.count(counter.value, "entry", "entries")
            self.init("comparing: " + Self.joined([done?.percent, count, Self.times(elapsed, done)]), nil)
        }
    }

    init(
        scanning progress: ScanProgress, readsFiles: Bool, _ expected: ProgressDisplay.Expected, _ elapsed: Double,
        _ rate: inout ProgressRate
    ) {
        let done =
            readsFiles
            ? ProgressShare(progress.bytesRead, of: expected.bytes)
            : ProgressShare(progress.entries, of: expected.entries)
        let amount: String
        let speed: String
        if readsFiles {
            let bytes = rate.perSecond(progress.bytesRead, at: elapsed)
            (amount, speed) = ("\(HumanUnits.bytes(progress.bytesRead)) read", "\(HumanUnits.bytes(bytes))/s")
        } else {
            let entries = rate.perSecond(progress.entries, at: elapsed)
            (amount, speed) = (HumanUnits.bytes(progress.diskBytes), "\(HumanUnits.count(entries))/s")
        }
        let errors = progress.errors > 0 ? HumanUnits.count(progress.errors, "error", "errors") : nil
        let entries = HumanUnits.count(progress.entries, "entry", "entries")
        self.init(
            Self.joined([done?.percent, entries, amount, speed, errors, Self.times(elapsed, done)]), progress.path)
    }

    init(reading figures: ReadingProgress.Figures, _ elapsed: Double, _ rate: inout ProgressRate) {
        let done = ProgressShare(figures.done, of: figures.expected)
        let speed = rate.perSecond(figures.bytesRead, at: elapsed)
        let amounts = ["\(HumanUnits.bytes(figures.bytesRead)) read", "\(HumanUnits.bytes(speed))/s"]
        let errors = figures.errors > 0 ? HumanUnits.count(figures.errors, "error", "errors") : nil
        self.init(
            "reading: " + Self.joined([done?.percent] + amounts + [errors, Self.times(elapsed, done)]), figures.path)
    }

    private init(_ figures: String, _ path: [UInt8]?) { (self.figures, self.path) = (figures, path) }

    /// For a separate line; `StandardStreams.complain` escapes it.
    var whole: [UInt8] {
        guard let path else { return Array(figures.utf8) }
        return Array("\(figures)  ".utf8) + path
    }

    /// In ASCII, with the path shortened in the middle if it does not fit; without a path if there is no room.
    func fitted(to columns: Int) -> String {
        let room = columns - figures.utf8.count - 2
        guard let path, room >= Self.leastRoom else { return String(figures.prefix(max(0, columns))) }
        // As many bytes as there are columns: the rest would not be visible.
        let ends = path.count <= 2 * room ? path : Array(path.prefix(room)) + Array(path.suffix(room))
        var text = ends.flatMap { byte in (0x20..<0x7F).contains(byte) ? [byte] : Array("?".utf8) }
        if text.count > room {
            let head = (room - 3) / 2
            text = text.prefix(head) + Array("...".utf8) + text.suffix(room - 3 - head)
        }
        return "\(figures)  \(String(decoding: text, as: UTF8.self))"
    }

    private static let leastRoom = 12

    private static func times(_ elapsed: Double, _ done: ProgressShare?) -> String {
        let left = done?.left(after: elapsed).map { ", \(duration($0)) left" } ?? ""
        return duration(elapsed) + left
    }

    /// `12 s`, `3 min 20 s`, `2 h 5 min`.
    static func duration(_ seconds: Double) -> String {
        let seconds = Int(max(0, seconds.rounded(.down)))
        if seconds < 60 { return "\(seconds) s" }
        if seconds < 3600 { return "\(seconds / 60) min \(seconds % 60) s" }
        return "\(seconds / 3600) h \(seconds / 60 % 60) min"
    }

    private static func joined(_ parts: [String?]) -> String { parts.compactMap(\.self).joined(separator: ", ") }
}

/// The completed share of the work, if the total is known. The total comes from elsewhere, so there may be more to do;
/// then the share is omitted.
struct ProgressShare {
    private let part: Double

    init?(_ done: Int64, of expected: Int64?) {
        guard let expected, expected > 0, done <= expected else { return nil }
        part = Double(done) / Double(expected)
    }

    var percent: String { "\(Int(part * 100)) %" }

    /// In seconds, at the current rate; nil if it is too early to tell.
    func left(after elapsed: Double) -> Double? {
        elapsed >= 2 && part >= 0.01 ? elapsed * (1 - part) / part : nil
    }
}

/// The rate at which a count grows, over the last two seconds or so.
struct ProgressRate {
    /// Earlier times and counts; the rate is computed from the oldest.
    private var samples: [(time: Double, count: Int64)] = []

    /// - Parameter time: in seconds, since the count was 0.
    mutating func perSecond(_ count: Int64, at time: Double) -> Int64 {
        if let last = samples.last, last.time > time || last.count > count { samples = [] }
        while samples.count > 1, samples[1].time <= time - 2 { samples.removeFirst() }
        let (begin, before) = samples.first ?? (0, 0)
        samples.append((time, count))
        guard time - begin > 0.01 else { return 0 }
        return Int64(Double(count - before) / (time - begin))
    }
}
