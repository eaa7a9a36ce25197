internal import ArgumentParser
import Entries
import ScanEngine

/// `fsscan plan`.
struct PlanCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        command: "fsscan plan",
        abstract: "Cut a tree into shards for several processes or machines.",
        usage: "fsscan plan [options] PATH --shards N -o PLAN",
        discussion: """
            The plan fixes the PATH, the options that determine the report, and the start. fsscan --shard K/N scans a \
            shard, on any machine that has the tree at the same PATH; fsscan merge makes the report.

            EXAMPLES:
              fsscan plan /data --shards 8 --hash sha256 -o data.plan
              seq 8 | parallel fsscan --shard {}/8 --plan data.plan --partial data.{} /data
              fsscan merge data.[1-8] --json -o data.json

            EXIT STATUS:
              0                the plan was written
              2                a PATH could not be scanned
              64               wrong usage
              74               the plan could not be written
            """)

    @Argument(help: ArgumentHelp("", valueName: "PATH", visibility: .hidden), completion: .file())
    var paths: [String] = []

    @Option(parsing: .unconditional, help: ArgumentHelp("The number of shards.", valueName: "N"))
    var shards: CarriedArgument?

    @Option(
        name: [.customShort("o", allowingJoined: true), .long], parsing: .unconditional,
        help: ArgumentHelp("Write the plan to FILE.", valueName: "FILE"), completion: .file())
    var output: CarriedArgument?

    @Option(
        parsing: .unconditional, help: ArgumentHelp("Mode of that file, in octal.", valueName: "MODE"))
    var mode: CarriedArgument?

    @Flag(name: .customShort("H"), help: "As in fsscan; so are all options below.")
    var followRoots = false

    @Flag(name: [.customShort("x"), .long], help: "Do not descend into other file systems.")
    var oneFileSystem = false

    @Flag(help: "Do not descend into pseudo file systems.")
    var excludeKernfs = false

    @Option(
        parsing: .unconditionalSingleValue,
        help: ArgumentHelp("Exclude entries that match; repeatable.", valueName: "GLOB"))
    var exclude: [CarriedArgument] = []

    @Option(
        parsing: .unconditionalSingleValue,
        help: ArgumentHelp("Exclude entries that match the patterns in FILE; repeatable.", valueName: "FILE"),
        completion: .file())
    var excludeFrom: [CarriedArgument] = []

    @Flag(help: "Exclude the contents of caches.")
    var excludeCaches = false

    @Flag(help: "Obey .gitignore files.")
    var gitignore = false

    @Option(
        parsing: .unconditionalSingleValue,
        help: ArgumentHelp("Digests of files and directories.", valueName: "ALG[,ALG]"),
        completion: .list(DigestAlgorithm.allCases.map(\.rawValue)))
    var hash: [CarriedArgument] = []

    @Flag(help: "The MIME type of each file.")
    var mime = false

    @Flag(help: "Read files of pseudo file systems, too.")
    var readPseudo = false

    @Option(parsing: .unconditional, help: ArgumentHelp("Do not read larger files.", valueName: "SIZE"))
    var maxRead: CarriedArgument?

    @Option(parsing: .unconditional, help: ArgumentHelp("Do not read files with larger holes.", valueName: "SIZE"))
    var maxHoles: CarriedArgument?

    @Option(parsing: .unconditional, help: ArgumentHelp("Levels of the report's tree.", valueName: "N"))
    var depth: CarriedArgument?

    @Option(parsing: .unconditional, help: ArgumentHelp("Length of the lists of largest entries.", valueName: "N"))
    var top: CarriedArgument?

    @Option(
        parsing: .unconditional, help: ArgumentHelp("Sort key of those lists.", valueName: "KEY"),
        completion: .list(Ranking.allCases.map(\.rawValue)))
    var rank: CarriedArgument?

    @Option(parsing: .unconditional, help: ArgumentHelp("Reference time for ages.", valueName: "TIME"))
    var now: CarriedArgument?

    @OptionGroup var version: VersionOption
}

/// The options of `plan`, checked.
struct PlanSettings {
    var options: ScanOptions
    /// Patterns, before those of `options.exclude`.
    var patternLists: [FilesFrom]
    var shards: Int
    var output: [UInt8]
    var mode: UInt32?

    init(_ command: PlanCommand, _ runs: PathRuns) throws(UsageError) {
        let paths = runs.expanded(command.paths)
        if paths.isEmpty { throw UsageError("no PATH given (see fsscan plan --help)") }
        guard let shards = try ScanSettings.shards("--shards", command.shards) else {
            throw UsageError("plan needs --shards N (see fsscan plan --help)")
        }
        guard let output = command.output else {
            throw UsageError("plan needs -o PLAN (see fsscan plan --help)")
        }
        self.shards = shards
        self.output = output.bytes
        mode = try ScanSettings.mode(command.mode, of: command.output)
        let settings = try Self.settings(command)
        (options, patternLists) = (settings.options, settings.patternLists)
        options.paths = paths
    }

    /// Parsed by the scan's own code, so that the values are defined in one place.
    private static func settings(_ command: PlanCommand) throws(UsageError) -> ScanSettings {
        var arguments: [String] = []
        let flags = [
            ("-H", command.followRoots), ("--exclude-caches", command.excludeCaches), ("-x", command.oneFileSystem),
            ("--exclude-kernfs", command.excludeKernfs),
            ("--gitignore", command.gitignore), ("--mime", command.mime), ("--read-pseudo", command.readPseudo),
        ]
        for (name, isGiven) in flags where isGiven { arguments.append(name) }
        let values = [
            ("--max-read", command.maxRead), ("--max-holes", command.maxHoles), ("--depth", command.depth),
            ("--top", command.top), ("--rank", command.rank), ("--now", command.now),
        ]
        for (name, value) in values { if let value { arguments += [name, value.carried] } }
        for pattern in command.exclude { arguments += ["--exclude", pattern.carried] }
        for list in command.excludeFrom { arguments += ["--exclude-from", list.carried] }
        for algorithm in command.hash { arguments += ["--hash", algorithm.carried] }
        let runs = PathRuns((arguments + ["."]).map { CarriedArgument(carried: $0) })
        do {
            return try ScanSettings(try ScanArguments.parse(runs.arguments), runs)
        } catch let error as UsageError {
            throw error
        } catch {
            throw UsageError(ScanArguments.message(for: error), fromParser: ())
        }
    }
}
