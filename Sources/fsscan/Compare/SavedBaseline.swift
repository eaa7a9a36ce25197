import Entries
import Formats
import ScanEngine
import Snapshots

extension ContentBaseline {
    /// The content of files in a saved scan.
    ///
    /// - Parameters:
    ///   - argument: a file of saved scans, or FILE#3.
    ///   - expected: digests of the file, one of which must match; in lower-case hex.
    static func saved(
        _ argument: [UInt8], _ trust: ContentBaseline.Trust, expected: [String], for options: ScanOptions
    ) throws(UsageError) -> ContentBaseline? {
        do throws(SnapshotFailure) {
            guard case .file(let file, let selector) = try SnapshotArgument(argument) else {
                throw SnapshotFailure(path: argument, "is a directory, not a saved scan")
            }
            let opened = try OpenedSnapshot(
                file, selector: selector, otherRoots: [], isToBeHashed: !expected.isEmpty)
            _ = try ExpectedEvidence(values: expected).confirm(opened, argument)
            guard let (scans, scan) = opened.saved else {
                throw SnapshotFailure(path: argument, "is not a file of saved scans")
            }
            let missing = ContentBaseline.missing(DigestSet(options.hash), in: DigestSet(scan.options.hash))
            if !missing.isEmpty {
                let names = missing.map(\.rawValue).joined(separator: ", ")
                StandardStreams.complain("warning: --baseline: no \(names) was saved, so every file is read")
            }
            return try scans.baseline(scan, for: options, trust: trust)
        } catch {
            throw UsageError(
                "--baseline", CarriedArgument(bytes: error.path ?? argument), "cannot be used: \(error.message)")
        }
    }
}
