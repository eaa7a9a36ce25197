/// What is known of an entry beyond its status: what the scan found out, and what outputs get.
@usableFromInline package struct EntryContent: Sendable {
    /// Of a symlink; nil where it could not be read.
    @usableFromInline package var target: [UInt8]?
    /// One row of the scan's `DigestSet`, empty without `--hash`; nil where the digests are not known.
    @usableFromInline package var digests: [UInt8]?
    /// Of a regular file, with `--mime`.
    @usableFromInline package var mime: String?
    /// The file changed while it was read.
    @usableFromInline package var isChanged: Bool
    /// Nil where they were not asked for or could not be read. In the order of their names.
    @usableFromInline package var xattrs: [ExtendedAttribute]?
    /// Of a directory: the Merkle value over all that `EntryFingerprint` covers at and below; nil where it is not known, and
    /// where no `EntryOutput` wants it.
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
