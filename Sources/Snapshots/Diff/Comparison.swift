// A merge join: both sides give entries in the order of their keys.
//
//   old  a  b     c  d            b only in old: removed   ┐ candidates: kept until the end, to be
//   new  a     b2 c' d            b2 only in new: added    ┘ paired as moved
//                 c and c' differ: given out at once
//
// A directory with the same Merkle value in two saved scans is passed over, with all that is below it.

import ScanEngine

/// What a comparison came to.
package struct ComparisonTotals: Equatable, Sendable {
    /// Entries that differ, by how; one entry may count several times, but once under each.
    package var changes: [ChangeKind: Int64] = [:]
    /// Entries at which something could not be read on the new side, old errors included.
    package var unreadableEntries: Int64 = 0
    /// Entries looked at on either side; what equal directories hold is not.
    package var oldEntries: Int64 = 0
    package var newEntries: Int64 = 0
    /// Directories that were passed over, because both saved scans have the same value for them.
    package var skippedDirectories: Int64 = 0
    /// False where there was more than `Comparison.candidateLimit` to be paired: some moves may be shown as removed and
    /// added.
    package var allMovesSought = true
    /// Digests of an algorithm that a list does not name, as far as both sides have them, and those of them that differ.
    package var unnamedDigests: Int64 = 0
    package var differentUnnamedDigests: Int64 = 0

    /// Then the list's may be of another algorithm than their length suggests.
    package var everyUnnamedDigestDiffers: Bool {
        unnamedDigests > 0 && unnamedDigests == differentUnnamedDigests
    }

    package var isDifferent: Bool { changes.contains { $0.key != .unreadable && $0.value > 0 } }
}

