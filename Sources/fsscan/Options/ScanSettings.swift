import Entries
import Formats
import LinuxKernel
import ScanEngine
import Snapshots

/// The options of a scan, checked.
struct ScanSettings {
    var paths: [[UInt8]]
    /// Nil for the whole scan.
    var shard: ShardSettings?
    /// More PATHs, after the others.
    var pathLists: [FilesFrom]
    /// Patterns, before those of `options.exclude`.
    var patternLists: [FilesFrom]
    /// Nil: chosen by the machine.
    var threads: Int?
    /// The options of the engine, except `paths` and `threads`.
    var options = ScanOptions(paths: [], threads: 1)
    /// Seconds; nil: none.
    var deadline: Double?
    var format: ReportFormat
    /// Nil: standard output.
    var output: [UInt8]?
    /// The mode of the written files; nil: unchanged, or that of new files.
    var mode: UInt32?
    var sorted: Bool
    /// NUL instead of a newline ends lines.
    var endsLinesInNUL: Bool
    /// Of `--format text`.
    var summary: SummaryOptions
    var progress: Bool?
    var statistics: Bool
    var trace: [UInt8]?
    /// Where the scan is saved.
    var save: [UInt8]?
    var label: String?
    /// A saved scan: a file, or a file and a selector.
    var baseline: [UInt8]?
    var trust: ContentBaseline.Trust
    /// Digests of the baseline's file, one of which must match; in lower-case hex.
    var expected: [String]

    init(_ arguments: ScanArguments, _ runs: PathRuns) throws(UsageError) {
        format = try Self.format(arguments)
        threads = try Self.threads(arguments.threads)
        options.pool = try Self.number("--pool", arguments.pool, 1...1024, "is not a number from 1 to 1024")
        options.depth = try Self.count("--depth", arguments.depth) ?? options.depth
        options.top = try Self.count("--top", arguments.top) ?? options.top
        options.rank = try Self.ranking(arguments.rank, of: Ranking.allCases)
        options.now = try Self.value("--now", arguments.now, "time", TimeArgument.description, TimeArgument.time)
        if format == .html { options.map.length = MapNode.limit }
        summary = try SummaryOptions(arguments, format)
        if format == .text, options.top > 0 {
            // A chain, which is one line, has several nodes.
            options.map.length = max(64, 4 * options.top)
            options.map.hasFiles = false
            if arguments.depth != nil { options.map.depth = options.depth }
        }
        options.selection = try arguments.selection.selection()
        if let option = arguments.selection.given.first {
            if [.html, .du, .openmetrics].contains(format) {
                throw UsageError("--format \(format) covers everything: leave out \(option)")
            }
            if arguments.save != nil { throw UsageError("--save keeps whole scans: leave out \(option)") }
        }
        options.hash = format.algorithms(asked: try Self.algorithms(arguments.hash))
        options.asked = FieldSet(arguments.asked.map(\.field)).union(format.asked)
        if summary.table == .mime { options.mime = true }
        options.readPseudo = arguments.readPseudo
        options.maxRead = try Self.size("--max-read", arguments.maxRead) ?? options.maxRead
        options.maxHoles = try Self.size("--max-holes", arguments.maxHoles) ?? options.maxHoles
        options.oneFileSystem = arguments.oneFileSystem
        options.excludeKernfs = arguments.excludeKernfs
        options.exclude = arguments.exclude.map(\.bytes)
        options.excludeCaches = arguments.excludeCaches
        options.followRoots = arguments.followRoots
        options.gitignore = arguments.gitignore
        deadline = try Self.value(
            "--deadline", arguments.deadline, "time", DurationArgument.description, DurationArgument.seconds)
        paths = runs.expanded(arguments.paths)
        pathLists = [
            arguments.filesFrom.map { .nulSeparated($0.bytes) }, arguments.filesFromLines.map { .lines($0.bytes) },
        ].compactMap { $0 }
        patternLists = arguments.excludeFrom.map { .patterns($0.bytes) }
        let lists = (pathLists + patternLists).filter(\.isStandardInput)
        if lists.count > 1 {
            let options = lists.map(\.option).joined(separator: ", ")
            throw UsageError("\(options): standard input can be one of them")
        }
        if paths.isEmpty && pathLists.isEmpty { throw UsageError("no PATH given (see fsscan --help)") }
        output = arguments.output?.bytes == [UInt8(ascii: "-")] ? nil : arguments.output?.bytes
        mode = try Self.mode(
            arguments.mode, of: arguments.output ?? arguments.trace ?? arguments.save ?? arguments.partial)
        sorted = arguments.sorted
        endsLinesInNUL = arguments.endsLinesInNUL
        progress = arguments.progress
        statistics = arguments.stats
        trace = arguments.trace?.bytes
        save = arguments.save?.bytes
        baseline = arguments.baseline?.bytes
        if baseline != nil, options.hash.isEmpty, !options.mime {
            throw UsageError("--baseline is for digests and MIME types: use it with --hash or --mime")
        }
        trust = try arguments.trust.trust(reread: 0)
        expected = try arguments.trust.expected()
        if baseline == nil, arguments.trust.isGiven || !expected.isEmpty {
            let option = arguments.trust.trustTimes ? "--trust-times" : expected.isEmpty ? "--reread" : "--expect"
            throw UsageError("\(option) is for a scan with a baseline: use it with --baseline")
        }
        label = try arguments.label.map { label throws(UsageError) in try Self.label(label) }
        shard = try ShardSettings(shard: arguments.shard, plan: arguments.plan, partial: arguments.partial)
        if shard != nil { try refuseWhatPlansFix(arguments) }
        if label != nil, save == nil { throw UsageError("--label is for a saved scan: use it with --save") }
    }

