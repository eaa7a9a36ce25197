import CLinux
package import Formats
import Glibc
import LinuxKernel
import ScanEngine

/// Opens an input that the command line names. Never waits: a FIFO or a device instead of a file could block the
/// program forever.
package enum InputFile {
    /// - Parameter path: `-`, `/dev/stdin`, `/dev/fd/3` and `/proc/self/fd/3` are descriptors that the caller has
    ///   opened, perhaps pipes. `/dev/null` is an empty file.
    /// - Returns: a descriptor, which the caller closes.
    package static func open(_ path: [UInt8]) throws(SnapshotFailure) -> Int32 {
        if let number = descriptorNumber(path) {
            // Opening a FIFO by its name would wait for a writer.
            let descriptor = fcntl(number, F_DUPFD_CLOEXEC, 3)
            if descriptor < 0 { throw SnapshotFailure(path: path, Errno(errno).message) }
            return descriptor
        }
        let descriptor = withCString(path) { clinux_openat(AT_FDCWD, $0, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY) }
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

    /// Nil for the name of a file.
    package static func descriptorNumber(_ path: [UInt8]) -> Int32? {
        let text = String(decoding: path, as: UTF8.self)
        if text == "-" || text == "/dev/stdin" { return 0 }
        for prefix in ["/dev/fd/", "/proc/self/fd/"] where text.hasPrefix(prefix) {
            return Int32(text.dropFirst(prefix.count))
        }
        return nil
    }
}
