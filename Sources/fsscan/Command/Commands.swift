internal import ArgumentParser

/// A word that the first argument may be, and its effect.
///
/// Not subcommands of the parser: it omits the options of a default subcommand from the help and the completions, where
/// users look for them. To add a command, write one element of `all`, and a page in docs/man.
struct Command {
    let name: String
    /// For the help: a typical command line.
    let example: String
    let type: any ParsableCommand.Type
    /// Parses the arguments after the word.
    let invocation: ([CarriedArgument]) throws(UsageError) -> Invocation

    static var all: [Command] {
        [
            Command("scan", ScanArguments.self, "fsscan --json -x / | jq .totals") {
                .scan(try ScanSettings($0, $1))
            },
            Command("browse", BrowseCommand.self, "fsscan browse /srv") { .browse(try BrowseSettings($0, $1)) },
            Command("diff", DiffCommand.self, "fsscan diff scans.db /usr") { .diff(try DiffSettings($0, $1)) },
            Command("verify", VerifyCommand.self, "fsscan verify usr.db") { .verify(try VerifySettings($0, $1)) },
            Command("accept", AcceptCommand.self, "fsscan accept etc.db /etc/postfix") {
                .accept(try AcceptSettings($0, $1))
            },
            Command("prune", PruneCommand.self, "fsscan prune --keep 7 usr.db") { .prune(try PruneSettings($0, $1)) },
            Command("duplicates", DuplicatesCommand.self, "fsscan duplicates ~/Pictures") {
                .duplicates(try DuplicatesSettings($0, $1))
            },
            Command("saved", SavedCommand.self, "fsscan saved scans.db") { .saved(try SavedSettings($0, $1)) },
            Command("plan", PlanCommand.self, "fsscan plan /data --shards 8 -o data.plan") {
                .plan(try PlanSettings($0, $1))
            },
            Command("merge", MergeCommand.self, "fsscan merge data.[1-8] --json") { .merge(try MergeSettings($0, $1)) },
            Command("help", HelpCommand.self, "fsscan help verify") { try help(on: $1.expanded($0.commands)) },
            Command("version", VersionCommand.self, "fsscan version") { _, _ in .programVersion },
        ]
    }

    init<Parsed: ParsableCommand>(
        _ name: String, _ type: Parsed.Type, _ example: String,
        _ check: @escaping (Parsed, PathRuns) throws -> Invocation
    ) {
        self.name = name
        self.example = example
        self.type = type
        invocation = { (arguments) throws(UsageError) in
            let runs = PathRuns(arguments)
            return try Invocation.parsed(type, runs) { try check($0, runs) }
        }
    }

    /// A line of the help.
    var summary: String { type.configuration.abstract }

    static func named(_ name: CarriedArgument?) -> Command? { all.first { $0.name == name?.carried } }

    /// The command that the user may have meant.
    static func near(_ name: CarriedArgument) -> Command? {
        all.first { EditDistance($0.name.utf8, name.bytes).value == 1 }
    }

    private static func help(on names: [[UInt8]]) throws(UsageError) -> Invocation {
        guard names.count <= 1 else { throw UsageError("help takes at most one COMMAND (see fsscan --help)") }
        let name = names.first.map { CarriedArgument(bytes: $0) } ?? CarriedArgument(carried: "scan")
        if let command = named(name) { return try command.invocation([CarriedArgument(carried: "--help")]) }
        let meant = near(name).map { ": did you mean '\($0.name)'?" } ?? ""
        throw UsageError("help", name, "is no command\(meant) (see fsscan --help)")
    }

    /// Part of the help of `fsscan`. Without a summary for `scan`, which is the first line of that page.
    static var list: String {
        all.map { command in
            let first = "  " + command.name + String(repeating: " ", count: max(1, 11 - command.name.count))
            let summary = command.name == "scan" ? "This page. The word scan is optional." : command.summary
            return "\(first)\(summary)\n\(String(repeating: " ", count: 15))\(command.example)"
        }.joined(separator: "\n")
    }
}

extension CommandConfiguration {
    /// The configuration of a command of this program.
    ///
    /// A command with a name above it is a part of another program for the parser, which then does not ask whether its
    /// own completion scripts are wanted. `CompletionShell` has answered that, and asking takes 4 % of a start.
    init(command name: String, abstract: String, usage: String, discussion: String = "") {
        self.init(
            commandName: name, _superCommandName: "", abstract: abstract, usage: usage, discussion: discussion)
    }
}

/// `fsscan` and `fsscan scan`.
///
/// It calls itself `fsscan`, not `fsscan scan`: with a default subcommand its options would be missing from the help
/// and the shell completion of `fsscan`, where users look for them. `Command` has the names of commands.
///
/// An extension, as the help lists the commands, which the options need not know. As an option group of a command they
/// would cost 5 % of the instructions of a start.
extension ScanArguments: ParsableCommand {
    static let configuration = CommandConfiguration(
        command: "fsscan",
        abstract: "Scan a file tree, and show its contents, sizes and errors.",
        usage: "fsscan [scan] [options] PATH...",
        discussion: """
            Scans every entry at and below each PATH once, in parallel. A PATH that is a symbolic link is one entry; \
            it is followed if it ends in a slash, or with -H. The summary is for people; --json is for programs.

            COMMANDS (the first argument; for a directory with such a name write ./diff):
            \(Command.list)

            EXAMPLES:
              fsscan /usr
              fsscan --hash sha256 --mime --ndjson --sorted /usr > usr.ndjson
              fsscan --save scans.db --hash sha256 /usr
              find . -mindepth 1 -maxdepth 1 -mtime -1 -print0 | fsscan --files-from -

            EXIT STATUS:
              0                everything was read
              1                something could not be read (see the errors)
              64               wrong usage
              69               a library, its data or /proc is missing here
              71               out of memory
              74               the output could not be written, or the scan not saved
              75               stopped by --deadline; the report says so
              129, 130, 143    stopped by SIGHUP, SIGINT, SIGTERM; the report says so
            """)
}

/// `fsscan help`.
struct HelpCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        command: "fsscan help", abstract: "Describe a command and its options.",
        usage: "fsscan help [COMMAND]", discussion: "Without COMMAND: fsscan --help.")

    @Argument(help: ArgumentHelp("", valueName: "COMMAND", visibility: .hidden))
    var commands: [String] = []

    @OptionGroup var version: VersionOption
}

/// `fsscan version`.
struct VersionCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        command: "fsscan version", abstract: "Show the version, and how libmagic is confined.",
        usage: "fsscan version")

    @OptionGroup var version: VersionOption
}
