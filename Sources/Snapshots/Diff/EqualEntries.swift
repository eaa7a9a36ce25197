import Bytes
import Entries
import Formats
import LinuxKernel

/// Decides which entries are without any difference because both sides have the same bytes. All others are decoded and
/// compared field by field.
struct EqualEntries {
    let old: any PackedSource
    let new: any PackedSource
    private let compared: ComparedFields
    /// Whether `-x` may have kept a side from listing a directory.
    private let isOneFileSystem: Bool
    /// Algorithms that both sides have, and of which one digest is enough: see `FieldTally`. A bit for each index.
    private let strongDigests: UInt64

    /// Nil if a side does not have its entries as bytes, or if it matters what equal entries are.
    init?(_ old: any SnapshotSource, _ new: any SnapshotSource, _ compared: ComparedFields) {
        guard let before = old as? any PackedSource, let after = new as? any PackedSource,
            compared.unnamedAlgorithms.isEmpty
        else { return nil }
        (self.old, self.new, self.compared) = (before, after, compared)
        isOneFileSystem = [before, after].contains { $0.description.options?.oneFileSystem == true }
        strongDigests = compared.algorithms.filter { $0.traits.contains(.resistsCollisions) }
            .reduce(0) { $0 | 1 << UInt64($1.index) }
    }

    /// Whether the current entries of both sides are equal, and nothing else about them matters. Then `tally` counts
    /// them.
    func isWithoutDifference(_ tally: inout FieldTally) -> Bool {
        let (before, after) = (old.packed, new.packed)
        // A PATH is remembered, and an entry with errors is counted: see `ComparedSide.pass`.
        guard before.entry.isEqual(to: after.entry), before.key.isEqual(to: after.key), before.key.count > 4 else {
            return false
        }
        let entry = PackedEntry(before.entry)
        guard let kind = entry.kind, !entry.hasErrors, entry.values[.changed] == nil, entry.rules.isEmpty,
            entry.state == nil
        else { return false }
        switch kind {
        case .directory: return !isOneFileSystem
        case .file: return hasContent(entry, &tally)
        default: return true
        }
    }

    /// Whether nothing about the content of a file has to be counted, or was counted here.
    private func hasContent(_ entry: PackedEntry, _ tally: inout FieldTally) -> Bool {
        if compared.isSkipped(hasDigests: !entry.digests.isEmpty, hasType: entry.mime != nil) { return false }
        if compared.wantedAlgorithms.isEmpty { return true }
        if entry.digests.isEmpty {
            tally.countWithoutDigests(entry.values.known.intersection(compared.wanted))
            return true
        }
        var digests: UInt64 = 0
        entry.forEachDigest { index, _ in digests |= 1 << UInt64(index) }
        return digests & strongDigests != 0
    }
}
