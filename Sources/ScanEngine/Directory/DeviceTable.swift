import CLinux

/// Which devices are mounted exactly once: there, a link of a hard-linked inode can be met only once, and no directory
/// is inside itself.
///
/// Read from /proc/self/mountinfo at the start of the scan. A device that the table does not know (a btrfs subvolume has
/// a number of its own) counts as mounted more than once: that costs memory, and no correctness.
struct DeviceTable: Sendable {
    private var mountedOnce: Set<UInt64> = []

    /// With several PATHs the same tree may be scanned twice.
    private let severalPaths: Bool

    init(severalPaths: Bool) {
        self.severalPaths = severalPaths
        guard let text = Kernel.contents(of: "/proc/self/mountinfo") else { return }
        var mounts: [UInt64: Int] = [:]
        for line in text.split(separator: UInt8(ascii: "\n")) {
            // "36 35 98:0 /mnt1 /mnt2 …": the third field is major:minor.
            let fields = line.split(separator: UInt8(ascii: " "), maxSplits: 3)
            guard fields.count == 4 else { continue }
            let numbers = fields[2].split(separator: UInt8(ascii: ":")).map { Int(String(decoding: $0, as: UTF8.self)) }
            guard numbers.count == 2, let major = numbers[0], let minor = numbers[1] else { continue }
            mounts[UInt64(major) << 32 | UInt64(minor), default: 0] += 1
        }
        mountedOnce = Set(mounts.lazy.filter { $0.value == 1 }.map(\.key))
    }

    func isMountedOnce(_ device: UInt64) -> Bool { mountedOnce.contains(device) }

    /// Whether each link of an inode of that device is met at most once.
    func showsLinksOnce(_ device: UInt64) -> Bool { !severalPaths && isMountedOnce(device) }
}
