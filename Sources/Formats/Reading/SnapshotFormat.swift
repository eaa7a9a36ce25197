package import Entries
import ScanEngine

/// A kind of file that diff and verify read, recognised by its content alone.
///
/// A reader is a file in the folder of its format, with an extension of this type that has one static constant, and one
/// line in `all` (Snapshots/SnapshotFormat+All.swift).
package struct SnapshotFormat: Sendable {
    /// For people, and under `format` in JSON: `saved scan`, `records`, `mtree`, …
    package let name: String
    /// Whether a file that begins like this is of this format. Gets up to `SnapshotInput.beginningSize` bytes, the whole
    /// file if it is shorter. Formats are asked in the order of `all`.
    package let recognises: @Sendable (_ beginning: [UInt8]) -> Bool
    /// Opens the file. Reads what is needed for the description; may read (and sort) everything.
    package let open: @Sendable (SnapshotInput) throws(SnapshotFailure) -> any SnapshotSource

    package init(
        name: String, recognises: @escaping @Sendable (_ beginning: [UInt8]) -> Bool,
        open: @escaping @Sendable (SnapshotInput) throws(SnapshotFailure) -> any SnapshotSource
    ) {
        self.name = name
        self.recognises = recognises
        self.open = open
    }
}

/// A file that a reader opens.
package struct SnapshotInput: Sendable {
    /// As given.
    package var path: [UInt8]
    /// Open for reading, at its beginning; closed by the caller after `open` has returned: a reader that keeps it
    /// duplicates it. May be a pipe, unless the format needs to seek.
    package var descriptor: Int32
    /// What `recognises` got. Those bytes are to be read again from the descriptor, or for a pipe taken from here: see
    /// `isSeekable`.
    package var beginning: [UInt8]
    /// False: the descriptor stands behind `beginning`. True: it stands at 0.
    package var isSeekable: Bool
    /// After `#` in the argument: which one of several scans.
    package var selector: [UInt8]?
    /// The roots of the other side, if it has any. A list of absolute paths is taken relative to them where they are
    /// absolute, too: `/usr/bin/env` is `bin/env` in the root `/usr`.
    package var otherRoots: [[UInt8]]
    /// What the digests of a list are that does not say so; nil: what their length says.
    package var algorithm: DigestAlgorithm?

    package static let beginningSize = 64 << 10

    package init(
        path: [UInt8], descriptor: Int32, beginning: [UInt8], isSeekable: Bool, selector: [UInt8]? = nil,
        otherRoots: [[UInt8]] = [], algorithm: DigestAlgorithm? = nil
    ) {
        self.path = path
        self.descriptor = descriptor
        self.beginning = beginning
        self.isSeekable = isSeekable
        self.selector = selector
        self.otherRoots = otherRoots
        self.algorithm = algorithm
    }
}
