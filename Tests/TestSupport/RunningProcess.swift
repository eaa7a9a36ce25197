// Running other programs: oracles, and fsscan itself. Arguments are bytes, output is captured without deadlock, a
// deadline kills the whole process group.
//
// posix_spawn rather than Foundation.Process: that takes arguments as String, leaks descriptors between processes
// started at the same time, and leaves ignored signals ignored in the child.

package import Glibc
import Synchronization

/// The end of a process.
package enum ProcessEnd: Equatable, Sendable {
    case exited(Int32)
    case signalled(Int32)
    /// It ran longer than allowed and was killed.
    case timedOut
}

/// The output and status of a process.
package struct ProcessOutcome: Sendable {
    package var end: ProcessEnd
    package var standardOutput: [UInt8] = []
    package var standardError: [UInt8] = []

    package var outputText: String { String(decoding: standardOutput, as: UTF8.self) }
    package var errorText: String { String(decoding: standardError, as: UTF8.self) }
    /// The exit status, nil after a signal or a timeout.
    package var status: Int32? { if case .exited(let status) = end { status } else { nil } }
}

/// Where an output stream of a process goes.
package enum OutputTarget: Sendable {
    /// Into a pipe that the test reads.
    case captured
    /// Opened for writing in the child, created if missing: `/dev/full`, `/dev/null`, a file.
    case file(ByteString)
    case closed
}

/// The settings of a run.
package struct ProcessOptions: Sendable {
    /// Its standard input.
    package var input: [UInt8] = []
    /// Added to this process's environment; nil removes a variable.
    package var environment: [String: String?] = [:]
    package var directory: ByteString?
    package var standardOutput = OutputTarget.captured
    package var standardError = OutputTarget.captured
    /// Options of `prlimit`: `["nofile": 32, "stack": 256 << 10]`; soft and hard limit.
    package var limits: [String: Int] = [:]
    /// Runs as user and group 65534 without capabilities. The program must be readable to everyone: `Fsscan.copy(to:)`.
    package var asOrdinaryUser = false
    /// Seconds until its process group is killed.
    package var timeout = isSanitized ? 600.0 : 120.0

    package init() {}

    package init(_ change: (inout ProcessOptions) -> Void) {
        self.init()
        change(&self)
    }
}

/// A program that has been started; `finish()` collects it.
package final class RunningProcess {
    package let pid: pid_t
    private let deadline: Double
    private var outputPipe: CInt
    private var errorPipe: CInt
    private var outcome: ProcessOutcome?

    /// Starts `arguments[0]`, found through PATH.
    package init(_ arguments: [ByteString], _ options: ProcessOptions = ProcessOptions()) throws {
        (pid, outputPipe, errorPipe) = try RunningProcess.spawnLock.withLock { _ in
            try RunningProcess.spawn(RunningProcess.wrapped(arguments, options), options)
        }
        deadline = RunningProcess.now() + options.timeout
    }

    deinit {
        // If a test throws before `finish()`, no process is left behind.
        if outcome == nil {
            kill(-pid, SIGKILL)
            var status: CInt = 0
            waitpid(pid, &status, 0)
            closePipes()
        }
    }

    /// Returns when the program has installed a handler for `signal`, according to the kernel: before that the signal
    /// would just end it.
    package func waitUntilItHandles(_ signal: CInt) throws {
        let end = RunningProcess.now() + 60
        while RunningProcess.now() < end {
            let caught = try output(of: ["sed", "-n", "s/^SigCgt:\t0*//p", ByteString("/proc/\(pid)/status")])
            let mask = UInt64(String(decoding: caught.dropLast(), as: UTF8.self), radix: 16) ?? 0
            if mask >> (signal - 1) & 1 == 1 { return }
            usleep(2000)
        }
        throw Failure("the program does not handle signal \(signal)")
    }

    package func send(_ signal: CInt) { kill(pid, signal) }

    /// Reads both streams to their ends and reaps the process; the second call returns the same.
    package func finish() throws -> ProcessOutcome {
        if let outcome { return outcome }
        var collected = ProcessOutcome(end: .timedOut)
        var end: ProcessEnd?
        while true {
            let isSilent = outputPipe < 0 && errorPipe < 0
            let open = try drainOnce(into: &collected, milliseconds: end != nil ? 0 : isSilent ? 1 : 10)
            // A grandchild may hold the pipes open: after the child's end only available output is read.
            if let end, !open {
                collected.end = end
                break
            }
            if end == nil, RunningProcess.now() > deadline {
                kill(-pid, SIGKILL)
                var status: CInt = 0
                try check("waitpid", "") { waitpid(pid, &status, 0) }
                break
            }
            end = try end ?? reap()
        }
        closePipes()
        outcome = collected
        return collected
    }

    private func reap() throws -> ProcessEnd? {
        var status: CInt = 0
        guard try check("waitpid", "", { waitpid(pid, &status, WNOHANG) }) == pid else { return nil }
        let signal = status & 0x7f
        return signal == 0 ? .exited(status >> 8 & 0xff) : .signalled(signal)
    }

    /// Waits for output and reads a piece of it. False when nothing came.
    private func drainOnce(into outcome: inout ProcessOutcome, milliseconds: CInt) throws -> Bool {
        // A negative descriptor is ignored: with both closed this is a short sleep.
        var polls = [outputPipe, errorPipe].map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
        if poll(&polls, 2, milliseconds) <= 0 { return false }
        if polls[0].revents != 0 { try RunningProcess.readPiece(&outputPipe, into: &outcome.standardOutput) }
        if polls[1].revents != 0 { try RunningProcess.readPiece(&errorPipe, into: &outcome.standardError) }
        return true
    }

    private static func readPiece(_ descriptor: inout CInt, into bytes: inout [UInt8]) throws {
        var piece = [UInt8](repeating: 0, count: 1 << 16)
        let count = try check("read", "pipe") { read(descriptor, &piece, piece.count) }
        if count == 0 {
            close(descriptor)
            descriptor = -1
        }
        bytes += piece[..<count]
    }

    private func closePipes() {
        if outputPipe >= 0 { close(outputPipe) }
        if errorPipe >= 0 { close(errorPipe) }
        (outputPipe, errorPipe) = (-1, -1)
    }
}
