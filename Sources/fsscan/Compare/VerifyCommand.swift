internal import ArgumentParser
import ScanEngine
import Snapshots

/// `fsscan verify`.
struct VerifyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        command: "fsscan verify",
        abstract: "Repeat a saved scan, and show the changes.",
        usage: "fsscan verify [options] SAVED [PATH]",
        discussion: """
            SAVED is a file of saved scans (FILE: the newest; FILE#3 or FILE#LABEL: that one) or another file that can \
            be compared. If PATH is given, it is scanned instead of the saved PATH.

            Each line is an entry: + added, - removed, * other content, ! other metadata, = moved, ? cannot be read \
            now, or could not be read then.

            EXAMPLES:
              fsscan --save usr.db --hash sha256 /usr
              fsscan verify usr.db
              fsscan verify --listed-only SHA256SUMS /srv/iso
              fsscan verify --quick --ignore mtime,ctime usr.db /mnt/usr

            EXIT STATUS:
              0                nothing changed
              1                something changed
              2                something could not be read or compared, or SAVED does not match --expect
              64               wrong usage
              74               the output could not be written
            """)

    @Argument(help: ArgumentHelp("", valueName: "SAVED", visibility: .hidden))
    var arguments: [String] = []

    @Flag(
        help: """
            Do not read files whose device, inode, size, mtime and ctime are unchanged and that only root and you may \
            write to, except for one in a hundred.
            """)
    var quick = false

    @Flag(help: "Read only the files that SAVED lists, and do not report others.") var listedOnly = false

    @OptionGroup var trust: TrustOptions

    @OptionGroup var comparison: ComparisonOptions

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "text, json, ndjson, or journal: entries of systemd's journal. (default: text)", valueName: "FORMAT"),
        completion: .list(ComparisonSettings.formats.map(\.description)))
    var format: CarriedArgument?

    @OptionGroup var version: VersionOption
}

/// The options of `verify`, checked.
struct VerifySettings {
    var saved: [UInt8]
    /// Nil for the saved PATHs.
    var path: [UInt8]?
    var isQuick: Bool
    /// Entries that SAVED does not list are ignored.
    var isListedOnly: Bool
    var trust: ContentBaseline.Trust
    /// In lower-case hex.
    var expected: [String]
    var comparison: ComparisonSettings

    init(_ command: VerifyCommand, _ runs: PathRuns) throws(UsageError) {
        let arguments = runs.expanded(command.arguments)
        guard (1...2).contains(arguments.count) else {
            throw UsageError("verify takes SAVED and at most one PATH (see fsscan verify --help)")
        }
        saved = arguments[0]
        path = arguments.count > 1 ? arguments[1] : nil
        isQuick = command.quick
        isListedOnly = command.listedOnly
        if isListedOnly, InputFile.descriptorNumber(saved) != nil {
            throw UsageError("--listed-only reads SAVED twice, so SAVED must be a file")
        }
        trust = try command.trust.trust(reread: 0.01)
        if !isQuick, command.trust.isGiven {
            throw UsageError("\(command.trust.trustTimes ? "--trust-times" : "--reread") is for verify --quick")
        }
        expected = try command.trust.expected()
        comparison = try ComparisonSettings(command.comparison, format: command.format)
    }
}
