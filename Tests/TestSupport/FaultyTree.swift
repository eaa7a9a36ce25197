import Glibc

/// A file system that fails on command (Tests/faults/faultfs.c), mounted anew for each command, in its own mount
/// namespace. For tests that are enabled if `canUseFUSE`.
package struct FaultyTree {
    package let place: TemporaryDirectory
    package let root: ByteString

    /// - Parameter lines: of the specification.
    package init(_ lines: [String]) throws {
        place = try TemporaryDirectory([.directory("mount"), .file("spec", ByteString(lines.joined(separator: "\n")))])
        root = place.appending("mount")
    }

    /// Runs the command that follows with the file system mounted.
    package func launcher() throws -> [ByteString] {
        ["unshare", "-m", try CProgram.faultfs.get().path, place.appending("spec"), root]
    }

    package func output(of command: [ByteString]) throws -> [UInt8] { try TestSupport.output(of: launcher() + command) }

    /// Mounts it for this process, which accesses it through /proc, in the other namespace.
    ///
    /// - Parameter body: gets the path.
    package func mounted<R>(_ body: (ByteString) throws -> R) throws -> R {
        // Unmounted, and all processes ended, when this one is released.
        let server = try RunningProcess(
            launcher() + ["sh", "-c", "echo >\"$0\"; exec sleep 600", place.appending("ready")])
        return try withExtendedLifetime(server) {
            for _ in 0..<30_000 {
                if place.appending("ready").withCString({ access($0, F_OK) }) == 0 {
                    return try body(ByteString("/proc/\(server.pid)/root") + root)
                }
                usleep(2000)
            }
            throw Failure("nothing was mounted within a minute")
        }
    }
}
