public import Entries

/// What records are written as. Which fields a format has a word for, and its shape, are in docs/FORMATS.md.
public enum RecordFormat: Equatable, Sendable {
    /// fsscan's own records, schema `fsscan-records/1`.
    case ndjson
    /// RFC 4180.
    case csv
    /// The lines of the Metadata Collect Agent.
    case mca
    /// What `sha256sum` and its sisters print and check.
    case checksums(DigestAlgorithm)
    /// What `ncdu -o` writes and `ncdu -f` reads.
    case ncdu
    /// A specification for `mtree -f`.
    case mtree

    /// Whether what is in a directory stands inside of it, so that records are sorted before they are written
    /// (`RecordTreeWriter`) and there can be one PATH only.
    public var isTree: Bool { self == .ncdu || self == .mtree }
}
