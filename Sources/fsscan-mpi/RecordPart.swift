// Records of several ranks: one file that the first rank writes, or a directory with a file for each rank.
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
    private let output: OutputFile
    private let settings: ScanSettings

    init(
        _ output: OutputFile, _ format: RecordFormat, _ options: ScanOptions, _ settings: ScanSettings
    )
        throws(OutputError)
    {
        (self.output, self.settings) = (output, settings)
        records = try ScanProgram.makeRecords(format, options, settings, output)
    }

    convenience init(
        rank: Int, in directory: [UInt8], _ options: ScanOptions, _ settings: ScanSettings
    )
        throws(OutputError)
    {
        let output = try OutputFile(directory + Array("part-\(rank).ndjson".utf8), mode: settings.mode)
        try self.init(output, .ndjson, options, settings)
    }

    /// - Parameter report: of the whole scan; nil for a part that is not the first.
    func finish(_ report: ScanReport?) throws(OutputError) {
        if let report { records.finish(report) } else { records.finishWithoutSummary() }
        if let failure = records.failure { throw ScanProgram.outputError(of: failure, settings) }
        try output.finish()
    }
}
