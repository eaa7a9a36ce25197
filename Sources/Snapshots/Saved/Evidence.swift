// What tells that a saved scan is the one that was saved: digests that somebody keeps elsewhere.
//
// Whoever can write to the file can write to all of it. The digest of a root that stands in it therefore says nothing: a
// forged file has the old root and other rows below it. So it is computed again, from the rows.

import CLinux
import Glibc
import LinuxKernel
package import ScanEngine

/// Computes the digests of a source's roots again, from the digests of its files.
package struct RootDigests {
    /// A directory whose entries are coming.
    private struct Open {
        var key: EntryKey
        var tree: TreeDigest
        /// Something in it is not known.
        var isUnknown = false
    }

    private let set: DigestSet
    private var open: [Open] = []
    private var rows: [Int: [UInt8]] = [:]

    /// Reads the source to its end.
    ///
    /// - Returns: hex by algorithm, for each root; nil where they are not known.
    /// - Throws: `SnapshotFailure`, `DigestUnavailable`.
    package static func compute(_ source: any SnapshotSource) throws -> [[NamedDigest]?] {
        let set = DigestSet(source.description.algorithms)
        var digest = MultiDigest(try DigestMethods(set))
        var computation = RootDigests(set: set)
        while let entry = try source.next() { computation.add(entry, &digest) }
        computation.close(downTo: nil, &digest)
        return source.description.roots.indices.map { computation.rows[$0].map { set.named($0) } }
    }

    private init(set: DigestSet) { self.set = set }

    private mutating func add(_ entry: SnapshotEntry, _ digest: inout MultiDigest) {
        close(downTo: entry.key, &digest)
        guard let kind = entry.kind else {
            if !open.isEmpty { open[open.count - 1].isUnknown = true }
            return
        }
        if kind == .directory {
            // A directory that could not be listed has no digest, whatever is saved for it.
            open.append(Open(key: entry.key, tree: TreeDigest(set), isUnknown: !entry.errors.isEmpty))
            return
        }
        var row: [UInt8] = []
        for algorithm in set.algorithms { row += entry.digests[algorithm] ?? [] }
        finished(entry.key, kind.fileType | (entry.mode ?? 0), row.count == set.rowBytes ? row : nil)
    }

    /// Ends the directories that `key` is not in.
    private mutating func close(downTo key: EntryKey?, _ digest: inout MultiDigest) {
        while let last = open.last {
            if let key, last.key.contains(key) { return }
            open.removeLast()
            var row: [UInt8] = []
            let isKnown = !last.isUnknown && last.tree.finish(with: &digest, appendingTo: &row)
            finished(last.key, EntryKind.directory.fileType, isKnown ? row : nil)
        }
    }

    private mutating func finished(_ key: EntryKey, _ mode: UInt32, _ row: [UInt8]?) {
        if key.isRoot {
            rows[key.root] = row
        } else if let row, let parent = open.last, parent.key == key.parent {
            let start = key.bytes.lastIndex(of: 0).map { max($0 + 1, 4) } ?? 4
            key.bytes[start...].withUnsafeBytes { name in
                open[open.count - 1].tree.append(name: name, mode: mode, row: row)
            }
        } else if !open.isEmpty {
            open[open.count - 1].isUnknown = true
        }
    }
}

extension EntryKind {
    /// The bits of `st_mode` that tell the kind.
    fileprivate var fileType: UInt32 {
        switch self {
        case .directory: S_IFDIR
        case .file: S_IFREG
        case .symlink: S_IFLNK
        case .fifo: S_IFIFO
        case .socket: S_IFSOCK
        case .blockDevice: S_IFBLK
        case .characterDevice: S_IFCHR
        }
    }
}
