internal import ArgumentParser
import Entries
import LinuxKernel
import ScanEngine

/// `fsscan duplicates`.
struct DuplicatesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fsscan duplicates",
        abstract: "Files that have the same content, and what they cost twice.",
        usage: "fsscan duplicates [options] PATH... | SAVED",
        discussion: """
            Each group is files of one content: first the one that --keep chooses. What costs most comes first. Names of \
            one inode share their space already: they are listed, and gain nothing.

            SAVED is a scan that was saved with --hash (FILE: the newest; FILE#3 or FILE#LABEL: that one): nothing is \
            read.

            Files without bytes are left out, unless --min-size is 0. Nothing is changed without --reflink or \
            --hardlink.

            EXAMPLES:
              fsscan duplicates ~/Pictures
              fsscan duplicates --min-size 1M --json /srv | jq .totals.reclaimable_bytes
              fsscan duplicates --hash sha256 -x /
              fsscan duplicates --name '*.jpg' --newer 30d ~
              fsscan duplicates --hardlink --dry-run /srv

            EXIT STATUS:
              0                no duplicates
              1                there are some
              2                something could not be read, whether there are some or not
              64               wrong usage
              74               the output could not be written
              129, 130, 143    stopped by SIGHUP, SIGINT, SIGTERM
              141              whoever read the output went away
            """)

    @Argument(help: ArgumentHelp("", valueName: "PATH", visibility: .hidden), completion: .file())
    var paths: [String] = []

    @OptionGroup var selection: SelectionOptions

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "What ages are relative to: \(TimeArgument.description). (default: now)", valueName: "TIME"))
    var now: CarriedArgument?

    @Flag(name: [.customShort("x"), .long], help: "Do not descend into directories on other file systems.")
    var oneFileSystem = false

    @Flag(help: "Do not descend into pseudo file systems (proc, sysfs, ...) that are mounted below a PATH.")
    var excludeKernfs = false

    @Option(
        parsing: .unconditionalSingleValue,
        help: ArgumentHelp("Leave out what matches this gitignore-style pattern; repeatable.", valueName: "GLOB"))
    var exclude: [CarriedArgument] = []

    @Option(
        parsing: .unconditionalSingleValue,
        help: ArgumentHelp(
            "Leave out what the patterns in FILE match, a line each as in a .gitignore; repeatable.", valueName: "FILE"),
        completion: .file())
    var excludeFrom: [CarriedArgument] = []

    @Flag(help: "Leave out what is in caches: of a directory with a valid CACHEDIR.TAG all but that.")
    var excludeCaches = false

    @Flag(help: "Leave out what .gitignore files say, from each PATH downwards.")
    var gitignore = false

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "The digest that decides; sha256 also where somebody makes files on purpose. (default: xxh128)",
            valueName: "ALG"),
        completion: .list(DuplicateOptions.algorithms.map(\.rawValue)))
    var hash: CarriedArgument?

    @Flag(help: "Compare the files byte by byte, and use no digests.")
    var compare = false

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "The first file of a group: oldest, newest, shortest (path), or what is at or below a PATH. (default: oldest)",
            valueName: "RULE"))
    var keep: CarriedArgument?

    @Flag(help: "List all files, also those in directories that are equal.")
    var noDirectories = false

    @Flag(help: "List the files that occur once instead.")
    var unique = false

    @Flag(help: "Let the others of a group share the bytes of its first file on the disk (XFS, btrfs).")
    var reflink = false

    @Flag(help: "Make the names of the others names of the first file: they are one file from then on.")
    var hardlink = false

    @Flag(help: "With --reflink or --hardlink: only say what would be done.")
    var dryRun = false

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("text, json or ndjson. (default: text)", valueName: "FORMAT"),
        completion: .list(["text", "json", "ndjson"]))
    var format: CarriedArgument?

    @Flag(help: "Short for --format json.") var json = false

    @Flag(help: "Short for --format ndjson: a line for each group.") var ndjson = false

    @Flag(
        name: [.customShort("0"), .customLong("null")],
        help: "Paths alone, each ended by NUL, as they are; one more NUL ends a group.")
    var isNulSeparated = false

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
        help: ArgumentHelp(
            "Take the digests of unchanged files from a saved scan.", valueName: "SAVED"), completion: .file())
    var baseline: CarriedArgument?

    @OptionGroup var trust: TrustOptions

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("How many workers run at a time, 1 to 1024.", valueName: "N"))
    var threads: CarriedArgument?

    @Flag(inversion: .prefixedNo, help: "Show progress. (default: when standard error is a terminal)")
    var progress: Bool?

    @OptionGroup var version: VersionOption
}

/// How space is given back.
enum ReclaimManner: String {
    case reflink, hardlink
}

/// `--baseline` and what belongs to it.
struct BaselineSettings {
    /// A file of saved scans, or FILE#3.
    var argument: [UInt8]
    var trust: ContentBaseline.Trust

    /// - Returns: nil without `--baseline`.
    init?(_ argument: CarriedArgument?, _ options: TrustOptions) throws(UsageError) {
        trust = try options.trust(reread: 0)
        guard let argument else {
            if options.isGiven { throw UsageError("--trust-times and --reread are for --baseline") }
            return nil
        }
        self.argument = argument.bytes
    }
}

/// The options of `duplicates`, checked.
struct DuplicatesSettings {
    enum Format { case text, json, ndjson, nulSeparated }

