import CLinux

/// What `lsattr` shows as `i` and `a`, and `statx(2)` tells.
package struct InodeFlags: OptionSet, Sendable {
    package let rawValue: UInt32

    package init(rawValue: UInt32) { self.rawValue = rawValue }

    package static let immutable = InodeFlags(rawValue: UInt32(STATX_ATTR_IMMUTABLE))
    package static let appendOnly = InodeFlags(rawValue: UInt32(STATX_ATTR_APPEND))
}

extension FileStatus {
    /// Nil where the kernel or the file system does not tell.
    package var flags: InodeFlags? {
        let known = InodeFlags([.immutable, .appendOnly])
        let mask = InodeFlags(rawValue: UInt32(truncatingIfNeeded: raw.stx_attributes_mask))
        guard mask.isSuperset(of: known) else { return nil }
        return InodeFlags(rawValue: UInt32(truncatingIfNeeded: raw.stx_attributes)).intersection(known)
    }
}
