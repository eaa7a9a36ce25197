import Entries
import Formats
import LinuxKernel
import ScanEngine
import Snapshots

/// The options shared by `diff` and `verify`, checked: the compared fields, and the output.
struct ComparisonSettings {
    var selection: FieldSelection
    /// Words of `--ignore` that are neither a field nor a digest: see `confirmIgnored`.
    private var foreignNames: [CarriedArgument] = []
    var rules: RuleSettings
    /// dpkg's administrative directory, of `--known`.
    var dpkgDirectory: [UInt8]?
    /// Empty for all kinds.
    var only: Set<ChangeKind>
    /// The algorithm of digests in a list that does not name it.
    var algorithm: DigestAlgorithm?
    var format: ReportFormat
    /// Replaces the lines of text.
    var view: ChangeView?
    /// Entries below an added, removed or moved directory have lines of their own.
    var isUnfolded: Bool
    /// Nil: standard output.
    var output: [UInt8]?
    /// Of the output.
    var mode: UInt32?
    /// Nil: chosen by the machine.
    var threads: Int?
    /// Nil: if standard error is a terminal.
    var progress: Bool?
    /// Changes of other entries are hidden.
    var entries = Selection()
    /// The reference time for ages; nil: now.
    var now: FileTime?

    /// - Parameters:
    ///   - format: the value of `--format`.
    ///   - html: the value of `--html`; nil for commands without pages.
    init(_ options: ComparisonOptions, format given: CarriedArgument?, html: Bool? = nil) throws(UsageError) {
        selection = FieldSelection()
        rules = RuleSettings(options.ruling)
        dpkgDirectory = try options.known.map { (known) throws(UsageError) in try Self.dpkgDirectory(known) }
        only = []
        for name in Self.items(options.only) {
            guard let kind = ChangeKind(rawValue: name.carried) else {
                let known = ChangeKind.allCases.map(\.rawValue).joined(separator: " ")
                throw UsageError("--only", name, "is not one of \(known)")
            }
            only.insert(kind)
        }
        algorithm = try options.algorithm.map { (name) throws(UsageError) in
            try ScanSettings.algorithm("--algorithm", name)
        }
        format = try Self.format(given, options, html: html)
        view = try ChangeView(options, format)
        // `--known` is decided for each file.
        isUnfolded = options.unfold || dpkgDirectory != nil || view != nil || ![.text, .journal].contains(format)
        output = options.output?.bytes == [UInt8(ascii: "-")] ? nil : options.output?.bytes
        mode = try ScanSettings.mode(options.mode, of: options.output)
        if format == .journal, options.output != nil { throw UsageError("the journal or -o FILE: one at a time") }
        threads = try ScanSettings.threads(options.threads)
        progress = options.progress
        for name in Self.items(options.also) {
            guard let field = EntryField(comparable: name.carried), field != .kind else {
                throw UsageError("--also", name, "is not one of \(Self.fieldNames(but: .kind))")
            }
            selection.added.insert(field)
        }
        for name in Self.items(options.ignore) {
            if let field = EntryField(comparable: name.carried) {
                selection.ignored.insert(field)
            } else if let algorithm = DigestAlgorithm(rawValue: name.carried) {
                selection.ignoredAlgorithms.insert(algorithm)
            } else if name.carried == "content" {
                selection.ignoredAlgorithms.formUnion(DigestAlgorithm.allCases)
            } else {
                selection.ignoredNames.insert(name.carried)
                foreignNames.append(name)
            }
        }
    }

    private static func dpkgDirectory(_ known: CarriedArgument) throws(UsageError) -> [UInt8] {
        let name = Array("dpkg".utf8)
        if known.bytes == name { return Array("/var/lib/dpkg".utf8) }
        let rest = known.bytes.dropFirst(name.count)
        guard known.bytes.starts(with: name), rest.first == UInt8(ascii: ":"), rest.count > 1 else {
            throw UsageError("--known", known, "is not dpkg or dpkg:DIR")
        }
        return Array(rest.dropFirst())
    }

    /// Refuses unknown names, so that a typing mistake is not taken for an ignored field.
    ///
    /// - Parameter sides: those that are known; a side that is scanned has no names of its own.
    func confirmIgnored(_ sides: [SnapshotDescription]) throws(UsageError) {
        for name in foreignNames where !sides.contains(where: { $0.uncheckable[name.carried] != nil }) {
            let digests = DigestAlgorithm.allCases.map(\.rawValue).joined(separator: " ")
            throw UsageError(
                "--ignore", name, "is not one of \(Self.fieldNames()) \(digests) content, and no side has it")
        }
    }

    private static func fieldNames(but left: EntryField? = nil) -> String {
        EntryField.comparable.filter { $0 != left }.map(\.name.description).joined(separator: " ")
    }

    private static func items(_ values: [CarriedArgument]) -> [CarriedArgument] {
        values.flatMap { value in
            value.carried.split(separator: ",", omittingEmptySubsequences: false).map {
                CarriedArgument(carried: String($0))
            }
        }
    }

