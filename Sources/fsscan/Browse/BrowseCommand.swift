internal import ArgumentParser
import Entries
import ScanEngine

/// `fsscan browse`.
struct BrowseCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        command: "fsscan browse",
        abstract: "Browse a tree in the terminal, while it is scanned or later.",
        usage: "fsscan browse [options] PATH | FILE | OLD NEW",
        discussion: """
            Shows the disk usage of PATH, directory by directory, from the start: the sums grow while the scan runs. \
            FILE is a file of saved scans (FILE: the newest; FILE#3 or FILE#LABEL: that one) or of records. \
            With OLD and NEW, each any of these, it shows the growth. The keys are those of ncdu; ? shows them. It \
            changes nothing, except with --delete.

            EXAMPLES:
              fsscan browse /srv
              fsscan browse -x /
              fsscan --save scans.db /srv; fsscan browse scans.db /srv

            EXIT STATUS:
              0                left with q
              2                the directory or file does not exist, or cannot be read
              64               wrong usage, or no terminal
              69               a library or its data is missing
              71               out of memory
              129, 130, 143    ended by SIGHUP, SIGINT, SIGTERM
            """)

    @Argument(help: .hidden, completion: .file())
    var paths: [String] = []

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "The number of running workers, 1 to 1024. (default: the processors available to the process)",
            valueName: "N"))
    var threads: CarriedArgument?

    @Flag(name: [.customShort("x"), .long], help: "Do not descend into directories on other file systems.")
    var oneFileSystem = false

    @Flag(help: "Do not descend into pseudo file systems (proc, sysfs, ...) that are mounted below PATH.")
    var excludeKernfs = false

    @Option(
        parsing: .unconditionalSingleValue,
        help: ArgumentHelp("Exclude entries that match this gitignore-style pattern; repeatable.", valueName: "GLOB"))
    var exclude: [CarriedArgument] = []

    @Flag(help: "Obey .gitignore files, from PATH downwards.")
    var gitignore = false

    @Flag(help: "Allow deleting, with the key d and a confirmation. Without it, nothing is changed.")
    var delete = false

    @OptionGroup var version: VersionOption
}

/// The options of `browse`, checked.
struct BrowseSettings {
    var paths: [[UInt8]]
    var threads: Int?
    var oneFileSystem: Bool
    var excludeKernfs: Bool
    var exclude: [[UInt8]]
    var gitignore: Bool
    var delete: Bool

    init(_ command: BrowseCommand, _ runs: PathRuns) throws(UsageError) {
        paths = runs.expanded(command.paths)
        if paths.isEmpty { throw UsageError("no PATH given (see fsscan browse --help)") }
        if paths.count > 2 { throw UsageError("browse takes one PATH, or OLD and NEW") }
        threads = try ScanSettings.threads(command.threads)
        oneFileSystem = command.oneFileSystem
        excludeKernfs = command.excludeKernfs
        exclude = command.exclude.map(\.bytes)
        gitignore = command.gitignore
        delete = command.delete
        if delete, paths.count > 1 { throw UsageError("--delete is for one PATH") }
    }

    func scanOptions(path: [UInt8], threads: Int) -> ScanOptions {
        var options = ScanOptions(paths: [path], threads: threads)
        options.oneFileSystem = oneFileSystem
        options.excludeKernfs = excludeKernfs
        options.exclude = exclude
        options.gitignore = gitignore
        // The browser has a tree of its own.
        options.depth = 0
        options.top = 1000
        return options
    }
}
