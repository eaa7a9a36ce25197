public import CLinux

/// The kind of an entry. The order is that of the report.
@frozen @usableFromInline package enum EntryKind: UInt8, CaseIterable, Sendable {
    case directory, file, symlink, fifo, socket, blockDevice, characterDevice

    /// From the file type bits of `st_mode`; nil for a type that Linux does not have today.
    @inlinable package init?(mode: UInt32) {
        switch Int32(bitPattern: mode) & Int32(S_IFMT) {
        case Int32(S_IFDIR): self = .directory
        case Int32(S_IFREG): self = .file
        case Int32(S_IFLNK): self = .symlink
        case Int32(S_IFIFO): self = .fifo
        case Int32(S_IFSOCK): self = .socket
        case Int32(S_IFBLK): self = .blockDevice
        case Int32(S_IFCHR): self = .characterDevice
        default: return nil
        }
    }

    /// From `d_type`; nil for `DT_UNKNOWN` and whiteouts.
    @inlinable package init?(directoryEntryType type: UInt8) {
        // d_type is the file type bits, shifted: `IFTODT` of dirent.h.
        self.init(mode: UInt32(type) << 12)
    }
}

/// Identifies a file system object for as long as it exists.
@usableFromInline package struct DeviceInode: Hashable, Sendable {
    @usableFromInline package var device: UInt64
    @usableFromInline package var inode: UInt64

    @inlinable package init(device: UInt64, inode: UInt64) {
        self.device = device
        self.inode = inode
    }

    /// One word instead of two: half the cost of hashing. There are few devices, so even chosen inode numbers collide
    /// rarely.
    @inlinable package func hash(into hasher: inout Hasher) { hasher.combine(inode &+ device &* 0x9E37_79B9_7F4A_7C15) }
}

/// The attributes of an entry, as returned by the kernel.
///
/// A thin view of `struct statx`, which is filled in place: 256 bytes are not copied for each entry.
@usableFromInline package struct FileStatus: Sendable {
    @usableFromInline package var raw = statx()

    @inlinable package init() {}

    /// Everything in `stat(2)`, and the birth time and the mount, which are free where the kernel knows them.
    package static let mask = UInt32(STATX_BASIC_STATS | STATX_BTIME) | UInt32(STATX_MNT_ID)

    @inlinable package var mode: UInt32 { UInt32(raw.stx_mode) }
    @inlinable package var kind: EntryKind? { EntryKind(mode: mode) }
    @inlinable package var links: UInt32 { raw.stx_nlink }
    @inlinable package var uid: UInt32 { raw.stx_uid }
    @inlinable package var gid: UInt32 { raw.stx_gid }
    /// Major number in the upper half, minor in the lower: not `st_dev`, whose bits are mixed.
    @inlinable package var device: UInt64 { UInt64(raw.stx_dev_major) << 32 | UInt64(raw.stx_dev_minor) }
    @inlinable package var identity: DeviceInode { DeviceInode(device: device, inode: raw.stx_ino) }
    /// The same on another device.
    package func onDevice(_ device: UInt64) -> FileStatus {
        var status = self
        (status.raw.stx_dev_major, status.raw.stx_dev_minor) = (
            UInt32(device >> 32), UInt32(truncatingIfNeeded: device)
        )
        return status
    }
    /// `st_size`, in bytes.
    @inlinable package var size: Int64 { Int64(clamping: raw.stx_size) }
    /// Allocated bytes: 512 × `st_blocks`, saturating.
    @inlinable package var diskBytes: Int64 {
        let (bytes, overflow) = raw.stx_blocks.multipliedReportingOverflow(by: 512)
        return overflow ? .max : Int64(clamping: bytes)
    }
    /// Whether a file system is mounted here. False if the kernel does not say.
    @inlinable package var isMountRoot: Bool { raw.stx_attributes & UInt64(STATX_ATTR_MOUNT_ROOT) != 0 }

    /// The mount through which this was reached, as in the mount table; nil if the kernel does not say (before Linux
    /// 5.8, or if a sandbox refuses statx).
    @inlinable package var mount: UInt64? { raw.stx_mask & UInt32(STATX_MNT_ID) == 0 ? nil : raw.stx_mnt_id }

    /// Treats it as a mount point if the kernel does not say (before Linux 5.8, or if a sandbox refuses statx).
    @inlinable package mutating func assumeMountRootWhereUnknown() {
        let isKnown = raw.stx_attributes_mask & UInt64(STATX_ATTR_MOUNT_ROOT) != 0
        if !isKnown { raw.stx_attributes |= UInt64(STATX_ATTR_MOUNT_ROOT) }
    }
}
