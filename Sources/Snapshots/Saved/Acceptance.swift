// `accept`: a new scan has the accepted changes; everything else stays as it was saved.
//
//   saved rows   ──┬── comparison ──▶ accepted changes ──┐
//   live tree    ──┘                                     ├──▶ AcceptedEntries ──▶ NewScan
//   saved rows, live tree, once more: whole entries   ───┘
//
// The tree is scanned once and read three times in sorted form: to show the changes and confirm their digest, to find
// them again, and to take accepted entries from. The rows that are kept come straight from the file, because a
// comparison sees neither the rows that rules leave out nor all that it was told to overlook.

import CLinux
import Entries
package import Formats
import LinuxKernel
package import ScanEngine

/// One change of a file: adds a scan with the accepted changes. Used by one thread.
package final class Acceptance {
    private let transaction: SavedTransaction
    package let file: SavedScans
    /// The scan that the accepted changes are based on.
    package let base: SavedScan

    /// How often `write` reads each side.
    package static let readings = 2

    /// Opens the file with the writer's lock.
    package init(_ path: [UInt8], selector: [UInt8]?) throws {
        let transaction = try SavedTransaction(path, makesFile: false)
        self.transaction = transaction
        file = try transaction.change { try SavedScans(path, reading: transaction.database) }
        base = try file.scan(selector)
    }

    /// The saved entries, to be read in this transaction.
    package func saved() throws(SnapshotFailure) -> SavedScanSource { try SavedScanSource(file, base) }

    /// Writes the scan.
    ///
    /// - Parameters:
    ///   - changes: has noted all changes.
    ///   - saved, live: the compared sides, for `readings` more readings.
    ///   - start: of the scan of the live tree.
    package func write(
        _ changes: AcceptedChanges, saved: [any SnapshotSource], live: [any SnapshotSource], reason: String?,
        version: String, start: Timing
    ) throws(SaveFailure) -> SavedProof {
        try transaction.change {
            var heading = ScanHeading.now(base.options, version: version, start: start)
            heading.options = try file.texts(of: base).options
            (heading.label, heading.keptSince) = (base.label, base.keptSince)
            (heading.base, heading.reason, heading.who) = (base.id, reason, ScanHeading.user)
            let scan = try NewScan(transaction, heading, of: base)
            var totals = EntryTotals(roots: base.options.paths.count)
            var entries = try AcceptedEntries(saved[1], live[1], changes) { entry in
                try scan.add(entry)
                totals.add(entry)
                if clinux_stop_signal() != 0 { throw SnapshotFailure(path: nil, "stopped") }
            }
            // No moves: each change has one key, and changes come in the order of keys.
            let comparison = try Comparison(
                saved[0], live[0], FieldSelection(), MoveCandidates(limit: 0), changes.rules, changes.beginnings)
            _ = try comparison.run { change in try entries.take(change) }
            try entries.finish()
            let roots = zip(base.options.paths, totals.roots).map { ($0, $1.json) }
            let evidence = try scan.finish(roots, totals: totals.all.json, ended: ScanHeading.timeNow)
            try transaction.commit()
            return SavedProof(scan: scan.id, evidence: evidence, sha256: try transaction.sha256())
        }
    }

    /// Nothing is written.
    package func abandon() { transaction.abandon() }
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
