import Entries
import Formats

/// The output format, by its name for `--format`.
enum ReportFormat: Equatable, CustomStringConvertible {
    /// Reports of the whole scan.
    case text, json, html, du, openmetrics
    case records(RecordFormat)
    /// Of a comparison: entries of systemd's journal.
    case journal

    static let ndjson = ReportFormat.records(.ndjson)

    private static let named: [(name: String, format: ReportFormat)] =
        [("text", .text), ("json", .json), ("html", .html), ("du", .du), ("openmetrics", .openmetrics)]
        + RecordFormat.all.map { ($0.name, .records($0)) }

    static let names = named.map(\.name)

    init?(name: String) {
        guard let format = Self.named.first(where: { $0.name == name })?.format else { return nil }
        self = format
    }

    /// For columns that the user chooses, the option.
    var description: String {
        self == .journal ? "journal" : Self.named.first { $0.format == self }?.name ?? records?.name ?? ""
    }

    /// Nil for a report of the whole scan.
    var records: RecordFormat? { if case .records(let format) = self { format } else { nil } }

    /// The digests to compute.
    func algorithms(asked: [DigestAlgorithm]) -> [DigestAlgorithm] { records?.algorithms(asked) ?? asked }

    /// The fields that it requests by itself.
    var asked: FieldSet { records?.asked ?? [] }

    /// Whether it contains errors and statistics, so that standard error need not have them.
    var tellsAll: Bool { self == .json || records?.tellsAll == true }

    /// Whether it has lines that NUL may end.
    var hasLines: Bool { self == .du || records?.withLines != nil }
}
