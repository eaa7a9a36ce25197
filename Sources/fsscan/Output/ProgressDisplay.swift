import CLinux
import Glibc
import ScanEngine
import Synchronization

/// A line on standard error that says how far the scan is, redrawn eight times a second by a thread of its own.
///
/// On a terminal the line is drawn over itself and removed at the end, only while this process is in the foreground; a
/// scan that takes less than a quarter of a second draws nothing. Elsewhere (`--progress` into a log) it is a plain line
/// every five seconds.
final class ProgressDisplay {
    /// Set once, by `stop()`; the thread sleeps on it. Freed after the thread was joined.
    private let isStopped = UnsafeMutablePointer<UInt32>.allocate(capacity: 1)
    private var thread = pthread_t()
    private var isRunning = false

    init(_ scan: Scan) {
        isStopped.initialize(to: 0)
        // Signals go to the main thread, whose blocked system calls are to be interrupted.
        var all = sigset_t()
        var before = sigset_t()
        sigfillset(&all)
        pthread_sigmask(SIG_SETMASK, &all, &before)
        defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
        let drawing = Unmanaged.passRetained(ProgressThread(scan, isStopped))
        let result = pthread_create(
            &thread, nil,
            { context in
                Unmanaged<ProgressThread>.fromOpaque(context!).takeRetainedValue().run()
                return nil
            }, drawing.toOpaque())
        isRunning = result == 0
        // No thread, no progress: the scan itself matters.
        if !isRunning { drawing.release() }
    }

    deinit {
        stop()
        isStopped.deallocate()
    }

    /// Removes the line; nothing is drawn afterwards.
    func stop() {
        guard isRunning else { return }
        isRunning = false
        clinux_set_flag(isStopped)
        clinux_futex_wake(isStopped, 1)
        pthread_join(thread, nil)
    }
}

/// What the thread of a `ProgressDisplay` works with; nobody else touches it.
private final class ProgressThread {
    private let scan: Scan
    private let isStopped: UnsafeMutablePointer<UInt32>
    private let isTerminal = isatty(2) == 1
    private let clearsLine = !TextStyle.terminalIsDumb
    /// Characters on the terminal's line.
    private var drawn = 0

    init(_ scan: Scan, _ isStopped: UnsafeMutablePointer<UInt32>) {
        self.scan = scan
        self.isStopped = isStopped
    }

    func run() {
        let interval = isTerminal ? 0.125 : 5.0
        let start = now()
        while true {
            sleep(interval)
            if clinux_flag_is_set(isStopped) != 0 { break }
            let elapsed = now() - start
            if elapsed >= 0.25 { draw(elapsed) }
        }
        if drawn > 0 && isInForeground { writeOver("") }
    }

    private func draw(_ elapsed: Double) {
        let (entries, diskBytes, errors) = scan.progress()
        var line = "\(HumanUnits.count(entries, "entry", "entries")), \(HumanUnits.bytes(diskBytes))"
        if errors > 0 { line += ", " + HumanUnits.count(errors, "error", "errors") }
        line += ", \(Int(elapsed)) s"
        if !isTerminal {
            StandardStreams.complain(line)
        } else if isInForeground {
            writeOver(line)
        }
    }

    /// The line is ASCII: characters are columns. The last column stays free, where some terminals wrap at once.
    private func writeOver(_ line: String) {
        let columns = Int(clinux_terminal_columns(2))
        let text = columns > 0 ? String(line.prefix(columns - 1)) : line
        let end = clearsLine ? "\u{1B}[K" : String(repeating: " ", count: max(0, drawn - text.utf8.count))
        var bytes = Array("\r\(text)\(end)".utf8)
        // Without a way to clear, the cursor goes back over the spaces.
        if text.isEmpty { bytes.append(UInt8(ascii: "\r")) }
        drawn = text.utf8.count
        StandardStreams.showsProgress.store(drawn > 0 && clearsLine, ordering: .relaxed)
        bytes.withUnsafeBytes { bytes in
            do { try StandardStreams.write(bytes, to: 2) } catch {}
        }
    }

    /// Not in a background job, which would draw into another's output (or be stopped, under `stty tostop`). A terminal
    /// that is not the controlling one has no foreground.
    private var isInForeground: Bool {
        let foreground = tcgetpgrp(2)
        return foreground <= 0 || foreground == getpgrp()
    }

    private func now() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }

    private func sleep(_ seconds: Double) {
        var interval = timespec(tv_sec: Int(seconds), tv_nsec: Int(seconds.truncatingRemainder(dividingBy: 1) * 1e9))
        _ = clinux_futex_wait(isStopped, 0, &interval)
    }
}
