import CLinux

/// What the kernel's mount table tells about devices: which are mounted exactly once (there, a link of a hard-linked inode
/// can be met only once, and no directory is inside itself), and which say when a directory has been listed to its end.
///
/// Read from /proc/self/mountinfo at the start of the scan. A device that the table does not know (a btrfs subvolume has
/// a number of its own) counts as mounted more than once: that costs memory, and no correctness.
package struct DeviceTable: Sendable {
    package struct Device: Sendable {
        package var mounts = 0
        /// Where a directory's listing stands when nothing follows; nil where a file system has no such mark.
        package var endOfListing: Int64?

        var isMountedOnce: Bool { mounts == 1 }
    }

    private var devices: [UInt64: Device] = [:]

    /// With several PATHs the same tree may be scanned twice.
    private let severalPaths: Bool

    init(severalPaths: Bool) {
        self.init(mountinfo: Kernel.contents(of: Array("/proc/self/mountinfo".utf8)) ?? [], severalPaths: severalPaths)
    }

    /// - Parameter mountinfo: see proc_pid_mountinfo(5).
    package init(mountinfo: [UInt8], severalPaths: Bool) {
        self.severalPaths = severalPaths
        for line in mountinfo.split(separator: UInt8(ascii: "\n")) { add(mount: line) }
    }

    /// "36 35 98:0 / /mnt rw shared:1 - ext4 …": the third field is major:minor, the file system's type comes after a
    /// lone "-", which follows some optional fields. Spaces inside of fields are escaped.
    private mutating func add(mount line: ArraySlice<UInt8>) {
        let fields = line.split(separator: UInt8(ascii: " "))
        guard fields.count > 6, let separator = fields[6...].firstIndex(where: { $0.elementsEqual("-".utf8) }) else {
            return
        }
        let numbers = fields[2].split(separator: UInt8(ascii: ":")).map { UInt32(String(decoding: $0, as: UTF8.self)) }
        guard numbers.count == 2, let major = numbers[0], let minor = numbers[1] else { return }
        let number = UInt64(major) << 32 | UInt64(minor)
        devices[number, default: Device()].mounts += 1
        if separator + 1 < fields.endIndex {
            let type = String(decoding: fields[separator + 1], as: UTF8.self)
            devices[number]?.endOfListing = Self.endsOfListings[type]
        }
    }

    /// Positions that no entry has, and that these file systems give out as the last one's successor when there is none:
    /// `EXT4_HTREE_EOF_64BIT` of fs/ext4, `DIR_OFFSET_EOD` of fs/libfs.c (Linux 6.14 and some before). Only there a
    /// listing is known to be complete without one more call. That a buffer has room left does not say so: a signal ends
    /// a call early, and an error after some names shows only at the next.
    private static let endsOfListings: [String: Int64] = ["ext4": .max, "tmpfs": Int64(Int32.max)]

    package subscript(device: UInt64) -> Device { devices[device] ?? Device() }

    /// Whether each link of an inode of that device is met at most once.
    func showsLinksOnce(_ device: UInt64) -> Bool { !severalPaths && self[device].isMountedOnce }
}
