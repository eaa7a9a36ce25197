/// The appearance of the summary: options of `--format text`.
struct SummaryOptions {
    var table: SummaryTable?
    var colour: ColourChoice
    var units: ByteUnits

    init(_ command: ScanCommand, _ format: ReportFormat) throws(UsageError) {
        table = try ScanSettings.word("--table", command.table, SummaryTable.self)
        colour = try ScanSettings.word("--color", command.color, ColourChoice.self) ?? .auto
        if command.si, command.bytes { throw UsageError("one unit at a time: --si or --bytes") }
        units = command.si ? .decimal : command.bytes ? .exact : .binary
        // `--color` is not refused with other formats, because an alias may contain it.
        let options = [("--table", table != nil), ("--si", command.si), ("--bytes", command.bytes)]
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

/// When text has colours (`--color`).
enum ColourChoice: String, CaseIterable {
    /// On a terminal, but neither under NO_COLOR nor with TERM=dumb.
    case auto
    case always, never
}

/// The units of sizes.
enum ByteUnits {
    /// Powers of 1024.
    case binary
    /// Powers of 1000 (`--si`).
    case decimal
    /// Bytes (`--bytes`).
    case exact

    /// Nil: there is only one unit.
    var base: UInt64? {
        switch self {
        case .binary: 1024
        case .decimal: 1000
        case .exact: nil
        }
    }

    private static let binaryNames = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"]
    private static let decimalNames = ["kB", "MB", "GB", "TB", "PB", "EB"]

    var names: [String] { self == .decimal ? Self.decimalNames : Self.binaryNames }
}
