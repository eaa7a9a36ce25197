public import CLinux

/// Attributes of an entry that only records need.
extension FileStatus {
    @inlinable package var atime: FileTime { FileTime(raw.stx_atime) }
    @inlinable package var mtime: FileTime { FileTime(raw.stx_mtime) }
    @inlinable package var ctime: FileTime { FileTime(raw.stx_ctime) }
    /// Nil if the file system stores no birth time.
    @inlinable package var btime: FileTime? {
        guard raw.stx_mask & UInt32(STATX_BTIME) != 0 else { return nil }
        return FileTime(raw.stx_btime)
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

    /// The inverse: a device in the form of `DeviceInode`.
    package static func splitDevice(_ number: UInt64) -> UInt64 {
        let major = (number >> 32 & 0xFFFF_F000) | (number >> 8 & 0xFFF)
        let minor = (number >> 12 & 0xFFFF_FF00) | (number & 0xFF)
        return major << 32 | minor
    }
}

extension FileTime {
    @inlinable package init(_ time: statx_timestamp) {
        self.init(seconds: time.tv_sec, nanoseconds: Int64(time.tv_nsec))
    }
}
