// Kernel files about mounts and control groups, against independent text-based readers.

import Foundation
import LinuxKernel
import ScanEngine

/// The words of each line: ISO Latin 1 has a scalar for each byte. (As a `Character` CR LF is one.)
private func words(_ bytes: some Sequence<UInt8>) -> [[String]] {
    let text = String(data: Data(bytes), encoding: .isoLatin1)!.unicodeScalars
    return text.split(separator: "\n").map { line in line.split(separator: " ").map { String($0) } }
}

/// The fields of a mount, and those after the lone dash.
private func mounts(_ bytes: some Sequence<UInt8>) -> [(fields: [String], kind: [String])] {
    words(bytes).compactMap { fields in
        guard fields.count > 6, let dash = fields[6...].firstIndex(of: "-") else { return nil }
        return (fields, Array(fields[(dash + 1)...]))
    }
}

/// `/proc/self/mountinfo`: which devices are mounted, and how often.
func fuzzMountInfo(_ bytes: UnsafeRawBufferPointer) {
    let table = DeviceTable(
        mountinfo: Array(bytes), scanning: DeviceTable.Place(mount: 30, path: Array("/".utf8)))
    var count: [UInt64: Int] = [:]
    var types: [UInt64: String] = [:]
    var isShown = false
    for (fields, kind) in mounts(bytes) {
        let numbers = fields[2].unicodeScalars.split(separator: ":").map { UInt32(String($0)) }
        guard numbers.count == 2, let major = numbers[0], let minor = numbers[1], let type = kind.first,
            let mount = UInt64(fields[0]), UInt64(fields[1]) != nil
        else { continue }
        let device = UInt64(major) << 32 | UInt64(minor)
        count[device, default: 0] += 1
        types[device] = type
        if mount == 30 { isShown = true }
    }
    for (device, mounts) in count {
        precondition(table[device].mounts == mounts, "another number of mounts")
        precondition(!table.showsLinksOnce(device) || isShown && mounts == 1, "links may be met twice")
        precondition((table[device].endOfListing != nil) == ["ext4", "tmpfs"].contains(types[device]), "another type")
    }
    precondition(table[.max - 1].mounts == count[.max - 1] ?? 0, "a device of nowhere")
}

/// `/proc/self/cgroup`, `/proc/self/mountinfo`, and the contents of each `cpu.max` or `cpu.cfs_…_us`, separated by
/// NULs.
func fuzzControlGroups(_ bytes: UnsafeRawBufferPointer) {
    let parts = bytes.split(separator: 0, maxSplits: 2, omittingEmptySubsequences: false).map { Array($0) }
    var asked: [[UInt8]] = []
    let limit = CPULimit { path in
        switch String(decoding: path, as: UTF8.self) {
        case "/proc/self/cgroup": return parts[0]
        case "/proc/self/mountinfo": return parts.count > 1 ? parts[1] : nil
        default:
            asked.append(path)
            return parts.count > 2 ? parts[2] : nil
        }
    }
    let places = mounts(parts.count > 1 ? parts[1] : []).map { unescaped($0.fields[4]) }
    for path in asked {
        precondition(places.contains { path.starts(with: $0) }, "a file outside of what is mounted")
        let names = ["/cpu.max", "/cpu.cfs_quota_us", "/cpu.cfs_period_us"]
        precondition(names.contains { path.suffix($0.utf8.count).elementsEqual($0.utf8) }, "another file")
    }
    // All groups have the same contents.
    let numbers = words(parts.count > 2 ? parts[2] : []).flatMap { $0 }
    var expected: Set<Double?> = [nil]
    if !asked.isEmpty {
        func ratio(_ numbers: [String]) -> Double? {
            guard numbers.count == 2, let quota = Int64(numbers[0]), let period = Int64(numbers[1]) else { return nil }
            return quota > 0 && period > 0 ? Double(quota) / Double(period) : nil
        }
        expected = [ratio(numbers), ratio(numbers + numbers)]
    }
    precondition(expected.contains(limit.processors), "another limit")
    precondition(limit.processors.map { $0 > 0 && $0.isFinite } ?? true, "no limit at all")
}

/// Backslashes and three octal digits, as mountinfo writes blanks.
private func unescaped(_ field: String) -> [UInt8] {
    let parts = field.unicodeScalars.split(separator: "\\", omittingEmptySubsequences: false)
    var text = String.UnicodeScalarView(parts[0])
    for part in parts.dropFirst() {
        let digits = part.prefix(3)
        if digits.count == 3, digits.allSatisfy({ ("0"..."7").contains($0) }),
            let byte = UInt8(String(digits), radix: 8)
        {
            text.append(Unicode.Scalar(byte))
            text += part.dropFirst(3)
        } else {
            text.append("\\")
            text += part
        }
    }
    return text.map { UInt8($0.value) }
}
