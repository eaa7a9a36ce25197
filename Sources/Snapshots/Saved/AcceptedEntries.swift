import Entries
import Formats
import LinuxKernel

/// The entries of the scan that `accept` writes, in the order of their keys.
///
/// ```
/// saved rows           a   b   c   d   e       c is one that a rule leaves out
/// accepted changes         b'      -       f
/// given out            a   b'  c       e   f
/// ```
struct AcceptedEntries {
    private let saved: any SnapshotSource
    private let live: any SnapshotSource
    private var nextSaved: SnapshotEntry?
    private var nextLive: SnapshotEntry?
    private var changes: AcceptedChanges
    private let body: (SnapshotEntry) throws -> Void
    /// An accepted entry. It is returned when the next change comes, because SQLite finds a cursor's row again by all
    /// of its columns, including `since`. If the row were replaced under the cursor of the comparison, that cursor
    /// would meet the new one.
    private var accepted: SnapshotEntry?
    /// A removed directory, and everything saved below it.
    private var gone = Subtree()

    /// - Parameters:
    ///   - saved, live: both sides of the comparison, read whole and without rules.
    ///   - body: gets the entries.
    init(
        _ saved: any SnapshotSource, _ live: any SnapshotSource, _ changes: AcceptedChanges,
        _ body: @escaping (SnapshotEntry) throws -> Void
    ) throws(SnapshotFailure) {
        (self.saved, self.live, self.changes, self.body) = (saved, live, changes, body)
        nextSaved = try saved.next()
        nextLive = try live.next()
    }

    /// Changes come in the order of their keys, each of one key.
    mutating func take(_ change: Change) throws {
        guard let new = changes.accept(change) else { return }
        try giveSaved(before: change.key)
        if nextSaved?.key == change.key { nextSaved = try saved.next() }
        let wasDirectory = change.old?.kind == .directory
        if case .entry(let content) = new, var entry = try readLive(change.key) {
            if let content { entry.digests = content }
            if entry.kind == .directory {
                switch changes.digests(of: change.key, areSaved: wasDirectory && change.old?.digests.isEmpty == false) {
                case .saved: entry.digests = change.old?.digests ?? [:]
                case .live: break
                case .unknown: entry.digests = [:]
                }
            }
            accepted = entry
        }
        if wasDirectory, accepted?.kind != .directory { gone.begin(at: change.key) }
    }

    mutating func finish() throws {
        try giveSaved(before: nil)
    }

    private mutating func giveSaved(before key: EntryKey?) throws {
        if let accepted { try body(accepted) }
        accepted = nil
        while var entry = nextSaved, key.map({ entry.key < $0 }) ?? true {
            // The cursor leaves the row before another one takes its place.
            nextSaved = try saved.next()
            // A row that a rule leaves out stays as it was saved, unless its directory is gone.
            if gone.contains(entry.key) { continue }
            if entry.kind == .directory {
                switch changes.digests(of: entry.key, areSaved: !entry.digests.isEmpty) {
                case .saved: break
                case .live:
                    let now = try readLive(entry.key)
                    entry.digests = now?.kind == .directory ? now?.digests ?? [:] : [:]
                case .unknown: entry.digests = [:]
                }
            }
            try body(entry)
        }
    }

    /// What is there now. Asked for keys in their order.
    private mutating func readLive(_ key: EntryKey) throws(SnapshotFailure) -> SnapshotEntry? {
        while let entry = nextLive, entry.key < key { nextLive = try live.next() }
        return nextLive?.key == key ? nextLive : nil
    }
}
