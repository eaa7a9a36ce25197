import Bytes
import ScanEngine

/// `--format openmetrics`: gauges that both Prometheus' text format and OpenMetrics accept, so that the node exporter's
/// textfile collector reads them.
///
/// PATHs and the directories below them are metrics with different names, so a sum over the first counts nothing twice.
/// No label appears twice for a metric, whatever PATHs are given, because a collector then refuses the whole file.
struct MetricsText {
    private let report: ScanReport
    private let paths: [Sample]
    private let directories: [Sample]

    private struct Sample {
        /// The text between the quotes.
        var path: [UInt8]
        var totals: Totals
    }

    /// - Parameter quoting: converts paths to text. Different paths must stay different.
    init(_ report: ScanReport, _ quoting: Quoting) {
        self.report = report
        var (paths, directories) = ([Sample](), [Sample]())
        var (seenPaths, seenDirectories) = (Set<[UInt8]>(), Set<[UInt8]>())
        for root in report.roots {
            if seenPaths.insert(root.path).inserted {
                paths.append(Sample(path: Self.label(root.path, quoting), totals: root.totals))
            }
            root.forEachDirectory { path, level, totals in
                guard level > 0, seenDirectories.insert(path).inserted else { return }
                directories.append(Sample(path: Self.label(path, quoting), totals: totals))
            }
        }
        (self.paths, self.directories) = (paths, directories)
    }

    /// Escapes the text's own backslashes and quotes again. It has no newline.
    private static func label(_ path: [UInt8], _ quoting: Quoting) -> [UInt8] {
        quoting.escaped(path).flatMap { byte in
            byte == UInt8(ascii: "\\") || byte == UInt8(ascii: "\"") ? [UInt8(ascii: "\\"), byte] : [byte]
        }
    }

    func bytes() -> [UInt8] {
        var buffer = ByteBuffer(capacity: 1 << 16)
        append(
            "disk_bytes", "Allocated bytes at and below {}, as du counts them.", { $0.diskBytes }, to: &buffer)
        append("apparent_bytes", "Sizes of the files and symlinks at and below {}.", { $0.apparentBytes }, to: &buffer)
        append("entries", "Names at and below {}, including itself.", { $0.entries }, to: &buffer)
        append("errors", "Errors at and below {}.", { $0.errors }, to: &buffer)
        let timing = report.timing
        append("scan_complete", "1, or 0 if a signal or a deadline stopped the scan.", to: &buffer) { buffer in
            buffer.append(report.complete ? "1" : "0")
        }
        append("scan_duration_seconds", "Duration of the scan of all paths.", to: &buffer) { buffer in
            Self.append(nanoseconds: Int64(max(0, timing.elapsedSeconds) * 1e9), to: &buffer)
        }
        append("scan_start_timestamp_seconds", "Start of the scan, since 1970.", to: &buffer) { buffer in
            buffer.append(decimal: timing.startedSeconds)
            buffer.append(UInt8(ascii: "."))
            buffer.append(decimal: UInt64(timing.startedNanoseconds), width: 9)
        }
        buffer.append("# EOF\n")
        return Array(buffer.bytes)
    }

    /// Two metrics: one for PATHs, one for directories.
    private func append(
        _ name: StaticString, _ help: String, _ value: (Totals) -> Int64, to buffer: inout ByteBuffer
    ) {
        for (prefix, noun, samples) in [
            ("fsscan_", "a path", paths), ("fsscan_directory_", "a directory", directories),
        ]
        where !samples.isEmpty {
            let metric = "\(prefix)\(name)"
            Self.appendHead(metric, help.replacing("{}", with: noun), to: &buffer)
            for sample in samples {
                buffer.append(metric)
                buffer.append("{path=\"")
                buffer.append(sample.path)
                buffer.append("\"} ")
                buffer.append(decimal: value(sample.totals))
                buffer.append(UInt8(ascii: "\n"))
            }
        }
    }

    /// A metric without labels.
    private func append(
        _ name: StaticString, _ help: String, to buffer: inout ByteBuffer, _ value: (inout ByteBuffer) -> Void
    ) {
        Self.appendHead("fsscan_\(name)", help, to: &buffer)
        buffer.append("fsscan_\(name) ")
        value(&buffer)
        buffer.append(UInt8(ascii: "\n"))
    }

    private static func appendHead(_ metric: String, _ help: String, to buffer: inout ByteBuffer) {
        buffer.append("# HELP \(metric) \(help)\n# TYPE \(metric) gauge\n")
    }

    private static func append(nanoseconds: Int64, to buffer: inout ByteBuffer) {
        buffer.append(decimal: nanoseconds / 1_000_000_000)
        buffer.append(UInt8(ascii: "."))
        buffer.append(decimal: UInt64(nanoseconds % 1_000_000_000), width: 9)
    }
}