/// Compares two sources.
package struct Comparison {
    private let old: any SnapshotSource
    private let new: any SnapshotSource
    package let compared: ComparedFields
    private let mayPassOver: Bool
    private var totals = ComparisonTotals()
    private var removed: [SnapshotEntry] = []
    private var added: [SnapshotEntry] = []
    /// Directories that could not be listed: what is not known to be below them is neither removed nor added.
    private var hiddenInOld: EntryKey?
    private var hiddenInNew: EntryKey?

    /// Entries kept for finding moves, on both sides together: about half a kilobyte each.
    package static let candidateLimit = 100_000

    /// - Throws: `SnapshotFailure` where the sides have different numbers of roots, which pair by their order.
    package init(
        _ old: any SnapshotSource, _ new: any SnapshotSource, ignoring ignored: SnapshotFields = [],
        adding added: SnapshotFields = []
    ) throws(SnapshotFailure) {
        self.old = old
        self.new = new
        let (before, after) = (old.description, new.description)
        guard before.roots.count == after.roots.count else {
            throw SnapshotFailure(
                path: nil,
                "the old side has \(before.roots.count) roots, the new one \(after.roots.count): they pair by their order"
            )
        }
        compared = ComparedFields(before, after, ignoring: ignored, adding: added)
        // What a state covers must be known to both in the same way, and nothing beyond it be asked for.
        mayPassOver =
            before.fields == after.fields && before.algorithms == after.algorithms
            && ComparedFields.byDefault.isSuperset(of: compared.fields)
    }

    /// Goes through both sides to the end.
    ///
    /// - Parameter body: gets the changes: those of entries that both sides have in the order of their keys, then what was
    ///   added, removed or moved, in the order of where it is now (or was).
    package consuming func run(_ body: (Change) throws -> Void) throws -> ComparisonTotals {
        var before = try nextOld()
        var after = try nextNew()
        while before != nil || after != nil {
            if let left = before, let right = after, left.key == right.key {
                if mayPassOver, let state = left.state, state == right.state {
                    totals.skippedDirectories += 1
                    try old.skip(left.key)
                    try new.skip(right.key)
                } else if let change = compared.change(from: left, to: right) {
                    try give(change, body)
                }
                noteUnnamedDigests(left, right)
                if !right.errors.isEmpty { totals.unreadableEntries += 1 }
                before = try nextOld()
                after = try nextNew()
            } else if let left = before, after.map({ left.key < $0.key }) ?? true {
                try onlyOld(left, body)
                before = try nextOld()
            } else if let right = after {
                try onlyNew(right, body)
                after = try nextNew()
            }
        }
        for change in pairMoves() { try give(change, body) }
        return totals
    }

    private mutating func nextOld() throws(SnapshotFailure) -> SnapshotEntry? {
        guard let entry = try old.next() else { return nil }
        totals.oldEntries += 1
        if entry.hidesWhatIsBelow { hiddenInOld = entry.key }
        return entry
    }

    private mutating func nextNew() throws(SnapshotFailure) -> SnapshotEntry? {
        guard let entry = try new.next() else { return nil }
        totals.newEntries += 1
        if entry.hidesWhatIsBelow { hiddenInNew = entry.key }
        return entry
    }

    private mutating func give(_ change: Change, _ body: (Change) throws -> Void) throws {
        for kind in change.kinds { totals.changes[kind, default: 0] += 1 }
        try body(change)
    }

    private mutating func noteUnnamedDigests(_ left: SnapshotEntry, _ right: SnapshotEntry) {
        guard left.kind == .file, right.kind == .file else { return }
        for algorithm in compared.unnamedAlgorithms {
            guard let before = left.digests[algorithm], let after = right.digests[algorithm] else { continue }
            totals.unnamedDigests += 1
            if before != after { totals.differentUnnamedDigests += 1 }
        }
    }

    // MARK: On one side only

    private mutating func onlyOld(_ entry: SnapshotEntry, _ body: (Change) throws -> Void) throws {
        // What a side does not list at all is not missing there; nor is what an interrupted scan did not reach.
        guard let kind = entry.kind, new.description.kinds.contains(kind), new.description.isComplete else { return }
        if let hiddenInNew, hiddenInNew.contains(entry.key) { return }
        if hasRoom {
            removed.append(entry)
        } else {
            try give(Change(kinds: [.removed], old: entry, new: nil), body)
        }
    }

    private mutating func onlyNew(_ entry: SnapshotEntry, _ body: (Change) throws -> Void) throws {
        if !entry.errors.isEmpty { totals.unreadableEntries += 1 }
        guard let kind = entry.kind else {
            return try give(Change(kinds: [.unreadable], old: nil, new: entry), body)
        }
        guard old.description.kinds.contains(kind), old.description.isComplete else { return }
        if let hiddenInOld, hiddenInOld.contains(entry.key) { return }
        if hasRoom, entry.errors.isEmpty {
            added.append(entry)
        } else {
            let kinds: [ChangeKind] = entry.errors.isEmpty ? [.added] : [.added, .unreadable]
            try give(Change(kinds: kinds, old: nil, new: entry), body)
        }
    }

    private var hasRoom: Bool {
        mutating get {
            if removed.count + added.count < Self.candidateLimit { return true }
            totals.allMovesSought = false
            return false
        }
    }

    // MARK: Moves

    /// What was removed and added, with pairs of the same file as one: first by device and inode with the same content,
    /// then by a digest that only one on each side has.
    private mutating func pairMoves() -> [Change] {
        var partner: [Int: Int] = [:]
        var isTaken = Set<Int>()
        func pair(_ old: [Int], _ new: [Int], _ isSame: (SnapshotEntry, SnapshotEntry) -> Bool) {
            guard old.count == 1, new.count == 1, isSame(removed[old[0]], added[new[0]]) else { return }
            partner[new[0]] = old[0]
            isTaken.insert(old[0])
        }
        if old.description.fields.isSuperset(of: [.device, .inode]),
            new.description.fields.isSuperset(of: [.device, .inode])
        {
            let before = Dictionary(grouping: removed.indices) { Self.identity(removed[$0]) }
            for (identity, after) in Dictionary(grouping: added.indices, by: { Self.identity(added[$0]) }) {
                if identity != nil { pair(before[identity] ?? [], after, compared.isSameInode) }
            }
        }
        if let algorithm = compared.algorithms.first {
            let rest = removed.indices.filter { !isTaken.contains($0) }
            let before = Dictionary(grouping: rest) { Self.digest(removed[$0], algorithm) }
            let unpaired = added.indices.filter { partner[$0] == nil }
            for (digest, after) in Dictionary(grouping: unpaired, by: { Self.digest(added[$0], algorithm) }) {
                if digest != nil { pair(before[digest] ?? [], after, compared.sameContent) }
            }
        }
        var changes: [Change] = removed.indices.filter { !isTaken.contains($0) }.map {
            Change(kinds: [.removed], old: removed[$0], new: nil)
        }
        for index in added.indices {
            guard let old = partner[index] else {
                changes.append(Change(kinds: [.added], old: nil, new: added[index]))
                continue
            }
            // The rename itself changes this one.
            let fields = compared.differences(removed[old], added[index]).filter { $0.name != "ctime" }
            let kinds: [ChangeKind] = fields.isEmpty ? [.moved] : [.metadata, .moved]
            changes.append(Change(kinds: kinds, old: removed[old], new: added[index], fields: fields))
        }
        removed = []
        added = []
        return changes.sorted { $0.key < $1.key }
    }

    private struct Identity: Hashable {
        var kind: EntryKind
        var device: UInt64
        var inode: UInt64
    }

    private static func identity(_ entry: SnapshotEntry) -> Identity? {
        guard let kind = entry.kind, let device = entry.device, let inode = entry.inode else { return nil }
        return Identity(kind: kind, device: device, inode: inode)
    }

    /// Of a file that is not empty: all empty files are the same.
    private static func digest(_ entry: SnapshotEntry, _ algorithm: DigestAlgorithm) -> [UInt8]? {
        entry.kind == .file && entry.size != 0 ? entry.digests[algorithm] : nil
    }
}

extension SnapshotEntry {
    /// A directory with an error, or a path of which nothing is known but that it is there.
    fileprivate var hidesWhatIsBelow: Bool {
        switch kind {
        case .directory: !errors.isEmpty
        case nil: errors.contains { $0.code != "ENOENT" }
        default: false
        }
    }
}
