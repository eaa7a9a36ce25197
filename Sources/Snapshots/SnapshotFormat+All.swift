package import Formats

extension SnapshotFormat {
    /// From the strictest to the loosest: text that looks like a checksum list may look like other things, too.
    package static let all: [SnapshotFormat] = [
        .saved, .records, .mca, .mtree, .hashdeep, .checksums,
    ]
}
