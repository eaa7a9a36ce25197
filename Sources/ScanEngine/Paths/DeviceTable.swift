import CLinux
import Entries
import LinuxKernel
import Synchronization

/// What the kernel's mount table says about devices: which are mounted exactly once (there a link of a hard-linked
/// inode can be found only once), and which mark the end of a directory's listing.
///
/// Read from /proc/self/mountinfo at the start of the scan. A device that is not in the table (a btrfs subvolume has
/// its own number) counts as mounted more than once: that costs memory, but results stay correct.
///
/// The table shows the mounts of this process's namespace that can be reached from its root. Everything that a scan
/// enters is mounted on the mount of its PATH, or on a mount there. So the table shows all mounts that the scan can
/// find if it shows the mount of the PATH. It does not in a chroot (the mount that contains the root is missing) and
/// behind /proc/PID/root (the mounts belong to another namespace). Then, and without /proc, no device counts as mounted
/// once.
///
/// Later mounts are missing, too. If there is an automount point below the PATH, the scan itself may cause any mount
/// there, so no device counts as mounted once either. If another process mounts a device once more during the scan, the
/// device counts as mounted several times from when the scan finds the new mount: an inode that was complete by then
/// counts again, like a file that is moved ahead of the scan.
package struct DeviceTable: ~Copyable, Sendable {
    package struct Device: Sendable {
        package fileprivate(set) var mounts = 0
        /// The last mount of it.
        fileprivate var mount: UInt64 = 0
        /// The position of a directory's listing at its end; nil if a file system has no such mark.
        package fileprivate(set) var endOfListing: Int64?

        fileprivate var onlyMount: UInt64? { mounts == 1 ? mount : nil }
    }

    /// The place of a PATH in the tree of mounts.
    package struct Place: Sendable {
        /// Nil if the kernel does not say.
        var mount: UInt64?
        /// From the root of this process, without symlinks.
        var path: [UInt8]
        var device: UInt64?

        package init(mount: UInt64?, path: [UInt8], device: UInt64? = nil) {
            (self.mount, self.path, self.device) = (mount, path, device)
        }

        /// Nil if the PATH cannot be stat'ed, or there is no /proc.
        init?(_ path: [UInt8], isFollowed: Bool) {
            do throws(Errno) {
                // As the scan does: a PATH that ends in a slash is followed.
                let hold = try PathNode.root(path, index: 0).withCString { (path) throws(Errno) in
                    try Kernel.openPath(path, in: Kernel.workingDirectory, isFollowed: isFollowed)
                }
                var status = FileStatus()
                try Kernel.status(of: hold.number, into: &status)
                (mount, device) = (status.mount, status.device)
                self.path = try Kernel.symlinkTarget("/proc/self/fd/\(hold.number)", in: Kernel.workingDirectory)
            } catch {
                return nil
            }
        }

        /// Whether `other` is this place or lies below it.
        func holds(_ other: [UInt8]) -> Bool {
            other == path || other.starts(with: path == [UInt8(ascii: "/")] ? path : path + [UInt8(ascii: "/")])
        }
    }

    private var devices: [UInt64: Device] = [:]

    /// Whether the table shows all mounts that the scan can find, and the scan finds each place once. Set to false when
    /// a worker finds a mount that is not in the table. Relaxed: nothing is ordered by it.
    private let showsAll: Atomic<Bool>

    init(_ options: ScanOptions) {
        // With several PATHs the same tree may be scanned twice.
        let place = options.paths.count == 1 ? Place(options.paths[0], isFollowed: options.followRoots) : nil
        self.init(
            mountinfo: Kernel.contents(of: Array("/proc/self/mountinfo".utf8)) ?? [], scanning: place,
            entersMounts: !options.oneFileSystem)
    }

    /// - Parameters:
    ///   - mountinfo: see proc_pid_mountinfo(5).
    ///   - place: of the one PATH; nil if it is not known, or if there are several.
    ///   - entersMounts: false with `-x`.
    package init(mountinfo: [UInt8], scanning place: Place?, entersMounts: Bool = true) {
        let lines = mountinfo.split(separator: UInt8(ascii: "\n")).compactMap { MountLine($0) }
        for line in lines {
            devices[line.device, default: Device()].mounts += 1
            devices[line.device]?.mount = line.mount
            devices[line.device]?.endOfListing = Self.endsOfListings[String(decoding: line.type, as: UTF8.self)]
        }
        guard let place, let mount = place.mount, lines.contains(where: { $0.mount == mount }) else {
            showsAll = Atomic(false)
            return
        }
        // Every system with systemd has an automount point in /proc, for a file system that is mounted nowhere else.
        let pseudo = Set(lines.filter { $0.type.elementsEqual("proc".utf8) }.map(\.mount))
        let mayMount = lines.contains { line in
            line.type.elementsEqual("autofs".utf8) && !pseudo.contains(line.parent) && place.holds(line.mountPoint)
        }
        showsAll = Atomic(!(mayMount && entersMounts))
    }

    /// Positions that no entry has, and that these file systems return as the last entry's successor:
    /// `EXT4_HTREE_EOF_64BIT` of fs/ext4, `DIR_OFFSET_EOD` of fs/libfs.c (Linux 6.14 and some before). Only there the
    /// end of a listing is known without one more call. Room left in the buffer does not prove it: a signal ends a call
    /// early, and an error after some names shows only in the next call.
    private static let endsOfListings: [String: Int64] = ["ext4": .max, "tmpfs": Int64(Int32.max)]

    package subscript(device: UInt64) -> Device { devices[device] ?? Device() }

    /// Whether each link of an inode of that device is found at most once.
    package func showsLinksOnce(_ device: UInt64) -> Bool {
        showsAll.load(ordering: .relaxed) && self[device].onlyMount != nil
    }

    /// Called for each directory that the scan enters.
    ///
    /// - Parameter device: this table's entry for the directory's device.
    package func meet(mount: UInt64?, of device: Device) {
        if let only = device.onlyMount, only != mount { showsAll.store(false, ordering: .relaxed) }
    }
}
