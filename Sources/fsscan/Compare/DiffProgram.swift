import CLinux
import Entries
import Formats
import Glibc
import ScanEngine
import Snapshots
import WorkStealing

/// `fsscan diff`: from checked settings to an exit status.
struct DiffProgram {
    private var settings: DiffSettings

    init(_ settings: DiffSettings) { self.settings = settings }

    consuming func run() throws -> ExitStatus {
        let old = try SnapshotArgument(settings.old)
        let new = try SnapshotArgument(settings.new)
        if case .live = old, case .live = new {
            // No program can set it, so it always differs between two trees.
            if !settings.comparison.selection.added.contains(.ctime) {
                settings.comparison.selection.ignored.insert(.ctime)
            }
        } else if settings.isQuick {
            throw UsageError("--quick is for two directories: a file already has its digests")
        }
        clinux_install_stop_handler()
        let output = try settings.comparison.openOutput()
        let progress = ProgressDisplay(settings.comparison.progress)
        let rules = try ComparisonRules(settings.comparison.rules)
        if case .file = new, settings.comparison.dpkgDirectory != nil {
            throw UsageError("--known needs a directory as NEW")
        }
        if !settings.expected.isEmpty, case .live = old {
            throw UsageError("--expect is for a file as OLD: a directory has no evidence before it is scanned")
        }
        let livePaths = [old, new].compactMap { if case .live(let path) = $0 { path } else { nil } }
        rules.advise(livePaths)
        let sides = try open(old, new, rules.set, progress)
        if let stopped = ExitStatus.stopSignal { return stopped }
        if let growth = settings.growth {
            try sides.old.description.confirmWhole(settings.old)
            try sides.new.description.confirmWhole(settings.new)
            return try GrowthProgram(growth, settings.comparison.format, settings.comparison.selection)
                .run(sides.old, sides.new, output, progress)
        }
        let scanned: [UInt8]? = if case .live(let path) = new { path } else { nil }
        return try ComparisonProgram(settings.comparison, rules.set, scanned.map { [$0] })
            .run(sides.old, sides.new, output, progress)
    }

    /// Files first: a live side is scanned with the options of the other one.
    private func open(
        _ old: SnapshotArgument, _ new: SnapshotArgument, _ rules: RuleSet?, _ progress: ProgressDisplay
    ) throws -> (old: any SnapshotSource, new: any SnapshotSource) {
        let algorithm = settings.comparison.algorithm
        switch (old, new) {
        case (.live(let before), .live(let after)):
            return try scan(before, after, rules, progress)
        case (.live(let path), .file(let file, let selector)):
            let new = try SnapshotArgument.open(file, selector: selector, otherRoots: [path], algorithm: algorithm)
            return (try scan(path, like: new.description, rules, progress), new)
        case (.file(let file, let selector), .live(let path)):
            let old = try openOld(file, selector, otherRoots: [path])
            return (old, try scan(path, like: old.description, rules, progress, isNew: true))
        case (.file(let before, let beforeSelector), .file(let after, let afterSelector)):
            let old = try openOld(before, beforeSelector, otherRoots: [])
            let new = try SnapshotArgument.open(
                after, selector: afterSelector, otherRoots: old.description.roots, algorithm: algorithm)
            // Rules report how much they left out.
            if settings.growth == nil, rules == nil { try SavedScanSource.passOverShared(old, new) }
            return (old, new)
        }
    }

    /// - Throws: if it does not match `--expect`.
    private func openOld(
        _ file: [UInt8], _ selector: [UInt8]?, otherRoots: [[UInt8]]
    ) throws(SnapshotFailure) -> any SnapshotSource {
        let opened = try OpenedSnapshot(
            file, selector: selector, otherRoots: otherRoots, algorithm: settings.comparison.algorithm,
            isToBeHashed: !settings.expected.isEmpty)
        _ = try ExpectedEvidence(values: settings.expected).confirm(opened, file)
        return opened.source
    }

