// A directory that was added, removed or moved, with what is below it: one line.
//
//   + new            added        ┐                     - old       removed
//   + new/a          added        │ new, with 2 below   = x -> new/x   moved here from elsewhere: a line of its own
//   + new/b          added        ┘
//
// An entry is folded into the innermost directory above it that has a line of its own, if it went the same way: was added
// or removed with it, or moved from the same place below the directory that the other was.

import Entries
import LinuxKernel

/// Entries that are not given out one by one.
package struct FoldedEntries: Equatable, Sendable {
    package var entries: Int64 = 0
    /// `st_size` of regular files, each name by itself.
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

/// The directories above the changes that come, in the order of their keys.
struct FoldingStack {
    enum Way: Equatable {
        case added, removed
        /// What the key of the directory was.
        case moved(from: EntryKey)
    }

    private struct Top {
        var key: EntryKey
        var way: Way
        var place: Int
    }

    private var tops: [Top] = []

    /// - Parameters:
    ///   - place: of this change among all.
    ///   - isPlain: it has no other change.
    /// - Returns: the place of the change that it is folded into; nil: it has a line of its own.
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

/// What was added or removed beyond the room for candidates: given out at once, but for what lies in a directory that was
/// added or removed, too.
struct OverflowFolding {
    /// The topmost directory that only this side has.
    private var top: EntryKey?
    /// Its change, if there was no room for that either.
    private var pending: Change?
    /// What is below those that are kept as candidates.
    private(set) var below: [EntryKey: FoldedEntries] = [:]

    /// To be told of each entry that only this side has.
    mutating func pass(_ entry: SnapshotEntry) {
        if let top, top.contains(entry.key) { return }
        top = entry.kind == .directory ? entry.key : nil
    }

    /// - Returns: what is to be given out now; a change that is folded is none.
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
