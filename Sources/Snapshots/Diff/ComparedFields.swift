package import Entries
package import Formats
import LinuxKernel
import ScanEngine

/// The user's changes to the default comparison.
package struct FieldSelection: Equatable, Sendable {
    package var ignored: FieldSet
    package var ignoredAlgorithms: Set<DigestAlgorithm>
    /// Names in `SnapshotDescription.uncheckable`. The user knows that they are not compared.
    package var ignoredNames: Set<String>
    package var added: FieldSet

    package init(
        ignored: FieldSet = [], ignoredAlgorithms: Set<DigestAlgorithm> = [], ignoredNames: Set<String> = [],
        added: FieldSet = []
    ) {
        self.ignored = ignored
        self.ignoredAlgorithms = ignoredAlgorithms
        self.ignoredNames = ignoredNames
        self.added = added
    }
}

/// The fields that are compared; docs/DIFF.md says why. Each entry is compared by the fields that both sides have of
/// it; `FieldTally` counts the rest.
package struct ComparedFields: Sendable {
    /// Fields that both sides have.
    package let fields: FieldSet
    /// Algorithms that both sides have.
    package let algorithms: [DigestAlgorithm]
    /// Those that a side does not name.
    package let unnamedAlgorithms: [DigestAlgorithm]
    /// Compared wherever both sides have it.
    let wanted: FieldSet
    let wantedAlgorithms: Set<DigestAlgorithm>
    /// Those of `wanted` that neither side has.
    let inNeither: FieldSet
    /// A side has times in whole seconds.
    let wholeSeconds: Bool
    /// Both sides have the same fields and digests, and the user wants nothing that a state does not cover. Then equal
    /// states mean that nothing differs.
    let areStatesComparable: Bool
    private let readByOld: ContentRead
    private let readByNew: ContentRead

    private static let byDefault = FieldSet(having: .compared)
    /// Not compared for directories.
    static let notOfDirectories = FieldSet(having: .followsEntries)

    package init(_ old: SnapshotDescription, _ new: SnapshotDescription, _ selection: FieldSelection) {
        wanted = Self.byDefault.union(selection.added).subtracting(selection.ignored)
        fields = wanted.intersection(old.fields).intersection(new.fields)
        inNeither = wanted.subtracting(old.fields).subtracting(new.fields)
        let wantedAlgorithms = Set(DigestAlgorithm.allCases).subtracting(selection.ignoredAlgorithms)
        self.wantedAlgorithms = wantedAlgorithms
        algorithms = old.algorithms.filter { new.algorithms.contains($0) && wantedAlgorithms.contains($0) }
        let unnamed = old.unnamedAlgorithms.union(new.unnamedAlgorithms)
        unnamedAlgorithms = algorithms.filter { unnamed.contains($0) }
        wholeSeconds = old.hasWholeSeconds || new.hasWholeSeconds
        areStatesComparable =
            old.fields == new.fields && old.algorithms == new.algorithms && Self.byDefault.isSuperset(of: fields)
        let readsTypes = fields.contains(.mime)
        readByOld = ContentRead(old.options, wantedAlgorithms, types: readsTypes)
        readByNew = ContentRead(new.options, wantedAlgorithms, types: readsTypes)
    }

    /// The fields that are compared for entries of this kind.
    func wanted(of kind: EntryKind) -> FieldSet {
        kind == .directory ? wanted.subtracting(Self.notOfDirectories) : wanted
    }

    /// Whether a side skipped the content of a regular file that is the same on both.
    func isSkipped(hasDigests: Bool, hasType: Bool) -> Bool {
        readByOld.isSkipped(hasDigests, hasType) || readByNew.isSkipped(hasDigests, hasType)
    }

    /// The sides that skipped the content of a regular file, as scans do on pseudo file systems.
    func skipping(_ old: SnapshotEntry, _ new: SnapshotEntry) -> (old: Bool, new: Bool) {
        if old.differsInSize(from: new) { return (false, false) }
        let (before, now) = (readByOld.isSkipped(old), readByNew.isSkipped(new))
        if before == now { return (before, now) }
        let other = before ? new : old
        // If the other side was not asked to read it, there is nothing to compare it with.
        let isKnown = other.digests.algorithms.contains { wantedAlgorithms.contains($0) } || other.mime != nil
        return isKnown ? (before, now) : (false, false)
    }
}

/// The content that a scan was asked to read from each regular file. Other sources may have it for some files only.
private struct ContentRead: Sendable {
    private let hasDigests: Bool
    private let hasTypes: Bool

    init(_ options: ScanOptions?, _ wanted: Set<DigestAlgorithm>, types: Bool) {
        hasDigests = options?.hash.contains { wanted.contains($0) } ?? false
        hasTypes = types && options?.mime ?? false
    }

    /// Whether content is missing without an error.
    func isSkipped(_ entry: SnapshotEntry) -> Bool {
        guard entry.kind == .file, !entry.isPartlyUnknown else { return false }
        return isSkipped(!entry.digests.isEmpty, entry.mime != nil)
    }

    func isSkipped(_ hasDigests: Bool, _ hasType: Bool) -> Bool {
        self.hasDigests && !hasDigests || hasTypes && !hasType
    }
}

extension SnapshotEntry {
    /// Part of it could not be read, or it changed while it was read.
    var isPartlyUnknown: Bool { !errors.isEmpty || isChanged }

    /// If so, their content differs, whether it was read or not.
    func differsInSize(from other: SnapshotEntry) -> Bool {
        guard kind == .file, other.kind == .file, let size, let otherSize = other.size else { return false }
        return size != otherSize
    }
}
