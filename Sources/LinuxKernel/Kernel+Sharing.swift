// Sharing the space of files with equal content: shared extents, leases, exchange of names.

import CLinux

extension Errno {
    package static let crossDevice = Errno(EXDEV)
}

extension Kernel {
    /// Makes `target` share the extents of `source` if the bytes are equal; the kernel compares and shares in one step.
    ///
    /// - Returns: the number of shared bytes from `offset` on; nil if the bytes differ.
    ///
    /// The corresponding ioctl is `FIDEDUPERANGE`.
    package static func share(
        _ source: Int32, with target: Int32, from offset: Int64, length: Int64
    ) throws(Errno) -> Int64? {
        var shared: UInt64 = 0
        let result = try check { clinux_share_range(source, target, UInt64(offset), UInt64(length), &shared) }
        return result == 0 ? Int64(clamping: shared) : nil
    }

    /// Takes a write lease: no other process has the file open, and any that opens it from now on waits until
    /// `descriptor` is closed, or for 45 seconds.
    ///
    /// - Throws: `EAGAIN` if another process has it open.
    ///
    /// The corresponding system call is `fcntl(2)` with `F_SETLEASE`. The kernel announces a waiting process with
    /// SIGIO, which must be ignored.
    package static func takeWriteLease(_ descriptor: Int32) throws(Errno) {
        _ = try check { clinux_take_write_lease(descriptor) }
    }

    /// Whether no process has tried to open the file since the lease was taken.
    package static func hasWriteLease(_ descriptor: Int32) -> Bool { clinux_has_write_lease(descriptor) != 0 }

    /// Adds a name to an open file. The corresponding system call is `linkat(2)`.
    package static func link(
        _ descriptor: Int32, as name: UnsafePointer<CChar>, in directory: Int32
    ) throws(Errno) {
        _ = try check { clinux_link_descriptor(descriptor, directory, name) }
    }

    /// Exchanges the files of two names in one step.
    ///
    /// The corresponding system call is `renameat2(2)` with `RENAME_EXCHANGE`.
    package static func exchange(
        _ one: UnsafePointer<CChar>, _ other: UnsafePointer<CChar>, in directory: Int32
    ) throws(Errno) {
        _ = try check { clinux_exchange(directory, one, other) }
    }

    /// What `chattr(1)` sets and `lsattr` shows, also what `statx(2)` does not tell (`A`, `S`, `d`, …): without what says how
    /// a file is stored.
    ///
    /// - Throws: `ENOTTY`, `EOPNOTSUPP` where the file system has none.
    ///
    /// The corresponding ioctl is `FS_IOC_GETFLAGS`.
    package static func inodeFlags(of descriptor: Int32) throws(Errno) -> UInt32 {
        var flags: UInt32 = 0
        _ = try check { clinux_inode_flags(descriptor, &flags) }
        return flags
    }

    /// Throws why no name of a directory can be added or removed, as far as its mode, flags and mount tell.
    ///
    /// The corresponding system call is `faccessat2(2)` with `AT_EACCESS`.
    package static func confirmWritable(directory: Int32) throws(Errno) {
        _ = try check { clinux_confirm_writable(directory) }
    }

    /// Removes a name that is not a directory. The corresponding system call is `unlinkat(2)`.
    package static func removeName(_ name: UnsafePointer<CChar>, in directory: Int32) throws(Errno) {
        _ = try check { clinux_unlink(directory, name) }
    }
}
