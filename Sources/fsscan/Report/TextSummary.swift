import Bytes
import Entries
import LinuxKernel
import ScanEngine

/// The report for people: totals first, then disk usage as a tree, then its distribution.
///
/// On a terminal every line fits: paths are shortened in the middle. In a file or a pipe nothing is shortened.
struct TextSummary {
    let report: ScanReport
    let options: ScanOptions
    let style: TextStyle
    /// Nil: a line for each table, with its largest portions.
    let table: SummaryTable?

    var lines: [[UInt8]] = []

    init(_ report: ScanReport, options: ScanOptions, style: TextStyle, table: SummaryTable? = nil) {
        self.report = report
        self.options = options
        self.style = style
        self.table = table
    }

    /// The whole text.
    mutating func bytes() -> [UInt8] {
        lines = []
        if !report.complete { addWarning("Stopped before the end: the figures are incomplete.") }
        addTotals()
        if report.roots.count > 1 { addRoots() }
        addDigests()
        addTree()
        addLargest()
        if let table { addTable(table) } else { addOverview() }
        if report.totals.errors > 0 {
            let count = HumanUnits.count(report.totals.errors, "error", "errors")
            lines.append([])
            addWarning("! \(count): not everything could be read, see standard error.")
        }
        return Array(lines.joined(separator: [UInt8(ascii: "\n")])) + [UInt8(ascii: "\n")]
    }

    // MARK: Sections

    private mutating func addTotals() {
        let totals = report.totals
        if report.roots.count == 1, !report.roots[0].path.isEmpty {
            lines.append(style.title(fitted(style.printable(report.roots[0].path), style.width)))
        }
        let kinds: [(Int64, String, String)] = [
            (totals.files, "file", "files"), (totals.directories, "directory", "directories"),
            (totals.symlinks, "symlink", "symlinks"), (totals.fifos, "FIFO", "FIFOs"),
            (totals.sockets, "socket", "sockets"), (totals.blockDevices, "block device", "block devices"),
            (totals.characterDevices, "character device", "character devices"),
        ]
        let present = kinds.filter { $0.0 > 0 }.map { HumanUnits.count($0.0, $0.1, $0.2) }
        let entries = HumanUnits.count(totals.entries, "entry", "entries")
        add(entries + (present.isEmpty ? "" : ": " + present.joined(separator: ", ")))
        add("\(size(totals.diskBytes)) on disk, \(size(totals.apparentBytes)) apparent")
        addPseudoFileSystems()
        if let selected = report.selected {
            let entries = HumanUnits.count(selected.entries, "entry", "entries")
            add("selected: \(entries), \(size(selected.diskBytes)) on disk, \(size(selected.apparentBytes)) apparent")
        }
        if totals.hardLinkedFiles > 0 {
            add("\(HumanUnits.count(totals.hardLinkedFiles, "hard-linked file", "hard-linked files")), counted once")
        }
        if totals.skipped > 0 {
            add("\(HumanUnits.count(totals.skipped, "file", "files")) of pseudo file systems not read")
        }
        if let baseline = report.baseline {
            let reused = HumanUnits.count(baseline.reused, "file", "files")
            add("\(reused) unchanged since the baseline, \(HumanUnits.count(baseline.read)) read")
        }
        let threads = HumanUnits.count(Int64(report.timing.threads), "thread", "threads")
        add("\(HumanUnits.seconds(report.timing.elapsedSeconds)) with \(threads)")
    }

    /// Sizes that no disk has: `/proc/kcore` alone claims 128 TiB.
    private mutating func addPseudoFileSystems() {
        let all = report.pseudoFileSystems.filter { $0.counts.apparentBytes > 0 }
        guard !all.isEmpty else { return }
        var sum = FileCounts()
        for one in all { sum.add(one.counts) }
        let types = all.map(\.type).sorted().joined(separator: ", ")
        add("of these, pseudo file systems (\(types)): \(size(sum.apparentBytes)) apparent")
    }

    private mutating func addRoots() {
        // In a file all of them; on a terminal a screenful, because --files-from may have made the list very long.
        let shown = style.isTerminal ? report.roots.prefix(max(20, options.top)) : report.roots[...]
        addTable(
            "PATHs", ["DISK", "APPARENT", "ENTRIES", "ERRORS", "PATH"],
            shown.map { root in
                let totals = root.totals
                return Row(
                    [
                        size(totals.diskBytes), size(totals.apparentBytes), HumanUnits.count(totals.entries),
                        HumanUnits.count(totals.errors),
                    ], root.path)
            })
        let hidden = Int64(report.roots.count - shown.count)
        if hidden > 0 { add("and \(HumanUnits.count(hidden)) more; files, pipes and --json get all of them") }
    }

