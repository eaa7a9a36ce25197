package import Formats

extension SnapshotFormat {
    /// From the strictest to the loosest: a text that looks like a checksum list may also look like something else.
    package static let all: [SnapshotFormat] = [
        .saved, .records, .mca, .mtree, .hashdeep, .checksums,
    ]
}
