import CLinux
import Entries
import Formats
import Glibc
import ScanEngine
import Snapshots

/// `fsscan diff --growth`: the growth and shrinkage of directories.
struct GrowthProgram {
    private let settings: GrowthSettings
    private let format: ReportFormat
    /// Of the entries that a page lists.
    private let selection: FieldSelection

    init(_ settings: GrowthSettings, _ format: ReportFormat, _ selection: FieldSelection) {
        (self.settings, self.format, self.selection) = (settings, format, selection)
    }

    func run(
        _ old: any SnapshotSource, _ new: any SnapshotSource, _ output: OutputFile, _ progress: ProgressDisplay
    ) throws -> ExitStatus {
        let passesOver = try format != .html && SavedScanSource.passOverShared(old, new, givesDirectories: true)
        let (old, new) = progress.counting(old, new)
        let growth = try Growth(old, new, isWhole: format == .html, passesOver: passesOver)
        var map = GrowthMap()
        var changed = ChangedEntries(ComparedFields(old.description, new.description, selection))
        var list = GrowthList(settings)
        var roots: [DirectoryGrowth] = []
        var lines = GrowthJSON(old.description, new.description, isLines: true)
        if format == .ndjson { lines.begin() }
        let totals = try growth.run { before, after in
            if format == .html { changed.add(before, after) }
        } _: { directory in
            if ExitStatus.stopSignal != nil { throw SnapshotFailure(path: nil, "stopped") }
            if format == .html { map.add(directory) }
            if directory.key.isRoot { roots.append(directory) }
            if directory.growth.isZero || !directory.isDirectory && !directory.key.isRoot { return }
            list.add(directory)
            guard format == .ndjson else { return }
            lines.directory(directory)
            try lines.drain(to: output, atLeast: Self.pieceSize)
        }
        progress.stop()
        if let stopped = ExitStatus.stopSignal { return stopped }
        let isTrouble =
            totals.all.isUncertain || !old.description.isComplete || !new.description.isComplete
        let status: ExitStatus = isTrouble ? .trouble : list.count > 0 ? .different : .success
        let outcome = GrowthOutcome(
            old: old.description, new: new.description, totals: totals, roots: roots, list: list, status: status)
        switch format {
        case .json, .ndjson:
            if format == .json {
                lines = GrowthJSON(old.description, new.description, isLines: false)
                lines.begin()
                for directory in list.ranked { lines.directory(directory) }
            }
            lines.finish(outcome)
            try lines.drain(to: output, atLeast: 0)
        case .html:
            try PageFile(GrowthPage(outcome, map, changed).data()).write(to: output)
        default:
            let text = GrowthText(outcome, Quoting(for: output.descriptor)).bytes()
            try text.withUnsafeBytes { try output.write($0) }
        }
        try output.finish()
        return status
    }

    private static let pieceSize = 1 << 16
}

/// The result of a comparison of sums, to be written.
struct GrowthOutcome {
    var old: SnapshotDescription
    var new: SnapshotDescription
    var totals: GrowthTotals
    var roots: [DirectoryGrowth]
    var list: GrowthList
    var status: ExitStatus

    /// The totals of a side: from the entries read or, if equal subtrees were not read, from the scan.
    func sums(_ side: KeyPath<DirectoryGrowth, GrowthSums>, _ description: SnapshotDescription) -> GrowthSums? {
        totals.all.hasPassedOver ? description.totals.map(GrowthSums.init) : totals.all[keyPath: side]
    }
}

/// The directories that changed most, in bounded memory.
struct GrowthList {
    private let length: Int
    private let rank: Ranking
    private var directories: [DirectoryGrowth] = []
    /// The number of changed directories.
    private(set) var count: Int64 = 0

    init(_ settings: GrowthSettings) { (length, rank) = (settings.top, settings.rank) }

    mutating func add(_ directory: DirectoryGrowth) {
        count += 1
        directories.append(directory)
        if directories.count >= 2 * length + 64 { cut() }
    }

    /// The largest change first, whether gain or loss; then by path.
    var ranked: [DirectoryGrowth] {
        var list = self
        list.cut()
        return list.directories
    }

    private mutating func cut() {
        directories.sort { [rank] left, right in
            let (one, other) = (Self.measure(left.growth, rank), Self.measure(right.growth, rank))
            return one == other ? left.key < right.key : one > other
        }
        directories.removeLast(max(0, directories.count - length))
    }

    private static func measure(_ growth: GrowthSums, _ rank: Ranking) -> (UInt64, UInt64) {
        let (disk, apparent) = (growth.diskBytes.magnitude, growth.apparentBytes.magnitude)
        return switch rank {
        case .apparent: (apparent, disk)
        case .entries: (growth.entries.magnitude, disk)
        case .disk, .newest, .oldest: (disk, growth.entries.magnitude)
        }
    }
}
