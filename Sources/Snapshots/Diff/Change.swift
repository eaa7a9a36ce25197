package import ScanEngine

/// In which way an entry differs.
package enum ChangeKind: String, CaseIterable, Sendable {
    case added, removed, content, metadata, kind, moved, unreadable
}

/// What differs about one entry.
package struct Change: Sendable {
    /// What applies, in the order of `ChangeKind`. Never empty.
    package var kinds: [ChangeKind]
    package var old: SnapshotEntry?
    package var new: SnapshotEntry?
    /// The fields that differ, with both values; empty for what was added or removed.
    package var fields: [FieldChange] = []

    /// Where it is now, or was.
    package var key: EntryKey { (new ?? old)!.key }
}

/// A field that differs.
package struct FieldChange: Equatable, Sendable {
    /// As in records; of a digest the algorithm.
    package var name: String
    package var old: FieldValue
    package var new: FieldValue
}

package enum FieldValue: Equatable, Sendable {
    case number(Int64)
    case unsigned(UInt64)
    /// Text that needs no quotes: a kind, hex digits, octal digits, a time.
    case text(String)
    /// A target.
    case bytes([UInt8])
    case xattrs([ExtendedAttribute])
    /// Seconds where RFC 3339 cannot write the time.
    case time(SnapshotTime)
}

/// What is compared: see docs/DIFF.md for why.
package struct ComparedFields: Sendable {
    package var fields: SnapshotFields
    /// Algorithms that both sides have.
    package var algorithms: [DigestAlgorithm]
    /// Those of them that a side does not name.
    package var unnamedAlgorithms: [DigestAlgorithm]
    /// By default compared, not ignored, and not carried by both sides.
    package var missing: SnapshotFields
    /// Times of one side are whole seconds.
    package var wholeSeconds: Bool

    /// What an intruder changes or leaves behind, and what stays when nothing was done.
    package static let byDefault: SnapshotFields = [
        .kind, .size, .mode, .uid, .gid, .links, .mtime, .ctime, .target, .specialDevice, .xattrs, .flags,
    ]

    /// Of directories: the others change whenever an entry comes or goes, which is said already.
    static let notOfDirectories: SnapshotFields = [.size, .diskBytes, .links, .mtime, .ctime]

    package init(
        _ old: SnapshotDescription, _ new: SnapshotDescription, ignoring ignored: SnapshotFields,
        adding added: SnapshotFields
    ) {
        let wanted = Self.byDefault.union(added).subtracting(ignored)
        fields = wanted.intersection(old.fields).intersection(new.fields)
        missing = wanted.subtracting(fields)
        // Extended attributes are compared where both sides have them; nobody who did not ask for them misses them.
        if !added.contains(.xattrs), !old.fields.contains(.xattrs), !new.fields.contains(.xattrs) {
            missing.remove(.xattrs)
        }
        algorithms = old.algorithms.filter { new.algorithms.contains($0) }
        let unnamed = old.unnamedAlgorithms.union(new.unnamedAlgorithms)
        unnamedAlgorithms = algorithms.filter { unnamed.contains($0) }
        wholeSeconds = old.hasWholeSeconds || new.hasWholeSeconds
    }
}
