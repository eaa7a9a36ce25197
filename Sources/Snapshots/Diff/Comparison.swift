// A merge join: both sides return entries in the order of their keys.
//
//   old  a  b     c  d            b only in old: removed   ┐ candidates: kept until the end, to be
//   new  a     b2 c' d            b2 only in new: added    ┘ paired as moved
//                 c and c' differ: reported at once
//
// If two saved scans have the same Merkle value for a directory, it is skipped with everything below it.

import CLinux
import Entries
package import Formats
import LinuxKernel
import ScanEngine

/// The result of a comparison.
package struct ComparisonTotals: Equatable, Sendable {
    /// Changed entries by kind of change. An entry with several kinds counts once for each.
    package var changes: [ChangeKind: Int64] = [:]
    /// Entries of the new side with errors, even if the old side has the same errors.
    package var unreadableEntries: Int64 = 0
    /// Entries read on each side, without those in equal directories that were skipped.
    package var oldEntries: Int64 = 0
    package var newEntries: Int64 = 0
    /// Directories that were skipped, because both saved scans have the same value for them.
    package var skippedDirectories: Int64 = 0
    /// False if there were more candidates than `MoveCandidates.limit`. Then some moves may be reported as removed and
    /// added.
    package var allMovesSought = true
    /// Digests whose algorithm a list does not name, if both sides have them, and those that differ.
    package var unnamedDigests: Int64 = 0
    package var differentUnnamedDigests: Int64 = 0

    /// Then the list may have another algorithm than their length suggests.
    package var everyUnnamedDigestDiffers: Bool {
        unnamedDigests > 0 && unnamedDigests == differentUnnamedDigests
    }
    package var notCompared: [NotCompared] = []
    /// Entries of the new side that the old one does not list; nil if they are reported as added.
    package var notListed: Int64?
    /// What rules excluded; nil without rules.
    package var ruled: RuledTotals?
    /// Regular files without a compared digest, and those also without a compared size, or time.
    package var filesWithoutDigest: Int64 = 0
    package var filesWithoutSize: Int64 = 0
    package var filesWithoutTime: Int64 = 0

    package var isDifferent: Bool { changes.contains { $0.key.isDifference && $0.value > 0 } }

    /// Whether something should have been compared and was not.
    package var hasTrouble: Bool {
        unreadableEntries > 0 || changes.contains { !$0.key.isDifference && $0.value > 0 }
            || notCompared.contains { $0.reason.isTrouble }
    }
}

/// What rules excluded from a comparison.
package struct RuledTotals: Equatable, Sendable {
    /// Entries of OLD.
    package var oldLeftOut: Int64 = 0
    /// Entries of NEW. For a tree that is scanned now: excluded names, without the entries below them.
    package var newLeftOut: Int64 = 0
    package var grown = GrownFiles()

    /// Everything was compared.
    package var isNothing: Bool { self == RuledTotals() }
}

/// Files under a rule with `grows`.
package struct GrownFiles: Equatable, Sendable {
    /// Those whose beginning was compared.
    package var compared: Int64 = 0
    /// Those that are longer now, and the sum of their growth.
    package var longer: Int64 = 0
    package var bytes: Int64 = 0

    mutating func count(_ old: SnapshotEntry, _ new: SnapshotEntry) {
        compared += 1
        guard let before = old.size, let now = new.size, now > before else { return }
        longer += 1
        bytes = bytes.addingReportingOverflow(now - before).overflow ? .max : bytes + (now - before)
    }

    mutating func add(_ other: GrownFiles) {
        compared += other.compared
        longer += other.longer
        bytes = bytes.addingReportingOverflow(other.bytes).overflow ? .max : bytes + other.bytes
    }
}

