/// The processor time limit of control groups, in processors: 1.5 is 150 ms in each 100 ms.
///
/// Each group may have its own limit, so the minimum over all ancestors counts. Both versions of the interface are
/// read, because both can be mounted: `cpu.max` in version 2, `cpu.cfs_quota_us` in version 1. See cgroups(7).
///
/// Names of groups are bytes, like names of files.
package struct CPULimit {
    /// More than 0; nil if there is no limit.
    package private(set) var processors: Double?

    /// - Parameter root: a prefix for all paths: a directory that looks like a system, for tests.
    package init(root: String = "") {
        self.init(reading: { Kernel.contents(of: Array(root.utf8) + $0) })
    }

    /// - Parameter read: returns the contents of a file, nil if it cannot be read.
    package init(reading read: ([UInt8]) -> [UInt8]?) {
        guard let membership = read(Array("/proc/self/cgroup".utf8)) else { return }
        let hierarchies = Self.hierarchies(in: membership)
        // Most systems have one hierarchy, and only then is /proc/self/mountinfo worth reading.
        guard !hierarchies.isEmpty, let mounts = read(Array("/proc/self/mountinfo".utf8)) else { return }
        for line in mounts.split(separator: UInt8(ascii: "\n")) {
            guard let mount = CgroupMount(line), let path = hierarchies[mount.version] else { continue }
            for directory in mount.directories(of: path) {
                guard let limit = Self.limit(directory, mount.version, read) else { continue }
                processors = min(processors ?? limit, limit)
            }
        }
    }

    enum Version { case one, two }

    /// The path of this process in each hierarchy that can limit processor time: lines like `0::/path` and
    /// `4:cpu,cpuacct:/path`.
    private static func hierarchies(in membership: [UInt8]) -> [Version: ArraySlice<UInt8>] {
        var result: [Version: ArraySlice<UInt8>] = [:]
        for line in membership.split(separator: UInt8(ascii: "\n")) {
            let fields = line.split(separator: UInt8(ascii: ":"), maxSplits: 2, omittingEmptySubsequences: false)
            guard fields.count == 3 else { continue }
            if fields[0].elementsEqual("0".utf8) && fields[1].isEmpty {
                result[.two] = fields[2]
            } else if CgroupMount.names(fields[1], "cpu") {
                result[.one] = fields[2]
            }
        }
        return result
    }

    private static func limit(_ directory: [UInt8], _ version: Version, _ read: ([UInt8]) -> [UInt8]?) -> Double? {
        func words(_ name: String) -> [ArraySlice<UInt8>] {
            read(directory + Array(name.utf8))?.split { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\n") } ?? []
        }
        let numbers =
            switch version {
            // "150000 100000", or "max 100000".
            case .two: words("/cpu.max")
            case .one: words("/cpu.cfs_quota_us") + words("/cpu.cfs_period_us")
            }
        // Version 1 has -1 for no limit.
        guard numbers.count == 2, let quota = Int64(String(decoding: numbers[0], as: UTF8.self)),
            let period = Int64(String(decoding: numbers[1], as: UTF8.self)), quota > 0, period > 0
        else { return nil }
        return Double(quota) / Double(period)
    }
}

/// A line of /proc/self/mountinfo that mounts a hierarchy of control groups.
private struct CgroupMount {
    let version: CPULimit.Version
    /// The group visible at the mount point: `/`, or in a container often the container's own.
    private let group: [UInt8]
    private let mountPoint: [UInt8]

    private static let slash = UInt8(ascii: "/")

    /// Nil for other mounts.
    init?(_ line: ArraySlice<UInt8>) {
        // 36 35 98:0 /group /mount/point rw,noatime master:1 - cgroup2 cgroup2 rw,nsdelegate
        guard let line = MountLine(line) else { return nil }
        if line.type.elementsEqual("cgroup2".utf8) {
            version = .two
        } else if line.type.elementsEqual("cgroup".utf8), Self.names(line.options, "cpu") {
            version = .one
        } else {
            return nil
        }
        group = line.root
        mountPoint = line.mountPoint
    }

    /// Whether a comma-separated list contains that name.
    static func names(_ list: ArraySlice<UInt8>, _ name: String) -> Bool {
        list.split(separator: UInt8(ascii: ",")).contains { $0.elementsEqual(name.utf8) }
    }

    /// The directories of a group and of its ancestors, as far as they are visible here.
    func directories(of path: ArraySlice<UInt8>) -> [[UInt8]] {
        var rest = path
        if group != [Self.slash], path.elementsEqual(group) || path.starts(with: group + [Self.slash]) {
            rest = rest.dropFirst(group.count)
        }
        var names = rest.split(separator: Self.slash)
        // Outside the mounted part: `/../other`.
        if names.contains(where: { $0.elementsEqual("..".utf8) }) { names = [] }
        var result = [mountPoint]
        for name in names { result.append(result[result.count - 1] + [Self.slash] + name) }
        return result
    }
}
