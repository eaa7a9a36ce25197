import Glibc

/// The program under test.
package enum Fsscan {
    /// The binary that was built beside the test bundle; `FSSCAN_BINARY` names another one, for a run against a release
    /// build.
    package static let path: ByteString = {
        if let other = getenv("FSSCAN_BINARY") { return ByteString(String(cString: other)) }
        return buildDirectory + "fsscan"
    }()

    /// The directory of the test bundle, with a trailing slash.
    static let buildDirectory: ByteString = {
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = readlink("/proc/self/exe", &buffer, buffer.count)
        precondition(count > 0, "/proc is not mounted")
        let directory = buffer[..<count].prefix(through: buffer[..<count].lastIndex(of: UInt8(ascii: "/"))!)
        return ByteString(directory)
    }()

    /// Another program of the package, if it was built with the tests.
    package static func besideTests(_ name: ByteString) -> ByteString { buildDirectory + name }

    /// Runs `fsscan` with these arguments.
    package static func run(
        _ arguments: [ByteString], _ options: ProcessOptions = ProcessOptions()
    ) throws -> ProcessOutcome {
        try TestSupport.run([path] + arguments, options)
    }

    /// Runs a script of bash in `directory`, in which `$F` is `fsscan`. `python3 $V1 FILE` makes a file of saved scans one of
    /// version 1.
    package static func shell(
        _ script: ByteString, in directory: TemporaryDirectory, _ options: ProcessOptions = ProcessOptions()
    ) throws -> ProcessOutcome {
        var options = options
        options.directory = directory.path
        options.environment["F"] = String(decoding: path.bytes, as: UTF8.self)
        options.environment["V1"] = Repository.path("Tests/oracles/version1.py").text
        return try TestSupport.run(["bash", "-c", script], options)
    }

    /// The libmagic helper.
    package static let helper: ByteString = {
        let directory = path.bytes.lastIndex(of: UInt8(ascii: "/")).map { path.bytes[...$0] } ?? []
        return ByteString(directory) + "fsscan-magic"
    }()

    /// Copies the binary, and its helper, to a place where an ordinary user can execute it: a checkout may be below a
    /// directory of mode 0700.
    package static func copy(to directory: TemporaryDirectory, withHelper: Bool = true) throws -> ByteString {
        let copy = directory.path.appending("fsscan-copy")
        _ = try output(of: ["install", "-m", "755", path, copy])
        if withHelper {
            _ = try output(of: ["install", "-m", "755", helper, directory.path.appending("fsscan-magic")])
        }
        return copy
    }
}

/// Whether the tests run as root: devices, mounts and other users need it.
package let isRoot = geteuid() == 0

/// Whether a program is installed: for tests that are skipped without it.
package func isInstalled(_ program: ByteString) -> Bool {
    (try? run(["sh", "-c", "command -v \"$0\"", program]))?.status == 0
}
