import Bytes
import CLinux
import Entries
import Formats
import Foundation
import LinuxKernel
import ScanEngine
import Snapshots
import Synchronization

/// Writes the entries that were read, as if a scan had found them, with fsscan's own writers; they must read back the
/// same.
struct Rewriting {
    private struct Item {
        var entry: SnapshotEntry
        var status: FileStatus
    }

    /// One PATH, a directory.
    private static let root = Array("r".utf8)

    private let items: [Item]
    private let digests: DigestSet

    var statuses: [FileStatus] { items.map(\.status) }

    /// Nil if the root is not a directory.
    init?(_ reading: Reading) {
        digests = DigestSet(reading.description.algorithms)
        var root = SnapshotEntry(key: EntryKey(root: 0, path: []), kind: .directory)
        if let first = reading.entries.first, first.key.isRoot { root = first }
        guard root.kind == .directory else { return nil }
        var others = Set<EntryKey>()
        var items: [Item] = []
        for entry in [root] + reading.entries.filter({ !$0.key.isRoot }) {
            // Impossible in a tree: empty names, and entries inside something that is not a directory.
            let names = entry.key.bytes[4...].split(separator: 0, omittingEmptySubsequences: false)
            let isName = names.allSatisfy { !$0.isEmpty && !$0.elementsEqual(".".utf8) && !$0.elementsEqual("..".utf8) }
            guard entry.key.root == 0, isName || entry.key.isRoot else { continue }
            var place = entry.key.parent
            while let parent = place, !others.contains(parent) { place = parent.parent }
            guard place == nil else { continue }
            if entry.kind != .directory { others.insert(entry.key) }
            let known = Self.completed(entry, digests)
            items.append(Item(entry: known, status: Self.status(of: known)))
        }
        self.items = items
    }

    // MARK: As a scan would have found it

    private static func completed(_ old: SnapshotEntry, _ digests: DigestSet) -> SnapshotEntry {
        var entry = SnapshotEntry(key: old.key, kind: old.kind)
        entry.errors = old.errors
        guard let kind = old.kind else { return entry }
        entry.size = old.size ?? 0
        entry.diskBytes = (old.diskBytes ?? 0) / 512 * 512
        (entry.mode, entry.uid, entry.gid) = (old.mode ?? 0, old.uid ?? 0, old.gid ?? 0)
        entry.links = UInt64(UInt32(clamping: old.links ?? 1))
        (entry.device, entry.inode) = (old.device ?? 0, old.inode ?? 0)
        entry.mtime = old.mtime ?? FileTime(seconds: 0, nanoseconds: 0)
        entry.ctime = old.ctime ?? FileTime(seconds: 0, nanoseconds: 0)
        entry.btime = old.btime
        for time in [\SnapshotEntry.mtime, \.ctime, \.btime] {
            // A time that RFC 3339 cannot write is written in whole seconds.
            guard let value = entry[keyPath: time] else { continue }
            if Timestamp.rfc3339(seconds: value.seconds, nanoseconds: value.nanoseconds) == nil {
                entry[keyPath: time]?.nanoseconds = 0
            }
        }
        if kind == .symlink { entry.target = old.target }
        if kind == .blockDevice || kind == .characterDevice { entry.specialDevice = old.specialDevice ?? 0 }
        if digests.algorithms.allSatisfy({ old.digests[$0] != nil }) {
            for algorithm in digests.algorithms { entry.digests[algorithm] = old.digests[algorithm] }
        }
        if kind == .file { (entry.mime, entry.isChanged) = (old.mime, old.isChanged) }
        entry.xattrs = old.xattrs
        entry.flags = old.flags?.intersection([.immutable, .appendOnly])
        return entry
    }

    private static func status(of entry: SnapshotEntry) -> FileStatus {
        var raw = statx()
        let types: [EntryKind: mode_t] = [
            .directory: S_IFDIR, .file: S_IFREG, .symlink: S_IFLNK, .fifo: S_IFIFO, .socket: S_IFSOCK,
            .blockDevice: S_IFBLK, .characterDevice: S_IFCHR,
        ]
        raw.stx_mode = UInt16(truncatingIfNeeded: (entry.kind.flatMap { types[$0] } ?? 0) | (entry.mode ?? 0))
        raw.stx_nlink = UInt32(entry.links ?? 0)
        (raw.stx_uid, raw.stx_gid) = (entry.uid ?? 0, entry.gid ?? 0)
        (raw.stx_size, raw.stx_blocks) = (UInt64(entry.size ?? 0), UInt64((entry.diskBytes ?? 0) / 512))
        raw.stx_ino = entry.inode ?? 0
        (raw.stx_dev_major, raw.stx_dev_minor) = parts(of: entry.device ?? 0)
        (raw.stx_rdev_major, raw.stx_rdev_minor) = parts(of: entry.specialDevice ?? 0)
        func set(_ field: WritableKeyPath<statx, statx_timestamp>, _ time: FileTime?) {
            guard let time else { return }
            raw[keyPath: field].tv_sec = time.seconds
            raw[keyPath: field].tv_nsec = UInt32(time.nanoseconds)
        }
        set(\.stx_mtime, entry.mtime)
        set(\.stx_ctime, entry.ctime)
        set(\.stx_btime, entry.btime)
        if entry.btime != nil { raw.stx_mask |= UInt32(STATX_BTIME) }
        if let flags = entry.flags {
            raw.stx_attributes_mask = UInt64(InodeFlags([.immutable, .appendOnly]).rawValue)
            raw.stx_attributes = UInt64(flags.rawValue)
        }
        // A thin view of `struct statx`, as its comment says: its only field.
        precondition(MemoryLayout<FileStatus>.size == MemoryLayout<statx>.size)
        return unsafeBitCast(raw, to: FileStatus.self)
    }

