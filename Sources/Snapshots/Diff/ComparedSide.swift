import Entries
import Formats
import LinuxKernel

/// A source, and what its entries so far mean for those that follow.
struct ComparedSide {
    let source: any SnapshotSource
    let description: SnapshotDescription
    /// The number of entries read.
    private(set) var entries: Int64 = 0
    /// The number of those that rules left out.
    private(set) var leftOut: Int64 = 0
    private var walk: RuleWalk?
    /// By the number of the rule.
    private let actions: [RuleAction]
    /// A directory that was not listed: entries missing below it are neither removed nor added.
    private var hidden = Subtree()
    /// The device of the current PATH.
    private var rootDevice: UInt64?
    /// An entry that may be missing, and is: nothing below it is reported.
    var excused = Subtree()
    /// The selection of a source that lists only selected entries, if it tests fields that change: a file that it does
    /// not list may have had another size.
    private let listed: (selection: Selection, selector: EntrySelector)?

    init(_ source: any SnapshotSource, _ rules: RuleSet?) {
        self.source = source
        walk = rules.map { RuleWalk($0) }
        actions = rules?.actions ?? []
        description = source.description
        listed = description.options.flatMap { options in
            let selection = options.selection
            if selection.fields.isSubset(of: [.kind]) { return nil }
            // Records have times instead of ages.
            return (selection, EntrySelector(selection, now: FileTime(seconds: 0, nanoseconds: 0)))
        }
    }

    /// Whether an entry that only the other side has may have existed here without being selected.
    func mayHavePassedOver(_ entry: SnapshotEntry, below roots: [[UInt8]]) -> Bool {
        guard let listed else { return false }
        return !listed.selection.fields.isSubset(of: entry.knownFields) || listed.selector.contains(entry, below: roots)
    }

    mutating func next() throws(SnapshotFailure) -> SnapshotEntry? {
        if walk != nil { return try nextRuled() }
        let entry = try source.next()
        if entry != nil { entries += 1 }
        return entry
    }

    /// Counts an entry that was read from the source itself.
    mutating func count() { entries += 1 }

    private mutating func nextRuled() throws(SnapshotFailure) -> SnapshotEntry? {
        while var entry = try source.next() {
            entries += 1
            // They are read nevertheless: their number is reported, and evidence covers them.
            switch walk?.ruling(entry.key.bytes, isDirectory: entry.kind == .directory || entry.kind == nil) {
            case .isLeftOut: leftOut += 1
            case .isCompared(let rule):
                entry.rule = rule
                // The file was not to be read, so it does not matter that an earlier scan, without this rule, could
                // not.
                if let rule, actions[rule].isKindOnly, entry.kind == .file {
                    (entry.errors, entry.isChanged) = ([], false)
                }
                return entry
            case nil: return entry
            }
        }
        return nil
    }

    /// To be called when the comparison has reached this entry. It was read earlier, before entries of the other side
    /// that come first.
    mutating func pass(_ entry: SnapshotEntry) {
        if entry.key.isRoot { rootDevice = entry.device }
        if entry.hidesWhatIsBelow || isOtherFileSystem(entry) { hidden.begin(at: entry.key) }
    }

    /// Whether `-x` kept the scan from listing a directory. A mount may hide entries that another scan sees there.
    private func isOtherFileSystem(_ entry: SnapshotEntry) -> Bool {
        guard entry.kind == .directory, description.options?.oneFileSystem == true else { return false }
        if let rootDevice, let device = entry.device { return device != rootDevice }
        return false
    }

    /// Whether a path that it does not list may exist: it could not look there, or the scan was stopped before.
    func isOutOfSight(_ key: EntryKey) -> Bool { !description.isComplete || hidden.contains(key) }
}

/// The last of any number of subtrees that the comparison has reached. One is enough: a subtree is a range of keys, so
/// when the next one begins outside of it, the comparison has left it.
struct Subtree {
    private var top: EntryKey?

    mutating func begin(at key: EntryKey) {
        if !contains(key) { top = key }
    }

    var isEmpty: Bool { top == nil }

    func contains(_ key: EntryKey) -> Bool { top?.contains(key) ?? false }
}

extension SnapshotEntry {
    /// The path could not be read, and nothing else is known about it.
    var isErrorAlone: Bool { kind == nil && !errors.isEmpty }

    /// A directory that could not be listed, or a path that could not be stat'ed.
    fileprivate var hidesWhatIsBelow: Bool {
        switch kind {
        // Its attributes are not part of the listing.
        case .directory: errors.contains { $0.operation != "listxattr" && $0.operation != "getxattr" }
        case nil: errors.contains { $0.code != "ENOENT" }
        default: false
        }
    }
}
