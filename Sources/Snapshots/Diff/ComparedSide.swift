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
    /// A directory that was not listed: what is not known to be below it is neither removed nor added.
    private var hidden = Subtree()
    /// Of the PATH that the entries are below.
    private var rootDevice: UInt64?
    /// Below an entry that may be missing, and is.
    var excused = Subtree()

    init(_ source: any SnapshotSource, _ rules: RuleSet?) {
        self.source = source
        walk = rules.map { RuleWalk($0) }
        description = source.description
    }

    mutating func next() throws(SnapshotFailure) -> SnapshotEntry? {
        while var entry = try source.next() {
            entries += 1
            // Read to their end: how many there are is told, and evidence binds them all.
            switch walk?.ruling(entry.key.bytes, isDirectory: entry.kind == .directory || entry.kind == nil) {
            case .isLeftOut: leftOut += 1
            case .isCompared(let rule):
                entry.rule = rule
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
