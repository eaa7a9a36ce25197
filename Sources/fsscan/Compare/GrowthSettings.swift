import ScanEngine

/// The options of `diff --growth`, checked.
struct GrowthSettings {
    /// How many directories text and JSON show.
    var top: Int
    var rank: Ranking

    static let rankings: [Ranking] = [.disk, .apparent, .entries]

    /// Nil without `--growth`.
    init?(_ command: DiffCommand) throws(UsageError) {
        let options = command.comparison
        guard command.growth else {
            if command.top != nil { throw UsageError("--top is for directories: use it with --growth") }
            if command.rank != nil { throw UsageError("--rank is for directories: use it with --growth") }
            return nil
        }
        for (name, isGiven) in [
            ("--ignore", !options.ignore.isEmpty), ("--also", !options.also.isEmpty), ("--only", !options.only.isEmpty),
            ("--hash", !command.hash.isEmpty), ("--algorithm", options.algorithm != nil),
        ] where isGiven {
            throw UsageError("\(name) is for entries that differ, --growth is about sums: one at a time")
        }
        top = try ScanSettings.top(command.top) ?? 20
        rank = try ScanSettings.ranking(command.rank, of: Self.rankings)
    }
}
