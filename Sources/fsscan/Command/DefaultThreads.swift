import CLinux
import Glibc

/// How many workers run when `--threads` does not say: as many as this process may use.
enum DefaultThreads {
    /// The affinity mask, lowered to what the control group grants, rounded up; 1 to 1024.
    static func count() -> Int {
        let affinity = max(1, Int(clinux_affinity_count()))
        let limit = CPULimit().processors.map { Int(min($0, 1024).rounded(.up)) } ?? 1024
        return max(1, min(affinity, limit, 1024))
    }
}

/// The processor time that control groups grant, in processors: 1.5 is 150 ms in each 100 ms.
///
/// Each group may have a limit of its own, so the least of all ancestors counts. Both versions of the interface are read,
/// as both can be mounted: `cpu.max` in version 2, `cpu.cfs_quota_us` in version 1. See cgroups(7).
struct CPULimit {
    /// Nil where there is no limit.
    private(set) var processors: Double?

    /// `root` stands before all paths: a directory that looks like a system, for tests.
    init(root: String = "") {
        guard let membership = Self.read(root + "/proc/self/cgroup") else { return }
        let hierarchies = Self.hierarchies(in: membership)
        // Most systems: one hierarchy, and reading /proc/self/mountinfo pays only with it.
        guard !hierarchies.isEmpty, let mounts = Self.read(root + "/proc/self/mountinfo") else { return }
        for line in mounts.split(separator: "\n") {
            guard let mount = CgroupMount(line), let path = hierarchies[mount.version] else { continue }
            for directory in mount.directories(of: path) {
                guard let limit = Self.limit(root + directory, mount.version) else { continue }
                processors = min(processors ?? limit, limit)
            }
        }
    }

    enum Version { case one, two }

    /// The path of this process in each hierarchy that can limit processor time: lines `0::/path` and
    /// `4:cpu,cpuacct:/path`.
    private static func hierarchies(in membership: String) -> [Version: String] {
        var result: [Version: String] = [:]
        for line in membership.split(separator: "\n") {
            let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard fields.count == 3 else { continue }
            if fields[0] == "0" && fields[1].isEmpty {
                result[.two] = String(fields[2])
            } else if fields[1].split(separator: ",").contains("cpu") {
                result[.one] = String(fields[2])
            }
        }
        return result
    }

    private static func limit(_ directory: String, _ version: Version) -> Double? {
        let numbers: [Double?]
        switch version {
        case .two:
            // "150000 100000", or "max 100000".
            numbers = (read(directory + "/cpu.max") ?? "").split { $0 == " " || $0 == "\n" }.map { Double($0) }
        case .one:
            numbers = ["/cpu.cfs_quota_us", "/cpu.cfs_period_us"].map { name in
                (read(directory + name)?.split(separator: "\n").first).flatMap { Double($0) }
            }
        }
        // Version 1 says -1 where there is no limit.
        guard numbers.count == 2, let quota = numbers[0], let period = numbers[1], quota > 0, period > 0 else {
            return nil
        }
        return quota / period
    }

    /// Files of /proc have no size; these are short. Nil where it cannot be read.
    private static func read(_ path: String) -> String? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        if descriptor < 0 { return nil }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 1 << 14)
        while true {
            let count = Glibc.read(descriptor, &piece, piece.count)
            if count < 0 && errno == EINTR { continue }
            if count < 0 { return nil }
            if count == 0 { return String(decoding: bytes, as: UTF8.self) }
            bytes += piece[..<count]
        }
    }
}

/// A line of /proc/self/mountinfo that mounts a hierarchy of control groups. See proc_pid_mountinfo(5).
private struct CgroupMount {
    let version: CPULimit.Version
    /// The group that is seen at the mount point: `/`, or in a container often the container's own.
    private let group: String
    private let mountPoint: String

    /// Nil for other mounts.
    init?(_ line: Substring) {
        // 36 35 98:0 /group /mount/point rw,noatime master:1 - cgroup2 cgroup2 rw,nsdelegate
        guard let separator = line.firstRange(of: " - ") else { return nil }
        let fields = line[..<separator.lowerBound].split(separator: " ")
        let kind = line[separator.upperBound...].split(separator: " ")
        guard fields.count >= 6, kind.count >= 3 else { return nil }
        if kind[0] == "cgroup2" {
            version = .two
        } else if kind[0] == "cgroup", kind[2].split(separator: ",").contains("cpu") {
            version = .one
        } else {
            return nil
        }
        group = Self.unescaped(fields[3])
        mountPoint = Self.unescaped(fields[4])
    }

    /// The directories of a group and of its ancestors, as far as they can be seen here.
    func directories(of path: String) -> [String] {
        var rest = Substring(path)
        if group != "/" && (path == group || path.hasPrefix(group + "/")) { rest = rest.dropFirst(group.count) }
        // Outside of what is mounted: `/../other`.
        if rest.split(separator: "/").contains("..") { rest = "" }
        var result = [mountPoint]
        var directory = mountPoint
        for component in rest.split(separator: "/") {
            directory += "/" + component
            result.append(directory)
        }
        return result
    }

    /// Blanks and backslashes are written as `\040` and so on.
    private static func unescaped(_ field: Substring) -> String {
        var bytes: [UInt8] = []
        var rest = Array(field.utf8)[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "\\"), rest.count >= 3,
                let value = UInt8(String(decoding: rest.prefix(3), as: UTF8.self), radix: 8)
            {
                bytes.append(value)
                rest = rest.dropFirst(3)
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
