import CLinux

/// A contiguous part of a file on its disk. Bytes.
package struct FileExtent: Sendable {
    package var physical: UInt64
    package var length: UInt64
    /// It may be shared with another file, a snapshot, or another place of the same file.
    package var isShared: Bool
}

extension Kernel {
    /// The extents of a file. Bytes without a known place (not yet written to the disk) are omitted.
    ///
    /// - Throws: `EOPNOTSUPP` if the file system has no extents.
    ///
    /// The corresponding ioctl is `FS_IOC_FIEMAP`.
    package static func extents(of descriptor: Int32) throws(Errno) -> [FileExtent] {
        var result: [FileExtent] = []
        var offset: UInt64 = 0
        var part = [clinux_extent](repeating: clinux_extent(), count: CLINUX_MOST_EXTENTS)
        while true {
            // At most as many as fit are written to the array's own memory.
            let count = try check {
                part.withUnsafeMutableBufferPointer { clinux_extents(descriptor, offset, $0.baseAddress!) }
            }
            for extent in part[..<Int(count)] where extent.flags & UInt32(CLINUX_EXTENT_UNKNOWN) == 0 {
                result.append(
                    FileExtent(
                        physical: extent.physical, length: extent.length,
                        isShared: extent.flags & UInt32(CLINUX_EXTENT_SHARED) != 0))
            }
            guard count > 0 else { return result }
            let last = part[Int(count) - 1]
            let end = last.logical.addingReportingOverflow(last.length)
            // No progress means the end.
            if last.flags & UInt32(CLINUX_EXTENT_LAST) != 0 || end.overflow || end.partialValue <= offset {
                return result
            }
            offset = end.partialValue
        }
    }

    /// The place of a file's first extent on its disk, in bytes; 0 if it is unknown.
    ///
    /// The corresponding ioctl is `FS_IOC_FIEMAP`.
    package static func firstPlace(of descriptor: Int32) -> UInt64 { clinux_first_place(descriptor) }

    /// Whether a device is a disk that turns, or a partition of one. False if that is unknown: for a file system on
    /// several disks, and for disks of a hypervisor and volumes, which may claim to turn whatever they are made of.
    @Sendable package static func isRotational(device: UInt64) -> Bool {
        let disk = "/sys/dev/block/\(device >> 32):\(UInt32(truncatingIfNeeded: device))"
        guard let place = try? symlinkTarget(disk, in: workingDirectory) else { return false }
        let parts = String(decoding: place, as: UTF8.self).split(separator: "/")
        if parts.contains(where: { part in claimants.contains { part.hasPrefix($0) } }) { return false }
        let answer =
            contents(of: Array((disk + "/queue/rotational").utf8))
            ?? contents(of: Array((disk + "/../queue/rotational").utf8))
        return answer?.first == UInt8(ascii: "1")
    }

    /// How names of directories above a device in sysfs begin: disks of KVM, Xen and Hyper-V, LVM, RAID.
    private static let claimants = ["virtio", "vbd-", "VMBUS:", "dm-", "md"]

    /// The type of an open file's file system, from `statfs(2)`, as in linux/magic.h.
    package static func fileSystemType(of descriptor: Int32) throws(Errno) -> UInt64 {
        var type: UInt64 = 0
        _ = try check { clinux_file_system_type(descriptor, &type) }
        return type
    }

    /// The same for a name, which is not opened for reading.
    package static func fileSystemType(of name: UnsafePointer<CChar>, in directory: Int32) throws(Errno) -> UInt64 {
        let place = FileDescriptor(
            owning: try check { clinux_openat(directory, name, CLINUX_O_PATH | O_NOFOLLOW | O_CLOEXEC) })
        return try fileSystemType(of: place.number)
    }

    /// The type of FUSE: a process, perhaps any user's, answers for the kernel.
    package static let fuseType: UInt64 = 0x6573_5546
}
