import Glibc

/// What one process measures, printed as the line that compare.py reads: `NAME THREADS SPAWN RUN TOTAL PEAK_KIB`.
package struct Measurement {
    private let name: String
    private let threads: Int
    private let clock = ContinuousClock()
    private let started: ContinuousClock.Instant
    private var spawned: ContinuousClock.Instant

    /// Starts the clock.
    package init(_ name: String, threads: Int) {
        self.name = name
        self.threads = threads
        started = clock.now
        spawned = started
    }

    /// Everything has been created; what follows is running it.
    package mutating func spawnEnded() { spawned = clock.now }

    /// Everything has run. Prints the line.
    package func end() {
        let ended = clock.now
        print(
            name, threads, seconds(spawned - started), seconds(ended - spawned), seconds(ended - started),
            Self.peakKiB())
    }

    private func seconds(_ duration: Duration) -> Double { duration / .seconds(1) }

    /// The high-water mark of resident memory. VmHWM and not `ru_maxrss`: a new process takes over the latter from the
    /// one that started it.
    package static func peakKiB() -> Int {
        guard let status = fopen("/proc/self/status", "re") else { return 0 }
        defer { fclose(status) }
        var line = [CChar](repeating: 0, count: 256)
        while fgets(&line, Int32(line.count), status) != nil {
            if strncmp(line, "VmHWM:", 6) == 0 {
                return line.withUnsafeBufferPointer { atol($0.baseAddress! + 6) }
            }
        }
        return 0
    }
}
