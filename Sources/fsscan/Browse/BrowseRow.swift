// The layout of a line, depending on the width:
//
//     DISK  APPARENT   %  BAR                ENTRIES   NEWEST   MARKS NAME
//
//   from 40 columns   size, name
//        60           and percent, bar
//        90           and entries, newest change
//       110           and both sizes

import ScanEngine

/// The facts on one line, of any kind.
struct LineFacts: Equatable {
    var name: [UInt8]
    var isDirectory = false
    var diskBytes: Int64 = 0
    var apparentBytes: Int64 = 0
    /// Nil if it is not a directory.
    var entries: Int64?
    /// Seconds since 1970; nil if it is not known.
    var newest: Int64?
    /// Still counting.
    var isUnfinished = false
    var marks: [LineMark] = []
    /// The old sums, if two trees are compared.
    var was: DirectorySums?
}

/// A sign before a name; the first of a line's marks is shown.
enum LineMark: UInt8 {
    case error = 0x21  // !
    case mount = 0x3E  // >
    case excluded = 0x3C  // <
    case linked = 0x48  // H
    case special = 0x40  // @
    case counting = 0x2B  // +
    case removed = 0x2D  // -
}

/// The drawing beside a size.
enum BarStyle: CaseIterable {
    case both, percent, bar, none
}

struct RowLayout {
    let columns: Int
    let text: ScreenText
    let bar: BarStyle
    let showsApparent: Bool
    /// Seconds since 1970.
    let now: Int64

    private var hasShare: Bool { columns >= 60 }
    private var hasFacts: Bool { columns >= 90 }
    private var hasBothSizes: Bool { columns >= 110 }

    private var barColumns: Int { columns >= 100 ? 20 : columns >= 75 ? 14 : 8 }

    /// - Parameters:
    ///   - line: its facts.
    ///   - whole: the size that is 100 %.
    func row(_ line: LineFacts, of whole: Int64) -> ScreenRow {
        var row = ScreenRow()
        let size = showsApparent ? line.apparentBytes : line.diskBytes
        if let was = line.was {
            addGrowth(size, since: showsApparent ? was.apparentBytes : was.diskBytes, greatest: whole, to: &row)
            addName(line, to: &row)
            return row
        }
        row.append(HumanUnits.bytes(size), right: 11)
        if hasBothSizes {
            row.append(HumanUnits.bytes(showsApparent ? line.diskBytes : line.apparentBytes), right: 11, .dim)
        }
        if hasShare { addShare(size, of: whole, to: &row) }
        if hasFacts {
            row.append(line.entries.map { HumanUnits.count($0) } ?? "", right: 13)
            row.append(line.newest.map { Self.age($0, now: now) } ?? "", right: 10, .dim)
        }
        addName(line, to: &row)
        return row
    }

    /// The old size, the new size, and the difference; a bar to the left for less, to the right for more.
    private func addGrowth(_ size: Int64, since was: Int64, greatest: Int64, to row: inout ScreenRow) {
        let change = size &- was
        if hasShare {
            row.append(HumanUnits.bytes(was), right: 11, .dim)
            row.append(HumanUnits.bytes(size), right: 11)
        }
        row.append(Self.change(change), right: 12, change == 0 ? .dim : .strong)
        guard columns >= 75, bar == .both || bar == .bar else { return }
        let share = greatest > 0 ? min(1, Double(change.magnitude) / Double(greatest)) : 0
        let length = change == 0 ? 0 : max(1, Int(share * 8 + 0.5))
        let block = text.isUTF8 ? "█" : "#"
        row.append(" ")
        row.append(String(repeating: " ", count: change < 0 ? 8 - length : 8))
        if change < 0 { row.append(String(repeating: block, count: length), .bar, columns: length) }
        row.append(text.isUTF8 ? "│" : "|", .dim, columns: 1)
        if change > 0 { row.append(String(repeating: block, count: length), .bar, columns: length) }
        row.append(String(repeating: " ", count: change > 0 ? 8 - length : 8))
    }

    /// With its sign.
    static func change(_ bytes: Int64) -> String {
        if bytes == 0 { return "0 B" }
        return (bytes < 0 ? "-" : "+") + HumanUnits.bytes(Int64(clamping: bytes.magnitude))
    }

    private func addName(_ line: LineFacts, to row: inout ScreenRow) {
        row.append(" ")
        let mark = line.marks.first
        row.append(
            mark.map { String(UnicodeScalar($0.rawValue)) } ?? " ", mark == .error ? .warning : .plain)
        row.append(" ")
        let slash = line.isDirectory ? 1 : 0
        let name = text.fitted(text.printable(line.name), max(0, columns - row.width - slash))
        row.append(name.text, line.isDirectory ? .accent : .plain, columns: name.width)
        if line.isDirectory, row.width < columns { row.append("/", .accent) }
    }

    private func addShare(_ size: Int64, of whole: Int64, to row: inout ScreenRow) {
        let share = whole > 0 ? min(1, max(0, Double(size) / Double(whole))) : 0
        if bar == .both || bar == .percent { row.append("\(Int(share * 100 + 0.5))%", right: 5) }
        guard bar == .both || bar == .bar else { return }
        row.append(" ")
        let start = row.width
        row.append(barText(share), .bar, columns: barWidth(share))
        row.fill(to: start + barColumns)
    }

    private static let eighths = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"]

    private func parts(_ share: Double) -> Int { Int(share * Double(barColumns * 8) + 0.5) }

    private func barWidth(_ share: Double) -> Int {
        text.isUTF8 ? (parts(share) + 7) / 8 : parts(share) / 8
    }

    private func barText(_ share: Double) -> [UInt8] {
        let parts = parts(share)
        if !text.isUTF8 { return Array(repeating: UInt8(ascii: "#"), count: parts / 8) }
        return Array((String(repeating: "█", count: parts / 8) + Self.eighths[parts % 8]).utf8)
    }

    /// How long ago: whole days, months of 30 days, years of 365.
    static func age(_ time: Int64, now: Int64) -> String {
        let (seconds, overflow) = now.subtractingReportingOverflow(time)
        if overflow { return "?" }
        // Clocks may differ slightly.
        if seconds < -60 { return "future" }
        let days = seconds / 86_400
        switch days {
        case ..<1: return "today"
        case 1: return "1 day"
        case ..<60: return "\(days) days"
        case ..<730: return "\(days / 30) months"
        default: return "\(days / 365) years"
        }
    }
}
