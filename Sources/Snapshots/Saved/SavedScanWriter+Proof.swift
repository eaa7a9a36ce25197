import Formats

/// What vouches for a scan that was saved, in hex.
package struct SavedProof: Sendable {
    package var evidence: Evidence
    /// Of the file.
    package var sha256: String
}

extension SavedScanWriter {
    /// What to keep elsewhere; after `finish`. It is asked for in one transaction: both are of the same state of the file.
    package func proof() throws(SaveFailure) -> SavedProof {
        do {
            try database.execute("BEGIN")
            let saved = try SavedScans(path, reading: database)
            guard let kept = saved.scans.first(where: { $0.id == scan }) else {
                throw DatabaseError(code: 0, message: "has lost the scan that was saved")
            }
            let proof = SavedProof(evidence: try saved.evidence(of: kept), sha256: try database.sha256())
            try database.execute("COMMIT")
            return proof
        } catch let error as DatabaseError {
            throw SaveFailure(path: path, message: error.message)
        } catch let error as SnapshotFailure {
            throw SaveFailure(path: path, message: error.message)
        } catch {
            throw SaveFailure(path: path, message: "\(error)")
        }
    }
}
