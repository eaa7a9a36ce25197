import LinuxKernel
import Synchronization

/// Where a scan has found devices: at its PATHs, and wherever a directory is on another device than the one above.
///
/// Only for parts of a scan. Used once per mount, so a lock is cheap enough.
final class MountNotes: Sendable {
    private let met = Mutex<[UInt64: Set<[UInt8]>]>([:])

    /// Identifies the machine and its boot: within one, a device has one number.
    static let host = Kernel.contents(of: Array("/proc/sys/kernel/random/boot_id".utf8)) ?? []

    func note(_ device: UInt64, at node: PathNode) { note(device, at: node.path()) }

    func note(_ device: UInt64, at path: [UInt8]) {
        met.withLock { _ = $0[device, default: []].insert(path) }
    }

    /// In the order of their bytes.
    func paths(of device: UInt64) -> [[UInt8]] {
        met.withLock { $0[device] ?? [] }.sorted { $0.lexicographicallyPrecedes($1) }
    }

    /// By the paths where they were found.
    var devices: [[UInt8]: UInt64] {
        met.withLock { met in
            var devices: [[UInt8]: UInt64] = [:]
            for (device, paths) in met { for path in paths { devices[path] = device } }
            return devices
        }
    }
}

/// One number for each device, whatever its number on each machine.
///
/// Two devices are the same if two parts have found them at the same path, or if one machine gives them the same
/// number. (`st_dev` of one file system differs between its clients, and even between two mounts of an overlay on one.)
struct DeviceMap {
    private struct Key: Hashable {
        let host: [UInt8]
        let number: UInt64
    }

    /// By index: another device that is the same, or itself.
    private var same: [Int] = []
    private var known: [Key: Int] = [:]
    private var paths: [[UInt8]: Int] = [:]

    mutating func add(_ parts: PartialDevices) {
        for device in parts.devices {
            let index = index(Key(host: parts.host, number: device.number))
            for path in device.paths {
                if let other = paths[path] { unite(index, other) } else { paths[path] = index }
            }
        }
    }

    /// The numbers for the devices of a part, after all parts have been added.
    func numbers(_ parts: PartialDevices) -> [UInt64] {
        parts.devices.map { device in
            guard let index = known[Key(host: parts.host, number: device.number)] else {
                preconditionFailure("a part was added before it is read")
            }
            // Above all numbers that a kernel assigns, so that the local mount table says nothing about it.
            return UInt64(find(index)) | 1 << 63
        }
    }

    private mutating func index(_ key: Key) -> Int {
        if let index = known[key] { return index }
        known[key] = same.count
        same.append(same.count)
        return same.count - 1
    }

    private func find(_ index: Int) -> Int {
        var index = index
        while same[index] != index { index = same[index] }
        return index
    }

    private mutating func unite(_ left: Int, _ right: Int) {
        let (left, right) = (find(left), find(right))
        same[max(left, right)] = min(left, right)
    }
}
