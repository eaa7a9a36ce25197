// Makes sure that nothing is forgotten: a new field of entries, or a new option of scans, must be covered by the
// evidence or listed here with the reason.

import Bytes
import Entries
import Formats
import LinuxKernel
import ScanEngine
import Testing

@testable import Snapshots

extension EvidenceComputation {
    mutating func add(_ entry: SnapshotEntry) throws {
        var encoder = EntryEncoder()
        encoder.append(entry)
        try entry.key.bytes.withUnsafeBytes { try add(PackedEntry(encoder.buffer.bytes), $0) }
    }
}

@Suite struct EvidenceComputationTests {
    private func scan(_ change: (inout ScanOptions) -> Void = { _ in }) -> SavedScan {
        var options = ScanOptions(paths: [Array("tree".utf8)], threads: 1)
        change(&options)
        return SavedScan(
            id: 1, label: nil, host: "", started: "", ended: "", version: "", workingDirectory: nil, options: options,
            totals: Totals(), rootDigests: [nil])
    }

    private func evidence(_ scan: SavedScan, _ entries: [SnapshotEntry]) throws -> Evidence {
        var computation = try EvidenceComputation(scan, of: [])
        for entry in entries { try computation.add(entry) }
        return computation.finish()
    }

    private func entry(_ path: String, _ kind: EntryKind?) -> SnapshotEntry {
        SnapshotEntry(key: EntryKey(root: 0, path: Array(path.utf8)), kind: kind)
    }

    @Test(arguments: [EntryKind.directory, .file]) func everyFieldOfAnEntryIsBound(kind: EntryKind) throws {
        let time = FileTime(seconds: 1, nanoseconds: 2)
        let changes: [(String, (inout SnapshotEntry) -> Void)] = [
            ("key", { $0.key = EntryKey(root: 0, path: Array("b".utf8)) }), ("kind", { $0.kind = .fifo }),
            ("size", { $0.size = 1 }), ("disk_bytes", { $0.diskBytes = 1 }), ("mode", { $0.mode = 1 }),
            ("uid", { $0.uid = 1 }), ("gid", { $0.gid = 1 }), ("nlink", { $0.links = 1 }),
            ("device", { $0.device = 1 }), ("inode", { $0.inode = 1 }), ("mtime", { $0.mtime = time }),
            ("ctime", { $0.ctime = time }), ("btime", { $0.btime = time }), ("target", { $0.target = [] }),
            ("rdev", { $0.specialDevice = 1 }),
            ("digests", { $0.digests[.git] = Array(repeating: 1, count: 20) }), ("mime", { $0.mime = "" }),
            ("changed", { $0.isChanged = true }), ("xattrs", { $0.xattrs = [] }), ("flags", { $0.flags = [] }),
            ("errors", { $0.errors = [SnapshotEntryError(operation: "", code: "", message: "")] }),
        ]
        let unbound: [(String, (inout SnapshotEntry) -> Void)] = [
            // Follows from the rows below the directory, and is not used where evidence counts.
            ("state", { $0.state = Array(repeating: 1, count: 32) }),
            // Only for specifications of mtree.
            ("rules", { $0.rules = .optional }),
            // Only for comparisons: in no row.
            ("rule", { $0.rule = 1 }),
        ]
        let plain = entry("a", kind)
        // `values` are those of the table.
        let members = Mirror(reflecting: plain).children.compactMap(\.label).filter { $0 != "values" }
        let fields = members + EntryField.kept.map(\.name.description)
        #expect(Set(fields) == Set((changes + unbound).map(\.0)))
        var all: Set<String> = []
        for (name, change) in [("nothing", { _ in })] + changes {
            var changed = plain
            change(&changed)
            let isNew = try all.insert(evidence(scan(), [entry("", .directory), changed]).hex).inserted
            #expect(isNew, "\(name)")
        }
        for (name, change) in unbound {
            var changed = plain
            change(&changed)
            #expect(try all.contains(evidence(scan(), [entry("", .directory), changed]).hex), "\(name)")
        }
    }

    @Test func everyOptionThatAffectsReadingIsCovered() throws {
        let changes: [(String, (inout ScanOptions) -> Void)] = [
            ("paths", { $0.paths = [[]] }), ("oneFileSystem", { $0.oneFileSystem = true }),
            ("excludeKernfs", { $0.excludeKernfs = true }), ("exclude", { $0.exclude = [[]] }),
            ("excludeCaches", { $0.excludeCaches = true }), ("followRoots", { $0.followRoots = true }),
            ("gitignore", { $0.gitignore = true }), ("hash", { $0.hash = [.git] }),
            ("asked", { $0.asked.insert(.mime) }), ("asked", { $0.asked.insert(.xattrs) }),
            ("readPseudo", { $0.readPseudo = true }),
            ("maxRead", { $0.maxRead = 1 }), ("maxHoles", { $0.maxHoles = 1 }),
            ("selection", { $0.selection.kinds = .file }), ("selection", { $0.selection.older = .ago(1) }),
        ]
        let unbound = ["threads", "pool", "detectors", "depth", "top", "rank", "map", "now"]
        let fields = Mirror(reflecting: scan().options).children.compactMap(\.label)
        #expect(Set(fields) == Set(changes.map(\.0) + unbound))
        var all: Set<String> = []
        for (name, change) in [("nothing", { _ in })] + changes {
            #expect(try all.insert(evidence(scan(change), [entry("", .directory)]).hex).inserted, "\(name)")
        }
    }

    /// A name that begins like another directory's, and one directory in place of another.
    @Test func theShapeOfTheTreeIsBound() throws {
        let shapes: [[(String, EntryKind)]] = [
            [], [("", .file)], [("", .directory)], [("", .directory), ("a", .directory)],
            [("", .directory), ("a", .directory), ("a/b", .directory)],
            [("", .directory), ("a", .directory), ("ab", .directory)],
            [("", .directory), ("a", .directory), ("b", .directory)],
            [("", .directory), ("a", .directory), ("a/b", .directory), ("a/b/c", .file)],
            [("", .directory), ("a", .directory), ("a/b", .directory), ("a/c", .file)],
            [("", .directory), ("a", .directory), ("a/b", .directory), ("c", .file)],
        ]
        let all = try shapes.map { try evidence(scan(), $0.map { entry($0, $1) }).hex }
        #expect(Set(all).count == shapes.count)
    }

    @Test(arguments: [["a"], ["", "a/b"], ["", "f", "f/a"], ["", "a", "a/b/c"]])
    func anEntryInNoDirectoryIsDamage(paths: [String]) {
        let entries = paths.map { entry($0, $0.hasSuffix("f") ? .file : .directory) }
        #expect(throws: SnapshotFailure(path: [], "is damaged: an entry is in no directory")) {
            try evidence(scan(), entries)
        }
    }
}
