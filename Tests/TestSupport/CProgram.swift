import CLinux
import Glibc

/// A C program of the tests, compiled beside the test bundle when it is first needed.
package struct CProgram: Sendable {
    package let path: ByteString

    /// - Parameters:
    ///   - name: of the source in Tests/faults, without its `.c`.
    ///   - packages: arguments for pkg-config.
    ///   - options: further compiler options; `-shared` for a library.
    private init(_ name: ByteString, packages: [ByteString] = [], options: [ByteString] = []) throws {
        path = Fsscan.buildDirectory + "faults-" + name
        var flags: [ByteString] = []
        if !packages.isEmpty {
            let words = try output(of: ["pkg-config", "--cflags", "--libs"] + packages)
            flags = words.split { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\n") }.map { ByteString($0) }
        }
        // Two test runs may do this at the same time.
        let draft = path + "-\(getpid())"
        _ = try output(
            of: ["cc", "-D_GNU_SOURCE", "-O1", "-Wall", "-Wextra", "-Werror", "-o", draft]
                + options + [Repository.path("Tests/faults/" + name + ".c")] + flags)
        _ = try output(of: ["mv", draft, path])
    }

    /// A file system that fails on command.
    package static let faultfs = Result { try CProgram("faultfs", packages: ["fuse3"]) }

    /// Runs a command under a filter that refuses system calls.
    package static let refuse = Result { try CProgram("refuse") }

    /// A preloaded library that changes the environment.
    package static let setenv = Result { try CProgram("setenv", options: ["-shared", "-fPIC"]) }
    /// Changes the content of files without their times.
    package static let untimed = Result { try CProgram("untimed") }

    /// A preloaded library that makes calls of the C library fail.
    package static let failing = Result { try CProgram("failing", options: ["-shared", "-fPIC"]) }

    /// A preloaded library that runs a command before the first lease is taken.
    package static let atLease = Result { try CProgram("atlease", options: ["-shared", "-fPIC"]) }

    /// A preloaded library: a libmagic that a file can take over.
    package static let badmagic = Result { try CProgram("badmagic", options: ["-shared", "-fPIC"]) }
}

/// Whether tests may mount a FUSE file system in their own mount namespace.
package let canUseFUSE: Bool = fuseObstacle == nil

/// The reason if they may not.
package let fuseObstacle: String? = mountObstacle ?? (access("/dev/fuse", R_OK | W_OK) == 0 ? nil : "needs /dev/fuse")

/// `EIO`; nil for a number that the C library has no name for.
package func errnoName(_ number: Int32) -> String? { clinux_errno_name(number).map { String(cString: $0) } }

/// Whether this is a build under AddressSanitizer or ThreadSanitizer: then so is the program under test.
package let isSanitized = dlsym(nil, "__asan_init") != nil || dlsym(nil, "__tsan_init") != nil

/// Whether to run the long forms of tests: `FSSCAN_LARGE=1`, as set by `make stress-filesystems`.
package let isLarge = getenv("FSSCAN_LARGE").map { String(cString: $0) == "1" } ?? false

/// The time limit of tests that could hang, in minutes. It counts from the beginning of the run, because all tests
/// begin at once and wait for each other; sanitizers take their time.
package let patience = isSanitized ? 120 : 10
