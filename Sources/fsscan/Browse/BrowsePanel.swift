import LinuxKernel
import ScanEngine

/// A panel that replaces the lines until a key closes it.
struct BrowsePanel {
    enum Kind { case help, information, errors, largest, kinds, owners, question, stayed }

    let kind: Kind
    /// The first of its rows on the screen.
    private(set) var top = 0

    init(_ kind: Kind) { self.kind = kind }

    mutating func scroll(by rows: Int) { top = max(0, top + rows) }

    /// So that the last row can be the last on the screen.
    mutating func limit(to rows: Int, visible: Int) { top = max(0, min(top, rows - visible)) }
}

/// The tables of a report as rows of text, for one directory.
struct BrowseTables {
    let report: ScanReport
    /// The directory that the report is about.
    let path: [UInt8]
    let text: ScreenText
    let showsApparent: Bool

    func rows(_ kind: BrowsePanel.Kind) -> [[UInt8]] {
        switch kind {
        case .largest: largest
        case .kinds: kinds
        case .owners: owners
        case .help, .information, .errors, .question, .stayed: []
        }
    }

    private var largest: [[UInt8]] {
        let files = report.largestFiles.sorted { bytes($0) > bytes($1) }
        let start = path.count + (path.last == UInt8(ascii: "/") ? 0 : 1)
        return [Self.line([("SIZE", 11)], "  FILE")]
            + files.map { file in
                Self.line([(HumanUnits.bytes(bytes(file)), 11)], "  ") + text.printable(file.path.dropFirst(start))
            }
    }

    private func bytes(_ file: LargestFile) -> Int64 { showsApparent ? file.apparentBytes : file.diskBytes }
    private func bytes(_ counts: FileCounts) -> Int64 { showsApparent ? counts.apparentBytes : counts.diskBytes }

    private var kinds: [[UInt8]] {
        var rows = report.extensions.map { (name: $0.fileExtension, counts: $0.counts) }
        rows.sort { (bytes($1.counts), $0.name) < (bytes($0.counts), $1.name) }
        var lines = [Self.line([("SIZE", 11), ("FILES", 13)], "  KIND")]
        lines += rows.map { row in
            Self.line(
                [(HumanUnits.bytes(bytes(row.counts)), 11), (HumanUnits.count(row.counts.files), 13)],
                "  " + (row.name.isEmpty ? "(no extension)" : "." + row.name))
        }
        let others = report.otherExtensions
        if others.files > 0 {
            lines.append(
                Self.line([(HumanUnits.bytes(bytes(others)), 11), (HumanUnits.count(others.files), 13)], "  (others)"))
        }
        return lines
    }

    private var owners: [[UInt8]] {
        let rows = report.owners.sorted { bytes($0.counts) > bytes($1.counts) }
        return [Self.line([("SIZE", 11), ("ENTRIES", 13)], "  OWNER")]
            + rows.map { row in
                let name = row.name.map { text.printable(Array($0.utf8)) } ?? Array("\(row.id)".utf8)
                return Self.line(
                    [(HumanUnits.bytes(bytes(row.counts)), 11), (HumanUnits.count(row.entries), 13)], "  ") + name
            }
    }

    /// Right-aligned columns, and the rest.
    private static func line(_ columns: [(text: String, width: Int)], _ rest: String) -> [UInt8] {
        var line: [UInt8] = []
        for column in columns {
            line += Array(repeating: UInt8(ascii: " "), count: max(0, column.width - column.text.utf8.count))
            line += Array(column.text.utf8)
        }
        return line + Array(rest.utf8)
    }
}
