import CLinux
import Glibc
package import LinuxKernel

/// The properties of an entry that a selection tests. Nil: unknown, so a condition on it is not met.
package struct SelectableEntry {
    var kind: EntryKind
    var size: Int64?
    var mtime: FileTime?
    var uid: UInt32?
    var gid: UInt32?
    var links: Int64?

    package init(
        kind: EntryKind, size: Int64?, mtime: FileTime?, uid: UInt32?, gid: UInt32?, links: Int64?
    ) {
        (self.kind, self.size, self.mtime) = (kind, size, mtime)
        (self.uid, self.gid, self.links) = (uid, gid, links)
    }
}

/// Decides which entries are selected. Created only with a selection: other scans have none, and pay nothing.
package final class EntrySelector: Sendable {
    private let selection: Selection
    /// As C strings.
    private let patterns: [[CChar]]
    private let older: FileTime?
    private let newer: FileTime?

    /// - Parameters:
    ///   - selection: not empty, unless the caller allows one that selects everything.
    ///   - now: the reference time for ages.
    package init(_ selection: Selection, now: FileTime) {
        let resolved = selection.resolved(now)
        self.selection = resolved
        patterns = selection.names.map { $0.map { CChar(bitPattern: $0) } + [0] }
        older = resolved.older?.time
        newer = resolved.newer?.time
    }

    /// - Parameter name: the last component of the path.
    package func contains(_ status: borrowing FileStatus, _ kind: EntryKind, _ name: UnsafePointer<CChar>) -> Bool {
        let entry = SelectableEntry(
            kind: kind, size: status.size, mtime: status.mtime, uid: status.uid, gid: status.gid,
            links: Int64(status.links))
        return contains(entry, name)
    }

    /// - Parameter name: the last component of the path.
    package func contains(_ entry: borrowing SelectableEntry, _ name: UnsafePointer<CChar>) -> Bool {
        if selection.kinds.isDisjoint(with: KindSet(entry.kind)) { return false }
        if let sizes = selection.sizes {
            guard entry.kind == .file, let size = entry.size, sizes.contains(size) else { return false }
        }
        if let bounds = selection.links {
            guard let links = entry.links, bounds.contains(links) else { return false }
        }
        if let user = selection.user, user != entry.uid { return false }
        if let group = selection.group, group != entry.gid { return false }
        if let older {
            guard let mtime = entry.mtime, mtime < older else { return false }
        }
        if let newer {
            guard let mtime = entry.mtime, newer < mtime else { return false }
        }
        // Last, because it takes longest.
        return patterns.isEmpty || matchesName(name)
    }

    /// - Parameter roots: the PATHs of its source.
    package func contains(_ entry: SnapshotEntry, below roots: [[UInt8]]) -> Bool {
        guard let kind = entry.kind else { return true }
        let name = entry.key.isRoot ? Self.name(ofPath: roots[entry.key.root]) : Array(entry.key.name)
        let facts = SelectableEntry(
            kind: kind, size: entry.size, mtime: entry.mtime, uid: entry.uid, gid: entry.gid,
            links: entry.links.map { Int64(clamping: $0) })
        return contains(facts, name.map { CChar(bitPattern: $0) } + [0])
    }

    private func matchesName(_ name: UnsafePointer<CChar>) -> Bool {
        for pattern in patterns where fnmatch(pattern, name, 0) == 0 { return true }
        return false
    }
}

extension Selection.Moment {
    fileprivate var time: FileTime? { if case .at(let time) = self { time } else { nil } }
}

extension EntrySelector {
    /// The name of a PATH as in find: without trailing slashes; that of `/` is `/`.
    package static func name(ofPath path: [UInt8]) -> [UInt8] {
        let slash = UInt8(ascii: "/")
        let end = path.lastIndex { $0 != slash }.map { $0 + 1 } ?? min(1, path.count)
        let start = path[..<end].lastIndex(of: slash).map { $0 + 1 } ?? 0
        return Array(start < end ? path[start..<end] : path[..<end])
    }
}
