public import CLinux

/// The flags that `lsattr` shows as `i` and `a`, from `statx(2)`.
@frozen @usableFromInline package struct InodeFlags: OptionSet, Sendable {
    @usableFromInline package let rawValue: UInt32

    @inlinable package init(rawValue: UInt32) { self.rawValue = rawValue }

    package static let immutable = InodeFlags(rawValue: UInt32(STATX_ATTR_IMMUTABLE))
    package static let appendOnly = InodeFlags(rawValue: UInt32(STATX_ATTR_APPEND))
}

extension FileStatus {
    /// Nil if the kernel or the file system does not report them.
    @inlinable package var flags: InodeFlags? {
        let known = UInt64(STATX_ATTR_IMMUTABLE | STATX_ATTR_APPEND)
        guard raw.stx_attributes_mask & known == known else { return nil }
        return InodeFlags(rawValue: UInt32(truncatingIfNeeded: raw.stx_attributes & known))
    }
}