    private static func parts(of device: UInt64) -> (major: UInt32, minor: UInt32) {
        (gnu_dev_major(dev_t(device)), gnu_dev_minor(dev_t(device)))
    }

    // MARK: Formats

    func check() {
        // An entry for which an mtree specification gives only the name has no record.
        check(.ndjson, "records") { entry in entry.kind == nil && entry.errors.isEmpty ? nil : entry }
        check(.mca, "mca") { entry in
            guard entry.kind != nil else { return nil }
            var known = Self.common(entry)
            (known.diskBytes, known.device, known.inode) = (entry.diskBytes, entry.device, entry.inode)
            known.ctime = entry.ctime
            known.size = entry.size
            known.digests = entry.kind == .file ? entry.digests : [:]
            return known
        }
        check(.mtree, "mtree") { entry in
            guard entry.kind != nil else { return nil }
            var known = Self.common(entry)
            if entry.kind == .file {
                known.size = entry.size
                for algorithm in [DigestAlgorithm.md5, .sha1, .sha256, .sha384, .sha512] {
                    known.digests[algorithm] = entry.digests[algorithm]
                }
            }
            known.flags = entry.flags
            return known
        }
        for algorithm in digests.algorithms {
            guard let format = RecordFormat.checksums(algorithm) else { continue }
            check(format, "checksums") { entry in
                guard entry.kind == .file, let digest = entry.digests[algorithm] else { return nil }
                var known = SnapshotEntry(key: entry.key, kind: .file)
                known.digests[algorithm] = digest
                return known
            }
        }
    }

    /// The fields of mtree and MCA.
    private static func common(_ entry: SnapshotEntry) -> SnapshotEntry {
        var known = SnapshotEntry(key: entry.key, kind: entry.kind)
        (known.mode, known.uid, known.gid, known.links) = (entry.mode, entry.uid, entry.gid, entry.links)
        (known.mtime, known.target, known.specialDevice) = (entry.mtime, entry.target, entry.specialDevice)
        return known
    }

    private func check(_ format: RecordFormat, _ name: String, _ carried: (SnapshotEntry) -> SnapshotEntry?) {
        let path = format == .checksums(.blake2b) ? "list.b2" : "list"
        let file = TextFile(format: name, path: path, bytes: written(format), otherRoots: [Self.root])
        let expected = items.compactMap { carried($0.entry) }
        switch file.read() {
        case .failure(let failure): preconditionFailure("\(name): what was written cannot be read: \(failure.message)")
        case .success(let reading):
            // A tree has all directories that contain entries, even if they were not listed.
            let keys = Set(expected.map(\.key))
            let found = reading.entries.filter { !format.isTree || keys.contains($0.key) }
            precondition(found.count == expected.count, "\(name): \(expected.count) written, \(found.count) read")
            for (found, expected) in zip(found, expected) {
                precondition(Self.ordered(found) == Self.ordered(expected), "\(name): \(expected), read as \(found)")
            }
        }
    }

    private static func ordered(_ entry: SnapshotEntry) -> SnapshotEntry {
        var entry = entry
        entry.errors.sort { ($0.operation, $0.code, $0.message) < ($1.operation, $1.code, $1.message) }
        return entry
    }

    private func written(_ format: RecordFormat) -> [UInt8] {
        var options = ScanOptions(paths: [Self.root], threads: 1)
        (options.hash, options.mime, options.xattrs) = (digests.algorithms, true, true)
        let sink = Collected()
        let output = RecordOutput(format, for: options, sorted: false) { sink.append($0) }
        output.begin(options, version: "0", Timing())
        let stream = output.makeStream()
        for item in items {
            let (entry, path) = (item.entry, item.entry.key.path(below: Self.root))
            if let kind = entry.kind {
                let row = entry.digests.isEmpty ? nil : digests.algorithms.flatMap { entry.digests[$0] ?? [] }
                let content = EntryContent(
                    target: entry.target, digests: row, mime: entry.mime, isChanged: entry.isChanged,
                    xattrs: entry.xattrs)
                path.withUnsafeBytes {
                    stream.entry(root: 0, path: $0, kind: kind, status: item.status, content: content)
                }
            }
            for error in entry.errors {
                stream.error(
                    root: 0,
                    ScanError(path: path, operation: error.operation, code: error.code, message: error.message))
            }
        }
        stream.flush()
        output.finish(ScanReport())
        return sink.bytes
    }
}

private final class Collected: Sendable {
    private let state = Mutex<[UInt8]>([])

    func append(_ lines: UnsafeRawBufferPointer) { state.withLock { $0.append(contentsOf: lines) } }

    var bytes: [UInt8] { state.withLock { $0 } }
}
