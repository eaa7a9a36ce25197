internal import ArgumentParser
import Entries
import Formats
import ScanEngine
import Snapshots

/// `fsscan accept`.
struct AcceptCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        command: "fsscan accept",
        abstract: "Accept changes: save a new scan that includes them.",
        usage: "fsscan accept [options] SAVED [PATH...]",
        discussion: """
            Scans as verify does, shows the changes, and saves a new scan with them in SAVED: all changes, or those at \
            and below PATHs. Everything else stays as it was saved: entries that cannot be read now, and entries and \
            fields that --exclude and --rules leave out. The older scans remain.

            EXAMPLES:
              fsscan accept --dry-run etc.db
              fsscan accept --reason 'new mail server' etc.db /etc/postfix /etc/aliases
              fsscan accept --rules etc.rules --expect-changes DIGEST etc.db

            EXIT STATUS:
              0                the changes were accepted, or nothing had changed
              2                something could not be read and was not accepted; or the changes are not those of \
            --expect-changes, and nothing was accepted
              64               wrong usage
              74               SAVED or the output could not be written
            """)

    @Argument(help: ArgumentHelp("", valueName: "SAVED", visibility: .hidden))
    var arguments: [String] = []

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("The reason, which is saved with the scan; fsscan saved shows it.", valueName: "TEXT"))
    var reason: CarriedArgument?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Continue only if verify printed this digest for the changes.", valueName: "DIGEST"))
    var expectChanges: CarriedArgument?

    @OptionGroup var ruling: RuleOptions

    @Flag(help: "Show the changes that would be accepted, and write nothing.") var dryRun = false

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("The number of workers that scan, 1 to 1024.", valueName: "N"))
    var threads: CarriedArgument?

    @Flag(inversion: .prefixedNo, help: "Show progress. (default: when standard error is a terminal)")
    var progress: Bool?

    @OptionGroup var version: VersionOption
}

/// The options of `accept`, checked.
struct AcceptSettings {
    var saved: [UInt8]
    /// Empty: all that was saved.
    var paths: [[UInt8]]
    var rules: RuleSettings
    var reason: String?
    /// In lower-case hex.
    var expected: String?
    var isDryRun: Bool
    var threads: Int?
    /// Nil: where standard error is a terminal.
    var progress: Bool?

    init(_ command: AcceptCommand, _ runs: PathRuns) throws(UsageError) {
        let arguments = runs.expanded(command.arguments)
        guard let first = arguments.first else {
            throw UsageError("accept takes SAVED and any number of PATHs (see fsscan accept --help)")
        }
        saved = first
        paths = Array(arguments.dropFirst())
        rules = RuleSettings(command.ruling)
        reason = try command.reason.map { value throws(UsageError) in
            guard let text = String(validating: value.bytes, as: UTF8.self) else {
                throw UsageError("--reason", value, "is not UTF-8")
            }
            return text
        }
        expected = try command.expectChanges.map { value throws(UsageError) in
            let digest = value.carried.lowercased()
            let isDigest =
                digest.utf8.count == 64
                && digest.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
            guard isDigest else { throw UsageError("--expect-changes", value, "is not a digest (64 hex digits)") }
            return digest
        }
        isDryRun = command.dryRun
        progress = command.progress
        threads = try ScanSettings.threads(command.threads)
    }
}
