import CLinux
import Formats
import Glibc
import LinuxKernel
import ScanEngine
import Synchronization

/// A progress line on standard error, redrawn eight times a second by a separate thread.
///
/// On a terminal the line is drawn over itself and removed at the end, only while this process is in the foreground;
/// work of less than a quarter of a second draws nothing. Elsewhere (`--progress` into a log) it is a plain line every
/// five seconds. SIGUSR1 prints a separate line at any time, whether lines are shown or not, as in dd. A scan that makes
/// no progress for a minute gets a warning (`StallWatch`).
final class ProgressDisplay: Sendable {
    private let state: ProgressState
    /// The thread; nil if there is none, and after it was joined.
    private let thread: Mutex<pthread_t?>

    /// - Parameter isShown: nil: if standard error is a terminal.
    init(_ isShown: Bool?) {
        clinux_install_progress_handler()
        state = ProgressState()
        let isShown = isShown ?? (isatty(2) == 1)
        // Signals go to the main thread, to interrupt its blocked system calls. No thread, no progress: the work itself
        // matters.
        thread = Mutex(
            Thread.start(takesSignals: false) { [state] in
                ProgressThread(state, isShown: isShown).run()
            })
    }

    deinit { stop() }

    /// Shows this work from now on.
    func begin(_ work: Work) {
        state.work.withLock { $0 = (work, ProgressState.now()) }
    }

    /// Removes the line; nothing is drawn afterwards.
    func stop() {
        guard let thread = thread.withLock({ $0.take() }) else { return }
        state.isStopped.store(true, ordering: .releasing)
        clinux_tell_progress()
        pthread_join(thread, nil)
    }

    /// The current work.
    enum Work: Sendable {
        case nothing
        case scanning(Scan, Expected)
        /// A scan by several processes.
        case together(@Sendable () -> ScanProgress, readsFiles: Bool)
        /// Files, for duplicates.
        case reading(ReadingProgress)
        /// A file that must be read and sorted before it can be used.
        case readingInput(InputProgress)
        /// The entries of the old and the new side read so far, and their total if it is known.
        case comparing(EntryCounter, of: Int64?)
    }

    /// The expected amount of work, if it is known: from another scan of the same PATHs, or from the file system.
    struct Expected: Sendable {
        var entries: Int64?
        /// Bytes to read from files; nil also if nothing is read, or an unknown share.
        var bytes: Int64?

        static let unknown = Expected()
    }
}

/// A count of entries, incremented by one thread and read by others.
final class EntryCounter: Sendable {
    private let count = Atomic<Int64>(0)

    var value: Int64 { count.load(ordering: .relaxed) }

    func add() { count.store(count.load(ordering: .relaxed) &+ 1, ordering: .relaxed) }
}

/// State shared by a display and its thread.
final class ProgressState: Sendable {
    let isStopped = Atomic<Bool>(false)
    let work = Mutex<(ProgressDisplay.Work, since: Double)>((.nothing, since: now()))

    /// Seconds of the monotonic clock.
    static func now() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
}

/// The state of a `ProgressDisplay`'s thread, used only by it.
private final class ProgressThread {
    private let state: ProgressState
    private let isShown: Bool
    private let isTerminal = isatty(2) == 1
    private let clearsLine = !TextStyle.terminalIsDumb
    /// Characters on the terminal's line.
    private var drawn = 0
    private var rate = ProgressRate()
    private var stall = StallWatch()

    init(_ state: ProgressState, isShown: Bool) { (self.state, self.isShown) = (state, isShown) }

    func run() {
        let interval = isTerminal ? 0.125 : 5.0
        let start = ProgressState.now()
        var next = start + interval
        var seen = clinux_progress_event_count()
        // `stop()` counts an event after it has set the flag: an event before `seen` is found here, a later one ends
        // the sleep.
        while !state.isStopped.load(ordering: .acquiring) {
            sleep(until: isShown ? min(next, stall.next) : stall.next, seen)
            if state.isStopped.load(ordering: .acquiring) { break }
            let events = clinux_progress_event_count()
            if events != seen {
                seen = events
                StandardStreams.complain(line().whole)
            }
            let now = ProgressState.now()
            if now >= stall.next, let warning = stall.look(state.work.withLock { $0.0 }, at: now) {
                StandardStreams.complain(warning)
            }
            guard isShown, now >= next else { continue }
            next = now + interval
            if now - start >= 0.25 { draw() }
        }
        if drawn > 0 && isInForeground { writeOver("") }
    }

    private func line() -> ProgressLine {
        let (work, since) = state.work.withLock { $0 }
        return ProgressLine(work, elapsed: ProgressState.now() - since, &rate)
    }

    private func draw() {
        if !isTerminal {
            StandardStreams.complain(line().whole)
        } else if isInForeground {
            let columns = Int(clinux_terminal_columns(2))
            // Leaves the last column free, because some terminals wrap at once, and two more for the echoed ^C.
            writeOver(line().fitted(to: columns > 3 ? columns - 3 : 77))
        }
    }

    /// The line is ASCII: characters are columns.
    private func writeOver(_ text: String) {
        let end = clearsLine ? "\u{1B}[K" : String(repeating: " ", count: max(0, drawn - text.utf8.count))
        var bytes = Array("\r\(text)\(end)".utf8)
        // Without a clearing sequence, the cursor goes back over the spaces.
        if text.isEmpty { bytes.append(UInt8(ascii: "\r")) }
        drawn = text.utf8.count
        StandardStreams.showsProgress.store(drawn > 0 && clearsLine, ordering: .relaxed)
        bytes.withUnsafeBytes { bytes in
            do { try StandardStreams.write(bytes, to: 2) } catch {}
        }
    }

    /// Not in a background job, which would draw into another job's output (or be stopped, under `stty tostop`). A
    /// terminal that is not the controlling one has no foreground.
    private var isInForeground: Bool {
        let foreground = tcgetpgrp(2)
        return foreground <= 0 || foreground == getpgrp()
    }

    /// Sleeps until an event after the first `seen`, or until `end`.
    private func sleep(until end: Double, _ seen: UInt32) {
        let seconds = end - ProgressState.now()
        if seconds <= 0 { return }
        var interval = timespec(tv_sec: Int(seconds), tv_nsec: Int(seconds.truncatingRemainder(dividingBy: 1) * 1e9))
        clinux_wait_for_progress(seen, &interval)
    }
}
