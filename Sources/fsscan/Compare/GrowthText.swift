import Entries
import Formats
import ScanEngine
import Snapshots

/// Growth for people: a directory a line, the largest change first.
///
/// ```
///        DISK    APPARENT  ENTRIES  DIRECTORY
///  +12.1 GiB   +12.0 GiB   +1,204  /srv
/// ```
struct GrowthText {
    private let outcome: GrowthOutcome
    private let quoting: Quoting

    init(_ outcome: GrowthOutcome, _ quoting: Quoting) { (self.outcome, self.quoting) = (outcome, quoting) }

    func bytes() -> [UInt8] {
        let shown = outcome.list.ranked
        var text: [UInt8] = []
        func line(_ line: String) { text += Array((line + "\n").utf8) }
        if !shown.isEmpty {
            let rows = shown.map { Self.cells($0.growth) }
            let headings = ["DISK", "APPARENT", "ENTRIES"]
            let widths = headings.indices.map { column in
                rows.reduce(headings[column].count) { max($0, $1[column].count) }
            }
            func columns(_ cells: [String]) -> String {
                zip(cells, widths).map { cell, width in
                    String(repeating: " ", count: width - cell.count) + cell + "  "
                }.joined()
            }
            line(columns(headings) + "DIRECTORY")
            for (directory, row) in zip(shown, rows) {
                let side = directory.isInNew ? outcome.new : outcome.old
                let path = directory.key.path(below: side.roots[directory.key.root])
                let notes = Self.notes(directory)
                text += Array(columns(row).utf8) + quoting.escaped(path) + Array(notes.utf8) + [UInt8(ascii: "\n")]
            }
        }
        line(summary)
        let hidden = outcome.list.count - Int64(shown.count)
        if hidden > 0 {
            line("\(HumanUnits.count(hidden, "more directory", "more directories")) changed: --top shows more.")
        }
        if outcome.totals.all.isUncertain {
            line("A question mark means that something in the directory could not be read on one side.")
        }
        if !outcome.old.isComplete || !outcome.new.isComplete {
            line("One side is a scan that was stopped: its sums are incomplete.")
        }
        return text
    }

    private static func notes(_ directory: DirectoryGrowth) -> String {
        let notes = [
            directory.isInOld ? nil : "new", directory.isInNew ? nil : "removed", directory.isUncertain ? "?" : nil,
        ].compactMap { $0 }
        return notes.isEmpty ? "" : "  (\(notes.joined(separator: ", ")))"
    }

    /// `Now 118.2 GiB on disk (+1.2 GiB), 412,306 entries (+1,204).`
    private var summary: String {
        let growth = outcome.totals.all.growth
        if growth.isZero, outcome.list.count == 0 { return "Nothing has grown or shrunk." }
        let (disk, entries) = (Self.bytes(growth.diskBytes), Self.count(growth.entries))
        guard let now = outcome.sums(\.new, outcome.new) else { return "In all \(disk) on disk, \(entries) entries." }
        let all = HumanUnits.count(now.entries, "entry", "entries")
        return "Now \(HumanUnits.bytes(now.diskBytes)) on disk (\(disk)), \(all) (\(entries))."
    }

    private static func cells(_ growth: GrowthSums) -> [String] {
        [bytes(growth.diskBytes), bytes(growth.apparentBytes), count(growth.entries)]
    }

    private static func bytes(_ difference: Int64) -> String {
        sign(difference) + HumanUnits.bytes(Int64(clamping: difference.magnitude))
    }

    private static func count(_ difference: Int64) -> String {
        sign(difference) + HumanUnits.count(Int64(clamping: difference.magnitude))
    }

    private static func sign(_ difference: Int64) -> String { difference > 0 ? "+" : difference < 0 ? "-" : "" }
}
