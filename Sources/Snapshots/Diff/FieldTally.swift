// Counts, by name, the fields of entries that one side has and the other lacks. This is decided for each entry: a list
// may have the SHA-256 of one file and the mode of another. That both sides have a field for some entries says nothing
// about the others.

import Entries
import Formats
import LinuxKernel
import ScanEngine

/// Something that was not compared, and why.
package struct NotCompared: Equatable, Sendable {
    package enum Reason: String, CaseIterable, Sendable {
        /// The old side has it, so it should have been compared.
        case newDoesNotSay = "new does not say"
        /// The old side has something that this program does not know.
        case cannotBeChecked = "cannot be checked"
        case oldDoesNotSay = "old does not say"
        case neitherSays = "neither says"
        /// Both sides skipped it, as scans skip the content of pseudo file systems.
        case bothSkipped = "both skipped"
        /// A rule excludes it.
        case leftOutByRule = "left out by a rule"

        /// Whether something that the old side has was not checked: exit status 2.
        package var isTrouble: Bool { self == .newDoesNotSay || self == .cannotBeChecked }
    }

    /// A field, an algorithm, `content`, or the name that a foreign list gives it.
    package var field: String
    package var reason: Reason
    /// The number of entries; nil if it is all of them.
    package var entries: Int64?
}

/// Collects the counts during a comparison.
struct FieldTally {
    /// By `rawValue` of the field.
    private var notInNew = [Int64](repeating: 0, count: EntryField.allCases.count)
    private var notInOld = [Int64](repeating: 0, count: EntryField.allCases.count)
    private var digestsNotInNew: [DigestAlgorithm: Int64] = [:]
    private var contentNotInOld: Int64 = 0
    private var contentInNeither: Int64 = 0
    private var contentSkipped: Int64 = 0
    /// By rules.
    private var leftOut = [Int64](repeating: 0, count: EntryField.allCases.count)
    private var contentLeftOut: Int64 = 0
    /// Regular files without a common digest, and those that also lack a size, or times.
    private(set) var filesWithoutDigest: Int64 = 0
    private(set) var filesWithoutSize: Int64 = 0
    private(set) var filesWithoutTime: Int64 = 0

    /// Counts two entries of the same kind that were read without errors.
    ///
    /// - Parameter hasContent: false if a side skipped the content: then the change says so.
    mutating func count(
        _ old: SnapshotEntry, _ new: SnapshotEntry, _ kind: EntryKind, _ compared: ComparedFields, hasContent: Bool
    ) {
        let (before, now) = (old.knownFields, new.knownFields)
        if before != now {
            let wanted = compared.wanted(of: kind)
            Self.add(wanted.intersection(before).subtracting(now), to: &notInNew)
            Self.add(wanted.intersection(now).subtracting(before), to: &notInOld)
        }
        guard kind == .file, hasContent, !compared.wantedAlgorithms.isEmpty else { return }
        func isCommon(_ algorithm: DigestAlgorithm) -> Bool {
            old.digests[algorithm] != nil && new.digests[algorithm] != nil
        }
        // One digest that cannot be forged is enough.
        if compared.algorithms.contains(where: { $0.traits.contains(.resistsCollisions) && isCommon($0) }) { return }
        let common = compared.algorithms.filter(isCommon)
        let known = old.digests.algorithms.filter { compared.wantedAlgorithms.contains($0) }
        for algorithm in known where !common.contains(algorithm) { digestsNotInNew[algorithm, default: 0] += 1 }
        guard common.isEmpty else { return }
        let hasNew = new.digests.algorithms.contains { compared.wantedAlgorithms.contains($0) }
        if known.isEmpty, !hasNew, old.differsInSize(from: new) { return }
        countFile(before.intersection(now).intersection(compared.wanted))
        guard known.isEmpty else { return }
        if hasNew {
            contentNotInOld += 1
        } else {
            contentInNeither += 1
        }
    }

