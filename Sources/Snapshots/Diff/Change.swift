package import Entries
package import LinuxKernel
import ScanEngine

/// How an entry differs, or why that is unknown.
package enum ChangeKind: String, CaseIterable, Sendable {
    case added, removed, content, metadata, kind, moved
    /// It could be read then, and gives an error now.
    case unreadable
    /// A side did not know it: see `UnknownReason`.
    case unknown

    /// Whether it is a difference. The others are things that could not be compared.
    package var isDifference: Bool { self != .unreadable && self != .unknown }
}

/// The side that lacks the compared values of an entry.
package enum UnknownReason: String, Sendable {
    case before = "not known before"
    case now = "not known now"
    case neither = "known neither before nor now"

    /// - Parameters: whether the old and the new side lack it. Nil if both have it.
    init?(before: Bool, now: Bool) {
        switch (before, now) {
        case (true, true): self = .neither
        case (true, false): self = .before
        case (false, true): self = .now
        case (false, false): return nil
        }
    }
}

/// The differences of one entry.
package struct Change: Sendable {
    /// In the order of `ChangeKind`. Never empty.
    package var kinds: [ChangeKind]
    package var old: SnapshotEntry?
    package var new: SnapshotEntry?
    /// The fields that differ, with both values; empty for added and removed entries.
    package var fields: [FieldChange] = []
    /// For `unknown`.
    package var reason: UnknownReason?

    /// For a directory that was added, removed or moved: the entries below it with the same change, which are not
    /// reported one by one.
    package var below: FoldedEntries?
    /// Only `below` counts: this change says nothing about the directory itself.
    package var isBelowAlone = false

    /// The file is as its package has it.
    package var isKnown = false

    /// Its place now, or the place that it had.
    package var key: EntryKey { (new ?? old)!.key }

    /// The errors that kept a side from reading it: for `unreadable` and `unknown`.
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
    /// As in records; for a digest, the algorithm.
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
    /// Printed in seconds if RFC 3339 cannot represent it.
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