/// Compares two sources.
package struct Comparison {
    private var old: ComparedSide
    private var new: ComparedSide
    package var sides: (old: SnapshotDescription, new: SnapshotDescription) { (old.description, new.description) }
    package let compared: ComparedFields
    let ruled: RuledFields
    private let selection: FieldSelection
    private var totals = ComparisonTotals()
    private var tally = FieldTally()
    private var candidates: MoveCandidates
    /// Nil if all entries are decoded.
    private let equal: EqualEntries?
    /// A subtree that a source excludes from the comparison.
    private var ignored = Subtree()
    private var isFolding = false
    private var (removedOverflow, addedOverflow) = (OverflowFolding(), OverflowFolding())
    /// Gets every change, folded or not.
    package var everyChange: ((Change) throws -> Void)?

    /// - Parameters:
    ///   - rules: select the compared fields by path.
    ///   - isListedOnly: entries that OLD does not have are only counted.
    ///   - beginnings: reads files of a tree that was just scanned; nil: files that may grow are compared like others.
    /// - Throws: `SnapshotFailure` if the sides have different numbers of roots, which pair by their order.
    package init(
        _ old: any SnapshotSource, _ new: any SnapshotSource, _ selection: FieldSelection = FieldSelection(),
        rules: RuleSet? = nil, beginnings: Beginnings? = nil, isListedOnly: Bool = false
    ) throws(SnapshotFailure) {
        try self.init(old, new, selection, MoveCandidates(), rules, beginnings)
        if isListedOnly { totals.notListed = 0 }
    }

    init(
        _ old: any SnapshotSource, _ new: any SnapshotSource, _ selection: FieldSelection,
        _ candidates: MoveCandidates, _ rules: RuleSet? = nil, _ beginnings: Beginnings? = nil
    ) throws(SnapshotFailure) {
        self.old = ComparedSide(old, rules)
        self.new = ComparedSide(new, rules)
        let (before, after) = (self.old.description, self.new.description)
        guard before.roots.count == after.roots.count else {
            throw SnapshotFailure.differentRoots(before, after)
        }
        self.selection = selection
        self.candidates = candidates
        compared = ComparedFields(before, after, selection)
        ruled = RuledFields(compared, before, after, selection, rules?.actions ?? [], beginnings)
        equal = rules == nil ? EqualEntries(old, new, compared) : nil
        if rules != nil { totals.ruled = RuledTotals() }
    }

    /// Reads both sides to the end.
    ///
    /// - Parameter body: gets first the changes of entries that both sides have, in the order of their keys, then
    ///   entries that were added, removed or moved, in the order of their place now (or then). If `isFolding`, a
    ///   directory that was added, removed or moved with everything below it is one change.
    package consuming func run(
        isFolding: Bool = false, _ body: (Change) throws -> Void
    ) throws -> ComparisonTotals {
        self.isFolding = isFolding
        var (before, after) = try nextPair()
        while before != nil || after != nil {
            if let left = before, let right = after, left.key == right.key {
                try both(left, right, body)
                (before, after) = try nextPair()
            } else if let left = before, after.map({ left.key < $0.key }) ?? true {
                try onlyOld(left, body)
                before = try old.next()
            } else if let right = after {
                try onlyNew(right, body)
                after = try new.next()
            }
        }
        totals.allMovesSought = candidates.areComplete
        let rest = candidates
        candidates = MoveCandidates()
        var (grown, tally) = (GrownFiles(), tally)
        for change in [removedOverflow.takePending(), addedOverflow.takePending()] {
            if let change { try body(change) }
        }
        let folding = isFolding ? (removed: removedOverflow.below, added: addedOverflow.below) : nil
        try rest.forEachChange(ruled, &tally, &grown, folding) { change, isFolded in
            try give(change, isFolded ? { _ in } : body)
        }
        (totals.oldEntries, totals.newEntries) = (old.entries, new.entries)
        if var left = totals.ruled {
            left.oldLeftOut = old.leftOut + old.description.namesLeftOut
            left.newLeftOut = new.leftOut + new.description.namesLeftOut
            left.grown.add(grown)
            totals.ruled = left
        }
        totals.notCompared = tally.list(compared, selection, old.description, new.description)
        totals.filesWithoutDigest = tally.filesWithoutDigest
        (totals.filesWithoutSize, totals.filesWithoutTime) = (tally.filesWithoutSize, tally.filesWithoutTime)
        return totals
    }

    /// The next entries of both sides, behind those that are equal.
    private mutating func nextPair() throws(SnapshotFailure) -> (old: SnapshotEntry?, new: SnapshotEntry?) {
        guard let equal, ignored.isEmpty else { return (try old.next(), try new.next()) }
        while true {
            let (isBefore, isAfter) = (try equal.old.advance(), try equal.new.advance())
            if isBefore { old.count() }
            if isAfter { new.count() }
            guard isBefore, isAfter, equal.isWithoutDifference(&tally) else {
                return (isBefore ? equal.old.entry : nil, isAfter ? equal.new.entry : nil)
            }
            if old.entries % 1_000 == 0, clinux_stop_signal() != 0 { throw SnapshotFailure(path: nil, "stopped") }
        }
    }

    /// Reports an added or removed entry for which the candidates have no room.
    private mutating func giveOverflow(
        _ change: Change, _ overflow: WritableKeyPath<Comparison, OverflowFolding>, _ entry: SnapshotEntry,
        _ body: (Change) throws -> Void
    ) throws {
        guard isFolding else { return try give(change, body) }
        try count(change)
        if let now = self[keyPath: overflow].add(change, entry) { try body(now) }
    }

    private mutating func give(_ change: Change, _ body: (Change) throws -> Void) throws {
        var change = change
        // It is new among the selected entries; whether it is new is unknown.
        if change.kinds == [.added], let entry = change.new,
            old.mayHavePassedOver(entry, below: new.description.roots)
        {
            (change.kinds, change.reason) = ([.added, .unknown], .before)
        } else if change.kinds == [.removed], let entry = change.old,
            new.mayHavePassedOver(entry, below: old.description.roots)
        {
            (change.kinds, change.reason) = ([.removed, .unknown], .now)
        }
        // `isBelowAlone`: these entries were counted before.
        if !change.isBelowAlone { try count(change) }
        try body(change)
    }

    private mutating func count(_ change: Change) throws {
        for kind in change.kinds { totals.changes[kind, default: 0] += 1 }
        try everyChange?(change)
    }

    private mutating func noteUnnamedDigests(_ left: SnapshotEntry, _ right: SnapshotEntry) {
        guard left.kind == .file, right.kind == .file else { return }
        for algorithm in compared.unnamedAlgorithms {
            guard let before = left.digests[algorithm], let after = right.digests[algorithm] else { continue }
            totals.unnamedDigests += 1
            if before != after { totals.differentUnnamedDigests += 1 }
        }
    }

    // MARK: An entry

    private mutating func both(
        _ left: SnapshotEntry, _ right: SnapshotEntry, _ body: (Change) throws -> Void
    ) throws {
        if ignored.contains(left.key) { return }
        old.pass(left)
        new.pass(right)
        if left.rules.union(right.rules).contains(.ignore) { ignored.begin(at: left.key) }
        if !right.errors.isEmpty { totals.unreadableEntries += 1 }
        noteUnnamedDigests(left, right)
        if ruled.areStatesComparable, let state = left.state, state == right.state {
            totals.skippedDirectories += 1
            try old.source.skip(left.key)
            try new.source.skip(right.key)
        } else if let rule = ruled.growth(right), left.kind == .file, !left.isPartlyUnknown, !right.isPartlyUnknown {
            try mayHaveGrown(left, right, rule, body)
        } else if let change = ruled.change(from: left, to: right, &tally) {
            try give(change, body)
        }
    }

    /// A file that may get longer. If its name has another inode and its beginning has changed, the old file may have
    /// another name now: a log was rotated.
    private mutating func mayHaveGrown(
        _ left: SnapshotEntry, _ right: SnapshotEntry, _ rule: Int, _ body: (Change) throws -> Void
    ) throws {
        var now = right
        let beginning = ruled.compareBeginning(left, &now, rule)
        if now.errors.count > right.errors.count {
            if right.errors.isEmpty { totals.unreadableEntries += 1 }
        } else if beginning == .same {
            totals.ruled?.grown.count(left, right)
        }
        if beginning != .same, beginning != .notKnown, let inode = left.inode, inode != right.inode,
            candidates.keep(left, right)
        {
            return
        }
        if let change = ruled.change(from: left, to: now, beginning, rule, &tally) { try give(change, body) }
    }

    private mutating func onlyOld(_ entry: SnapshotEntry, _ body: (Change) throws -> Void) throws {
        if ignored.contains(entry.key) || old.excused.contains(entry.key) { return }
        old.pass(entry)
        removedOverflow.pass(entry)
        if entry.rules.contains(.ignore) { ignored.begin(at: entry.key) }
        // A kind that a side does not list at all is not missing there.
        if let kind = entry.kind, !new.description.kinds.contains(kind) {
            if compared.wanted.contains(.kind) { tally.countUnlisted() }
            return
        }
        let isOutOfSight = new.isOutOfSight(entry.key)
        var change = Change(kinds: [.removed], old: entry, new: nil)
        change.reason = UnknownReason(before: entry.isPartlyUnknown, now: isOutOfSight)
        if isOutOfSight || entry.isErrorAlone {
            change.kinds = [.unknown]
        } else if entry.rules.contains(.optional) {
            return old.excused.begin(at: entry.key)
        } else if change.reason != nil {
            change.kinds = [.removed, .unknown]
        } else if candidates.keep(removed: entry) {
            return
        } else {
            return try giveOverflow(change, \.removedOverflow, entry, body)
        }
        try give(change, body)
    }

    private mutating func onlyNew(_ entry: SnapshotEntry, _ body: (Change) throws -> Void) throws {
        if ignored.contains(entry.key) || new.excused.contains(entry.key) { return }
        new.pass(entry)
        addedOverflow.pass(entry)
        // A missing PATH is reported.
        if let count = totals.notListed, !entry.key.isRoot || entry.errors.isEmpty {
            totals.notListed = count + 1
            return
        }
        if entry.rules.contains(.ignore) { ignored.begin(at: entry.key) }
        if !entry.errors.isEmpty { totals.unreadableEntries += 1 }
        let isListed = entry.kind.map { old.description.kinds.contains($0) } ?? true
        var change = Change(kinds: [.added], old: nil, new: entry)
        if isListed, old.isOutOfSight(entry.key) {
            change.kinds = [.unknown]
            change.reason = UnknownReason(before: true, now: entry.isPartlyUnknown)
        } else if !isListed || entry.isErrorAlone {
            if entry.errors.isEmpty { return }
            change.kinds = [.unreadable]
        } else if entry.rules.contains(.optional) {
            return new.excused.begin(at: entry.key)
        } else if entry.isPartlyUnknown {
            change.kinds = [.added, .unreadable]
        } else if candidates.keep(added: entry) {
            return
        } else {
            return try giveOverflow(change, \.addedOverflow, entry, body)
        }
        try give(change, body)
    }
}