    /// Options of a shard that would have no effect, or differ from those of the other shards.
    private func refuseWhatPlansFix(_ arguments: ScanArguments) throws(UsageError) {
        let fixed: [(String, Bool)] = [
            ("--one-file-system", options.oneFileSystem), ("--exclude-kernfs", options.excludeKernfs),
            ("--exclude", !options.exclude.isEmpty), ("--exclude-from", !patternLists.isEmpty),
            ("--exclude-caches", options.excludeCaches), ("-H", options.followRoots),
            ("--gitignore", options.gitignore),
            ("--hash", !options.hash.isEmpty), ("--mime", options.mime), ("--xattrs", options.xattrs),
            ("--read-pseudo", options.readPseudo), ("--max-read", arguments.maxRead != nil),
            ("--max-holes", arguments.maxHoles != nil), ("--depth", arguments.depth != nil),
            ("--top", arguments.top != nil), ("--rank", arguments.rank != nil), ("--now", arguments.now != nil),
        ]
        guard options.selection.isEmpty else { throw UsageError("a shard cannot have a selection") }
        if let (option, _) = fixed.first(where: \.1) {
            throw UsageError("\(option): a shard takes its options from the plan: give this one to fsscan plan")
        }
        let others: [(String, Bool)] = [
            ("--format", format != .text), ("-o", output != nil), ("--save", save != nil),
            ("--baseline", baseline != nil), ("--deadline", deadline != nil), ("--trace", trace != nil),
            ("--stats", statistics), ("--files-from", !pathLists.isEmpty),
        ]
        if let (option, _) = others.first(where: \.1) {
            throw UsageError("\(option) is not for a shard, whose only output is --partial")
        }
    }

    /// Permission bits, in octal.
    static func mode(_ value: CarriedArgument?, of file: CarriedArgument?) throws(UsageError) -> UInt32? {
        guard let value else { return nil }
        guard !value.bytes.isEmpty, value.bytes.allSatisfy({ (0x30...0x37).contains($0) }),
            let mode = UInt32(value.carried, radix: 8), mode <= 0o777
        else { throw UsageError("--mode", value, "is not a mode (octal, 0 to 0777)") }
        if file == nil { throw UsageError("--mode is for a file that is written: use it with -o") }
        return mode
    }

    /// The selector in `FILE#LABEL`: the name of the file ends at `#`, and a number selects by scan number.
    private static func label(_ value: CarriedArgument) throws(UsageError) -> String {
        guard let text = String(validating: value.bytes, as: UTF8.self) else {
            throw UsageError("--label", value, "is not UTF-8")
        }
        if text.isEmpty { throw UsageError("--label", value, "is empty") }
        if value.bytes.contains(UInt8(ascii: "#")) || Int64(text) != nil {
            throw UsageError("--label", value, "cannot be selected as FILE#LABEL: it is a number, or has a #")
        }
        return text
    }

    /// The number of shards.
    static func shards(_ option: String, _ value: CarriedArgument?) throws(UsageError) -> Int? {
        try number(option, value, 1...ScanPlan.mostShards, "is not a number from 1 to \(ScanPlan.mostShards)")
    }

    static func threads(_ value: CarriedArgument?) throws(UsageError) -> Int? {
        try number("--threads", value, 1...1024, "is not a number from 1 to 1024")
    }

    /// For the engine; `paths` is complete, including those of `pathLists`.
    ///
    /// - Parameter patterns: the contents of `patternLists`. Later patterns win, so those of the command line do.
    func scanOptions(paths: [[UInt8]], patterns: [[UInt8]] = [], threads: Int) -> ScanOptions {
        var options = options
        options.exclude = patterns + options.exclude
        (options.paths, options.threads) = (paths, threads)
        return options
    }

