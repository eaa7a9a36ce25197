import CLinux
package import Formats
import Glibc
import LinuxKernel
import ScanEngine

/// Opens what the command line names as an input, and waits for nobody: a FIFO or a device that lies where a file is
/// expected would keep the program for ever.
package enum InputFile {
    /// - Parameter path: `-`, `/dev/stdin`, `/dev/fd/3`, `/proc/self/fd/3`: what the caller has opened, a pipe perhaps.
    ///   `/dev/null` is an empty file.
    /// - Returns: a descriptor that is the caller's to close.
    package static func open(_ path: [UInt8]) throws(SnapshotFailure) -> Int32 {
        if let number = descriptorNumber(path) {
            // Opening the name once more would wait for somebody who writes.
            let descriptor = fcntl(number, F_DUPFD_CLOEXEC, 3)
            if descriptor < 0 { throw SnapshotFailure(path: path, Errno(errno).message) }
            return descriptor
        }
        let descriptor = withCPath(path) { clinux_openat(AT_FDCWD, $0, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY) }
        if descriptor < 0 { throw SnapshotFailure(path: path, Errno(-descriptor).message) }
        var status = stat()
        let isKnown = fstat(descriptor, &status) == 0
        let isNull = status.st_mode & S_IFMT == S_IFCHR && status.st_rdev == gnu_dev_makedev(1, 3)
        guard isKnown, status.st_mode & S_IFMT == S_IFREG || isNull else {
            close(descriptor)
            throw SnapshotFailure(
                path: path, status.st_mode & S_IFMT == S_IFDIR ? "is a directory" : "is no regular file")
        }
        return descriptor
    }

    /// Nil for a name that is to be opened.
    package static func descriptorNumber(_ path: [UInt8]) -> Int32? {
        let text = String(decoding: path, as: UTF8.self)
        if text == "-" || text == "/dev/stdin" { return 0 }
        for prefix in ["/dev/fd/", "/proc/self/fd/"] where text.hasPrefix(prefix) {
            return Int32(text.dropFirst(prefix.count))
        }
        return nil
    }
}
