// `--save`: from the workers to one transaction.
//
//   worker    arena ── full: sort ──┐                          finish(report)
//   worker    arena ── full: sort ──┼──▶ RecordSorter ──▶ one merge ──▶ SeriesWriter ──▶ INSERT … ──▶ COMMIT
//                                   ┘                         └──────▶ EvidenceComputation
//
// The file is locked from the beginning, and written at the end. Rows are then written in their order: pages are full,
// changes are found in one pass over old and new rows, and the evidence needs no second pass.
//
// A scan is not visible before it is complete. `kill -9` leaves the earlier scans, and perhaps a journal, which SQLite
// rolls back when the file is opened next.

import CLinux
package import Entries
import ExternalSort
import Formats
package import ScanEngine

/// Writes one scan into a file of saved scans.
///
/// ```swift
/// let writer = try SavedScanWriter(path, options, label: nil, version: "0.1.0")
/// environment.outputs.append(writer)
/// let scan = try Scan(options, environment)
/// let report = scan.run()
/// let proof = try writer.finish(report)     // or `abandon()`
/// ```
package final class SavedScanWriter: MergingOutput {
    private let transaction: SavedTransaction
    private let entries: SortingOutput
    private let options: ScanOptions
    private let label: String?
    private let version: String
    private let workingDirectory = ScanHeading.workingDirectory

    /// Opens or creates the file, and starts the transaction.
    ///
    /// - Parameter mode: the mode of the file; nil: unchanged, or as for a report.
    package convenience init(
        _ path: [UInt8], _ options: ScanOptions, label: String?, version: String, mode: UInt32? = nil
    ) throws(SaveFailure) {
        try self.init(path, options, label: label, version: version, mode: mode, knowing: SavedSchema.known)
    }

    init(
        _ path: [UInt8], _ options: ScanOptions, label: String?, version: String, mode: UInt32? = nil,
        knowing schemas: [SavedSchema]
    ) throws(SaveFailure) {
        transaction = try SavedTransaction(path, mode: mode, makesFile: true, knowing: schemas)
        entries = SortingOutput(options, nil)
        (self.options, self.label, self.version) = (options, label, version)
        do throws(SnapshotFailure) {
            try entries.prepare()
        } catch {
            throw SaveFailure(path: path, message: error.message)
        }
    }

    /// For one of several processes that scan a tree together: the writer of another one saves its entries.
    ///
    /// - Parameter passOn: gets pieces for `MergingStream.take(_:)`. Called by any worker; may block.
    package static func output(
        _ options: ScanOptions, passingOn passOn: @escaping @Sendable (UnsafeRawBufferPointer) -> Void
    ) -> any EntryOutput { SortingOutput(options, nil, RecordSorter(passingOn: passOn)) }

    package func makeStream() -> any EntryStream { entries.makeStream() }
    package func makeMergingStream() -> any MergingStream { entries.makeMergingStream() }
    package var failed: Bool { entries.failed }
    package var wantsState: Bool { false }

    /// Makes the scan durable. Call it once, after a scan that was not stopped.
    @discardableResult
    package func finish(_ report: ScanReport) throws(SaveFailure) -> SavedProof {
        try transaction.change {
            var heading = ScanHeading.now(options, version: version, start: report.timing)
            heading.label = label
            let scan = SavedScan(
                id: 0, label: label, host: heading.host, started: heading.started, ended: "", version: version,
                workingDirectory: workingDirectory, options: options, totals: report.totals, rootDigests: [])
            let new = try NewScan(transaction, heading, of: scan)
            let sorted = try entries.finish()
            var count = 0
            while try sorted.advance() {
                let (key, entry) = sorted.packed
                try new.add(PackedEntry(entry), key)
                count += 1
                if count % 1_000 == 0, clinux_stop_signal() != 0 { throw SnapshotFailure(path: nil, "stopped") }
            }
            let evidence = try new.finish(
                report.roots.map { ($0.path, $0.totals.json) }, totals: report.totals.json, ended: ScanHeading.timeNow)
            try transaction.commit()
            return SavedProof(scan: new.id, evidence: evidence, sha256: try transaction.sha256())
        }
    }

    /// Drops the scan, and removes the file if it was created for it.
    package func abandon() { transaction.abandon() }
}

/// The proofs of a saved scan, in hex.
package struct SavedProof: Sendable {
    /// The number of the scan in its file.
    package var scan: Int64
    package var evidence: Evidence
    /// The SHA-256 of the file.
    package var sha256: String
}

extension SavedTransaction {
    /// Undoes everything if an error occurs.
    func change<Result>(_ body: () throws -> Result) throws(SaveFailure) -> Result {
        do {
            return try body()
        } catch {
            abandon()
            switch error {
            case let error as SaveFailure: throw error
            case let error as DatabaseError: throw SaveFailure(path: path, message: error.message)
            case let error as SnapshotFailure: throw SaveFailure(path: error.path ?? path, message: error.message)
            default: preconditionFailure("an unexpected error: \(error)")
            }
        }
    }
}