    /// Two trees. Files of the same size at the same place are read, unless other digests were requested.
    private func scan(
        _ before: [UInt8], _ after: [UInt8], _ rules: RuleSet?, _ progress: ProgressDisplay
    ) throws -> (old: any SnapshotSource, new: any SnapshotSource) {
        let algorithm = settings.comparedAlgorithm
        guard settings.growth == nil, settings.hash.isEmpty, let algorithm else {
            return (
                try scan(before, like: nil, rules, progress), try scan(after, like: nil, rules, progress, isNew: true)
            )
        }
        try settings.comparison.confirmIgnored([])
        let threads = settings.comparison.threads
        var options = ScanOptions(paths: [], threads: 1)
        options.hash = [algorithm]
        let inOld = try LiveSide.sizes([before], threads, rules, progress)
        let sizes = SizedFiles.Output([after], rules)
        let new = try LiveSide.scan(
            [after], options, threads, progress, rules: rules,
            choice: { inOld.below($0.paths, and: rules?.choice($0, readsGrowing: false)) },
            other: sizes)
        let inNew = sizes.finish()
        let old = try LiveSide.scan(
            [before], options, threads, progress, rules: rules,
            choice: { inNew.below($0.paths, and: rules?.choice($0, readsGrowing: true)) })
        return (old, new)
    }

    /// - Parameter isNew: it is NEW: of files that may grow, only the beginning is read, later.
    private func scan(
        _ path: [UInt8], like other: SnapshotDescription?, _ rules: RuleSet?, _ progress: ProgressDisplay,
        isNew: Bool = false
    ) throws -> any SnapshotSource {
        // Before a scan that may take hours.
        try settings.comparison.confirmIgnored(other.map { [$0] } ?? [])
        var options = other?.options ?? ScanOptions(paths: [], threads: 1)
        if other?.options == nil { options.hash = other?.algorithms ?? [] }
        if !settings.hash.isEmpty { options.hash = settings.hash }
        return try LiveSide.scan(
            [path], options, settings.comparison.threads, progress, earlier: other?.totals, rules: rules,
            choice: { rules?.choice($0, readsGrowing: !isNew) })
    }
}

/// A side of a comparison that is scanned now.
enum LiveSide {
    static func scan(
        _ paths: [[UInt8]], _ options: ScanOptions, _ threads: Int?, _ progress: ProgressDisplay,
        earlier: Totals? = nil, _ baseline: ContentBaseline? = nil,
        _ leftOut: LeftOut? = nil, rules: RuleSet? = nil,
        choice: (ScanOptions) -> (any ContentChoice)? = { _ in nil }, other: (any EntryOutput)? = nil
    ) throws -> any SnapshotSource {
        try scan(
            paths, options, threads, progress, times: 1, earlier: earlier, baseline, leftOut, rules: rules,
            choice: choice, other: other)[0]
    }

    /// - Parameter times: the number of readings.
    static func scan(
        _ paths: [[UInt8]], _ options: ScanOptions, _ threads: Int?, _ progress: ProgressDisplay, times: Int,
        earlier: Totals? = nil, _ baseline: ContentBaseline? = nil,
        _ leftOut: LeftOut? = nil, rules: RuleSet? = nil,
        choice: (ScanOptions) -> (any ContentChoice)? = { _ in nil }, other: (any EntryOutput)? = nil
    ) throws -> [any SnapshotSource] {
        var options = options
        options.paths = paths
        // An entry selected on the other side must be found here in any case: see `ChangeSelection`.
        options.selection = Selection()
        options.threads = threads ?? Scheduler.defaultThreads
        let expected = ProgressDisplay.Expected(earlier, options, isQuick: baseline != nil)
        let scanned = options
        return try available {
            try LiveSource.scan(
                scanned, times: times, baseline: baseline, leftOut: leftOut, rules: rules, choice: choice(scanned),
                other: other, willRun: { progress.begin(.scanning($0, expected)) },
                isCancelled: { clinux_stop_signal() != 0 },
                onContradiction: { StandardStreams.complain($0, ContentBaseline.contradiction) }
            ).sources
        }
    }

