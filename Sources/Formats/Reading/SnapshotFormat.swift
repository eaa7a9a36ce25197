package import Entries
import ScanEngine

/// A kind of file that diff and verify read, recognised by its content alone.
///
/// A reader is a file in the folder of its format, with an extension of this type that has one static constant, and one
/// line in `all` (Snapshots/SnapshotFormat+All.swift).
package struct SnapshotFormat: Sendable {
    /// For people, and under `format` in JSON: `saved scan`, `records`, `mtree`, …
    package let name: String
    /// Whether a file with this beginning has this format. Gets up to `SnapshotInput.beginningSize` bytes, the whole
    /// file if it is shorter. Formats are tried in the order of `all`.
    package let recognises: @Sendable (_ beginning: [UInt8]) -> Bool
    /// Opens the file. Reads as much as the description needs; may read (and sort) everything.
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
    /// Open for reading, at its beginning. The caller closes it after `open` has returned, so a reader that keeps it
    /// duplicates it. May be a pipe, unless the format needs to seek.
    package var descriptor: Int32
    /// The bytes that `recognises` got. Read them again from the descriptor or, for a pipe, from here: see
    /// `isSeekable`.
    package var beginning: [UInt8]
    /// False: the descriptor is after `beginning`. True: it is at 0.
    package var isSeekable: Bool
    /// The text after `#` in the argument: chooses one of several scans.
    package var selector: [UInt8]?
    /// The roots of the other side, if it has any. Absolute paths in a list are taken relative to absolute roots:
    /// `/usr/bin/env` is `bin/env` in the root `/usr`.
    package var otherRoots: [[UInt8]]
    /// The algorithm of digests in a list that does not name it; nil: decided by their length.
    package var algorithm: DigestAlgorithm?
    /// Told how much was read.
    package var progress: InputProgress?

    package static let beginningSize = 64 << 10

    package init(
        path: [UInt8], descriptor: Int32, beginning: [UInt8], isSeekable: Bool, selector: [UInt8]? = nil,
        otherRoots: [[UInt8]] = [], algorithm: DigestAlgorithm? = nil, progress: InputProgress? = nil
    ) {
        self.path = path
        self.descriptor = descriptor
        self.beginning = beginning
        self.isSeekable = isSeekable
        self.selector = selector
        self.otherRoots = otherRoots
        self.algorithm = algorithm
        self.progress = progress
    }
}