    var paths: [[UInt8]]
    /// What of it concerns the scan, but for `paths` and `threads`. Sizes are in `options`.
    var scan = ScanOptions(paths: [], threads: 1)
    /// Patterns, in front of those of `scan.exclude`.
    var patternLists: [FilesFrom]
    /// What ages are relative to.
    var now: FileTime
    var options = DuplicateOptions()
    /// What was asked for with `--hash`.
    var hash: DigestAlgorithm?
    /// An option that was given and makes no sense for a saved scan.
    var scanOption: String?
    /// Nil: nothing is changed.
    var manner: ReclaimManner?
    var isDryRun: Bool
    /// A saved scan whose digests are taken over.
    var baseline: BaselineSettings?
    /// Evidence of the saved scan, or digests of its file, one of which it is to have; in lower-case hex.
    var expected: [String]
    var format: Format
    /// Nil: standard output.
    var output: [UInt8]?
    /// Of the output.
    var mode: UInt32?
    /// Nil: what the machine offers.
    var threads: Int?
    /// Nil: where standard error is a terminal.
    var progress: Bool?

    init(_ command: DuplicatesCommand, _ runs: PathRuns) throws(UsageError) {
        paths = runs.expanded(command.paths)
        if paths.isEmpty { throw UsageError("no PATH given (see fsscan duplicates --help)") }
        var selection = try command.selection.selection()
        guard selection.kinds.contains(KindSet(.file)) else {
            throw UsageError("--type: only regular files (f) have duplicates")
        }
        let largest = selection.sizes?.upper ?? .max
        let smallest = command.selection.minSize == nil ? min(1, largest) : selection.sizes?.lower ?? 1
        options.sizes = smallest...largest
        (selection.kinds, selection.sizes) = (.all, nil)
        scan.selection = selection
        now =
            try ScanSettings.value("--now", command.now, "time", TimeArgument.description, TimeArgument.time)
            ?? Timing.now.started
        scan.now = now
        if let hash = command.hash {
            if command.compare { throw UsageError("--compare uses no digests: leave out --hash") }
            self.hash = try Self.algorithm(hash)
            options.algorithm = self.hash!
        }
        options.comparesBytes = command.compare
        options.wantsUnique = command.unique
        options.findsDirectories = !command.noDirectories && !command.unique
        if let keep = command.keep { options.keep = Self.rule(keep) }
        scan.oneFileSystem = command.oneFileSystem
        scan.exclude = command.exclude.map(\.bytes)
        scan.gitignore = command.gitignore
        (scan.excludeKernfs, scan.excludeCaches) = (command.excludeKernfs, command.excludeCaches)
        patternLists = command.excludeFrom.map { .patterns($0.bytes) }
        if patternLists.filter(\.isStandardInput).count > 1 {
            throw UsageError("--exclude-from: standard input can be one of them")
        }
        if command.reflink, command.hardlink { throw UsageError("one of them: --reflink or --hardlink") }
        manner = command.reflink ? .reflink : command.hardlink ? .hardlink : nil
        isDryRun = command.dryRun
        if isDryRun, manner == nil {
            throw UsageError("--dry-run is for --reflink or --hardlink: nothing else changes anything")
        }
        baseline = try BaselineSettings(command.baseline, command.trust)
        expected = try command.trust.expected()
        if baseline != nil, command.compare { throw UsageError("--compare uses no digests: leave out --baseline") }
        let scanOptions: [(String, Bool)] = [
            ("--compare", command.compare), ("--baseline", baseline != nil),
            ("--one-file-system", command.oneFileSystem), ("--gitignore", command.gitignore),
            ("--exclude", !command.exclude.isEmpty), ("--exclude-from", !patternLists.isEmpty),
            ("--exclude-kernfs", command.excludeKernfs), ("--exclude-caches", command.excludeCaches),
        ]
        scanOption = scanOptions.first(where: \.1)?.0
        format = try Self.format(command)
        if manner != nil, options.wantsUnique {
            throw UsageError("--unique lists files of which there is nothing to take back")
        }
        if manner != nil, format == .nulSeparated {
            throw UsageError("-0 has no place for what was done: use --ndjson")
        }
        if manner != nil, command.output != nil {
            throw UsageError(
                "-o is written at the end, and a log is to be there before: send standard output to a file")
        }
        output = command.output?.bytes == [UInt8(ascii: "-")] ? nil : command.output?.bytes
        mode = try ScanSettings.mode(command.mode, of: command.output)
        threads = try ScanSettings.threads(command.threads)
        progress = command.progress
    }

    private static func algorithm(_ value: CarriedArgument) throws(UsageError) -> DigestAlgorithm {
        let algorithm = try ScanSettings.algorithm("--hash", value)
        guard DuplicateOptions.algorithms.contains(algorithm) else {
            throw UsageError(
                "--hash", value,
                "cannot tell files apart that somebody made to have one digest; there are "
                    + DuplicateOptions.algorithms.map(\.rawValue).joined(separator: " "))
        }
        return algorithm
    }

    private static func rule(_ value: CarriedArgument) -> KeepRule {
        switch value.carried {
        case "oldest": .oldest
        case "newest": .newest
        case "shortest": .shortest
        default: .below(value.bytes)
        }
    }

    private static func format(_ command: DuplicatesCommand) throws(UsageError) -> Format {
        var asked: [Format] = []
        switch command.format?.carried {
        case nil: break
        case "text": asked.append(.text)
        case "json": asked.append(.json)
        case "ndjson": asked.append(.ndjson)
        default:
            throw UsageError("--format", command.format!, "is not a format here; there are text, json, ndjson")
        }
        if command.json { asked.append(.json) }
        if command.ndjson { asked.append(.ndjson) }
        if command.isNulSeparated { asked.append(.nulSeparated) }
        guard let format = asked.first else { return .text }
        if asked.contains(where: { $0 != format }) {
            throw UsageError("one format at a time: text, json, ndjson or -0")
        }
        return format
    }
}
