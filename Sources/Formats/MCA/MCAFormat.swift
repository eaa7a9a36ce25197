import Bytes
import Entries
import LinuxKernel
import ScanEngine

extension SnapshotFormat {
    /// The lines of the Metadata Collect Agent.
    package static let mca = SnapshotFormat(
        name: "mca",
        recognises: { beginning in
            let first = beginning.prefix { $0 != 0x0A }
            let object = first.withUnsafeBytes { line in try? JSONLine.object(in: line) }
            guard let object else { return false }
            return object["beginning_date"] != nil || (object["path"] != nil && object["stat"]?.object != nil)
        },
        open: { (input) throws(SnapshotFailure) in try MCAReader(input).read() })
}

/// Reads the last scan of a file of such lines.
private struct MCAReader {
    /// The data of one scan. A stream contains one scan after the other.
    private struct Scan {
        let sorter: EntrySorter
        var paths: ForeignPaths
        var algorithms: Set<DigestAlgorithm> = []
        var uncheckable = UncheckableCounts()
        var hasTargets = false
        var isComplete = false
        /// Whether the machine was scanned from its initramfs; the consumer removes that prefix, too. Nil before the
        /// first entry.
        var isBelowSysroot: Bool?

        init(_ input: SnapshotInput) {
            sorter = EntrySorter(repeats: .mustAgree(list: input.path))
            paths = ForeignPaths(otherRoots: input.otherRoots)
        }
    }

    private let input: SnapshotInput
    private let lines: LineReader
    private var scan: Scan

    private static let sysroot = Array("/sysroot".utf8)

    init(_ input: SnapshotInput) {
        self.input = input
        lines = LineReader(input)
        scan = Scan(input)
    }

    consuming func read() throws(SnapshotFailure) -> SortedSource {
        while let line = try lines.next() {
            if line.isEmpty { continue }
            let object = try lines.object(in: line)
            let entry = try lines.taking { () throws(JSONFieldFailure) in try take(object) }
            if let entry { try scan.sorter.append(entry, line: lines.number) }
        }
        let scan = scan
        var description = SnapshotDescription(
            format: SnapshotFormat.mca.name, roots: scan.paths.descriptionRoots,
            fields: [
                .kind, .size, .diskBytes, .mode, .uid, .gid, .links, .device, .inode, .mtime, .ctime, .specialDevice,
            ],
            algorithms: DigestAlgorithm.allCases.filter { scan.algorithms.contains($0) })
        if scan.hasTargets { description.fields.insert(.target) }
        description.isComplete = scan.isComplete
        description.uncheckable = scan.uncheckable.counts
        return SortedSource(description, try scan.sorter.finish())
    }

    /// - Returns: nil if the line describes no entry.
    private mutating func take(_ object: JSONObject) throws(JSONFieldFailure) -> SnapshotEntry? {
        if object["end_marker"] != nil {
            scan.isComplete = true
        } else if object["beginning_date"] != nil {
            scan = Scan(input)
        } else if var path = try object.string("path") {
            guard !path.isEmpty, !path.contains(0) else { throw JSONFieldFailure(key: "path") }
            let isBelowSysroot = scan.isBelowSysroot ?? path.starts(with: Self.sysroot)
            scan.isBelowSysroot = isBelowSysroot
            if isBelowSysroot, path.starts(with: Self.sysroot) { path.removeFirst(Self.sysroot.count) }
            var entry = SnapshotEntry(key: scan.paths.key(path.isEmpty ? [UInt8(ascii: "/")] : path))
            guard let stat = object["stat"]?.object else { throw JSONFieldFailure(key: "stat") }
            try fill(&entry, stat)
            entry.digests = try object.digests("hash")
            for (name, _) in object["hash"]?.object?.members ?? [] {
                if DigestAlgorithm(rawValue: String(decoding: name, as: UTF8.self)) == nil {
                    scan.uncheckable.add(UncheckableCounts.name(name))
                }
            }
            if entry.kind == .symlink { entry.target = try object.string("symlink_target") }
            for algorithm in entry.digests.algorithms { scan.algorithms.insert(algorithm) }
            if entry.target != nil { scan.hasTargets = true }
            return entry
        }
        return nil
    }

    private func fill(_ entry: inout SnapshotEntry, _ stat: JSONObject) throws(JSONFieldFailure) {
        // An entry without a kind could not be compared.
        guard let mode: UInt32 = try stat.number("st_mode"), let kind = EntryKind(mode: mode) else {
            throw JSONFieldFailure(key: "st_mode")
        }
        entry.kind = kind
        entry.mode = mode & 0o7777
        entry.size = try stat.size("st_size")
        entry.diskBytes = try stat.size("st_blocks").map { blocks in
            let (bytes, isTooLarge) = blocks.multipliedReportingOverflow(by: 512)
            return isTooLarge ? .max : bytes
        }
        entry.uid = try stat.number("st_uid")
        entry.gid = try stat.number("st_gid")
        entry.links = try stat.number("st_nlink")
        entry.device = try stat.number("st_dev")
        entry.inode = try stat.number("st_ino")
        entry.mtime = try time(stat, "st_mtime", "st_mtime_ns")
        entry.ctime = try time(stat, "st_ctime", "st_ctime_ns")
        if entry.kind == .blockDevice || entry.kind == .characterDevice {
            entry.specialDevice = try stat.number("st_rdev")
        }
    }

    private func time(
        _ stat: JSONObject, _ key: StaticString, _ remainderKey: StaticString
    ) throws(JSONFieldFailure) -> FileTime? {
        guard let seconds: Int64 = try stat.number(key) else { return nil }
        let nanoseconds: Int64 = try stat.number(remainderKey) ?? 0
        guard (0..<1_000_000_000).contains(nanoseconds) else { throw JSONFieldFailure(key: "\(remainderKey)") }
        return FileTime(seconds: seconds, nanoseconds: nanoseconds)
    }
}
