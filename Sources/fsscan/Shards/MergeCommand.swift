internal import ArgumentParser
import Entries
import ScanEngine

/// `fsscan merge`.
struct MergeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        command: "fsscan merge",
        abstract: "Merge the partial results of shards into one report.",
        usage: "fsscan merge [options] PARTIAL...",
        discussion: """
            The report equals that of fsscan on the whole tree, except for the timing: the start is that of the plan, \
            the duration that of the longest shard, and threads are added up. A shard that was scanned twice counts \
            once.

            EXAMPLES:
              fsscan merge data.[1-8] --json -o data.json

            EXIT STATUS:
              0                everything was read
              1                something could not be read, or a shard is missing (see the errors)
              2                a partial result cannot be read
              64               wrong usage, or partial results of different plans
              69               a library is missing
              74               the output could not be written
            """)

    @Argument(help: ArgumentHelp("", valueName: "PARTIAL", visibility: .hidden), completion: .file())
    var partials: [String] = []

    private static let formats = ["text", "json"]

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "The output format: \(Self.formats.joined(separator: " ")). (default: text)", valueName: "FORMAT"),
        completion: .list(Self.formats))
    var format: CarriedArgument?

    @Flag(help: "Short for --format json.")
    var json = false

    @Option(
        name: [.customShort("o", allowingJoined: true), .long], parsing: .unconditional,
        help: ArgumentHelp("Write to FILE, completely or not at all; - is standard output.", valueName: "FILE"),
        completion: .file())
    var output: CarriedArgument?

    @Option(
        parsing: .unconditional, help: ArgumentHelp("Mode of that file, in octal.", valueName: "MODE"))
    var mode: CarriedArgument?

    @OptionGroup var version: VersionOption

    fileprivate func isJSON() throws(UsageError) -> Bool {
        guard let format else { return json }
        guard Self.formats.contains(format.carried) else {
            throw UsageError("--format", format, "is not one of \(Self.formats.joined(separator: " "))")
        }
        if json, format.carried != "json" { throw UsageError("one format at a time: \(format.carried) or json") }
        return format.carried == "json"
    }
}

/// The options of `merge`, checked.
struct MergeSettings {
    var partials: [[UInt8]]
    var isJSON: Bool
    /// Nil: standard output.
    var output: [UInt8]?
    var mode: UInt32?

    init(_ command: MergeCommand, _ runs: PathRuns) throws(UsageError) {
        partials = runs.expanded(command.partials)
        if partials.isEmpty { throw UsageError("no PARTIAL given (see fsscan merge --help)") }
        isJSON = try command.isJSON()
        output = command.output?.bytes == [UInt8(ascii: "-")] ? nil : command.output?.bytes
        mode = try ScanSettings.mode(command.mode, of: command.output)
    }
}
