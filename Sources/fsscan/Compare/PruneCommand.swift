internal import ArgumentParser
import Entries
import Formats
import Snapshots

/// `fsscan prune`.
struct PruneCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        command: "fsscan prune",
        abstract: "Remove old scans from a file of saved scans.",
        usage: "fsscan prune SAVED --keep N [--keep-daily N] [--keep-label L]... [--dry-run]",
        discussion: """
            Removes all scans that no option keeps, and makes the file smaller. The options are those of restic forget: \
            each keeps scans independently, and scans of different PATHs or hosts are counted separately. Days, weeks \
            (from Monday) and months are in UTC; only those with a scan count.

            EXAMPLES:
              fsscan prune --keep 7 usr.db
              fsscan prune --keep-daily 7 --keep-weekly 4 --keep-monthly 12 --keep-label release usr.db

            EXIT STATUS:
              0                scans were removed, or there were none to remove
              2                SAVED could not be read
              64               wrong usage, or some PATHs would lose all of their scans
              74               SAVED could not be written
            """)

    @Argument(help: ArgumentHelp("", valueName: "SAVED", visibility: .hidden))
    var arguments: [String] = []

    @Option(parsing: .unconditional, help: ArgumentHelp("Keep the N newest scans.", valueName: "N"))
    var keep: CarriedArgument?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Keep the newest scan of each of the last N days that have one.", valueName: "N"))
    var keepDaily: CarriedArgument?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Keep the newest scan of each of the last N weeks that have one.", valueName: "N"))
    var keepWeekly: CarriedArgument?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Keep the newest scan of each of the last N months that have one.", valueName: "N"))
    var keepMonthly: CarriedArgument?

    @Option(
        parsing: .unconditionalSingleValue,
        help: ArgumentHelp("Keep all scans with this label; repeatable.", valueName: "L"))
    var keepLabel: [CarriedArgument] = []

    @Flag(help: "Show what would be removed, and remove nothing.") var dryRun = false

    @OptionGroup var version: VersionOption
}

/// The options of `prune`, checked.
struct PruneSettings {
    var file: [UInt8]
    var policy = PrunePolicy()
    var isDryRun: Bool

    init(_ command: PruneCommand, _ runs: PathRuns) throws(UsageError) {
        let arguments = runs.expanded(command.arguments)
        guard arguments.count == 1 else {
            throw UsageError("prune takes one argument, SAVED (see fsscan prune --help)")
        }
        file = arguments[0]
        policy.last = try ScanSettings.count("--keep", command.keep) ?? 0
        policy.daily = try ScanSettings.count("--keep-daily", command.keepDaily) ?? 0
        policy.weekly = try ScanSettings.count("--keep-weekly", command.keepWeekly) ?? 0
        policy.monthly = try ScanSettings.count("--keep-monthly", command.keepMonthly) ?? 0
        policy.labels = Set(command.keepLabel.map { String(decoding: $0.bytes, as: UTF8.self) })
        let isNone = policy.last + policy.daily + policy.weekly + policy.monthly == 0 && policy.labels.isEmpty
        if isNone { throw UsageError("prune removes all scans that no option keeps: give one, such as --keep 10") }
        isDryRun = command.dryRun
    }
}
