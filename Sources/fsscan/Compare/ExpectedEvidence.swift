import Entries
import Formats
import ScanEngine
import Snapshots

/// The value of `--expect`: evidence, or the SHA-256 of the file. One match of several is enough.
struct ExpectedEvidence {
    /// In lower-case hex.
    let values: [String]

    var isEmpty: Bool { values.isEmpty }

    /// - Returns: the evidence, if it had to be computed.
    /// - Throws: `SnapshotFailure` if SAVED does not match.
    func confirm(_ saved: OpenedSnapshot, _ file: [UInt8]) throws(SnapshotFailure) -> Evidence? {
        guard let digest = saved.digest, !values.contains(digest) else { return nil }
        let refusal = "does not match --expect: the SHA-256 of the file is \(digest)"
        guard let (scans, scan) = saved.saved else { throw SnapshotFailure(path: file, refusal) }
        let evidence = try scans.evidence(of: scan)
        if values.contains(evidence.hex) {
            try scans.checkContent(of: scan)
            return evidence
        }
        let isOfRoot = scan.rootDigests.contains { $0?.contains { values.contains($0.hex) } ?? false }
        if isOfRoot {
            throw SnapshotFailure(
                path: file,
                "--expect has the digest of a root, which does not cover options, paths, errors, owners and modes: "
                    + "use the evidence that --save printed, or the SHA-256 of the file")
        }
        throw SnapshotFailure(path: file, "\(refusal), the evidence \(evidence.hex)")
    }
}

/// The saved scan and the PATHs that were compared.
struct Verified {
    /// As given.
    var file: [UInt8]
    var scan: Int64
    var evidence: Evidence
    /// Absolute.
    var paths: [[UInt8]]
    /// The digest of the changes, for `accept`; nil if there are none.
    var changes: String?
}
