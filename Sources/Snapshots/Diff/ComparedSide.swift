import Entries
import Formats
import LinuxKernel

/// A source, and what its entries so far say of those that come.
struct ComparedSide {
    let source: any SnapshotSource
    let description: SnapshotDescription
    /// How many were read.
    private(set) var entries: Int64 = 0
    /// How many of them rules left out.
    private(set) var leftOut: Int64 = 0
    private var walk: RuleWalk?
    /// By the number of the rule.
    private let actions: [RuleAction]
    /// A directory that was not listed: what is not known to be below it is neither removed nor added.
    private var hidden = Subtree()
    /// Of the PATH that the entries are below.
    private var rootDevice: UInt64?
    /// Below an entry that may be missing, and is.
    var excused = Subtree()
    /// What it lists alone, where that is told by what changes: a file that it does not list may have had another size.
    private let listed: (selection: Selection, selector: EntrySelector)?

    init(_ source: any SnapshotSource, _ rules: RuleSet?) {
        self.source = source
        walk = rules.map { RuleWalk($0) }
        actions = rules?.actions ?? []
        description = source.description
        listed = description.options.flatMap { options in
            let selection = options.selection
            if selection.fields.isSubset(of: [.kind]) { return nil }
            // Records have times in the place of ages.
            return (selection, EntrySelector(selection, now: FileTime(seconds: 0, nanoseconds: 0)))
        }
    }

    /// Whether an entry that the other side has, and this one does not, may have been here, too: it was not selected.
    func mayHavePassedOver(_ entry: SnapshotEntry, below roots: [[UInt8]]) -> Bool {
        guard let listed else { return false }
        return !listed.selection.fields.isSubset(of: entry.knownFields) || listed.selector.contains(entry, below: roots)
    }

    mutating func next() throws(SnapshotFailure) -> SnapshotEntry? {
        while var entry = try source.next() {
            entries += 1
            // Read to their end: how many there are is told, and evidence binds them all.
            switch walk?.ruling(entry.key.bytes, isDirectory: entry.kind == .directory || entry.kind == nil) {
            case .isLeftOut: leftOut += 1
            case .isCompared(let rule):
                entry.rule = rule
                // What kept a scan from reading a file, when there was no rule, is nothing that is compared.
                if let rule, actions[rule].isKindOnly, entry.kind == .file {
                    (entry.errors, entry.isChanged) = ([], false)
                }
                return entry
            case nil: return entry
            }
        }
        return nil
    }

    /// The comparison has come to this entry. It was read earlier, when entries of the other side in front of it had not
    /// had their turn.
    mutating func pass(_ entry: SnapshotEntry) {
        if entry.key.isRoot { rootDevice = entry.device }
        if entry.hidesWhatIsBelow || isOtherFileSystem(entry) { hidden.begin(at: entry.key) }
    }

    /// Whether `-x` kept the scan from listing a directory: a mount may hide what another scan sees there.
    private func isOtherFileSystem(_ entry: SnapshotEntry) -> Bool {
        guard entry.kind == .directory, description.options?.oneFileSystem == true else { return false }
        if let rootDevice, let device = entry.device { return device != rootDevice }
        return false
    }

    /// Whether it says nothing of a path that it does not list: it could not look there, or was stopped before.
    func isOutOfSight(_ key: EntryKey) -> Bool { !description.isComplete || hidden.contains(key) }
}

/// The last of the subtrees that the comparison has come to. One is enough for any number: a subtree is a range of keys,
/// so when another begins outside of it, all of it is behind.
struct Subtree {
    private var top: EntryKey?

    mutating func begin(at key: EntryKey) {
        if !contains(key) { top = key }
    }

    func contains(_ key: EntryKey) -> Bool { top?.contains(key) ?? false }
}

extension SnapshotEntry {
    /// Nothing is known of the path but that it could not be read.
    var isErrorAlone: Bool { kind == nil && !errors.isEmpty }

    /// A directory that could not be listed, or a path of which nothing is known but that it is there.
    fileprivate var hidesWhatIsBelow: Bool {
        switch kind {
        // Its attributes are no part of the listing.
        case .directory: errors.contains { $0.operation != "listxattr" && $0.operation != "getxattr" }
        case nil: errors.contains { $0.code != "ENOENT" }
        default: false
        }
    }
}
