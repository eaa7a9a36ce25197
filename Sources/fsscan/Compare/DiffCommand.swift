internal import ArgumentParser
import Entries
import ScanEngine
import Snapshots

/// `fsscan diff`.
struct DiffCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        command: "fsscan diff",
        abstract: "Show changes between two saved scans, or since one was saved.",
        usage: "fsscan diff [options] OLD NEW",
        discussion: """
            OLD and NEW are each a file of saved scans (FILE: the newest; FILE#3 or FILE#LABEL: that one), another \
            file that can be compared, or a directory, which is scanned with the options of the other side. For two \
            directories, files of equal size are read.

            With --growth the lines are directories, sorted by growth or shrinkage.

            Each line is an entry: + added, - removed, * other content, ! other metadata, = moved, ? cannot be read \
            now, or could not be read then.

            EXAMPLES:
              fsscan --save scans.db --hash sha256 /usr
              fsscan diff scans.db /usr
              fsscan diff /srv /backup/srv
              fsscan diff --json scans.db#1 scans.db | jq .totals
              fsscan diff --growth scans.db#1 scans.db

            EXIT STATUS:
              0                no difference
              1                something differs
              2                something could not be read or compared, whether there is a difference or not
              64               wrong usage
              74               the output could not be written
            """)

    @Argument(help: ArgumentHelp("", valueName: "SAVED", visibility: .hidden))
    var sides: [String] = []

    @OptionGroup var comparison: ComparisonOptions

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "text, json, ndjson, html, or journal: entries of systemd's journal. (default: text)", valueName: "FORMAT"),
        completion: .list(ComparisonSettings.formatsWithPages.map(\.description)))
    var format: CarriedArgument?

    @Option(
        parsing: .unconditionalSingleValue,
        help: ArgumentHelp(
            "Digests for a side that is scanned now. (default: those of the other side)", valueName: "ALG[,ALG]"),
        completion: .list(DigestAlgorithm.allCases.map(\.rawValue)))
    var hash: [CarriedArgument] = []

    @Option(
        parsing: .unconditionalSingleValue,
        help: ArgumentHelp(
            "Continue only if this is the evidence of the saved scan OLD, or the SHA-256 of the file OLD; repeatable.",
            valueName: "EVIDENCE"))
    var expect: [CarriedArgument] = []

    @OptionGroup var selection: SelectionOptions

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Reference time for ages: \(TimeArgument.description). (default: now)", valueName: "TIME"))
    var now: CarriedArgument?
    @Flag(help: "For two directories: read no file, compare sizes and times.") var quick = false

    @Flag(help: "Short for --format html: a page with a map of the tree, coloured by growth and shrinkage.")
    var html = false

    @Flag(help: "Show the growth of directories: disk and apparent bytes, entries.") var growth = false

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "With --growth: the number of directories; ndjson has all. (default: 20, for a page 200)", valueName: "N"))
    var top: CarriedArgument?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "With --growth: the largest change of disk, apparent or entries first. (default: disk)", valueName: "KEY"),
        completion: .list(GrowthSettings.rankings.map(\.rawValue)))
    var rank: CarriedArgument?

    @OptionGroup var version: VersionOption
}

/// Options shared by `diff` and `verify`.
struct ComparisonOptions: ParsableArguments {
    @Option(
        parsing: .unconditionalSingleValue,
        help: ArgumentHelp(
            """
            Do not compare these: fields (mtime, ctime, mode, ...), digests (sha256, ..., content for all of them), \
            statements of a list that fsscan cannot check (rmd160, ...); repeatable.
            """, valueName: "NAME[,NAME]"),
        completion: .list(
            EntryField.comparable.map(\.name.description) + DigestAlgorithm.allCases.map(\.rawValue) + ["content"]))
    var ignore: [CarriedArgument] = []

    @Option(
        parsing: .unconditionalSingleValue,
        help: ArgumentHelp(
            "Compare these fields, too: inode, device, disk_bytes, btime, mime.", valueName: "FIELD[,FIELD]"),
        completion: .list(["inode", "device", "disk_bytes", "btime", "mime"]))
    var also: [CarriedArgument] = []

