package import Entries
import Formats
import LinuxKernel
import ScanEngine

extension ComparedFields {
    /// The differences between two entries at the same place, and the fields that could not be compared; nil if there
    /// are neither.
    func change(from old: SnapshotEntry, to new: SnapshotEntry, _ tally: inout FieldTally) -> Change? {
        // Most entries have no change, so a change, with its copies of both, is made at the end.
        var (kinds, changed): ([ChangeKind], [FieldChange]) = ([], [])
        var (wasUnknown, isUnknown) = (old.isPartlyUnknown, new.isPartlyUnknown)
        if isUnknown, !wasUnknown {
            kinds.append(.unreadable)
            isUnknown = false
        }
        if let oldKind = old.kind, let newKind = new.kind {
            let isExistenceAlone = old.rules.union(new.rules).contains(.noChange)
            if fields.contains(.kind), oldKind != newKind {
                changed = [
                    FieldChange(.kind, old: .text(oldKind.recordName), new: .text(newKind.recordName))
                ]
                kinds.append(.kind)
            } else if !isExistenceAlone {
                changed = differences(old, new)
                kinds += Self.kinds(of: changed, newKind)
            }
            if oldKind == newKind, !isExistenceAlone, !wasUnknown, kinds.first != .unreadable {
                let skipped = count(old, new, newKind, &tally)
                if skipped != (true, true) { (wasUnknown, isUnknown) = skipped }
            }
        }
        let reason = UnknownReason(before: wasUnknown, now: isUnknown)
        if reason != nil { kinds.append(.unknown) }
        if kinds.isEmpty { return nil }
        kinds.sort { $0.place < $1.place }
        var change = Change(kinds: kinds, old: old, new: new, fields: changed)
        change.reason = reason
        return change
    }

    /// Counts the fields of two entries of the same kind that are not compared.
    ///
    /// - Returns: the sides that skipped the content.
    @discardableResult
    func count(
        _ old: SnapshotEntry, _ new: SnapshotEntry, _ kind: EntryKind, _ tally: inout FieldTally
    ) -> (old: Bool, new: Bool) {
        let skipped = skipping(old, new)
        if skipped == (true, true) { tally.countSkippedContent() }
        tally.count(old, new, kind, self, hasContent: !skipped.old && !skipped.new)
        return skipped
    }

    /// Fields that follow from the content do not count as a change of their own.
    private static func kinds(of fields: [FieldChange], _ kind: EntryKind) -> [ChangeKind] {
        if kind == .directory || !fields.contains(where: { $0.field.traits.contains(.content) }) {
            return fields.isEmpty ? [] : [.metadata]
        }
        let hasOthers = fields.contains { $0.field.traits.isDisjoint(with: [.content, .followsContent]) }
        return hasOthers ? [.content, .metadata] : [.content]
    }

    /// In the order in which a change lists them: content, other fields that are compared by default, times, the rest.
    private static let order: [EntryField] = {
        let content: [EntryField] = [.size, .digests, .target]
        let others = EntryField.allCases.filter { field in
            EntryField.comparable.contains(field) && field != .kind && !content.contains(field)
        }
        let isDefault = { (field: EntryField) in field.traits.contains(.compared) }
        return content + others.filter { isDefault($0) && $0.type != .time } + others.filter { $0.type == .time }
            + others.filter { !isDefault($0) && $0.type != .time }
    }()

    /// Those that are not among `SnapshotEntry.values`.
    private static let orderOfOthers = order.filter { [.digests, .path, .text, .xattrs].contains($0.type) }

    /// Fields that one of the entries lacks are not compared.
    package func differences(_ old: SnapshotEntry, _ new: SnapshotEntry) -> [FieldChange] {
        var found: [FieldChange] = []
        let isDirectory = new.kind == .directory
        let compared = isDirectory ? fields.subtracting(Self.notOfDirectories) : fields
        let order = old.values == new.values ? Self.orderOfOthers : Self.order
        for field in order where compared.contains(field) || field == .digests && !isDirectory {
            switch field.type {
            case .digests: compareDigests(old, new, &found)
            case .path: compare(field, old.target, new.target, &found) { .bytes($0) }
            case .text: compare(field, old.mime, new.mime, &found) { .text($0) }
            case .xattrs: compare(field, old.xattrs, new.xattrs, &found) { .xattrs($0) }
            case .time:
                compare(field, rounded(old.values[time: field]), rounded(new.values[time: field]), &found) { .time($0) }
            default: compare(field, old.values[field], new.values[field], &found) { FieldValue($0, field.type) }
            }
        }
        return found
    }

