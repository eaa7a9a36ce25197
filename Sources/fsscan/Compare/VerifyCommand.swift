internal import ArgumentParser
import Snapshots

/// `fsscan verify`.
struct VerifyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fsscan verify",
        abstract: "Scan again as a saved scan was made, and show what changed.",
        usage: "fsscan verify [options] SAVED [PATH]",
        discussion: """
            SAVED is a file of saved scans (FILE: the newest; FILE#3 or FILE#LABEL: that one) or another file that can be \
            compared. PATH is scanned in place of the PATH that was saved.

            Each line is an entry: + added, - removed, * other content, ! other metadata, = moved, ? cannot be read now, or \
            could not be read then.

            EXAMPLES:
              fsscan --save usr.db --hash sha256 /usr
              fsscan verify usr.db
              fsscan verify --quick --ignore mtime,ctime usr.db /mnt/usr

            EXIT STATUS:
              0                nothing changed
              1                something changed
              2                something could not be read or compared, or SAVED is not what --expect says
              64               wrong usage
              74               the output could not be written
            """)

    @Argument(help: .hidden, completion: .file())
    var arguments: [String] = []

    @Flag(help: "Do not read files whose device, inode, size, mtime and ctime are those of the saved scan.")
    var quick = false

    @Option(
        parsing: .unconditionalSingleValue,
        help: ArgumentHelp(
            "Go on only if this is the SHA-256 of the file SAVED, or the digest of the saved root; repeatable.",
            valueName: "DIGEST"))
    var expect: [CarriedArgument] = []

    @OptionGroup var comparison: ComparisonOptions
}

/// The options of `verify`, checked.
struct VerifySettings {
    var saved: [UInt8]
    /// Nil: the PATHs that were saved.
    var path: [UInt8]?
    var isQuick: Bool
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
        expected = []
        for value in command.expect {
            let digest = value.carried.lowercased()
            guard [32, 40, 64, 128].contains(digest.utf8.count), digest.allSatisfy({ $0.isASCII && $0.isHexDigit })
            else { throw UsageError("--expect", value, "is not a digest in hex") }
            expected.append(digest)
        }
        comparison = try ComparisonSettings(command.comparison)
    }
}
