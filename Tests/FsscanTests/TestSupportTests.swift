// Tests of the test tools: a tree that differs from its literal would invalidate every other test.

import Glibc
import LinuxKernel
import TestSupport
import Testing

@Suite struct TestSupportTests {
    @Test func aTreeMatchesItsLiteral() throws {
        let directory = try TemporaryDirectory([
            .file("plain", "12345", mode: 0o640, mtime: 1_000_000_000),
            .file("sparse", "x", size: 1 << 30),
            .directory(
                "closed",
                [.file([0xff, 0x0a], "content"), .hardLink("again", to: "plain"), .symlink("s", to: "../plain")],
                mode: 0, mtime: 7),
            .fifo("fifo"), .socket("socket"),
        ])
        let listing = try run([
            "find", directory.path, "-mindepth", "1", "-printf", #"%P %y %m %s %n %Ts %l\0"#,
        ])
        // Only root sees the contents of the unreadable directory.
        #expect(listing.status == (isRoot ? 0 : 1), "\(listing.errorText)")
        let lines = listing.standardOutput.split(separator: 0).map { ByteString($0) }.sorted()
        #expect(lines.first { $0.text.hasPrefix("plain ") }?.text == "plain f 640 5 2 1000000000 ")
        #expect(lines.first { $0.text.hasPrefix("closed ") }?.text.hasPrefix("closed d 0 ") == true)
        #expect(lines.first { $0.text.hasPrefix("closed ") }?.text.hasSuffix(" 7 ") == true)
        #expect(lines.count == (isRoot ? 8 : 5))
        if isRoot {
            #expect(lines.contains { $0.bytes.starts(with: Array("closed/".utf8) + [0xff, 0x0a]) })
            #expect(lines.contains { $0.text.hasPrefix("closed/s l") && $0.text.hasSuffix("../plain") })
        }
        #expect(lines.contains { $0.text.hasPrefix("sparse f 644 1073741824 1") })
        #expect(lines.contains { $0.text.hasPrefix("fifo p") } && lines.contains { $0.text.hasPrefix("socket s") })
    }

    @Test func aDeepChainIsMadeAndRemoved() throws {
        var path: ByteString = ""
        do {
            let directory = try TemporaryDirectory([.chain("0123456789", depth: 3_000, [.file("bottom")])])
            path = directory.path
            let lines = try output(of: ["find", directory.path, "-printf", "x\\n"])
            #expect(lines.count == 2 * 3_002)
        }
        #expect(path.withCString { access($0, F_OK) } == -1)
    }

    @Test func muchOutputOnBothStreamsIsCapturedWithoutDeadlock() throws {
        let input = [UInt8](repeating: 0x61, count: 1 << 20)
        let outcome = try run(["sh", "-c", "tee /dev/stderr"], ProcessOptions { $0.input = input })
        #expect(outcome.end == .exited(0))
        #expect(outcome.standardOutput == input)
        #expect(outcome.standardError == input)
    }

    @Test func statusSignalAndTimeoutAreDistinguished() throws {
        #expect(try run(["sh", "-c", "exit 74"]).end == .exited(74))
        #expect(try run(["sh", "-c", "kill -TERM $$"]).end == .signalled(SIGTERM))
        let late = try run(["sh", "-c", "echo early; sleep 60"], ProcessOptions { $0.timeout = 0.2 })
        #expect(late.end == .timedOut)
        #expect(late.outputText == "early\n")
        #expect(throws: Failure.self) { try run(["/nonexistent/program"]) }
    }

    @Test func aChildStartsWithDefaultSignalsItsOwnLimitsAndEnvironment() throws {
        let piped = try run(
            ["sh", "-c", "yes | head -1; echo ${ADDED} ${HOME-none}; ulimit -n; pwd"],
            ProcessOptions {
                $0.environment = ["ADDED": "1", "HOME": nil]
                $0.limits = ["nofile": 32]
                $0.directory = "/usr"
                $0.timeout = 10
            })
        #expect(piped.outputText == "y\n1 none\n32\n/usr\n")
    }

    @Test(.enabled(if: isRoot, "needs root")) func anOrdinaryUserCannotReadRootsFiles() throws {
        let directory = try TemporaryDirectory([.directory("closed", mode: 0o700), .directory("open")])
        let user = ProcessOptions { $0.asOrdinaryUser = true }
        #expect(try run(["ls", directory.appending("closed")], user).status == 2)
        #expect(try run(["ls", directory.appending("open")], user).status == 0)
        #expect(try run(["id", "-u"], user).outputText == "65534\n")
    }
}
