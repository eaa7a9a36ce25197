import Entries

extension RecordFormat {
    /// In the order in which `--format` lists them.
    public static let all: [RecordFormat] =
        [.ndjson, .paths, .ncdu, .mtree, .csv, .mca] + DigestAlgorithm.allCases.compactMap { .checksums($0) }
}
