public import CLinux

/// What only records say of an entry.
extension FileStatus {
    /// Seconds and nanoseconds since the epoch, as `statx(2)` gives them.
    @usableFromInline package typealias Time = (seconds: Int64, nanoseconds: Int64)

    @inlinable package var atime: Time { (raw.stx_atime.tv_sec, Int64(raw.stx_atime.tv_nsec)) }
    @inlinable package var mtime: Time { (raw.stx_mtime.tv_sec, Int64(raw.stx_mtime.tv_nsec)) }
    @inlinable package var ctime: Time { (raw.stx_ctime.tv_sec, Int64(raw.stx_ctime.tv_nsec)) }
    /// Nil where the file system keeps no time of birth.
    @inlinable package var btime: Time? {
        guard raw.stx_mask & UInt32(STATX_BTIME) != 0 else { return nil }
        return (raw.stx_btime.tv_sec, Int64(raw.stx_btime.tv_nsec))
    }

    @inlinable package var inode: UInt64 { raw.stx_ino }
    /// `st_dev`.
    @inlinable package var deviceNumber: UInt64 {
        Self.deviceNumber(major: raw.stx_dev_major, minor: raw.stx_dev_minor)
    }
    /// `st_rdev`: which device a device file is.
    @inlinable package var specialDeviceNumber: UInt64 {
        Self.deviceNumber(major: raw.stx_rdev_major, minor: raw.stx_rdev_minor)
    }

    /// The bits mixed as `stat(2)` shows them. The corresponding library call is `gnu_dev_makedev(3)`.
    @inlinable package static func deviceNumber(major: UInt32, minor: UInt32) -> UInt64 {
        let (major, minor) = (UInt64(major), UInt64(minor))
        return (major & 0xFFFF_F000) << 32 | (major & 0xFFF) << 8 | (minor & 0xFFFF_FF00) << 12 | (minor & 0xFF)
    }
}
