internal import ArgumentParser
import Entries
import LinuxKernel
import ScanEngine

/// `fsscan duplicates`.
struct DuplicatesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        command: "fsscan duplicates",
        abstract: "Find files with the same content, and show the space they waste.",
        usage: "fsscan duplicates [options] PATH... | SAVED",
        discussion: """
            Lists groups of files with the same content: first the file that --keep selects. The group that wastes the \
            most space comes first. Names of one inode already share their space; they are listed together.

            SAVED is a scan that was saved with --hash (FILE: the newest; FILE#3 or FILE#LABEL: that one). No files \
            are read then.

            Empty files are left out, unless --min-size is 0. Nothing is changed without --reflink or --hardlink.

            EXAMPLES:
              fsscan duplicates ~/Pictures
              fsscan duplicates --min-size 1M --json /srv | jq .totals.reclaimable_bytes
              fsscan duplicates --hash sha256 -x /
              fsscan duplicates --name '*.jpg' --newer 30d ~
              fsscan duplicates --hardlink --dry-run /srv

            EXIT STATUS:
              0                no duplicates
              1                duplicates were found
              2                something could not be read
              64               wrong usage
              74               the output could not be written
              129, 130, 143    stopped by SIGHUP, SIGINT, SIGTERM
              141              the reader closed the pipe
            """)

    @Argument(help: ArgumentHelp("", valueName: "PATH", visibility: .hidden), completion: .file())
    var paths: [String] = []

    @OptionGroup var selection: SelectionOptions

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Reference time for ages: \(TimeArgument.description). (default: now)", valueName: "TIME"))
    var now: CarriedArgument?

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

    @Flag(help: "Exclude the contents of directories with a valid CACHEDIR.TAG, except that file.")
    var excludeCaches = false

    @Flag(help: "Obey .gitignore files, from each PATH downwards.")
    var gitignore = false

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Files with the same digest count as equal; use sha256 for untrusted files. (default: xxh128)",
            valueName: "ALG"),
        completion: .list(DuplicateOptions.algorithms.map(\.rawValue)))
    var hash: CarriedArgument?

    @Flag(help: "Compare the files byte by byte, without digests.")
    var compare = false

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "The file to keep: oldest, newest, shortest (path), or one at or below a PATH. (default: oldest)",
            valueName: "RULE"))
    var keep: CarriedArgument?

    @Flag(help: "List all files, including those in equal directories.")
    var noDirectories = false

    @Flag(help: "List the files that occur once instead.")
    var unique = false

    @Flag(help: "Make the other files of a group share the extents of the first one (XFS, btrfs).")
    var reflink = false

    @Flag(help: "Replace the other files of a group with hard links to the first one.")
    var hardlink = false

    @Flag(help: "With --reflink or --hardlink: print the actions, and do nothing.")
    var dryRun = false

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("text, json or ndjson. (default: text)", valueName: "FORMAT"),
        completion: .list(["text", "json", "ndjson"]))
    var format: CarriedArgument?

    @Flag(help: "Short for --format json.") var json = false

    @Flag(help: "Short for --format ndjson: one line per group.") var ndjson = false

    @Flag(
        name: [.customShort("0"), .customLong("null")],
        help: "Print only paths, unescaped, each followed by NUL; another NUL ends a group.")
    var isNulSeparated = false

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
        help: ArgumentHelp(
            "Reuse the digests of unchanged files from a saved scan.", valueName: "SAVED"), completion: .file())
    var baseline: CarriedArgument?

    @OptionGroup var trust: TrustOptions

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("The number of running workers, 1 to 1024.", valueName: "N"))
    var threads: CarriedArgument?

    @Flag(inversion: .prefixedNo, help: "Show progress. (default: when standard error is a terminal)")
    var progress: Bool?

    @OptionGroup var version: VersionOption
}

/// How space is reclaimed.
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
    /// Options of the scan, without `paths` and `threads`. Sizes are in `options`.
    var scan = ScanOptions(paths: [], threads: 1)
    /// Patterns that precede those of `scan.exclude`.
    var patternLists: [FilesFrom]
    /// The reference time for ages.
    var now: FileTime
    var options = DuplicateOptions()
    /// The value of `--hash`.
    var hash: DigestAlgorithm?
    /// An option that was given and makes no sense for a saved scan.
    var scanOption: String?
    /// Nil: nothing is changed.
    var manner: ReclaimManner?
    var isDryRun: Bool
    /// A saved scan whose digests are reused.
    var baseline: BaselineSettings?
    /// Accepted evidence of the saved scan, or SHA-256 of its file, in lower-case hex.
    var expected: [String]
    var format: Format
    /// Nil: standard output.
    var output: [UInt8]?
    /// Of the output.
    var mode: UInt32?
    /// Nil: one per processor.
    var threads: Int?
    /// Nil: if standard error is a terminal.
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
        if command.reflink, command.hardlink { throw UsageError("give only one of --reflink and --hardlink") }
        manner = command.reflink ? .reflink : command.hardlink ? .hardlink : nil
        isDryRun = command.dryRun
        if isDryRun, manner == nil {
            throw UsageError("--dry-run is for --reflink or --hardlink: only these change files")
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
            throw UsageError("--unique lists files that have no duplicates: there is nothing to reclaim")
        }
        if manner != nil, format == .nulSeparated {
            throw UsageError("-0 cannot show what was done: use --ndjson")
        }
        if manner != nil, command.output != nil {
            throw UsageError(
                "-o is written at the end, but the log must be written before: redirect standard output to a file")
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
                "does not protect against constructed files; choose one of "
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