    private static func format(_ arguments: ScanArguments) throws(UsageError) -> ReportFormat {
        var asked: [ReportFormat] = []
        if let value = arguments.format {
            guard let format = ReportFormat(name: value.carried) else {
                let known = ReportFormat.names.joined(separator: " ")
                throw UsageError("--format", value, "is not one of \(known)")
            }
            asked.append(format)
        }
        if arguments.json { asked.append(.json) }
        if arguments.html { asked.append(.html) }
        if arguments.ndjson { asked.append(.ndjson) }
        if !arguments.columns.isEmpty { asked.append(.records(.columns(try columns(arguments.columns)))) }
        let format = asked.first ?? .text
        if let other = asked.first(where: { $0 != format }) {
            throw UsageError("one format at a time: \(format) or \(other)")
        }
        if arguments.sorted, format.records == nil {
            throw UsageError("--sorted is for records: use it with --ndjson, or another format of records")
        }
        if arguments.endsLinesInNUL, !format.hasLines {
            throw UsageError("-0 is for lines: use it with --print, --format paths or --format du")
        }
        return format
    }

    private static func columns(_ values: [CarriedArgument]) throws(UsageError) -> [EntryColumn] {
        try listed(values).map { name throws(UsageError) in
            if let column = EntryColumn(name.carried) { return column }
            throw UsageError("--print", name, "is not one of \(EntryColumn.names.joined(separator: " "))")
        }
    }

    /// The comma-separated parts of values.
    private static func listed(_ values: [CarriedArgument]) -> [CarriedArgument] {
        values.flatMap { $0.carried.split(separator: ",", omittingEmptySubsequences: false) }
            .map { CarriedArgument(carried: String($0)) }
    }

    static func algorithms(_ values: [CarriedArgument]) throws(UsageError) -> [DigestAlgorithm] {
        var algorithms: [DigestAlgorithm] = []
        for name in listed(values) {
            let algorithm = try algorithm("--hash", name)
            if !algorithms.contains(algorithm) { algorithms.append(algorithm) }
        }
        return algorithms
    }

    static func algorithm(_ option: String, _ name: CarriedArgument) throws(UsageError) -> DigestAlgorithm {
        guard let algorithm = DigestAlgorithm(rawValue: name.carried) else {
            let known = DigestAlgorithm.allCases.map(\.rawValue).joined(separator: " ")
            throw UsageError(option, name, "is not one of \(known)")
        }
        return algorithm
    }

    /// The value of an option with its own syntax.
    ///
    /// - Parameters:
    ///   - noun, form: for the message: what it is, and how to write it.
    static func value<Value>(
        _ option: String, _ value: CarriedArgument?, _ noun: String, _ form: String, _ read: ([UInt8]) -> Value?
    ) throws(UsageError) -> Value? {
        guard let value else { return nil }
        guard let known = read(value.bytes) else { throw UsageError(option, value, "is not a \(noun) (\(form))") }
        return known
    }

    static func size(_ option: String, _ size: CarriedArgument?) throws(UsageError) -> Int64? {
        try value(option, size, "size", SizeArgument.description, SizeArgument.bytes)
    }

    static func count(_ option: String, _ value: CarriedArgument?) throws(UsageError) -> Int? {
        try number(option, value, KeptOption.counts, "is not a number from 0 to \(KeptOption.counts.upperBound)")
    }

    /// One of the allowed words.
    static func word<Word: RawRepresentable & CaseIterable>(
        _ option: String, _ value: CarriedArgument?, _ type: Word.Type
    ) throws(UsageError) -> Word? where Word.RawValue == String {
        guard let value else { return nil }
        guard let word = Word(rawValue: value.carried) else {
            let known = Word.allCases.map(\.rawValue).joined(separator: " ")
            throw UsageError(option, value, "is not one of \(known)")
        }
        return word
    }

    static func ranking(_ value: CarriedArgument?, of rankings: [Ranking]) throws(UsageError) -> Ranking {
        guard let value else { return .disk }
        guard let ranking = Ranking(rawValue: value.carried), rankings.contains(ranking) else {
            let known = rankings.map(\.rawValue).joined(separator: " ")
            throw UsageError("--rank", value, "is not one of \(known)")
        }
        return ranking
    }

    private static func number(
        _ option: String, _ value: CarriedArgument?, _ range: ClosedRange<Int>, _ explanation: String
    ) throws(UsageError) -> Int? {
        guard let value else { return nil }
        // Digits only: Int(_:) would also take "+3".
        guard !value.bytes.isEmpty, value.bytes.allSatisfy({ (0x30...0x39).contains($0) }),
            let number = Int(value.carried), range.contains(number)
        else { throw UsageError(option, value, explanation) }
        return number
    }
}
