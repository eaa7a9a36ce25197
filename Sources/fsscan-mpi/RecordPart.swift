// Records of several ranks: a directory with a file for each rank.
//
//   DIR/part-0.ndjson    header, records that rank 0 saw, summary of the whole scan     appears last
//   DIR/part-1.ndjson    header, records that rank 1 saw
//
// Each file is whole when it appears. So if the first one is there and says that the scan is complete, all are.

import Entries
import ExternalSort
import Formats
import ScanEngine

final class RecordPart {
    let records: RecordOutput
    private let sink: RecordSink
    private let settings: ScanSettings

    init(rank: Int, in directory: [UInt8], _ options: ScanOptions, _ settings: ScanSettings) throws(OutputError) {
        self.settings = settings
        let sink = RecordSink(
            output: try OutputFile(directory + Array("part-\(rank).ndjson".utf8), mode: settings.mode))
        self.sink = sink
        records = RecordOutput(.ndjson, for: options, sorted: settings.sorted) { try sink.output.write($0) }
        do throws(TemporaryFileError) {
            try records.prepare()
        } catch {
            throw ScanProgram.outputError(of: error, settings)
        }
    }

    /// - Parameter report: of the whole scan, for the first part.
    func finish(_ report: ScanReport?) throws(OutputError) {
        if let report { records.finish(report) } else { records.finishWithoutSummary() }
        if let failure = records.failure { throw ScanProgram.outputError(of: failure, settings) }
        try sink.output.finish()
    }
}
