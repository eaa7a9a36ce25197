package import Entries
import Formats
import LinuxKernel
import ScanEngine

/// Decides which changes `accept` accepts. It gets all of them before it is asked about each again.
package struct AcceptedChanges {
    /// Nil: all places.
    private let keys: [EntryKey]?
    let rules: RuleSet?
    let beginnings: Beginnings
    /// Digests of the scan.
    private let algorithms: [DigestAlgorithm]
    private let maxRead: Int64
    /// A directory that is new and not accepted: nothing below it can be.
    private var refused = Subtree()
    /// Directories with accepted changes below them, and with others.
    private var accepting: Set<EntryKey> = []
    private var refusing: Set<EntryKey> = []

    /// - Parameters:
    ///   - keys: changes at and below these are accepted; nil: all.
    ///   - beginnings: of the live tree, which remembers.
    package init(
        _ keys: [EntryKey]?, _ options: ScanOptions, _ rules: RuleSet?, _ beginnings: Beginnings
    ) {
        (self.keys, self.rules, self.beginnings) = (keys, rules, beginnings)
        (algorithms, maxRead) = (DigestSet(options.hash).algorithms, options.maxRead)
    }

    /// Whether the change is at or below one of the places.
    package func contains(_ change: Change) -> Bool {
        guard let keys else { return true }
        return keys.contains { key in
            change.old.map { key.contains($0.key) } ?? false || change.new.map { key.contains($0.key) } ?? false
        }
    }

    /// Call it for all changes in advance. A move has two keys here.
    ///
    /// - Returns: whether it will be accepted; nil: it is at none of the places.
    package mutating func note(_ change: Change) -> Bool? {
        let isIn = contains(change)
        let isAccepted = isIn && isKnown(change)
        for key in Set([change.old?.key, change.new?.key].compactMap { $0 }) {
            var next = key.parent
            while let directory = next {
                let isNew = isAccepted ? accepting.insert(directory).inserted : refusing.insert(directory).inserted
                // Those above it were noted with it.
                next = isNew ? directory.parent : nil
            }
        }
        return isIn ? isAccepted : nil
    }

    /// The replacement of the saved row by an accepted change.
    enum Acceptance {
        case nothing
        /// The current entry.
        ///
        /// - Parameter digests: of a file that grows, which the scan did not read.
        case entry(digests: EntryDigests?)
    }

    /// Call it for changes in the order of their keys, each with one key.
    ///
    /// - Returns: nil: the saved row stays.
    mutating func accept(_ change: Change) -> Acceptance? {
        let isIn = contains(change) || makesWay(change)
        guard isIn, isKnown(change), !refused.contains(change.key) else {
            if change.old?.kind != .directory, change.new?.kind == .directory { refused.begin(at: change.key) }
            return nil
        }
        guard let new = change.new, new.kind != nil else { return .nothing }
        return .entry(digests: try? content(of: new))
    }

    /// A new directory above an accepted place, which otherwise would have no directory.
    private func makesWay(_ change: Change) -> Bool {
        guard let new = change.new, new.kind == .directory, change.old?.kind != .directory else { return false }
        return keys?.contains { new.key.contains($0) } ?? true
    }

    /// Whether the current entry is known: unreadable entries are not accepted.
    private func isKnown(_ change: Change) -> Bool {
        if change.kinds.contains(.unreadable) || change.reason != nil && change.reason != .before { return false }
        guard let new = change.new else { return true }
        do throws(ContentFailure) {
            _ = try content(of: new)
            return true
        } catch {
            return false
        }
    }

    /// The digests of a file that grows. The scan does not read such a file, which may grow all the time, but its
    /// earlier bytes still exist.
    private func content(of entry: SnapshotEntry) throws(ContentFailure) -> EntryDigests? {
        guard let rule = entry.rule, let rules, rules.actions[rule].grows, entry.kind == .file, !algorithms.isEmpty,
            let size = entry.size, size <= maxRead
        else { return nil }
        return try beginnings.digests(of: entry, length: size, algorithms)
    }

    /// The origin of a directory's digests.
    enum DirectoryDigests {
        case saved, live, unknown
    }

    /// A digest of a directory covers everything below it. It is known if everything below is as saved, or everything
    /// is as it is now. With rules, the scan may have skipped something.
    ///
    /// - Parameter areSaved: whether the directory was saved with digests.
    func digests(of directory: EntryKey, areSaved: Bool) -> DirectoryDigests {
        if areSaved, !accepting.contains(directory) { return .saved }
        return rules == nil && !refusing.contains(directory) ? .live : .unknown
    }
}