    /// The digests of each PATH, for comparison from one day to the next.
    private mutating func addDigests() {
        // With a selection, directories, which most PATHs are, have no digests.
        guard !options.hash.isEmpty, options.selection.isEmpty else { return }
        addTable(
            "Digests", ["ALGORITHM", "DIGEST", "PATH"],
            report.roots.flatMap { root -> [Row] in
                guard let digests = root.digests else {
                    return [Row(["-", "unknown: something at or below could not be read"], root.path)]
                }
                return digests.map { Row([$0.algorithm, $0.hex], root.path) }
            })
    }

    private mutating func addLargest() {
        // Times only if the list is about them.
        let hasTimes = options.rank.isByTime
        let times = hasTimes ? ["CHANGED"] : []
        func changed(_ time: FileTime?) -> [String] { hasTimes ? [time.flatMap(Self.minute) ?? "-"] : [] }
        if hasTimes {
            addTable(
                options.rank == .newest ? "Latest changes: directories" : "Unchanged for longest: directories",
                ["DISK", "APPARENT", "ENTRIES"] + times + ["PATH"],
                report.largestDirectories.map { directory in
                    Row(
                        [
                            size(directory.diskBytes), size(directory.apparentBytes),
                            HumanUnits.count(directory.entries),
                        ] + changed(directory.lastChange), directory.path)
                })
        }
        let title: String =
            switch options.rank {
            case .disk, .entries: "Largest files"
            case .apparent: "Largest files, by apparent size"
            case .newest: "Latest changes: files"
            case .oldest: "Unchanged for longest: files"
            }
        addTable(
            title, ["DISK", "APPARENT"] + times + ["PATH"],
            report.largestFiles.map { file in
                Row([size(file.diskBytes), size(file.apparentBytes)] + changed(file.lastChange), file.path)
            })
    }

    /// `2026-11-29 18:30`, in UTC.
    private static func minute(_ time: FileTime) -> String? {
        Timestamp.rfc3339(seconds: time.seconds, nanoseconds: time.nanoseconds).map { text in
            String(text.prefix(16)).replacing("T", with: " ")
        }
    }

    // MARK: Lines

    func size(_ bytes: Int64) -> String { HumanUnits.bytes(bytes, style.units) }

    /// A sentence of ASCII, wrapped to as many lines as it needs.
    mutating func add(_ sentence: String) {
        for line in wrapped(sentence.split(separator: " ").map(String.init), " ") { lines.append(Array(line.utf8)) }
    }

    private mutating func addWarning(_ sentence: String) {
        for line in wrapped(sentence.split(separator: " ").map(String.init), " ") {
            lines.append(style.warning(Array(line.utf8)))
        }
    }

    /// ASCII parts with a separator, wrapped to as many lines as they need.
    func wrapped(_ parts: [String], _ separator: String, indentation: Int = 0) -> [String] {
        guard let width = style.width else { return [parts.joined(separator: separator)] }
        var lines: [String] = []
        for part in parts {
            if let last = lines.last, last.utf8.count + separator.utf8.count + part.utf8.count <= width - indentation {
                lines[lines.count - 1] = last + separator + part
            } else {
                lines.append(part)
            }
        }
        return lines
    }

    /// A path, shortened in the middle if necessary.
    func fitted(_ path: [UInt8], _ columns: Int?) -> [UInt8] {
        guard let columns else { return path }
        return style.screen.fittedInMiddle(path, max(columns, 8)).text
    }

    /// Cells of ASCII, followed by a name, which may be anything.
    struct Row {
        var cells: [String]
        var name: [UInt8]

        init(_ cells: [String], _ name: [UInt8]) { (self.cells, self.name) = (cells, name) }
    }

    /// Right-aligned columns, except the last. If they leave no room for it, APPARENT is dropped.
    mutating func addTable(_ title: String, _ headings: [String], _ rows: [Row]) {
        guard !rows.isEmpty else { return }
        var (headings, rows) = (headings, rows)
        if let width = style.width, width < 60, let column = headings.firstIndex(of: "APPARENT") {
            headings.remove(at: column)
            for index in rows.indices { rows[index].cells.remove(at: column) }
        }
        let widths = headings.dropLast().indices.map { column in
            rows.reduce(headings[column].utf8.count) { max($0, $1.cells[column].utf8.count) }
        }
        func cells(_ texts: [String]) -> [UInt8] {
            zip(texts, widths).flatMap { text, width in
                [UInt8](repeating: UInt8(ascii: " "), count: width - text.utf8.count) + Array("\(text)  ".utf8)
            }
        }
        let left = style.width.map { $0 - widths.reduce(0) { $0 + $1 + 2 } }
        lines += [[], style.title(Array(title.utf8))]
        lines.append(style.heading(cells(headings.dropLast()) + Array(headings.last!.utf8)))
        for row in rows { lines.append(cells(row.cells) + fitted(style.printable(row.name), left)) }
    }
}