    @OptionGroup var ruling: RuleOptions

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            """
            dpkg, or dpkg:DIR: list files separately whose content matches dpkg's packages (DIR: /var/lib/dpkg). A \
            hint, not a proof.
            """, valueName: "DATABASE"), completion: .list(["dpkg"]))
    var known: CarriedArgument?

    @Option(
        parsing: .unconditionalSingleValue,
        help: ArgumentHelp(
            "Show only these changes: \(ChangeKind.allCases.map(\.rawValue).joined(separator: ", ")).",
            valueName: "CHANGE[,CHANGE]"),
        completion: .list(ChangeKind.allCases.map(\.rawValue)))
    var only: [CarriedArgument] = []

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            """
            The algorithm of digests in a list that does not name it (default: by their length); for two directories, \
            of the digests of their files (default: xxh128).
            """,
            valueName: "ALG"),
        completion: .list(DigestAlgorithm.allCases.map(\.rawValue)))
    var algorithm: CarriedArgument?

    @Flag(help: "Short for --format json.") var json = false

    @Flag(help: "Short for --format ndjson: a line for each change.") var ndjson = false

    @Flag(help: "Show each entry below an added, removed or moved directory on its own line, as JSON always does.")
    var unfold = false

    @Flag(help: "Show the number of changed entries in each directory.") var stat = false

    @Flag(help: "Show only the paths of changed entries.") var paths = false

    @Flag(name: .customShort("0"), help: "With --paths: end each with NUL instead of a newline.") var nul = false

    @Flag(help: "Show changes as rsync --itemize-changes prints them.") var itemize = false

    @Option(
        name: [.customShort("o", allowingJoined: true), .long], parsing: .unconditional,
        help: ArgumentHelp("Write to FILE, completely or not at all.", valueName: "FILE"), completion: .file())
    var output: CarriedArgument?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Mode of FILE, in octal. (default: as for scans)", valueName: "MODE"))
    var mode: CarriedArgument?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("The number of workers that scan a live side, 1 to 1024.", valueName: "N"))
    var threads: CarriedArgument?

    @Flag(inversion: .prefixedNo, help: "Show progress. (default: when standard error is a terminal)")
    var progress: Bool?
}

/// Rules of the comparison: options shared by `diff`, `verify` and `accept`.
struct RuleOptions: ParsableArguments {
    @Option(
        parsing: .unconditionalSingleValue,
        help: ArgumentHelp(
            "Exclude entries that match, on both sides, as a .gitignore does; repeatable.", valueName: "PATTERN"))
    var exclude: [CarriedArgument] = []

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            """
            A file of rules: each line has a pattern and what is compared there: ignore, kind, grows, all, -FIELD, \
            +FIELD; the last matching line decides.
            """, valueName: "FILE"), completion: .file())
    var rules: CarriedArgument?
}

/// `fsscan saved`.
struct SavedCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        command: "fsscan saved", abstract: "List the scans in a file of saved scans.",
        usage: "fsscan saved [--evidence] [--json] FILE\n       fsscan saved --copy OLD NEW",
        discussion: """
            Also estimates the space in FILE that belongs to each scan alone, which prune would free.
            """)

    @Argument(help: ArgumentHelp("", valueName: "FILE", visibility: .hidden), completion: .file())
    var files: [String] = []

    @Flag(help: "Write JSON.") var json = false

    @Flag(help: "Compute the evidence of each scan, which reads the whole scan.") var evidence = false

    @Flag(help: "Copy the scans of OLD, possibly saved by an earlier version, to a new file NEW.") var copy = false

    @Option(
        name: [.customShort("o", allowingJoined: true), .long], parsing: .unconditional,
        help: ArgumentHelp("Write to FILE, completely or not at all.", valueName: "FILE"), completion: .file())
    var output: CarriedArgument?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Mode of FILE, in octal. (default: as for scans)", valueName: "MODE"))
    var mode: CarriedArgument?

    @OptionGroup var version: VersionOption
}
