import CLinux
import Glibc

/// A C program of the tests, compiled beside the test bundle when it is first needed.
package struct CProgram: Sendable {
    package let path: ByteString

    /// - Parameters:
    ///   - name: of the source in Tests/faults, without its `.c`.
    ///   - packages: what pkg-config is asked for.
    ///   - options: further ones of the compiler; `-shared` for a library.
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

    /// A file system that fails as it is told.
    package static let faultfs = Result { try CProgram("faultfs", packages: ["fuse3"]) }

    /// Runs a command under a filter that refuses system calls.
    package static let refuse = Result { try CProgram("refuse") }

    /// A library to be preloaded, which changes the environment.
    package static let setenv = Result { try CProgram("setenv", options: ["-shared", "-fPIC"]) }
    /// Changes the content of files and not their times.
    package static let untimed = Result { try CProgram("untimed") }

    /// A library to be preloaded, which makes calls of the C library fail.
    package static let failing = Result { try CProgram("failing", options: ["-shared", "-fPIC"]) }

    /// A library to be preloaded, which runs a command before the first lease is taken.
    package static let atLease = Result { try CProgram("atlease", options: ["-shared", "-fPIC"]) }

    /// A library to be preloaded, which is a libmagic that a file can take over.
    package static let badmagic = Result { try CProgram("badmagic", options: ["-shared", "-fPIC"]) }
}

/// Whether tests may mount a FUSE file system in a mount namespace of their own.
package let canUseFUSE: Bool = fuseObstacle == nil

/// Why they may not.
package let fuseObstacle: String? = mountObstacle ?? (access("/dev/fuse", R_OK | W_OK) == 0 ? nil : "needs /dev/fuse")

/// `EIO`; nil for a number that the C library has no name for.
package func errnoName(_ number: Int32) -> String? { clinux_errno_name(number).map { String(cString: $0) } }

/// Whether this is a build under AddressSanitizer or ThreadSanitizer: then the program under test is one, too.
package let isSanitized = dlsym(nil, "__asan_init") != nil || dlsym(nil, "__tsan_init") != nil

/// Whether the long forms of tests are wanted: `FSSCAN_LARGE=1`, as `make stress-filesystems` sets.
package let isLarge = getenv("FSSCAN_LARGE").map { String(cString: $0) == "1" } ?? false

/// The time limit of tests that could hang, in minutes. It counts from the beginning of the run, because all tests begin at once and
/// wait for each other; sanitizers take their time.
package let patience = isSanitized ? 120 : 10