    /// The regular files and their sizes.
    static func sizes(
        _ paths: [[UInt8]], _ threads: Int?, _ rules: RuleSet?, _ progress: ProgressDisplay
    ) throws -> SizedFiles {
        let options = ScanOptions(paths: paths, threads: threads ?? Scheduler.defaultThreads)
        return try available {
            try LiveSource.sizes(
                options, rules: rules, willRun: { progress.begin(.scanning($0, .unknown)) },
                isCancelled: { clinux_stop_signal() != 0 })
        }
    }

    private static func available<Result>(_ scan: () throws -> Result) throws -> Result {
        do {
            return try scan()
        } catch let error as ScanUnavailable {
            throw SnapshotFailure(path: nil, "\(error.option): \(error.message)")
        }
    }
}

/// Compares two sources and writes the differences.
struct ComparisonProgram {
    private let settings: ComparisonSettings
    private let rules: RuleSet?
    private let livePaths: [[UInt8]]?
    private let isListedOnly: Bool

    /// - Parameter livePaths: the PATHs of NEW, if it was scanned now.
    init(
        _ settings: ComparisonSettings, _ rules: RuleSet?, _ livePaths: [[UInt8]]?, isListedOnly: Bool = false
    ) {
        (self.settings, self.rules, self.livePaths, self.isListedOnly) = (settings, rules, livePaths, isListedOnly)
    }

    /// - Parameter verified: called when both sides have been read completely.
    func run(
        _ old: any SnapshotSource, _ new: any SnapshotSource, _ output: OutputFile, _ progress: ProgressDisplay,
        verified: ((_ changes: String?) -> Verified?)? = nil
    ) throws -> ExitStatus {
        try settings.confirmIgnored([old.description, new.description])
        let (old, new) = progress.counting(old, new)
        let now = settings.now ?? Timing.now.started
        NameLocale.use(for: settings.entries)
        let selection = try ChangeSelection(settings.entries, now: now, old.description, new.description)
        let beginnings = livePaths.map { paths in
            Beginnings(of: paths, new.description.options, isCancelled: { clinux_stop_signal() != 0 })
        }
        let known = try settings.dpkgDirectory.flatMap { directory in
            try beginnings.map {
                try KnownPackages(
                    directory, livePaths ?? [], $0, ComparedFields(old.description, new.description, FieldSelection()))
            }
        }
        var comparison = try Comparison(
            old, new, settings.selection, rules: rules, beginnings: beginnings, isListedOnly: isListedOnly)
        var writer = makeWriter(comparison.compared, old.description, new.description, output)
        writer.begin(only: settings.only, selection.selections)
        var isDifferent = false
        var hidden = HiddenChanges()
        // One line for a directory would represent entries that were not selected, or hide some that were.
        let isFolding = !settings.isUnfolded && selection.selections.isEmpty
        // `accept` takes rules, but no other option that leaves something out of the comparison.
        let isAcceptable = !isListedOnly && settings.selection == FieldSelection()
        let digest = isAcceptable && verified != nil ? try ChangesDigest(comparison) : nil
        if let digest { comparison.everyChange = { digest.add($0) } }
        let totals = try comparison.run(isFolding: isFolding) { change in
            if !settings.only.isEmpty, settings.only.isDisjoint(with: change.kinds) {
                return hidden.count(change, \.byOnly)
            }
            guard selection.contains(change) else { return hidden.count(change, \.bySelection) }
            if change.kinds.contains(where: \.isDifference) { isDifferent = true }
            var change = change
            change.isKnown = known?.agrees(change) ?? false
            writer.change(change)
            try drain(&writer, output, atLeast: Self.pieceSize)
        }
        // Not only for the shown changes: --only hides no trouble.
        progress.stop()
        let isTrouble = totals.hasTrouble || !old.description.isComplete || !new.description.isComplete
        let status: ExitStatus = isTrouble ? .trouble : isDifferent ? .different : .success
        writer.finish(totals, hidden, status, verified?(digest?.finish()))
        try drain(&writer, output, atLeast: 0)
        if let stopped = ExitStatus.stopSignal { return stopped }
        try output.finish()
        for sentence in totals.notCompared.troubleSentences(Quoting.forErrors) { StandardStreams.complain(sentence) }
        if settings.view?.hasSummary == false {
            complainOfRest(totals, hidden)
            let isLive = new.description.format == "live"
            for sentence in totals.ruledSentences(Quoting.forErrors, isLive: isLive) {
                StandardStreams.complain(sentence)
            }
        }
        return status
    }

