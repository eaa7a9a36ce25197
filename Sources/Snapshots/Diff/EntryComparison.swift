import LinuxKernel
import ScanEngine

extension ComparedFields {
    /// What differs between two entries of the same place, or keeps them from being compared; nil if nothing does.
    func change(from old: SnapshotEntry, to new: SnapshotEntry, _ tally: inout FieldTally) -> Change? {
        var change = Change(kinds: [], old: old, new: new)
        var (wasUnknown, isUnknown) = (old.isPartlyUnknown, new.isPartlyUnknown)
        if isUnknown, !wasUnknown {
            change.kinds.append(.unreadable)
            isUnknown = false
        }
        if let oldKind = old.kind, let newKind = new.kind {
            let isExistenceAlone = old.rules.union(new.rules).contains(.noChange)
            if fields.contains(.kind), oldKind != newKind {
                change.fields = [
                    FieldChange(name: "kind", old: .text(oldKind.recordName), new: .text(newKind.recordName))
                ]
                change.kinds.append(.kind)
            } else if !isExistenceAlone {
                change.fields = differences(old, new)
                change.kinds += Self.kinds(of: change.fields, newKind)
            }
            if oldKind == newKind, !isExistenceAlone, !wasUnknown, change.kinds.first != .unreadable {
                let skipped = skipping(old, new)
                if skipped == (true, true) {
                    tally.countSkippedContent()
                } else {
                    (wasUnknown, isUnknown) = (skipped.old, skipped.new)
                }
                tally.count(old, new, newKind, self, hasContent: !skipped.old && !skipped.new)
            }
        }
        change.reason = UnknownReason(before: wasUnknown, now: isUnknown)
        if change.reason != nil { change.kinds.append(.unknown) }
        if change.kinds.isEmpty { return nil }
        change.kinds.sort { $0.place < $1.place }
        return change
    }

    /// Size and target are content, and the times that a change of content brings along are no change of their own.
    private static func kinds(of fields: [FieldChange], _ kind: EntryKind) -> [ChangeKind] {
        let content = Set(["size", "target"] + DigestAlgorithm.allCases.map(\.rawValue))
        if !fields.contains(where: { kind != .directory && content.contains($0.name) }) {
            return fields.isEmpty ? [] : [.metadata]
        }
        let others = content.union(["mtime", "ctime", "disk_bytes", "mime"])
        return fields.contains { !others.contains($0.name) } ? [.content, .metadata] : [.content]
    }

    /// A field that one of the entries does not have is not compared.
    func differences(_ old: SnapshotEntry, _ new: SnapshotEntry) -> [FieldChange] {
        var found: [FieldChange] = []
        let compared = new.kind == .directory ? fields.subtracting(Self.notOfDirectories) : fields
        func compare<Value: Equatable>(
            _ name: String, _ field: SnapshotFields, _ old: Value?, _ new: Value?, _ show: (Value) -> FieldValue
        ) {
            guard compared.contains(field), let old, let new, old != new else { return }
            found.append(FieldChange(name: name, old: show(old), new: show(new)))
        }
        compare("size", .size, old.size, new.size) { .number($0) }
        if new.kind != .directory { compareDigests(old, new, &found) }
        compare("target", .target, old.target, new.target) { .bytes($0) }
        compare("mode", .mode, old.mode, new.mode) { .text(Self.octal($0)) }
        compare("uid", .uid, old.uid, new.uid) { .number(Int64($0)) }
        compare("gid", .gid, old.gid, new.gid) { .number(Int64($0)) }
        compare("nlink", .links, old.links, new.links) { .unsigned($0) }
        compare("rdev", .specialDevice, old.specialDevice, new.specialDevice) { .unsigned($0) }
        compare("flags", .flags, old.flags, new.flags) { .text(Self.names(of: $0)) }
        compare("xattrs", .xattrs, old.xattrs, new.xattrs) { .xattrs($0) }
        compare("mtime", .mtime, rounded(old.mtime), rounded(new.mtime)) { .time($0) }
        compare("ctime", .ctime, rounded(old.ctime), rounded(new.ctime)) { .time($0) }
        compare("btime", .btime, rounded(old.btime), rounded(new.btime)) { .time($0) }
        compare("disk_bytes", .diskBytes, old.diskBytes, new.diskBytes) { .number($0) }
        compare("device", .device, old.device, new.device) { .unsigned($0) }
        compare("inode", .inode, old.inode, new.inode) { .unsigned($0) }
        compare("mime", .mime, old.mime, new.mime) { .text($0) }
        return found
    }

    private func compareDigests(_ old: SnapshotEntry, _ new: SnapshotEntry, _ found: inout [FieldChange]) {
        for algorithm in algorithms {
            guard let before = old.digests[algorithm], let after = new.digests[algorithm], before != after else {
                continue
            }
            found.append(
                FieldChange(name: algorithm.rawValue, old: .text(Self.hex(before)), new: .text(Self.hex(after))))
        }
    }

    private func rounded(_ time: SnapshotTime?) -> SnapshotTime? {
        guard wholeSeconds, let time else { return time }
        return SnapshotTime(seconds: time.seconds, nanoseconds: 0)
    }

    /// Whether two files have the same content, as far as both sides know: without digests in common, the same size and time
    /// of change will do.
    func sameContent(_ old: SnapshotEntry, _ new: SnapshotEntry) -> Bool {
        func differs<Value: Equatable>(_ old: Value?, _ new: Value?) -> Bool {
            // What a side does not say counts against nothing.
            if let old, let new { old != new } else { false }
        }
        if old.kind != new.kind || differs(old.target, new.target) { return false }
        if old.kind != .file { return true }
        if differs(old.size, new.size) { return false }
        let common = algorithms.filter { old.digests[$0] != nil && new.digests[$0] != nil }
        if common.isEmpty { return old.mtime != nil && rounded(old.mtime) == rounded(new.mtime) }
        return common.allSatisfy { old.digests[$0] == new.digests[$0] }
    }

    /// Whether an inode of the same number is the same file under another name, and not a new one that got the number of
    /// one that was deleted: file systems reuse them at once.
    func isSameInode(_ old: SnapshotEntry, _ new: SnapshotEntry) -> Bool {
        if let before = old.btime, let after = new.btime {
            guard before == after else { return false }
        } else if old.kind != .file, old.kind != .symlink {
            guard old.mtime != nil, rounded(old.mtime) == rounded(new.mtime) else { return false }
        }
        return sameContent(old, new)
    }

    private static func octal(_ mode: UInt32) -> String {
        let digits = String(mode & 0o7777, radix: 8)
        return String(repeating: "0", count: 4 - digits.count) + digits
    }

    private static func hex(_ digest: [UInt8]) -> String {
        var hex: [UInt8] = []
        hex.appendHex(digest)
        return String(decoding: hex, as: UTF8.self)
    }

    private static func names(of flags: InodeFlags) -> String {
        let names = [(InodeFlags.immutable, "immutable"), (.appendOnly, "append_only")]
        return names.filter { flags.contains($0.0) }.map(\.1).joined(separator: ",")
    }
}

extension ChangeKind {
    fileprivate var place: Int { Self.allCases.firstIndex(of: self).unsafelyUnwrapped }
}
