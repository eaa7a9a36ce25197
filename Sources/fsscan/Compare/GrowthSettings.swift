import Entries
import ScanEngine

/// The options of `diff --growth`, checked.
struct GrowthSettings {
    /// How many directories text and JSON show.
    var top: Int
    var rank: Ranking

    static let rankings: [Ranking] = [.disk, .apparent, .entries]

    /// Nil if entries are compared.
    ///
    /// - Parameter format: a page shows sums.
    init?(_ command: DiffCommand, _ format: ReportFormat) throws(UsageError) {
        let options = command.comparison
        if command.growth, format == .journal {
            throw UsageError("--format journal lists entries, --growth shows sums: use one of them")
        }
        guard command.growth || format == .html else {
            if command.top != nil { throw UsageError("--top is for directories: use it with --growth") }
            if command.rank != nil { throw UsageError("--rank is for directories: use it with --growth") }
            return nil
        }
        for (name, isGiven) in [
            ("--ignore", !options.ignore.isEmpty), ("--also", !options.also.isEmpty), ("--only", !options.only.isEmpty),
            ("--exclude", !options.ruling.exclude.isEmpty), ("--rules", options.ruling.rules != nil),
            ("--known", options.known != nil),
            ("--stat", options.stat), ("--paths", options.paths), ("--itemize", options.itemize),
            ("--unfold", options.unfold),
            ("--hash", !command.hash.isEmpty),
            ("--quick", command.quick), ("--algorithm", options.algorithm != nil),
        ] where isGiven {
            let other = command.growth ? "--growth is" : "a page is"
            throw UsageError("\(name) is for entries, \(other) for sums: use one of them")
        }
        top = try ScanSettings.count("--top", command.top) ?? (format == .html ? 200 : 20)
        rank = try ScanSettings.ranking(command.rank, of: Self.rankings)
    }
}