    /// For `--format` of `verify`; `diff` has pages, too.
    static let formats: [ReportFormat] = [.text, .json, .ndjson, .journal]
    static let formatsWithPages = formats + [.html]

    private static func format(
        _ given: CarriedArgument?, _ options: ComparisonOptions, html: Bool?
    ) throws(UsageError) -> ReportFormat {
        var asked: [ReportFormat] = []
        if let value = given {
            let formats = html == nil ? Self.formats : Self.formatsWithPages
            guard let format = formats.first(where: { $0.description == value.carried }) else {
                let known = formats.map(\.description).joined(separator: ", ")
                throw UsageError("--format", value, "is not a format here; there are \(known)")
            }
            asked.append(format)
        }
        if options.json { asked.append(.json) }
        if html == true { asked.append(.html) }
        if options.ndjson { asked.append(.ndjson) }
        let format = asked.first ?? .text
        if let other = asked.first(where: { $0 != format }) {
            throw UsageError("one format at a time: \(format) or \(other)")
        }
        return format
    }
}

/// `--exclude` and `--rules`.
struct RuleSettings {
    /// Patterns.
    var excludes: [[UInt8]]
    var file: [UInt8]?

    init(_ options: RuleOptions) {
        (excludes, file) = (options.exclude.map(\.bytes), options.rules?.bytes)
    }
}

/// The output, if it is not a line for each change.
enum ChangeView: Equatable {
    case paths(isNUL: Bool)
    case itemize
    case stat

    /// Lines for other programs have none.
    var hasSummary: Bool { self == .stat }

    init?(_ options: ComparisonOptions, _ format: ReportFormat) throws(UsageError) {
        let asked = [("--paths", options.paths), ("--itemize", options.itemize), ("--stat", options.stat)]
            .filter(\.1).map(\.0)
        if asked.count > 1 { throw UsageError("\(asked[0]) or \(asked[1]): one at a time") }
        if options.nul, !options.paths { throw UsageError("-0 is for --paths") }
        guard let name = asked.first else { return nil }
        if format != .text { throw UsageError("one format at a time: \(format) or \(name)") }
        self = options.paths ? .paths(isNUL: options.nul) : options.itemize ? .itemize : .stat
    }
}

/// The options of `diff`, checked.
struct DiffSettings {
    var old: [UInt8]
    var new: [UInt8]
    var hash: [DigestAlgorithm]
    /// For two directories: files are not read.
    var isQuick: Bool
    /// Of OLD, in lower-case hex.
    var expected: [String]
    var comparison: ComparisonSettings
    /// Sums of directories instead of entries.
    var growth: GrowthSettings?

    init(_ command: DiffCommand, _ runs: PathRuns) throws(UsageError) {
        let sides = runs.expanded(command.sides)
        guard sides.count == 2 else {
            throw UsageError("diff takes two arguments, OLD and NEW (see fsscan diff --help)")
        }
        (old, new) = (sides[0], sides[1])
        hash = try ScanSettings.algorithms(command.hash)
        isQuick = command.quick
        expected = try TrustOptions.digests(command.expect)
        if isQuick, !hash.isEmpty { throw UsageError("--quick reads no files, --hash reads all: use one of them") }
        comparison = try ComparisonSettings(command.comparison, format: command.format, html: command.html)
        growth = try GrowthSettings(command, comparison.format)
        comparison.entries = try command.selection.selection()
        comparison.now = try ScanSettings.value(
            "--now", command.now, "time", TimeArgument.description, TimeArgument.time)
        if let option = command.selection.given.first, growth != nil || comparison.format == .html {
            throw UsageError("--growth and --html cover everything: leave out \(option)")
        }
    }

    /// The algorithm for two directories; nil if they are not read.
    var comparedAlgorithm: DigestAlgorithm? {
        if isQuick { return nil }
        let algorithms = comparison.algorithm.map { [$0] } ?? [.xxh128] + DigestAlgorithm.allCases
        return algorithms.first { !comparison.selection.ignoredAlgorithms.contains($0) }
    }
}

/// The options of `saved`, checked.
struct SavedSettings {
    var file: [UInt8]
    var isJSON: Bool
    /// Whether to compute evidence.
    var wantsEvidence: Bool
    /// The destination of `--copy`.
    var copy: [UInt8]?
    var output: [UInt8]?
    /// Of the output.
    var mode: UInt32?

    init(_ command: SavedCommand, _ runs: PathRuns) throws(UsageError) {
        let files = runs.expanded(command.files)
        if command.copy {
            guard files.count == 2 else {
                throw UsageError("saved --copy takes two arguments, OLD and NEW (see fsscan saved --help)")
            }
            copy = files[1]
        } else if files.count != 1 {
            throw UsageError("saved takes one argument, FILE (see fsscan saved --help)")
        }
        file = files[0]
        isJSON = command.json
        wantsEvidence = command.evidence
        output = command.output?.bytes == [UInt8(ascii: "-")] ? nil : command.output?.bytes
        mode = try ScanSettings.mode(command.mode, of: command.copy ? CarriedArgument(bytes: files[1]) : command.output)
    }
}
