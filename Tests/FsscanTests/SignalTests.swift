import Glibc
import TestSupport
import Testing

@Suite struct SignalTests {
    /// Starts a program that waits in open(2) for the reader of a FIFO.
    private func waiting(_ directory: TemporaryDirectory, _ prefix: [ByteString] = []) throws -> RunningProcess {
        let process = try RunningProcess(prefix + [Fsscan.path, "-o", directory.appending("fifo"), "/dev/null"])
        // The system call in which it sleeps, from the kernel; there is no event to wait for.
        let call = ByteString("/proc/\(process.pid)/syscall")
        for _ in 0..<2000 {
            // openat is 257 on x86-64 and 56 on arm64.
            let text = (try? output(of: ["cat", call])).map { String(decoding: $0, as: UTF8.self) } ?? ""
            if text.hasPrefix("257 ") || text.hasPrefix("56 ") { return process }
            usleep(5000)
        }
        throw Failure("the program does not wait for the FIFO's reader")
    }

    @Test(arguments: [SIGHUP, SIGINT, SIGTERM])
    func aStopSignalIsTheExitStatus(_ signal: CInt) throws {
        let directory = try TemporaryDirectory([.fifo("fifo")])
        let process = try waiting(directory)
        process.send(signal)
        let outcome = try process.finish()
        #expect(outcome.end == .exited(128 + signal))
        #expect(outcome.errorText == "")
    }

    @Test func aHangupThatWasIgnoredStaysIgnored() throws {
        let directory = try TemporaryDirectory([.fifo("fifo")])
        let process = try waiting(directory, ["env", "--ignore-signal=HUP", "--"])
        process.send(SIGHUP)
        // It still waits: a reader gets the report.
        #expect(try output(of: ["cat", directory.appending("fifo")]).isEmpty == false)
        #expect(try process.finish().end == .exited(0))
    }

    @Test(arguments: [SIGHUP, SIGINT, SIGTERM])
    func aStoppedScanWritesAValidReport(_ signal: CInt) throws {
        // Each repeated PATH is scanned again: this would take minutes.
        let paths = [ByteString](repeating: "/usr", count: 2000)
        let directory = try TemporaryDirectory()
        let report = directory.appending("report")
        let process = try RunningProcess([Fsscan.path, "--json", "-o", report] + paths)
        try process.waitUntilItHandles(signal)
        usleep(300_000)
        process.send(signal)
        #expect(try process.finish().end == .exited(128 + signal))
        #expect(try output(of: ["jq", ".complete", report]) == Array("false\n".utf8))
        #expect(try names(in: directory.descriptor) == ["report"])
    }

    @Test(arguments: [["--ndjson", "--sorted"], ["--format", "ncdu"]] as [[ByteString]])
    func sortedRecordsEndSoonAfterASignal(format: [ByteString]) throws {
        let files = (0..<4_000).map { Node.file(ByteString("\($0)" + String(repeating: "-", count: 200))) }
        let directory = try TemporaryDirectory([.fifo("fifo"), .directory("tree", Tree(files))])
        let fifo = directory.appending("fifo")
        let process = try RunningProcess([Fsscan.path] + format + ["-o", fifo, directory.appending("tree")])
        let descriptor = fifo.withCString { open($0, O_RDONLY) }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        func readOn(to count: Int) {
            var buffer = [UInt8](repeating: 0, count: 4096)
            while bytes.count < count {
                let more = read(descriptor, &buffer, buffer.count)
                if more <= 0 { return }
                bytes += buffer[..<more]
            }
        }
        // Records are being written. It writes on until the pipe is full again, and notices the signal on the way.
        readOn(to: 100_000)
        process.send(SIGINT)
        readOn(to: 300_000)
        usleep(300_000)
        readOn(to: .max)
        #expect(try process.finish().end == .exited(130))
        // Each name ends in 200 dashes.
        let names = bytes.split { $0 != UInt8(ascii: "-") }.count { $0.count == 200 }
        #expect((1..<4_000).contains(names))
        let isValid = try output(of: ["jq", "-s", "length > 0"], ProcessOptions { $0.input = bytes })
        #expect(isValid == Array("true\n".utf8))
        guard format.contains("--ndjson") else { return }
        let summary = try #require(bytes.split(separator: UInt8(ascii: "\n")).last)
        #expect(String(decoding: summary, as: UTF8.self).contains(#""complete":false"#))
    }

    @Test func theSecondSignalEndsItAtOnceAndLeavesNothing() throws {
        let directory = try TemporaryDirectory()
        let paths = [ByteString](repeating: "/usr", count: 2000)
        let process = try RunningProcess([Fsscan.path, "--json", "-o", directory.appending("report")] + paths)
        try process.waitUntilItHandles(SIGINT)
        for _ in 0..<2 { process.send(SIGINT) }
        let end = try process.finish().end
        #expect(end == .signalled(SIGINT) || end == .exited(130))
        #expect(try names(in: directory.descriptor).filter { $0 != "report" } == [])
    }
}
