import CLinux
import Entries
import Formats
import Glibc
import ScanEngine
import Snapshots
import WorkStealing

/// `fsscan diff`: from checked settings to an exit status.
struct DiffProgram {
    private let settings: DiffSettings

    init(_ settings: DiffSettings) { self.settings = settings }

    func run() throws -> ExitStatus {
        let old = try SnapshotArgument(settings.old)
        let new = try SnapshotArgument(settings.new)
        clinux_install_stop_handler()
        let output = try OutputFile(settings.comparison.output, mode: settings.comparison.mode)
        let progress = ProgressDisplay(settings.comparison.progress)
        let sides = try open(old, new, progress)
        if let stopped = ExitStatus.stopSignal { return stopped }
        if let growth = settings.growth {
            try sides.old.description.confirmWhole(settings.old)
            try sides.new.description.confirmWhole(settings.new)
            return try GrowthProgram(growth, settings.comparison.format).run(sides.old, sides.new, output, progress)
        }
        return try ComparisonProgram(settings.comparison).run(sides.old, sides.new, output, progress)
    }

    /// Files first: a live side is scanned with the options of the other one.
    private func open(
        _ old: SnapshotArgument, _ new: SnapshotArgument, _ progress: ProgressDisplay
    ) throws -> (old: any SnapshotSource, new: any SnapshotSource) {
        let algorithm = settings.comparison.algorithm
        switch (old, new) {
        case (.live(let before), .live(let after)):
            return (try scan(before, like: nil, progress), try scan(after, like: nil, progress))
        case (.live(let path), .file(let file, let selector)):
            let new = try SnapshotArgument.open(file, selector: selector, otherRoots: [path], algorithm: algorithm)
            return (try scan(path, like: new.description, progress), new)
        case (.file(let file, let selector), .live(let path)):
            let old = try SnapshotArgument.open(file, selector: selector, otherRoots: [path], algorithm: algorithm)
            return (old, try scan(path, like: old.description, progress))
        case (.file(let before, let beforeSelector), .file(let after, let afterSelector)):
            let old = try SnapshotArgument.open(before, selector: beforeSelector, otherRoots: [], algorithm: algorithm)
            let new = try SnapshotArgument.open(
                after, selector: afterSelector, otherRoots: old.description.roots, algorithm: algorithm)
            return (old, new)
        }
    }

    private func scan(
        _ path: [UInt8], like other: SnapshotDescription?, _ progress: ProgressDisplay
    ) throws -> any SnapshotSource {
        // Before a scan that may take hours.
        try settings.comparison.confirmIgnored(other.map { [$0] } ?? [])
        var options = other?.options ?? ScanOptions(paths: [], threads: 1)
        if other?.options == nil { options.hash = other?.algorithms ?? [] }
        if !settings.hash.isEmpty { options.hash = settings.hash }
        return try LiveSide.scan([path], options, settings.comparison.threads, progress, earlier: other?.totals)
    }
}

/// A side of a comparison that is scanned now.
enum LiveSide {
    static func scan(
        _ paths: [[UInt8]], _ options: ScanOptions, _ threads: Int?, _ progress: ProgressDisplay, earlier: Totals?,
        _ baseline: ContentBaseline? = nil, _ leftOut: LeftOut? = nil
    ) throws -> any SnapshotSource {
        var options = options
        options.paths = paths
        // What was selected there is looked for here wherever it may be: see `ChangeSelection`.
        options.selection = Selection()
        options.threads = threads ?? Scheduler.defaultThreads
        let expected = ProgressDisplay.Expected(earlier, options, isQuick: baseline != nil)
        do {
            return try LiveSource.scan(
                options, baseline: baseline, leftOut: leftOut,
                willRun: { progress.begin(.scanning($0, expected)) }, isCancelled: { clinux_stop_signal() != 0 },
                onContradiction: { StandardStreams.complain($0, ContentBaseline.contradiction) }
            ).source
        } catch let error as ScanUnavailable {
            throw SnapshotFailure(path: nil, "\(error.option): \(error.message)")
        }
    }
}

/// Compares two sources and writes what differs.
struct ComparisonProgram {
    private let settings: ComparisonSettings

    init(_ settings: ComparisonSettings) { self.settings = settings }

    /// - Parameter verified: asked when both sides have been read to their end.
    func run(
        _ old: any SnapshotSource, _ new: any SnapshotSource, _ output: OutputFile, _ progress: ProgressDisplay,
        verified: () -> Verified? = { nil }
    ) throws -> ExitStatus {
        try settings.confirmIgnored([old.description, new.description])
        let (old, new) = progress.counting(old, new)
        let comparison = try Comparison(old, new, settings.selection)
        let now = settings.now ?? Timing.now.started
        NameLocale.use(for: settings.entries)
        let selection = try ChangeSelection(settings.entries, now: now, old.description, new.description)
        var writer = makeWriter(comparison.compared, old.description, new.description, output)
        writer.begin(only: settings.only, selection.selections)
        var isDifferent = false
        var hidden = HiddenChanges()
        let totals = try comparison.run { change in
            if !settings.only.isEmpty, settings.only.isDisjoint(with: change.kinds) {
                return hidden.count(change, \.byOnly)
            }
            guard selection.contains(change) else { return hidden.count(change, \.bySelection) }
            if change.kinds.contains(where: \.isDifference) { isDifferent = true }
            writer.change(change)
            try drain(&writer, output, atLeast: Self.pieceSize)
        }
        // Not of what is shown alone: --only hides no trouble.
        progress.stop()
        let isTrouble = totals.hasTrouble || !old.description.isComplete || !new.description.isComplete
        let status: ExitStatus = isTrouble ? .trouble : isDifferent ? .different : .success
        writer.finish(totals, hidden, status, verified())
        try drain(&writer, output, atLeast: 0)
        if let stopped = ExitStatus.stopSignal { return stopped }
        try output.finish()
        for sentence in totals.notCompared.troubleSentences(Quoting.forErrors) { StandardStreams.complain(sentence) }
        return status
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
        switch settings.format {
        case .json: ChangeJSON(compared, old, new, isLines: false)
        case .ndjson: ChangeJSON(compared, old, new, isLines: true)
        default: ChangeText(compared, old, new, Quoting(for: output.descriptor))
        }
    }
}

/// What `--only` and a selection left out.
struct HiddenChanges {
    private(set) var entries: Int64 = 0
    private(set) var changes: [ChangeKind: Int64] = [:]
    fileprivate(set) var byOnly = false
    fileprivate(set) var bySelection = false

    mutating func count(_ change: Change, _ reason: WritableKeyPath<HiddenChanges, Bool>) {
        self[keyPath: reason] = true
        entries += 1
        for kind in change.kinds { changes[kind, default: 0] += 1 }
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
