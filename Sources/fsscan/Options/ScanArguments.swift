internal import ArgumentParser
import Entries
import Formats
import ScanEngine

/// The options of a scan. Values are kept as the bytes that were given; `ScanSettings` reads them.
struct ScanArguments: ParsableArguments {
    /// Mapped arguments, or runs of PATHs: see `PathRuns`.
    @Argument(help: ArgumentHelp("The trees to scan.", valueName: "PATH"), completion: .file())
    var paths: [String] = []

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Read more PATHs from FILE, separated by NUL; - is standard input.", valueName: "FILE"),
        completion: .file())
    var filesFrom: CarriedArgument?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Read more PATHs from FILE, one per line; - is standard input.", valueName: "FILE"),
        completion: .file())
    var filesFromLines: CarriedArgument?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "The number of running workers, 1 to 1024. (default: the processors available to the process)",
            valueName: "N"))
    var threads: CarriedArgument?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            """
            A fixed pool of N workers, 1 to 1024, instead of --threads: workers that wait for the disk are not \
            replaced.
            """, valueName: "N"))
    var pool: CarriedArgument?

    @Flag(name: .customShort("H"), help: "Follow a PATH that is a symbolic link.")
    var followRoots = false

    @Flag(name: [.customShort("x"), .long], help: "Do not descend into directories on other file systems.")
    var oneFileSystem = false

    @Flag(help: "Do not descend into pseudo file systems (proc, sysfs, ...) that are mounted below a PATH.")
    var excludeKernfs = false

    @Option(
        parsing: .unconditionalSingleValue,
        help: ArgumentHelp("Exclude entries that match this gitignore-style pattern; repeatable.", valueName: "GLOB"))
    var exclude: [CarriedArgument] = []

    @Option(
        parsing: .unconditionalSingleValue,
        help: ArgumentHelp(
            "Exclude entries that match the patterns in FILE, one per line as in a .gitignore; repeatable.",
            valueName: "FILE"),
        completion: .file())
    var excludeFrom: [CarriedArgument] = []

    @Flag(help: "Exclude the contents of cache directories: those with a valid CACHEDIR.TAG.")
    var excludeCaches = false

    @Flag(help: "Obey .gitignore files, from each PATH downwards.")
    var gitignore = false

    private static let formats = ReportFormat.names
    private static let algorithms = DigestAlgorithm.allCases.map(\.rawValue).joined(separator: " ")

    @Option(
        parsing: .unconditionalSingleValue,
        help: ArgumentHelp(
            "Digests of files and directories: \(Self.algorithms); several with commas, repeatable.",
            valueName: "ALG[,ALG]"),
        completion: .list(DigestAlgorithm.allCases.map(\.rawValue)))
    var hash: [CarriedArgument] = []

    @Flag var asked: [AskedField] = []

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "End after this time, with a report of the entries so far: seconds, or 90s, 5m, 2h.", valueName: "T"))
    var deadline: CarriedArgument?

    @Flag(help: "Read files of pseudo file systems (proc, sysfs, ...) too.")
    var readPseudo = false

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Do not read files larger than this: \(SizeArgument.description). (default: 1T)",
            valueName: "SIZE"))
    var maxRead: CarriedArgument?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Do not read files whose holes exceed this size. (default: 64G)", valueName: "SIZE"))
    var maxHoles: CarriedArgument?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "The output format: \(Self.formats.joined(separator: " ")). (default: text)", valueName: "FORMAT"),
        completion: .list(Self.formats))
    var format: CarriedArgument?

    @Flag(help: "Short for --format json.")
    var json = false

    @Flag(help: "Short for --format html: a page with a map of the tree, which opens from disk.")
    var html = false

    @Flag(help: "Short for --format ndjson: a record for each entry, one per line, while the scan runs.")
    var ndjson = false

    @Option(
        name: .customLong("print"), parsing: .unconditionalSingleValue,
        help: ArgumentHelp(
            """
            A line for each entry with these columns, separated by tabs: path and the fields of records, digests by \
            the names of their algorithms; several with commas, repeatable.
            """, valueName: "FIELD[,FIELD]"),
        completion: .list(EntryColumn.names))
    var columns: [CarriedArgument] = []

    @Flag(
        name: [.customShort("0"), .customLong("null")],
        help: "End lines of --print, --format paths and --format du with NUL instead of a newline.")
    var endsLinesInNUL = false

    @Flag(help: "Sort records by path.")
    var sorted = false

    @Option(
        name: [.customShort("o", allowingJoined: true), .long], parsing: .unconditional,
        help: ArgumentHelp(
            "Write to FILE, completely or not at all: replaced when the report is complete. - is standard output.",
            valueName: "FILE"),
        completion: .file())
    var output: CarriedArgument?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            """
            Mode of the files that -o, --trace and --save write, in octal. (default: unchanged; for a new file 0666 \
            minus the umask, or 0600 if root creates it)
            """, valueName: "MODE"))
    var mode: CarriedArgument?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Levels of directories in the report's tree. (default: 1; in the summary no limit)", valueName: "N"))
    var depth: CarriedArgument?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Length of the lists of largest entries, and of the summary's tree and table. (default: 10)",
            valueName: "N"))
    var top: CarriedArgument?

    private static let rankings = Ranking.allCases.map(\.rawValue)

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Sort key of those lists: \(Self.rankings.joined(separator: " ")). (default: disk)", valueName: "KEY"),
        completion: .list(Self.rankings))
    var rank: CarriedArgument?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Reference time for ages: \(TimeArgument.description). (default: the start of the scan)",
            valueName: "TIME"))
    var now: CarriedArgument?

    private static let tables = SummaryTable.allCases.map(\.rawValue)

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Show one table in the summary instead of a line of each: \(Self.tables.joined(separator: " ")).",
            valueName: "TABLE"),
        completion: .list(Self.tables))
    var table: CarriedArgument?

    private static let colours = ColourChoice.allCases.map(\.rawValue)

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Colours in the summary: \(Self.colours.joined(separator: " ")). (default: auto, on a terminal)",
            valueName: "WHEN"),
        completion: .list(Self.colours))
    var color: CarriedArgument?

    @Flag(help: "Sizes in the summary in powers of 1000.")
    var si = false

    @Flag(help: "Sizes in the summary in bytes.")
    var bytes = false

    @OptionGroup var selection: SelectionOptions

    @Flag(inversion: .prefixedNo, help: "Show progress. (default: when standard error is a terminal)")
    var progress: Bool?

    @Flag(help: "Scheduler counters: in the JSON report, else on standard error.")
    var stats = false

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Write a timeline of the scheduler's work, for ui.perfetto.dev or chrome://tracing.", valueName: "FILE"),
        completion: .file())
    var trace: CarriedArgument?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Add this scan to FILE, an SQLite database of saved scans.", valueName: "FILE"),
        completion: .file())
    var save: CarriedArgument?

    @Option(parsing: .unconditional, help: ArgumentHelp("A name for the saved scan.", valueName: "TEXT"))
    var label: CarriedArgument?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Do not read files whose device, inode, size, mtime and ctime equal those in a saved scan.",
            valueName: "SAVED"),
        completion: .file())
    var baseline: CarriedArgument?

    @OptionGroup var trust: TrustOptions

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Scan only shard K of the N in --plan.", valueName: "K/N"))
    var shard: CarriedArgument?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("The plan, written by fsscan plan.", valueName: "FILE"), completion: .file())
    var plan: CarriedArgument?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Write the shard's partial result to FILE, for fsscan merge.", valueName: "FILE"),
        completion: .file())
    var partial: CarriedArgument?

    @OptionGroup var version: VersionOption
}

/// An option for each field that the scan reads only on request: `--mime`, `--xattrs`, ….
struct AskedField: EnumerableFlag, CustomStringConvertible {
    let field: EntryField

    /// The parser describes each one: by reflection that would add half a millisecond to every start.
    var description: String { "\(field.name)" }

    static let allCases = EntryField.onRequest.map { AskedField(field: $0) }

    static func name(for value: AskedField) -> NameSpecification { .customLong("\(value.field.name)") }
    static func help(for value: AskedField) -> ArgumentHelp? { value.field.help.map { "\($0)" } }
}

extension CarriedArgument: ExpressibleByArgument {
    init?(argument: String) { self.init(carried: argument) }
}
