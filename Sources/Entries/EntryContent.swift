/// The data about an entry beyond its status: results of the scan, for the outputs.
@usableFromInline package struct EntryContent: Sendable {
    /// Of a symlink; nil if it could not be read.
    @usableFromInline package var target: [UInt8]?
    /// One row of the scan's `DigestSet`, empty without `--hash`; nil if the digests are not known.
    @usableFromInline package var digests: [UInt8]?
    /// Of a regular file, with `--mime`.
    @usableFromInline package var mime: String?
    /// The file changed while it was read.
    @usableFromInline package var isChanged: Bool
    /// Nil if not requested or unreadable. In the order of their names.
    @usableFromInline package var xattrs: [ExtendedAttribute]?
    /// Of a directory: the Merkle value over everything that `EntryFingerprint` covers at and below; nil if it is not
    /// known, or no `EntryOutput` wants it.
    @usableFromInline package var state: [UInt8]?

    @inlinable package init(
        target: [UInt8]? = nil, digests: [UInt8]? = nil, mime: String? = nil, isChanged: Bool = false,
        xattrs: [ExtendedAttribute]? = nil, state: [UInt8]? = nil
    ) {
        self.target = target
        self.digests = digests
        self.mime = mime
        self.isChanged = isChanged
        self.xattrs = xattrs
        self.state = state
    }
}