    /// Prints the summary's sentences for outputs without a place for them.
    private func complainOfRest(_ totals: ComparisonTotals, _ hidden: HiddenChanges) {
        func tell(_ count: Int64, _ singular: String, _ plural: String, _ what: String) {
            if count > 0 { StandardStreams.complain("\(HumanUnits.count(count, singular, plural)) \(what)") }
        }
        tell(totals.unreadableEntries, "entry", "entries", "could not be read")
        tell(hidden.entries, "changed entry", "changed entries", "not shown")
        tell(totals.filesWithoutDigest, "file", "files", "not compared by content")
    }

    private static let pieceSize = 1 << 16

    private func drain(_ writer: inout any ChangeWriter, _ output: OutputFile, atLeast size: Int) throws {
        if writer.buffered < size { return }
        try writer.drain { bytes throws(OutputError) in try output.write(bytes) }
        if ExitStatus.stopSignal != nil { throw SnapshotFailure(path: nil, "stopped") }
    }

    private func makeWriter(
        _ compared: ComparedFields, _ old: SnapshotDescription, _ new: SnapshotDescription, _ output: OutputFile
    ) -> any ChangeWriter {
        let quoting = Quoting(for: output.descriptor)
        switch settings.view {
        case .paths(let isNUL):
            return ChangePaths(
                old, new, isNUL: isNUL, quoting: isatty(output.descriptor) == 1 && !isNUL ? quoting : nil)
        case .itemize: return ChangeItems(quoting)
        case .stat: return ChangeCounts(ChangeText(compared, old, new, quoting), old, new, quoting)
        case nil: break
        }
        return switch settings.format {
        case .json: ChangeJSON(compared, old, new, isLines: false)
        case .ndjson: ChangeJSON(compared, old, new, isLines: true)
        case .journal: ChangeJournal(ChangeText(compared, old, new, quoting), old, new)
        default: ChangeText(compared, old, new, quoting)
        }
    }
}

extension ComparisonSettings {
    /// Before a scan that may take hours.
    func openOutput() throws(OutputError) -> OutputFile {
        format == .journal ? try OutputFile(journal: ()) : try OutputFile(output, mode: mode)
    }
}

/// The number of changes that `--only` and a selection hid.
struct HiddenChanges {
    private(set) var entries: Int64 = 0
    private(set) var changes: [ChangeKind: Int64] = [:]
    fileprivate(set) var byOnly = false
    fileprivate(set) var bySelection = false

    mutating func count(_ change: Change, _ reason: WritableKeyPath<HiddenChanges, Bool>) {
        self[keyPath: reason] = true
        let below = change.below?.entries ?? 0
        entries += (change.isBelowAlone ? 0 : 1) + below
        if !change.isBelowAlone { for kind in change.kinds { changes[kind, default: 0] += 1 } }
        if let kind = change.kinds.last { changes[kind, default: 0] += below }
    }
}

/// Writes changes in one format.
protocol ChangeWriter {
    var buffered: Int { get }
    mutating func begin(only: Set<ChangeKind>, _ selections: [Selection])
    mutating func change(_ change: Change)
    mutating func finish(
        _ totals: ComparisonTotals, _ hidden: HiddenChanges, _ status: ExitStatus, _ verified: Verified?)
    mutating func drain(_ body: (UnsafeRawBufferPointer) throws(OutputError) -> Void) throws(OutputError)
}
