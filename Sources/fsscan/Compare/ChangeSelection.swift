import Entries
import Formats
import LinuxKernel
import Snapshots

/// Which changes are shown: those of entries that are selected on either side. An entry that grew into the selection or
/// out of it has changed, too.
struct ChangeSelection {
    /// With ages converted to times. An entry must be in all of them.
    private(set) var selections: [Selection] = []
    private var selectors: [EntrySelector] = []
    private let old: [[UInt8]]
    private let new: [[UInt8]]

    /// - Parameters:
    ///   - selection: of the command line.
    ///   - now: the reference time for its ages.
    /// - Throws: if no side has a field that it tests.
    init(
        _ selection: Selection, now: FileTime, _ old: SnapshotDescription, _ new: SnapshotDescription
    ) throws(UsageError) {
        (self.old, self.new) = (old.roots, new.roots)
        // If records are of a selection, entries outside it were not recorded.
        let own = [old, new].compactMap { $0.options?.selection }
        for selection in [selection] + own where !selection.isEmpty {
            let said = old.fields.union(new.fields).union([.kind])
            if let field = EntryField.allCases.first(where: { selection.fields.contains($0) && !said.contains($0) }) {
                throw UsageError("neither side has the \(field.name) that the selection needs")
            }
            selections.append(selection.resolved(now))
            selectors.append(EntrySelector(selection, now: now))
        }
    }

    /// Unreadable entries are always shown.
    func contains(_ change: Change) -> Bool {
        let isAlone = change.old == nil || change.new == nil
        return zip(selections, selectors).allSatisfy { selection, selector in
            let sides = [(change.old, old), (change.new, new)]
            return sides.contains { side, roots in
                guard let side else { return false }
                // Its fields are unknown; a removal must be shown nevertheless.
                if isAlone, !selection.fields.isSubset(of: side.knownFields) { return true }
                return selector.contains(side, below: roots)
            }
        }
    }
}
