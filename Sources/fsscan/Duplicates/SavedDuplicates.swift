// Finds duplicates in a saved scan by its digests, without reading files.
//
//   key   size, 16 hex digits · digest in hex
//   line  device, inode, and so on: numbers of 8 bytes, big-endian (`Line`) · path

import Entries
import ExternalSort
import Formats
import LinuxKernel
import ScanEngine
import Snapshots

struct SavedDuplicates {
    private let source: any SnapshotSource
    private let options: DuplicateOptions
    /// Nil: all files of the sizes.
    private let selector: EntrySelector?
    private let algorithm: DigestAlgorithm
    private let sorter = RecordSorter(memoryLimit: 32 << 20, temporaryDirectory: nil)
    private let arena = RecordArena()
    private var report = DuplicateReport()
    private var errors: [ScanError] = []
    /// Files that occur once, if requested.
    let unique: UniqueFiles?

    /// The numbers of a line before the path, in this order.
    private enum Line: Int, CaseIterable {
        case device, inode, diskBytes, mode, mtimeSeconds, mtimeNanoseconds, ctimeSeconds, ctimeNanoseconds
    }

    /// - Parameter asked: the value of `--hash`; nil: the first suitable algorithm.
    init(
        _ source: any SnapshotSource, _ options: DuplicateOptions, _ selector: EntrySelector?,
        asked: DigestAlgorithm?, file: [UInt8]
    ) throws(SnapshotFailure) {
        let saved = source.description.algorithms
        let usable = asked.map { [$0] } ?? DuplicateOptions.algorithms
        // Prefers collision-resistant digests over fast ones: here they cost nothing.
        let best = usable.filter(saved.contains).max {
            !$0.traits.contains(.resistsCollisions) && $1.traits.contains(.resistsCollisions)
        }
        guard let best else {
            let known = saved.isEmpty ? "none" : saved.map(\.rawValue).joined(separator: ", ")
            throw SnapshotFailure(
                path: file,
                "has no digests that identify files (it has \(known)): save it with --hash "
                    + usable.map(\.rawValue).joined(separator: ", or "))
        }
        (self.source, self.options, self.selector, algorithm) = (source, options, selector, best)
        unique = options.wantsUnique ? UniqueFiles() : nil
        sorter.addStream()
    }

    /// The PATHs.
    var roots: [[UInt8]] { source.description.roots }

    /// - Throws: `SnapshotFailure`, `TemporaryFileError`.
    mutating func run(isCancelled: () -> Bool) throws -> DuplicateReport {
        while let entry = try source.next() {
            if isCancelled() {
                report.isComplete = false
                break
            }
            try add(entry)
        }
        if !source.description.isComplete { report.isComplete = false }
        try sorter.keep(arena)
        var merge = try sorter.takeMerge()
        var (key, members): ([UInt8], [DuplicateInode]) = ([], [])
        while let record = merge.record {
            if !record.key.elementsEqual(key) {
                try finish(&members, key)
                key = Array(record.key)
            }
            add(record.line, key, to: &members)
            try merge.advance()
        }
        try finish(&members, key)
        report.sortGroups()
        report.totals.groups = Int64(report.groups.count)
        report.errors = ReportedErrors(errors)
        return report
    }

    private mutating func add(_ entry: SnapshotEntry) throws {
        let root = source.description.roots[entry.key.root]
        for error in entry.errors {
            fail(entry.key.path(below: root), error.operation, error.code, error.message)
        }
        guard entry.kind == .file, let size = entry.size, options.sizes.contains(size), let device = entry.device,
            let inode = entry.inode, selector?.contains(entry, below: roots) ?? true
        else { return }
        let path = entry.key.path(below: root)
        report.totals.files += 1
        guard let digest = entry.digests[algorithm] else {
            // An error of the scan says why, except for files of pseudo file systems.
            if entry.errors.isEmpty { report.totals.skipped += 1 }
            return
        }
        var numbers = [UInt64](repeating: 0, count: Line.allCases.count)
        numbers[Line.device.rawValue] = FileStatus.splitDevice(device)
        numbers[Line.inode.rawValue] = inode
        numbers[Line.diskBytes.rawValue] = UInt64(clamping: entry.diskBytes ?? 0)
        numbers[Line.mode.rawValue] = UInt64(entry.mode ?? 0)
        if let time = entry.mtime {
            numbers[Line.mtimeSeconds.rawValue] = UInt64(bitPattern: time.seconds)
            numbers[Line.mtimeNanoseconds.rawValue] = UInt64(clamping: time.nanoseconds)
        }
        if let time = entry.ctime {
            numbers[Line.ctimeSeconds.rawValue] = UInt64(bitPattern: time.seconds)
            numbers[Line.ctimeNanoseconds.rawValue] = UInt64(clamping: time.nanoseconds)
        }
        var line: [UInt8] = []
        for number in numbers { withUnsafeBytes(of: number.bigEndian) { line.append(contentsOf: $0) } }
        line += path
        var key: [UInt8] = []
        withUnsafeBytes(of: size.bigEndian) { key.appendHex(Array($0)) }
        key.appendHex(digest)
        key.withUnsafeBytes { key in line.withUnsafeBytes { arena.append(root: 0, path: key, line: $0) } }
        try sorter.makeRoom(in: arena)
    }

    private mutating func fail(_ path: [UInt8], _ operation: String, _ code: String, _ message: String) {
        report.totals.errors += 1
        if errors.count < 10_000 {
            errors.append(ScanError(path: path, operation: operation, code: code, message: message))
        }
    }

    private mutating func add(_ line: UnsafeRawBufferPointer, _ key: [UInt8], to members: inout [DuplicateInode]) {
        func number(_ field: Line) -> UInt64 {
            UInt64(bigEndian: line.loadUnaligned(fromByteOffset: 8 * field.rawValue, as: UInt64.self))
        }
        let path = Array(line[(8 * Line.allCases.count)...])
        let identity = DeviceInode(device: number(.device), inode: number(.inode))
        let last = members.count - 1
        if last >= 0, members[last].identity == identity {
            // If one PATH contains another, the same name occurs twice.
            if members[last].paths.last != path { members[last].paths.append(path) }
            return
        }
        let status = ContentStatus(
            identity: identity, mode: UInt32(truncatingIfNeeded: number(.mode)) | 0o100000, size: Self.size(key),
            allocatedBytes: Int64(clamping: number(.diskBytes)),
            mtime: (Int64(bitPattern: number(.mtimeSeconds)), UInt32(truncatingIfNeeded: number(.mtimeNanoseconds))),
            ctime: (Int64(bitPattern: number(.ctimeSeconds)), UInt32(truncatingIfNeeded: number(.ctimeNanoseconds))))
        members.append(DuplicateInode(identity: identity, paths: FilePaths(path), status: status))
    }

    /// A key begins with the index of the only root.
    private static func size(_ key: [UInt8]) -> Int64 {
        Int64(String(decoding: key[4..<20], as: UTF8.self), radix: 16) ?? 0
    }

    private mutating func finish(_ members: inout [DuplicateInode], _ key: [UInt8]) throws(TemporaryFileError) {
        defer { members = [] }
        report.totals.inodes += Int64(members.count)
        guard members.count > 1 else {
            if let alone = members.first { try unique?.add(alone.paths, Self.size(key), alone.identity) }
            return
        }
        let digest = NamedDigest(
            algorithm: algorithm.rawValue, hex: String(decoding: key[20...], as: UTF8.self))
        report.add(DuplicateGroup(members, size: Self.size(key), digest: digest, keep: options.keep))
    }
}
