// The one funnel for system calls on the scanned tree: interrupted calls are repeated, programming errors trap,
// everything else is thrown. Names are NUL-terminated bytes relative to a descriptor; no path except a PATH of the
// command line ever gets here.

import CLinux

package enum Kernel {
    /// Represents the working directory where a directory descriptor is expected.
    package static let workingDirectory = AT_FDCWD

    /// Opens a directory for listing; never follows a symlink in the last component.
    ///
    /// - Parameter keepAccessTime: ask the kernel to preserve the access time. If that is not permitted (the file
    ///   belongs to another user), the directory is opened without this.
    /// - Throws: `ENOTDIR` or `ELOOP` if the name is not a directory (any more).
    ///
    /// The corresponding system call is `openat(2)`.
    package static func openDirectory(
        _ name: UnsafePointer<CChar>, in directory: Int32, keepAccessTime: Bool
    ) throws(Errno) -> FileDescriptor {
        let flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK
        return try open(name, in: directory, flags, keepAccessTime: keepAccessTime)
    }

    static func open(
        _ name: UnsafePointer<CChar>, in directory: Int32, _ flags: Int32, keepAccessTime: Bool
    ) throws(Errno) -> FileDescriptor {
        if keepAccessTime {
            do throws(Errno) {
                return FileDescriptor(owning: try check { clinux_openat(directory, name, flags | CLINUX_O_NOATIME) })
            } catch {
                guard error == .permission else { throw error }
            }
        }
        return FileDescriptor(owning: try check { clinux_openat(directory, name, flags) })
    }

    /// Reads directory entries into `buffer`; 0 bytes at the end.
    ///
    /// The corresponding system call is `getdents64(2)`.
    package static func listDirectory(
        _ directory: Int32, into buffer: UnsafeMutableRawBufferPointer
    ) throws(Errno) -> Int {
        Int(try check { clinux_getdents64(directory, buffer.baseAddress!, UInt(buffer.count)) })
    }

    /// How much to read about an entry.
    package enum Detail: Sendable {
        /// The fields of stat(2).
        case basic
        /// Also the birth time, the attributes (`isMountRoot`) and the mount.
        case full
    }

    /// The status of `name`, without following a symlink and without triggering an automount. Attributes are as fresh
    /// as the file system's own rules make them (a network file system may ask its server).
    ///
    /// The corresponding system calls are `fstatat(2)` and `statx(2)`.
    package static func status(
        of name: UnsafePointer<CChar>, in directory: Int32, _ detail: Detail = .full, into status: inout FileStatus
    ) throws(Errno) {
        let flags = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT
        if detail == .full, try statx(name, directory, flags, &status) { return }
        _ = try check { clinux_fstatat(directory, name, flags, &status.raw) }
    }

    /// The status of a path, following the last symlink too. A separate function, because the other is called for each
    /// entry.
    package static func followedStatus(
        of path: UnsafePointer<CChar>, into status: inout FileStatus
    ) throws(Errno) {
        if try statx(path, workingDirectory, AT_NO_AUTOMOUNT, &status) { return }
        _ = try check { clinux_fstatat(workingDirectory, path, AT_NO_AUTOMOUNT, &status.raw) }
    }

    /// The status of an open file. The corresponding system calls are `fstat(2)` and `statx(2)`.
    package static func status(
        of descriptor: Int32, _ detail: Detail = .full, into status: inout FileStatus
    ) throws(Errno) {
        if detail == .full, try statx("", descriptor, AT_EMPTY_PATH, &status) { return }
        _ = try check { clinux_fstat(descriptor, &status.raw) }
    }

    /// - Returns: false if the kernel (before 4.11) or a sandbox does not have the call.
    private static func statx(
        _ name: UnsafePointer<CChar>, _ directory: Int32, _ flags: Int32, _ status: inout FileStatus
    ) throws(Errno) -> Bool {
        do throws(Errno) {
            _ = try check { clinux_statx(directory, name, flags, FileStatus.mask, &status.raw) }
            return true
        } catch {
            // A seccomp filter may answer EPERM, which the call itself never does.
            guard error == .noSystemCall || error == .permission else { throw error }
            return false
        }
    }

    /// The contents of a small system file (`/proc/self/mountinfo`); nil if it cannot be read.
    package static func contents(of path: [UInt8]) -> [UInt8]? {
        let name = path.map { CChar(bitPattern: $0) } + [0]
        guard let file = try? FileDescriptor(owning: check { clinux_openat(AT_FDCWD, name, O_RDONLY | O_CLOEXEC) })
        else { return nil }
        return try? contents(of: file.number, limit: .max)
    }

    /// The contents of a regular file, without following a symlink; nil if there is no such file, or if it is larger
    /// than `limit` bytes.
    package static func contents(
        ofFile name: UnsafePointer<CChar>, in directory: Int32, limit: Int
    ) throws(Errno) -> [UInt8]? {
        do throws(Errno) {
            // Preserves the access time if possible; for another user's file that takes one more call.
            let file = try openRegularFile(name, in: directory, keepAccessTime: true)
            var status = FileStatus()
            try self.status(of: file.number, .basic, into: &status)
            guard status.size <= limit else { return nil }
            return try contents(of: file.number, limit: limit)
        } catch {
            // Missing, or not a regular file.
            if error == .noSuchEntry || error == .stale { return nil }
            throw error
        }
    }

    /// The first bytes of a regular file, without following a symlink: `count` at most; nil if there is no such file.
    package static func beginning(
        ofFile name: UnsafePointer<CChar>, in directory: Int32, count: Int
    ) throws(Errno) -> [UInt8]? {
        do throws(Errno) {
            let file = try openRegularFile(name, in: directory, keepAccessTime: true)
            return try contents(of: file.number, limit: count)
        } catch {
            // Missing, or not a regular file.
            if error == .noSuchEntry || error == .stale { return nil }
            throw error
        }
    }

    /// Reads an open file from its current position to its end, at most `limit` bytes.
    package static func contents(of descriptor: Int32, limit: Int) throws(Errno) -> [UInt8] {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        while bytes.count < limit {
            let amount = try check {
                chunk.withUnsafeMutableBytes { clinux_read(descriptor, $0.baseAddress!, UInt($0.count)) }
            }
            if amount == 0 { break }
            bytes.append(contentsOf: chunk[..<min(amount, limit - bytes.count)])
        }
        return bytes
    }

    /// Repeats the call until it is not interrupted. `call` returns a negated errno, as the kernel itself does.
    ///
    /// Any errno may come from the tree: a FUSE file system can answer with any number, including EBADF and EFAULT, and
    /// EINTR forever.
    @inline(__always)
    package static func check<Result: SignedInteger>(_ call: () -> Result) throws(Errno) -> Result {
        var interruptions = 0
        while true {
            let result = call()
            // A scan that has given up on this call continues without its thread: see `Scan.runUntilDeadline()`.
            clinux_stop_if_abandoned()
            if result >= 0 { return result }
            let error = Errno(Int32(-result))
            if error == .interrupted, interruptions < interruptionLimit {
                interruptions += 1
                continue
            }
            throw error
        }
    }

    /// More signals than a scan ever gets in a row.
    private static let interruptionLimit = 1000
}