    /// Counts a file of which neither side has a digest.
    ///
    /// - Parameter fields: those that are compared.
    mutating func countWithoutDigests(_ fields: FieldSet) {
        countFile(fields)
        contentInNeither += 1
    }

    /// Counts a file without a common digest.
    private mutating func countFile(_ fields: FieldSet) {
        filesWithoutDigest += 1
        if !fields.contains(.size) { filesWithoutSize += 1 }
        if fields.isDisjoint(with: [.mtime, .ctime]) { filesWithoutTime += 1 }
    }

    /// Counts the fields that a rule excludes, for two entries of the same kind.
    mutating func countLeftOut(
        _ old: SnapshotEntry, _ new: SnapshotEntry, by action: RuleAction, _ base: ComparedFields,
        _ ruled: ComparedFields
    ) {
        guard let kind = new.kind, kind == old.kind else { return }
        let known = old.knownFields.union(new.knownFields).intersection(base.wanted(of: kind))
        let left = action.isKindOnly ? known.subtracting([.kind]) : known.subtracting(ruled.wanted(of: kind))
        if !left.isEmpty { Self.add(left, to: &leftOut) }
        guard kind == .file else { return }
        let wanted = action.isKindOnly ? [] : ruled.wantedAlgorithms
        let digests = Set(old.digests.algorithms).union(new.digests.algorithms).intersection(base.wantedAlgorithms)
        if !digests.isEmpty, digests.isDisjoint(with: wanted) { contentLeftOut += 1 }
    }

    mutating func countSkippedContent() { contentSkipped += 1 }

    /// Counts an entry of a kind that the new side does not list at all.
    mutating func countUnlisted() { Self.add([.kind], to: &notInNew) }

    private static func add(_ fields: FieldSet, to counts: inout [Int64]) {
        var rest = fields.bits
        while rest != 0 {
            counts[rest.trailingZeroBitCount] += 1
            rest &= rest - 1
        }
    }

    // MARK: Afterwards

    /// Everything that was not compared, by reason and then in the order of fields.
    func list(
        _ compared: ComparedFields, _ selection: FieldSelection, _ old: SnapshotDescription, _ new: SnapshotDescription
    ) -> [NotCompared] {
        var list: [NotCompared] = []
        func add(_ field: String, _ reason: NotCompared.Reason, _ entries: Int64) {
            if entries > 0 { list.append(NotCompared(field: field, reason: reason, entries: entries)) }
        }
        for field in EntryField.comparable {
            add("\(field.name)", .newDoesNotSay, notInNew[Int(field.rawValue)])
        }
        for algorithm in DigestAlgorithm.allCases {
            add(algorithm.rawValue, .newDoesNotSay, digestsNotInNew[algorithm] ?? 0)
        }
        for (name, entries) in old.uncheckable.sorted(by: { $0.key < $1.key })
        where !selection.ignoredNames.contains(name) {
            add(name, .cannotBeChecked, entries)
        }
        for field in EntryField.comparable {
            add("\(field.name)", .oldDoesNotSay, notInOld[Int(field.rawValue)])
        }
        add("content", .oldDoesNotSay, contentNotInOld)
        for field in EntryField.comparable where compared.inNeither.contains(field) {
            list.append(NotCompared(field: "\(field.name)", reason: .neitherSays, entries: nil))
        }
        let hasDigests = (old.algorithms + new.algorithms).contains { compared.wantedAlgorithms.contains($0) }
        // Files in directories that were skipped have not been counted.
        if !compared.wantedAlgorithms.isEmpty, !hasDigests || contentInNeither > 0 {
            let entries = hasDigests ? contentInNeither : nil
            list.append(NotCompared(field: "content", reason: .neitherSays, entries: entries))
        }
        add("content", .bothSkipped, contentSkipped)
        for field in EntryField.comparable { add("\(field.name)", .leftOutByRule, leftOut[Int(field.rawValue)]) }
        add("content", .leftOutByRule, contentLeftOut)
        return list
    }
}
