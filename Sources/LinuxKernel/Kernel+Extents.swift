import CLinux

/// A part of a file that lies in one piece on its disk. Bytes.
package struct FileExtent: Sendable {
    package var physical: UInt64
    package var length: UInt64
    /// Something else may have it, too: another file, a snapshot, another place of the same file.
    package var isShared: Bool
}

extension Kernel {
    /// Where a file's bytes lie. Those of which that is not known yet (they have not been written to the disk) are left out.
    ///
    /// - Throws: `EOPNOTSUPP` where the file system has no extents.
    ///
    /// The corresponding ioctl is `FS_IOC_FIEMAP`.
    package static func extents(of descriptor: Int32) throws(Errno) -> [FileExtent] {
        var result: [FileExtent] = []
        var offset: UInt64 = 0
        var part = [clinux_extent](repeating: clinux_extent(), count: CLINUX_MOST_EXTENTS)
        while true {
            // As many as there is room for come into the array's own memory.
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
            // What does not get on has come to its end.
            if last.flags & UInt32(CLINUX_EXTENT_LAST) != 0 || end.overflow || end.partialValue <= offset {
                return result
            }
            offset = end.partialValue
        }
    }

    /// What `statfs(2)` calls the type of the file system that an open file is on, as in linux/magic.h.
    package static func fileSystemType(of descriptor: Int32) throws(Errno) -> UInt64 {
        var type: UInt64 = 0
        _ = try check { clinux_file_system_type(descriptor, &type) }
        return type
    }
}
