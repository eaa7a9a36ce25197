package import Entries
package import LinuxKernel
import ScanEngine

/// In which way an entry differs, or why it is not known whether it does.
package enum ChangeKind: String, CaseIterable, Sendable {
    case added, removed, content, metadata, kind, moved
    /// Could be read then, and gives an error now.
    case unreadable
    /// Was not known on a side: see `UnknownReason`.
    case unknown

    /// Whether it says that something differs; the others say that something could not be compared.
    package var isDifference: Bool { self != .unreadable && self != .unknown }
}

/// Which side does not know of an entry what there is to compare.
package enum UnknownReason: String, Sendable {
    case before = "not known before"
    case now = "not known now"
    case neither = "known neither before nor now"

    /// - Parameters: whether the old and the new side do not know. Nil if both do.
    init?(before: Bool, now: Bool) {
        switch (before, now) {
        case (true, true): self = .neither
        case (true, false): self = .before
        case (false, true): self = .now
        case (false, false): return nil
        }
    }
}

/// What differs about one entry.
package struct Change: Sendable {
    /// What applies, in the order of `ChangeKind`. Never empty.
    package var kinds: [ChangeKind]
    package var old: SnapshotEntry?
    package var new: SnapshotEntry?
    /// The fields that differ, with both values; empty for what was added or removed.
    package var fields: [FieldChange] = []
    /// Of what is `unknown`.
    package var reason: UnknownReason?

    /// What is below a directory that was added, removed or moved, went the same way, and is not given out.
    package var below: FoldedEntries?
    /// What is below alone: of the directory itself nothing is said here.
    package var isBelowAlone = false

    /// It agrees with what somebody says of the file who may have written it: a package.
    package var isKnown = false

    /// Where it is now, or was.
    package var key: EntryKey { (new ?? old)!.key }

    /// What kept a side from reading it: for `unreadable` and `unknown`.
    package var errors: [SnapshotEntryError] {
        var errors = reason == .before || reason == .neither ? old?.errors ?? [] : []
        if reason != .before || kinds.contains(.unreadable) {
            errors += (new?.errors ?? []).filter { !errors.contains($0) }
        }
        return errors
    }
}

/// A field that differs.
package struct FieldChange: Equatable, Sendable {
    package let field: EntryField
    /// As in records; of a digest the algorithm.
    package let name: String
    package let old: FieldValue
    package let new: FieldValue

    init(_ field: EntryField, name: String? = nil, old: FieldValue, new: FieldValue) {
        (self.field, self.name, self.old, self.new) = (field, name ?? "\(field.name)", old, new)
    }
}

package enum FieldValue: Equatable, Sendable {
    case number(UInt64)
    /// Text that needs no quotes: a kind, hex digits, octal digits, a time.
    case text(String)
    /// A target.
    case bytes([UInt8])
    case xattrs([ExtendedAttribute])
    /// Seconds where RFC 3339 cannot write the time.
    case time(FileTime)

    /// A number of this type.
    init(_ number: UInt64, _ type: FieldType) {
        switch type {
        case .mode:
            let digits = String(number, radix: 8)
            self = .text(String(repeating: "0", count: max(0, 4 - digits.count)) + digits)
        case .flags:
            let names = [(InodeFlags.immutable, "immutable"), (.appendOnly, "append_only")]
            let flags = InodeFlags(rawValue: UInt32(number))
            self = .text(names.filter { flags.contains($0.0) }.map(\.1).joined(separator: ","))
        default: self = .number(number)
        }
    }
}
