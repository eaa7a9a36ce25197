/// The appearance of the summary: options of `--format text`.
struct SummaryOptions {
    var table: SummaryTable?
    var colour: ColourChoice
    var units: ByteUnits

    init(_ arguments: ScanArguments, _ format: ReportFormat) throws(UsageError) {
        table = try ScanSettings.word("--table", arguments.table, SummaryTable.self)
        colour = try ScanSettings.word("--color", arguments.color, ColourChoice.self) ?? .auto
        if arguments.si, arguments.bytes { throw UsageError("one unit at a time: --si or --bytes") }
        units = arguments.si ? .decimal : arguments.bytes ? .exact : .binary
        // `--color` is not refused with other formats, because an alias may contain it.
        let options = [("--table", table != nil), ("--si", arguments.si), ("--bytes", arguments.bytes)]
        if format != .text, let (option, _) = options.first(where: \.1) {
            throw UsageError("\(option) is for the summary: use it with --format text")
        }
    }
}

/// The tables that `--table` chooses from.
enum SummaryTable: String, CaseIterable {
    case `extension` = "ext"
    case owner, group, age, size, mime
}
