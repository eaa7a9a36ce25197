import Entries
import Glibc
import ScanEngine

/// Writes a report in the requested format. Records are written during the scan, and not here.
struct ReportFile {
    let settings: ScanSettings

    func write(
        _ report: ScanReport, _ options: ScanOptions, includesStatistics: Bool = false, to output: OutputFile
    ) throws {
        switch settings.format {
        case .json:
            let json = ReportJSON(
                report, options: options, version: Program.version, includesStatistics: includesStatistics)
            try json.write { try output.write($0) }
        case .html: try PageFile(ScanPage(report, options).data()).write(to: output)
        case .du:
            let quoting = isatty(output.descriptor) == 1 ? Quoting(for: output.descriptor) : nil
            try DiskUsageText(report: report, endsInNUL: settings.endsLinesInNUL, quoting: quoting).write(to: output)
        case .openmetrics:
            let metrics = MetricsText(report, Quoting(for: output.descriptor))
            try metrics.bytes().withUnsafeBytes { try output.write($0) }
        case .text:
            let style = TextStyle(
                for: output.descriptor, colour: settings.summary.colour, units: settings.summary.units)
            var summary = TextSummary(report, options: options, style: style, table: settings.summary.table)
            try summary.bytes().withUnsafeBytes { try output.write($0) }
        case .records: preconditionFailure("records are written during the scan")
        case .journal: preconditionFailure("a scan was asked for the format of a comparison")
        }
    }
}
