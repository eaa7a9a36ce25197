// `accept`: what changed below some paths becomes part of a new scan, the rest stays as it was saved.
//
//   old (rows)   ──────────────────────┐                ┌─ accepted: what is there now
//                                      ├─ comparison ───┤
//   live tree, sorted, the second time ┘                └─ not accepted, or no change: what was saved ──▶ NewScan
//
// The tree is read once, and gone through twice: first the changes are shown and their digest is confirmed, then written.

import CLinux
package import Entries
package import Formats
import LinuxKernel
package import ScanEngine

/// One change of a file: a scan in it, with what was accepted. Used by one thread.
package final class Acceptance {
    private let transaction: SavedTransaction
    package let file: SavedScans
    /// The one that changes are accepted on.
    package let base: SavedScan

    /// Opens the file with the lock of the one who writes.
    package init(_ path: [UInt8], selector: [UInt8]?) throws {
        let transaction = try SavedTransaction(path, makesFile: false)
        self.transaction = transaction
        file = try transaction.change { try SavedScans(path, reading: transaction.database) }
        base = try file.scan(selector)
    }

    /// What was saved, to be read in this transaction.
    package func saved() throws(SnapshotFailure) -> SavedScanSource { try SavedScanSource(file, base) }

    /// Writes the scan.
    ///
    /// - Parameters:
    ///   - places: see `AcceptedPlaces`.
    ///   - old, new: what was compared to be shown, gone through once more.
    ///   - start: of the scan of the live tree.
    package func write(
        _ places: AcceptedPlaces, _ old: any SnapshotSource, _ new: any SnapshotSource, _ selection: FieldSelection,
        reason: String?, version: String, start: Timing
    ) throws(SaveFailure) -> SavedProof {
        try transaction.change {
            var heading = ScanHeading.now(base.options, version: version, start: start)
            heading.options = try file.texts(of: base).options
            (heading.label, heading.keptSince) = (base.label, base.keptSince)
            (heading.base, heading.reason, heading.who) = (base.id, reason, ScanHeading.user)
            let scan = try NewScan(transaction, heading, of: base)
            var totals = EntryTotals(roots: base.options.paths.count)
            var places = places
            // Where nothing is sought that has moved, changes come in the order of entries.
            var comparison = try Comparison(old, new, selection, MoveCandidates(limit: 0))
            // Written one entry late, when the comparison reads a later row: SQLite compares `since`, too, when it looks for a
            // row that it stood at, and would come to the new one again.
            var next: SnapshotEntry?
            func add(_ entry: SnapshotEntry?) throws {
                if let next { try scan.add(next) }
                next = entry
                if let entry { totals.add(entry) }
                if clinux_stop_signal() != 0 { throw SnapshotFailure(path: nil, "stopped") }
            }
            comparison.unchanged = { try add($0) }
            _ = try comparison.run { change in try add(places.accept(change) ? change.new : change.old) }
            try add(nil)
            let roots = zip(base.options.paths, totals.roots).map { ($0, $1.json) }
            let evidence = try scan.finish(roots, totals: totals.all.json, ended: ScanHeading.timeNow)
            try transaction.commit()
            return SavedProof(scan: scan.id, evidence: evidence, sha256: try transaction.sha256())
        }
    }

    /// Nothing is written.
    package func abandon() { transaction.abandon() }
}

/// What of the changes is accepted.
package struct AcceptedPlaces: Sendable {
    /// Nil: everything.
    private let keys: [EntryKey]?
    /// A directory that is new and not accepted: nothing below it can be.
    private var refused = Subtree()

    package init(_ keys: [EntryKey]?) { self.keys = keys }

    /// Whether the change is below one of the places.
    package func contains(_ change: Change) -> Bool {
        guard let keys else { return true }
        return keys.contains { key in
            change.old.map { key.contains($0.key) } ?? false || change.new.map { key.contains($0.key) } ?? false
        }
    }

    /// Whether the entry is to be as it is now. Changes come in the order of entries, each of one key.
    mutating func accept(_ change: Change) -> Bool {
        let isIn = contains(change) || makesWay(change)
        let isAccepted = isIn && change.isKnownNow && !refused.contains(change.key)
        if !isAccepted, change.old?.kind != .directory, change.new?.kind == .directory { refused.begin(at: change.key) }
        return isAccepted
    }

    /// A new directory that leads to a place: what is accepted there would lie in none.
    private func makesWay(_ change: Change) -> Bool {
        guard let new = change.new, new.kind == .directory, change.old?.kind != .directory else { return false }
        return keys?.contains { new.key.contains($0) } ?? true
    }
}

extension Change {
    /// Whether it is known what is there now: what could not be read is not accepted.
    package var isKnownNow: Bool { !kinds.contains(.unreadable) && (reason == nil || reason == .before) }
}

/// Totals of entries, as a scan counts them.
private struct EntryTotals {
    private(set) var roots: [Totals]
    private var inodes: Set<Name> = []

    private struct Name: Hashable {
        var root: Int
        var device: UInt64
        var inode: UInt64
    }

    init(roots count: Int) { roots = Array(repeating: Totals(), count: count) }

    var all: Totals {
        var all = Totals()
        for root in roots { all.add(root) }
        return all
    }

    mutating func add(_ entry: SnapshotEntry) {
        var totals = Totals()
        totals.errors = Int64(entry.errors.count)
        if let kind = entry.kind {
            totals.count(kind)
            var isFirst = true
            if kind != .directory, entry.links ?? 1 > 1, let device = entry.device, let inode = entry.inode {
                isFirst = inodes.insert(Name(root: entry.key.root, device: device, inode: inode)).inserted
                if isFirst { totals.hardLinkedFiles = 1 }
            }
            if isFirst {
                if kind == .file || kind == .symlink { totals.apparentBytes = entry.size ?? 0 }
                totals.diskBytes = entry.diskBytes ?? 0
            }
        }
        roots[entry.key.root].add(totals)
    }
}
