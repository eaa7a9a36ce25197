import Entries
import ScanEngine

extension TextSummary {
    /// The largest directories, with bars.
    mutating func addTree() {
        guard options.top > 0 else { return }
        // Times do not add up.
        let rank = options.rank.isByTime ? .disk : options.rank
        let tree = SummaryTree(report.map, top: options.top) { node in
            switch rank {
            case .entries: node.entries
            case .apparent: node.apparentBytes
            default: node.diskBytes
            }
        }
        guard !tree.lines.isEmpty else { return }
        let total =
            switch rank {
            case .entries: report.totals.entries
            case .apparent: report.totals.apparentBytes
            default: report.totals.diskBytes
            }
        let rows = tree.lines.map { line in
            TreeRow(
                amount: rank == .entries ? HumanUnits.count(line.amount) : size(line.amount),
                share: total > 0 ? min(1, Double(line.amount) / Double(total)) : 0,
                branches: branches(line), name: line.name.map { style.printable($0) },
                text: line.name == nil ? HumanUnits.count(line.entries, "other", "others") : "")
        }
        lines.append([])
        addRows(rows)
    }

    private struct TreeRow {
        var amount: String
        /// Share of the total, 0 to 1.
        var share: Double
        var branches: [UInt8]
        /// Nil: `text` is shown instead.
        var name: [UInt8]?
        var text: String

        /// The line of a PATH has no branches.
        var isPath: Bool { branches.isEmpty }
        var percent: String { "\(Int((share * 100).rounded()))%" }
    }

    /// The branches before a name, three columns for each level.
    private func branches(_ line: SummaryTree.Line) -> [UInt8] {
        if line.isPath { return [] }
        let (past, branch, end) = style.isUTF8 ? ("│  ", "├─ ", "└─ ") : ("|  ", "|- ", "`- ")
        return line.continues.flatMap { Array(($0 ? past : "   ").utf8) } + Array((line.isLast ? end : branch).utf8)
    }

    private mutating func addRows(_ rows: [TreeRow]) {
        let amounts = rows.reduce(0) { max($0, $1.amount.utf8.count) }
        // One space after the amount and the bar, two after the percentage.
        let fixed = amounts + 1 + 4 + 2
        let names = rows.map { row in row.name ?? Array(row.text.utf8) }
        let longest = zip(rows, names).reduce(0) { max($0, style.screen.width($1.0.branches + $1.1)) }
        let bar = barWidth(besides: fixed + longest)
        let left = style.width.map { $0 - fixed - (bar > 0 ? bar + 1 : 0) }
        for (row, name) in zip(rows, names) {
            let isSmall = row.share < 0.01
            var line = [UInt8](repeating: UInt8(ascii: " "), count: amounts - row.amount.utf8.count)
            line += Array("\(row.amount) ".utf8)
            if bar > 0 { line += self.bar(row.share, bar, isSmall: isSmall) + [UInt8(ascii: " ")] }
            let percent = String(repeating: " ", count: 4 - row.percent.utf8.count) + row.percent + "  "
            line += Array(percent.utf8)
            let drawn = fitted(branches: row.branches, left)
            let text = fitted(name, left.map { $0 - style.screen.width(drawn) })
            line += style.dim(drawn)
            line += row.isPath ? style.title(text) : row.name == nil || isSmall ? style.dim(text) : text
            lines.append(line)
        }
    }

    /// At least half of the room stays for the name, however deep it is.
    private func fitted(branches: [UInt8], _ left: Int?) -> [UInt8] {
        guard let left, style.screen.width(branches) > left / 2 else { return branches }
        return style.screen.fittedAtEnd(branches, left / 2).text
    }

    /// None on a narrow terminal; otherwise the remaining width, within bounds.
    private func barWidth(besides columns: Int) -> Int {
        guard let width = style.width else { return 20 }
        return width < 60 ? 0 : min(40, max(10, width - columns - 1))
    }

    private func bar(_ share: Double, _ columns: Int, isSmall: Bool) -> [UInt8] {
        let full = Int((share * Double(columns)).rounded())
        let (taken, free) = style.isUTF8 ? ("█", "░") : ("#", ".")
        let parts = (
            Array(String(repeating: taken, count: full).utf8),
            Array(String(repeating: free, count: columns - full).utf8)
        )
        return style.accent(parts.0) + style.dim(parts.1)
    }
}
