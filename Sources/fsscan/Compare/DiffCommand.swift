internal import ArgumentParser
import ScanEngine
import Snapshots

/// `fsscan diff`.
struct DiffCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fsscan diff",
        abstract: "What changed between two saved scans, or between one and what is there now.",
        usage: "fsscan diff [options] OLD NEW",
        discussion: """
            OLD and NEW are each a file of saved scans (FILE: the newest; FILE#3 or FILE#LABEL: that one), another file \
            that can be compared, or a directory, which is scanned with the options of the other side.

            Each line is an entry: + added, - removed, * other content, ! other metadata, = moved, ? cannot be read now, or \
            could not be read then.

            EXAMPLES:
              fsscan --save scans.db --hash sha256 /usr
              fsscan diff scans.db /usr
              fsscan diff --json scans.db#1 scans.db | jq .totals

            EXIT STATUS:
              0                no difference
              1                something differs
              2                something could not be read or compared, whether there is a difference or not
              64               wrong usage
              74               the output could not be written
            """)

    @Argument(help: .hidden, completion: .file())
    var sides: [String] = []

    @OptionGroup var comparison: ComparisonOptions

    @Option(
        parsing: .unconditionalSingleValue,
        help: ArgumentHelp(
            "Digests of a side that is scanned now. (default: those of the other side)", valueName: "ALG[,ALG]"))
    var hash: [CarriedArgument] = []
}

/// What `diff` and `verify` have in common.
struct ComparisonOptions: ParsableArguments {
    @Option(
        parsing: .unconditionalSingleValue,
        help: ArgumentHelp(
            """
            Do not compare these: fields (mtime, ctime, mode, ...), digests (sha256, ..., content for all of them), what a \
            list has and fsscan cannot check (rmd160, ...); repeatable.
            """, valueName: "NAME[,NAME]"))
    var ignore: [CarriedArgument] = []

    @Option(
        parsing: .unconditionalSingleValue,
        help: ArgumentHelp(
            "Compare these fields, too: inode, device, disk_bytes, btime, mime.", valueName: "FIELD[,FIELD]"))
    var also: [CarriedArgument] = []

    @Option(
        parsing: .unconditionalSingleValue,
        help: ArgumentHelp(
            "Show these changes alone: \(ChangeKind.allCases.map(\.rawValue).joined(separator: ", ")).",
            valueName: "CHANGE[,CHANGE]"))
    var only: [CarriedArgument] = []

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "What the digests of a list are that does not say so. (default: what their length says)",
            valueName: "ALG"))
    var algorithm: CarriedArgument?

    @Option(
        parsing: .unconditional, help: ArgumentHelp("text, json or ndjson. (default: text)", valueName: "FORMAT"),
        completion: .list(["text", "json", "ndjson"]))
    var format: CarriedArgument?

    @Flag(help: "Short for --format json.") var json = false

    @Flag(help: "Short for --format ndjson: a line for each change.") var ndjson = false

    @Option(
        name: [.customShort("o", allowingJoined: true), .long], parsing: .unconditional,
        help: ArgumentHelp("Write to FILE, whole or not at all.", valueName: "FILE"), completion: .file())
    var output: CarriedArgument?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Mode of FILE, in octal. (default: as for scans)", valueName: "MODE"))
    var mode: CarriedArgument?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("How many workers scan a live side, 1 to 1024.", valueName: "N"))
    var threads: CarriedArgument?
}

/// `fsscan saved`.
struct SavedCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fsscan saved", abstract: "The scans that a file holds.", usage: "fsscan saved [--json] FILE")

    @Argument(help: .hidden, completion: .file())
    var files: [String] = []

    @Flag(help: "For programs.") var json = false

    @Option(
        name: [.customShort("o", allowingJoined: true), .long], parsing: .unconditional,
        help: ArgumentHelp("Write to FILE, whole or not at all.", valueName: "FILE"), completion: .file())
    var output: CarriedArgument?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Mode of FILE, in octal. (default: as for scans)", valueName: "MODE"))
    var mode: CarriedArgument?
}
