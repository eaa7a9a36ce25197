// A directory that was added, removed or moved is one line, with everything below it.
//
//   + new            added        ┐                     - old       removed
//   + new/a          added        │ new, with 2 below   = x -> new/x   moved here from elsewhere: a line of its own
//   + new/b          added        ┘
//
// An entry is folded into the innermost directory above it that has its own line, if both have the same change: both
// were added or removed, or both were moved and the entry had the same place in the old directory.

import Entries
import LinuxKernel

/// Entries that are not reported one by one.
package struct FoldedEntries: Equatable, Sendable {
    package var entries: Int64 = 0
    /// The sum of `st_size` of regular files. Each name of an inode counts.
    package var bytes: Int64 = 0

    mutating func add(_ entry: SnapshotEntry) {
        entries += 1
        if entry.kind == .file { add(bytes: entry.size ?? 0) }
    }

    mutating func add(_ other: FoldedEntries) {
        entries += other.entries
        add(bytes: other.bytes)
    }

    private mutating func add(bytes more: Int64) {
        let (sum, overflow) = bytes.addingReportingOverflow(more)
        bytes = overflow ? .max : sum
    }
}

/// The directories above the current change. Changes come in the order of their keys.
struct FoldingStack {
    enum Way: Equatable {
        case added, removed
        /// The old key of the directory.
        case moved(from: EntryKey)
    }

    private struct Top {
        var key: EntryKey
        var way: Way
        var place: Int
    }

    private var tops: [Top] = []

    /// - Parameters:
    ///   - place: the index of this change.
    ///   - isPlain: the entry has no other change.
    /// - Returns: the index of the change that it is folded into; nil: it has its own line.
    mutating func fold(_ key: EntryKey, _ way: Way, isDirectory: Bool, isPlain: Bool, place: Int) -> Int? {
        while let top = tops.last, !top.key.contains(key) { tops.removeLast() }
        if isPlain, let top = tops.last, Self.goesAlong(key, way, with: top) { return top.place }
        if isDirectory { tops.append(Top(key: key, way: way, place: place)) }
        return nil
    }

    private static func goesAlong(_ key: EntryKey, _ way: Way, with top: Top) -> Bool {
        guard case .moved(let old) = way, case .moved(let oldTop) = top.way else { return way == top.way }
        return oldTop.contains(old) && old.bytes[oldTop.bytes.count...] == key.bytes[top.key.bytes.count...]
    }
}

/// Folds added or removed entries for which the candidates have no room. They are reported at once, unless they lie in
/// a directory that was added or removed as well.
struct OverflowFolding {
    /// The topmost directory that only this side has.
    private var top: EntryKey?
    /// Its change, if there was no room for it either.
    private var pending: Change?
    /// The entries below directories that are kept as candidates.
    private(set) var below: [EntryKey: FoldedEntries] = [:]

    /// To be called for each entry that only this side has.
    mutating func pass(_ entry: SnapshotEntry) {
        if let top, top.contains(entry.key) { return }
        top = entry.kind == .directory ? entry.key : nil
    }

    /// - Returns: the change to report now; nil for one that is folded.
    mutating func add(_ change: Change, _ entry: SnapshotEntry) -> Change? {
        guard let top else { return change }
        if entry.key == top {
            defer { pending = change }
            return pending
        }
        if pending?.key == top {
            var below = pending?.below ?? FoldedEntries()
            below.add(entry)
            pending?.below = below
        } else {
            below[top, default: FoldedEntries()].add(entry)
        }
        return nil
    }

    mutating func takePending() -> Change? { pending.take() }
}
