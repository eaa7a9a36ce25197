// The system calls of the content stage: opening, reading, finding holes, reading symlinks. Each retries EINTR, traps on
// EBADF and EFAULT (bugs here, never a file's fault) and throws everything else with the operation's name.

import CLinux
import Glibc

/// A system call that failed on a file: what the record of the error says.
package struct CallFailure: Error, Equatable, Sendable {
    /// The name of the system call.
    package let operation: String
    /// An `errno` value.
    package let code: Int32

    package init(_ operation: String, _ code: Int32) {
        self.operation = operation
        self.code = code
    }
}

/// What the kernel says of an open file, as far as reading it is concerned.
package struct ContentStatus: Equatable, Sendable {
    /// Major number in the upper half, minor in the lower: not `st_dev`, whose bits are mixed.
    package var device: UInt64
    package var inode: UInt64
    /// `st_mode`.
    package var mode: UInt32
    /// `st_size`, in bytes.
    package var size: Int64
    /// `st_blocks` × 512, in bytes, saturating.
    package var allocatedBytes: Int64
    package var mtimeSeconds: Int64
    package var mtimeNanoseconds: UInt32
    package var ctimeSeconds: Int64
    package var ctimeNanoseconds: UInt32

    package var isRegular: Bool { mode & S_IFMT == S_IFREG }
    package var isExecutable: Bool { mode & 0o111 != 0 }

    /// Whether nothing happened to the content in between, as far as the kernel tells: same inode, size, mtime and
    /// ctime. Blocks may be allocated late without a change of the bytes, so they are not compared.
    package func describesSameContent(as other: ContentStatus) -> Bool {
        var other = other
        other.allocatedBytes = allocatedBytes
        return self == other
    }
}

package enum ContentCalls {
    /// Opens a file to read it, without following a symlink, waiting for a FIFO's writer, or changing the access time
    /// where the kernel lets us not to (only the owner and root may ask for O_NOATIME).
    ///
    /// The corresponding system call is `openat(2)`.
    package static func openToRead(_ name: UnsafePointer<CChar>, in directory: Int32) throws(CallFailure) -> Int32 {
        let flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC
        var result = retrying { clinux_openat(directory, name, flags | noAccessTime) }
        if result == -EPERM { result = retrying { clinux_openat(directory, name, flags) } }
        return try checked("openat", result)
    }

    /// `O_NOATIME`, which glibc hides behind `_GNU_SOURCE`. Its value is part of Linux's interface on every architecture
    /// that Swift runs on.
    private static let noAccessTime: Int32 = 0o1000000

    /// What an open file is now.
    ///
    /// The corresponding system call is `statx(2)` with `AT_EMPTY_PATH`.
    package static func status(of descriptor: Int32) throws(CallFailure) -> ContentStatus {
        var out = statx()
        _ = try checked("statx", retrying { clinux_statx(descriptor, "", AT_EMPTY_PATH, statxMask, &out) })
        let (allocated, overflow) = Int64(clamping: out.stx_blocks).multipliedReportingOverflow(by: 512)
        return ContentStatus(
            device: UInt64(out.stx_dev_major) << 32 | UInt64(out.stx_dev_minor), inode: out.stx_ino,
            mode: UInt32(out.stx_mode), size: Int64(clamping: out.stx_size),
            allocatedBytes: overflow ? .max : allocated,
            mtimeSeconds: out.stx_mtime.tv_sec, mtimeNanoseconds: out.stx_mtime.tv_nsec,
            ctimeSeconds: out.stx_ctime.tv_sec, ctimeNanoseconds: out.stx_ctime.tv_nsec)
    }

    private static let statxMask = UInt32(STATX_BASIC_STATS)

    /// Reads from `offset`, leaving the descriptor's position alone. 0 is the end of the file.
    ///
    /// The corresponding system call is `pread(2)`.
    package static func read(
        _ descriptor: Int32, at offset: Int64, into buffer: UnsafeMutableRawBufferPointer
    ) throws(CallFailure) -> Int {
        let result = retrying {
            let count = pread(descriptor, buffer.baseAddress, buffer.count, off_t(offset))
            return count < 0 ? Int(-errno) : count
        }
        return try checked("read", result)
    }

    /// The first offset at or after `offset` that holds data; nil where only a hole follows.
    ///
    /// The corresponding system call is `lseek(2)` with `SEEK_DATA`. It moves the descriptor's position.
    package static func nextData(_ descriptor: Int32, from offset: Int64) throws(CallFailure) -> Int64? {
        // SEEK_DATA is 3; glibc hides the name behind _GNU_SOURCE.
        let result = retrying { seek(descriptor, offset, 3) }
        return result == Int64(-ENXIO) ? nil : try checked("lseek", result)
    }

    /// The first offset at or after `offset` that is in a hole; the end of the file counts as one.
    ///
    /// The corresponding system call is `lseek(2)` with `SEEK_HOLE`. It moves the descriptor's position.
    package static func nextHole(_ descriptor: Int32, from offset: Int64) throws(CallFailure) -> Int64 {
        // SEEK_HOLE is 4.
        try checked("lseek", retrying { seek(descriptor, offset, 4) })
    }

    /// Sets the descriptor's position to the start of the file.
    ///
    /// The corresponding system call is `lseek(2)`.
    package static func rewind(_ descriptor: Int32) throws(CallFailure) {
        _ = try checked("lseek", retrying { seek(descriptor, 0, SEEK_SET) })
    }

    /// The target of a symlink, of any length.
    ///
    /// The corresponding system call is `readlinkat(2)`.
    package static func symlinkTarget(
        _ name: UnsafePointer<CChar>, in directory: Int32
    ) throws(CallFailure) -> [UInt8] {
        var capacity = 256
        while true {
            var length = 0
            let target = [UInt8](unsafeUninitializedCapacity: capacity) { buffer, count in
                // readlinkat writes at most `buffer.count` bytes into the array's own memory, and says how many.
                length = retrying {
                    let count = buffer.withMemoryRebound(to: CChar.self) {
                        readlinkat(directory, name, $0.baseAddress!, $0.count)
                    }
                    return count < 0 ? Int(-errno) : count
                }
                count = max(length, 0)
            }
            // A full buffer may hold a target that was cut.
            if try checked("readlinkat", length) < capacity { return target }
            capacity *= 4
        }
    }

    /// Closes a descriptor. What close(2) reports after reading concerns nobody.
    package static func close(_ descriptor: Int32) {
        _ = Glibc.close(descriptor)
    }

    private static func seek(_ descriptor: Int32, _ offset: Int64, _ whence: Int32) -> Int64 {
        let result = lseek(descriptor, off_t(offset), whence)
        return result < 0 ? Int64(-errno) : Int64(result)
    }

    @inline(__always)
    private static func retrying<R: FixedWidthInteger>(_ call: () -> R) -> R {
        while true {
            let result = call()
            if result != R(truncatingIfNeeded: -EINTR) { return result }
        }
    }

    @inline(__always)
    private static func checked<R: FixedWidthInteger>(_ operation: String, _ result: R) throws(CallFailure) -> R {
        if result >= 0 { return result }
        let code = Int32(truncatingIfNeeded: 0 - result)
        precondition(code != EBADF && code != EFAULT, "the content stage passes open descriptors and its own memory")
        throw CallFailure(operation, code)
    }
}
