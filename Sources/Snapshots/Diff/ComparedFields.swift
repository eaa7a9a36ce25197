package import Entries
package import Formats
import LinuxKernel
import ScanEngine

/// What a user wants to be compared, beside the default.
package struct FieldSelection: Equatable, Sendable {
    package var ignored: FieldSet
    package var ignoredAlgorithms: Set<DigestAlgorithm>
    /// Of `SnapshotDescription.uncheckable`: the user knows that they are not compared.
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

/// What is compared: see docs/DIFF.md for why. Of an entry, that is what both sides say of it; `FieldTally` counts the
/// rest.
package struct ComparedFields: Sendable {
    /// Those that both sides carry.
    package let fields: FieldSet
    /// Algorithms that both sides carry.
    package let algorithms: [DigestAlgorithm]
    /// Those of them that a side does not name.
    package let unnamedAlgorithms: [DigestAlgorithm]
    /// What is compared wherever both sides say it.
    let wanted: FieldSet
    let wantedAlgorithms: Set<DigestAlgorithm>
    /// Of `wanted`: what neither side carries.
    let inNeither: FieldSet
    /// Times of one side are whole seconds.
    let wholeSeconds: Bool
    /// Whether both sides carry the same fields and digests, and nothing is asked for that a state does not cover: then
    /// equal states mean that nothing differs.
    let areStatesComparable: Bool
    private let readByOld: ContentRead
    private let readByNew: ContentRead

    private static let byDefault = FieldSet(having: .compared)
    /// What is not compared of directories.
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

    /// What is compared of an entry of this kind.
    func wanted(of kind: EntryKind) -> FieldSet {
        kind == .directory ? wanted.subtracting(Self.notOfDirectories) : wanted
    }

    /// Which sides passed over the content of a regular file, as scans do on pseudo file systems.
    func skipping(_ old: SnapshotEntry, _ new: SnapshotEntry) -> (old: Bool, new: Bool) {
        if old.differsInSize(from: new) { return (false, false) }
        let (before, now) = (readByOld.isSkipped(old), readByNew.isSkipped(new))
        if before == now { return (before, now) }
        let other = before ? new : old
        // Where the other side was not asked to read it, there is nothing that it could be compared with.
        let isKnown = other.digests.keys.contains { wantedAlgorithms.contains($0) } || other.mime != nil
        return isKnown ? (before, now) : (false, false)
    }
}

/// What a scan was to find out about the content of each regular file; other sources say of some files what they like.
private struct ContentRead: Sendable {
    private let hasDigests: Bool
    private let hasTypes: Bool

    init(_ options: ScanOptions?, _ wanted: Set<DigestAlgorithm>, types: Bool) {
        hasDigests = options?.hash.contains { wanted.contains($0) } ?? false
        hasTypes = types && options?.mime ?? false
    }

    /// No error says why it is not known.
    func isSkipped(_ entry: SnapshotEntry) -> Bool {
        guard entry.kind == .file, !entry.isPartlyUnknown else { return false }
        return hasDigests && entry.digests.isEmpty || hasTypes && entry.mime == nil
    }
}

extension SnapshotEntry {
    /// Something about it could not be read, or it changed meanwhile.
    var isPartlyUnknown: Bool { !errors.isEmpty || isChanged }

    /// Then their content differs, whether it was read or not.
    func differsInSize(from other: SnapshotEntry) -> Bool {
        guard kind == .file, other.kind == .file, let size, let otherSize = other.size else { return false }
        return size != otherSize
    }
}
