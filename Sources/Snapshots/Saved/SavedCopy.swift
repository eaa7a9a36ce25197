import Entries
import Formats
import ScanEngine

extension SavedScans {
    /// Writes all scans into a new file of the newest version, which stores equal rows once. The old file does not
    /// change.
    ///
    /// - Parameter mode: the mode of the new file; nil: as for a report.
    /// - Returns: the evidence of each scan, which is the same in both files.
    package func copy(to path: [UInt8], mode: UInt32? = nil) throws(SaveFailure) -> [Evidence] {
        let transaction = try SavedTransaction(path, mode: mode, makesFile: nil)
        return try transaction.change {
            var all: [Evidence] = []
            for scan in scans { all.append(try copy(scan, transaction)) }
            try transaction.commit()
            return all
        }
    }

    /// The options, with the working directory, and the totals of a scan, as the JSON that was saved.
    func texts(of scan: SavedScan) throws -> (options: String, totals: String) {
        let row = try database.prepare("SELECT options, totals FROM scans WHERE id = ?")
        row.bind(0, scan.id)
        guard try row.step(), let options = row.text(0), let totals = row.text(1) else {
            throw SnapshotFailure(path: path, "has lost a scan")
        }
        return (options, totals)
    }

    private func copy(_ scan: SavedScan, _ transaction: SavedTransaction) throws -> Evidence {
        let texts = try texts(of: scan)
        var heading = ScanHeading(
            id: scan.id, label: scan.label, host: scan.host, started: scan.started, ended: scan.ended,
            version: scan.version, options: texts.options)
        (heading.keptSince, heading.base, heading.reason) = (scan.keptSince, scan.base, scan.reason)
        heading.who = scan.who
        let source = try EvidenceSource(try SavedScanSource(self, scan))
        let new = try NewScan(transaction, heading, of: scan)
        while try source.advance() {
            let (key, entry) = source.packed
            try new.add(PackedEntry(entry), key)
        }
        var roots: [(path: [UInt8], totals: String)] = []
        let rows = try database.prepare("SELECT root, path, totals FROM roots WHERE scan = ? ORDER BY root")
        rows.bind(0, scan.id)
        while try rows.step() { roots.append((rows.blob(1) ?? [], rows.text(2) ?? "")) }
        let evidence = try new.finish(roots, totals: texts.totals, ended: scan.ended)
        guard evidence == source.evidence else {
            throw SnapshotFailure(path: self.path, "cannot be copied: the evidence of scan \(scan.id) would change")
        }
        return evidence
    }
}