    /// The fields of an entry that are compared if the other side has them: by name, as bytes.
    func shown(_ entry: SnapshotEntry) -> [(name: String, value: [UInt8])] {
        var shown: [(String, [UInt8])] = []
        let isDirectory = entry.kind == .directory
        func add(_ field: EntryField, _ value: [UInt8]?) {
            if let value { shown.append((field.name.description, value)) }
        }
        func bytes(_ number: some FixedWidthInteger) -> [UInt8] { Array(String(number).utf8) }
        for field in EntryField.comparable where fields.contains(field) {
            if isDirectory, Self.notOfDirectories.contains(field) { continue }
            switch field.type {
            case .digests: break
            case .path: add(field, entry.target)
            case .text: add(field, entry.mime.map { Array($0.utf8) })
            case .xattrs:
                let parts = entry.xattrs.map { $0.flatMap { [$0.name, $0.value] } }
                add(field, parts.map { $0.flatMap { bytes($0.count) + [0x3A] + $0 } })
            case .time:
                add(
                    field, rounded(entry.values[time: field]).map { bytes($0.seconds) + [0x2E] + bytes($0.nanoseconds) }
                )
            default: add(field, entry.values[field].map { bytes($0) })
            }
        }
        if !isDirectory {
            for algorithm in algorithms {
                if let digest = entry.digests[algorithm] { shown.append((algorithm.rawValue, digest)) }
            }
        }
        return shown
    }

    private func compare<Value: Equatable>(
        _ field: EntryField, _ old: Value?, _ new: Value?, _ found: inout [FieldChange], _ show: (Value) -> FieldValue
    ) {
        guard let old, let new, old != new else { return }
        found.append(FieldChange(field, old: show(old), new: show(new)))
    }

    private func compareDigests(_ old: SnapshotEntry, _ new: SnapshotEntry, _ found: inout [FieldChange]) {
        for algorithm in algorithms {
            guard let before = old.digests[algorithm], let after = new.digests[algorithm], before != after else {
                continue
            }
            found.append(
                FieldChange(
                    .digests, name: algorithm.rawValue, old: .text(Self.hex(before)), new: .text(Self.hex(after))))
        }
    }

    private func rounded(_ time: FileTime?) -> FileTime? {
        guard wholeSeconds, let time else { return time }
        return FileTime(seconds: time.seconds, nanoseconds: 0)
    }

    /// Whether two files have the same content, as far as both sides know. If neither has a digest, the same size and
    /// mtime are enough. If only one has, because a rule kept the other from being read, the answer is no.
    func sameContent(_ old: SnapshotEntry, _ new: SnapshotEntry) -> Bool {
        func differs<Value: Equatable>(_ old: Value?, _ new: Value?) -> Bool {
            // An unknown value is not a difference.
            if let old, let new { old != new } else { false }
        }
        if old.kind != new.kind || differs(old.target, new.target) { return false }
        if old.kind != .file { return true }
        if differs(old.size, new.size) { return false }
        let common = algorithms.filter { old.digests[$0] != nil && new.digests[$0] != nil }
        if common.isEmpty {
            let isReadOnOneSide = algorithms.contains { old.digests[$0] != nil || new.digests[$0] != nil }
            // All empty files have the same content.
            if isReadOnOneSide, old.size != 0 || new.size != 0 { return false }
            return old.mtime != nil && rounded(old.mtime) == rounded(new.mtime)
        }
        return common.allSatisfy { old.digests[$0] == new.digests[$0] }
    }

    /// Whether entries with the same inode number are the same file. File systems reuse the number of a deleted file at
    /// once, so a new file may have it.
    func isSameInode(_ old: SnapshotEntry, _ new: SnapshotEntry) -> Bool {
        if let before = old.btime, let after = new.btime {
            guard before == after else { return false }
        } else if old.kind != .file, old.kind != .symlink {
            guard old.mtime != nil, rounded(old.mtime) == rounded(new.mtime) else { return false }
        }
        return sameContent(old, new)
    }

    private static func hex(_ digest: [UInt8]) -> String {
        var hex: [UInt8] = []
        hex.appendHex(digest)
        return String(decoding: hex, as: UTF8.self)
    }
}

extension ChangeKind {
    fileprivate var place: Int { Self.allCases.firstIndex(of: self).unsafelyUnwrapped }
}
