import Bytes
import Entries
import Glibc
import LinuxKernel
import ScanEngine

/// The report for people: totals first, then what is large, then what kinds of files there are.
///
/// Paths stand last on their line and are never cut: a long one wraps on a terminal, and nothing is lost in a file.
struct TextSummary {
    let report: ScanReport
    let options: ScanOptions
    let style: TextStyle

    private var lines: [[UInt8]] = []

    init(_ report: ScanReport, options: ScanOptions, style: TextStyle) {
        self.report = report
        self.options = options
        self.style = style
    }

    /// The whole text.
    mutating func bytes() -> [UInt8] {
        lines = []
        if !report.complete {
            lines.append(style.warning("Stopped before the end: what follows is only what was seen until then."))
        }
        addTotals()
        if report.roots.count > 1 { addRoots() }
        addDigests()
        addLargest()
        addKinds()
        addAges()
        addSizes()
        if report.totals.errors > 0 {
            let count = HumanUnits.count(report.totals.errors, "error", "errors")
            lines += [[], style.warning("\(count): not everything could be read, see standard error.")]
        }
        return Array(lines.joined(separator: [UInt8(ascii: "\n")])) + [UInt8(ascii: "\n")]
    }

    // MARK: Sections

    private mutating func addTotals() {
        let totals = report.totals
        if report.roots.count == 1, !report.roots[0].path.isEmpty {
            lines.append(style.title(style.quoting.escaped(report.roots[0].path)))
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
        let disk = HumanUnits.bytes(totals.diskBytes)
        add("\(disk) on disk, \(HumanUnits.bytes(totals.apparentBytes)) apparent")
        addPseudoFileSystems()
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

    /// Sizes that no disk has: `/proc/kcore` alone says 128 TiB.
    private mutating func addPseudoFileSystems() {
        let all = report.pseudoFileSystems.filter { $0.counts.apparentBytes > 0 }
        guard !all.isEmpty else { return }
        var sum = FileCounts()
        for one in all { sum.add(one.counts) }
        let types = all.map(\.type).sorted().joined(separator: ", ")
        add("of these, pseudo file systems (\(types)): \(HumanUnits.bytes(sum.apparentBytes)) apparent")
    }

    private mutating func addRoots() {
        // In a file all of them; on a terminal a screenful of a list that --files-from may have made endless.
        let shown = style.isTerminal ? report.roots.prefix(max(20, options.top)) : report.roots[...]
        addTable(
            "PATHs", ["DISK", "APPARENT", "ENTRIES", "ERRORS", "PATH"],
            shown.map { root in
                let totals = root.totals
                return [
                    Array(HumanUnits.bytes(totals.diskBytes).utf8), Array(HumanUnits.bytes(totals.apparentBytes).utf8),
                    Array(HumanUnits.count(totals.entries).utf8), Array(HumanUnits.count(totals.errors).utf8),
                    style.quoting.escaped(root.path),
                ]
            })
        let hidden = Int64(report.roots.count - shown.count)
        if hidden > 0 { add("and \(HumanUnits.count(hidden)) more, all of them in a file or pipe and with --json") }
    }

    /// The digests of each PATH: what is compared from one day to the next.
    private mutating func addDigests() {
        guard !options.hash.isEmpty else { return }
        addTable(
            "Digests", ["ALGORITHM", "DIGEST", "PATH"],
            report.roots.flatMap { root -> [[[UInt8]]] in
                let path = style.quoting.escaped(root.path)
                guard let digests = root.digests else {
                    return [[Array("-".utf8), Array("unknown: something at or below was not read".utf8), path]]
                }
                return digests.map { [Array($0.algorithm.utf8), Array($0.hex.utf8), path] }
            })
    }

    private mutating func addLargest() {
        // Times only where they are what the list is about.
        let hasTimes = options.rank == .newest || options.rank == .oldest
        let times = hasTimes ? ["CHANGED"] : []
        func cells(_ texts: String..., time: FileTime?, path: [UInt8]) -> [[UInt8]] {
            let changed = hasTimes ? [time.flatMap(Self.minute) ?? "-"] : []
            return (texts + changed).map { Array($0.utf8) } + [style.quoting.escaped(path)]
        }
        let adjective: String =
            switch options.rank {
            case .disk, .entries: "Largest"
            case .apparent: "Largest, by apparent size:"
            case .newest: "Latest changes:"
            case .oldest: "Unchanged for longest:"
            }
        addTable(
            options.rank == .entries ? "Directories with most entries" : "\(adjective) directories",
            ["DISK", "APPARENT", "ENTRIES"] + times + ["PATH"],
            report.largestDirectories.map { directory in
                cells(
                    HumanUnits.bytes(directory.diskBytes), HumanUnits.bytes(directory.apparentBytes),
                    HumanUnits.count(directory.entries), time: directory.lastChange, path: directory.path)
            })
        addTable(
            "\(adjective) files", ["DISK", "APPARENT"] + times + ["PATH"],
            report.largestFiles.map { file in
                cells(
                    HumanUnits.bytes(file.diskBytes), HumanUnits.bytes(file.apparentBytes), time: file.lastChange,
                    path: file.path)
            })
    }

    /// `2026-11-29 18:30`, in UTC.
    private static func minute(_ time: FileTime) -> String? {
        Timestamp.rfc3339(seconds: time.seconds, nanoseconds: time.nanoseconds).map { text in
            String(text.prefix(16)).replacing("T", with: " ")
        }
    }

    /// Both tables add up to the totals: an inode counts once, and what is no part of a kind has a line.
    private mutating func addKinds() {
        let files = report.extensions.map { item in
            let name = item.fileExtension.isEmpty ? "(none)" : "." + item.fileExtension
            return (name: name, counts: item.counts)
        }
        addKinds("Kinds of files", "EXTENSION", files, others: report.otherExtensions, rest: "(not files)")
        let types = report.mimeTypes.map { (name: $0.type, counts: $0.counts) }
        addKinds("MIME types", "TYPE", types, others: FileCounts(), rest: "(without a type)")
    }

    /// The first `--top` kinds, and what is left as a line or two.
    ///
    /// - Parameters:
    ///   - others: those that the report does not list.
    ///   - rest: how entries are called that have no kind.
    private mutating func addKinds(
        _ title: String, _ heading: String, _ kinds: [(name: String, counts: FileCounts)], others: FileCounts,
        rest: String
    ) {
        guard options.top > 0, !kinds.isEmpty else { return }
        func row(_ name: String, _ counts: FileCounts) -> [[UInt8]] {
            [
                Array(HumanUnits.bytes(counts.diskBytes).utf8), Array(HumanUnits.bytes(counts.apparentBytes).utf8),
                Array(HumanUnits.count(counts.files).utf8), style.quoting.escaped(Array(name.utf8)),
            ]
        }
        // One kind too many is not worth a line that says "1 other".
        let areAllListed = others.files == 0
        let shown = areAllListed && kinds.count - 1 <= options.top ? kinds[...] : kinds.prefix(options.top)
        var rows = shown.map { row($0.name, $0.counts) }
        var all = others
        for kind in kinds { all.add(kind.counts) }
        if shown.count < kinds.count || !areAllListed {
            var hidden = others
            for kind in kinds[shown.endIndex...] { hidden.add(kind.counts) }
            let count = HumanUnits.count(Int64(kinds.count - shown.count))
            // How many kinds there are that the report does not list, nobody has counted.
            rows.append(row(areAllListed ? "\(count) others" : "others, more than \(count)", hidden))
        }
        let totals = report.totals
        let left = FileCounts(
            files: totals.entries - all.files, apparentBytes: totals.apparentBytes - all.apparentBytes,
            diskBytes: totals.diskBytes - all.diskBytes)
        if left.files > 0 { rows.append(row(rest, left)) }
        addTable(title, ["DISK", "APPARENT", "ENTRIES", heading], rows)
    }

    private mutating func addAges() {
        let names: [FileAge: String] = [
            .day: "< 1 day", .week: "< 7 days", .month: "< 30 days", .quarter: "< 90 days", .year: "< 1 year",
            .twoYears: "< 2 years", .fiveYears: "< 5 years", .older: "older", .future: "in the future",
        ]
        addFiles("Ages of files", "AGE", report.ages.map { ($0.age.flatMap { names[$0] } ?? "unknown", $0.counts) })
    }

    /// Every second size of the report, from 4 KiB on.
    private mutating func addSizes() {
        var groups: [(name: String, counts: FileCounts)] = []
        for item in report.sizes {
            let name = item.size.map(Self.sizeGroup) ?? "unknown"
            if groups.last?.name != name { groups.append((name, FileCounts())) }
            groups[groups.count - 1].counts.add(item.counts)
        }
        addFiles("Sizes of files", "SIZE", groups)
    }

    private static func sizeGroup(_ size: Int64) -> String {
        if size == 0 { return "empty" }
        let limits: [(Int64, String)] = [
            (4 << 10, "4 KiB"), (64 << 10, "64 KiB"), (1 << 20, "1 MiB"), (16 << 20, "16 MiB"), (256 << 20, "256 MiB"),
            (4 << 30, "4 GiB"), (1 << 40, "1 TiB"),
        ]
        return limits.first { size < $0.0 }.map { "< \($0.1)" } ?? "larger"
    }

    /// Those that there are, in their order.
    private mutating func addFiles(_ title: String, _ heading: String, _ groups: [(name: String, counts: FileCounts)]) {
        guard options.top > 0 else { return }
        addTable(
            title, ["DISK", "APPARENT", "FILES", heading],
            groups.filter { $0.counts.files > 0 }.map { group in
                [
                    HumanUnits.bytes(group.counts.diskBytes), HumanUnits.bytes(group.counts.apparentBytes),
                    HumanUnits.count(group.counts.files), group.name,
                ].map { Array($0.utf8) }
            })
    }

    // MARK: Lines

    private mutating func add(_ line: String) { lines.append(Array(line.utf8)) }

    /// Columns aligned to the right, but for the last. Only the last may hold more than ASCII.
    private mutating func addTable(_ title: String, _ headings: [String], _ rows: [[[UInt8]]]) {
        guard !rows.isEmpty else { return }
        let widths = headings.indices.map { column in
            rows.reduce(headings[column].utf8.count) { max($0, $1[column].count) }
        }
        func line(_ cells: [[UInt8]]) -> [UInt8] {
            var line: [UInt8] = []
            for (column, cell) in cells.enumerated() {
                if column > 0 { line += [UInt8](repeating: UInt8(ascii: " "), count: 2) }
                if column < cells.count - 1 {
                    line += [UInt8](repeating: UInt8(ascii: " "), count: widths[column] - cell.count)
                }
                line += cell
            }
            return line
        }
        lines += [[], style.title(Array(title.utf8))]
        lines.append(style.heading(line(headings.map { Array($0.utf8) })))
        for row in rows { lines.append(line(row)) }
    }
}

/// How text looks where it goes: colour and quoting.
struct TextStyle {
    var isTerminal: Bool
    var usesColour: Bool
    var quoting: Quoting

    /// Colour only on a terminal, and neither under NO_COLOR (no-color.org: present and not empty) nor TERM=dumb.
    init(for descriptor: CInt) {
        isTerminal = isatty(descriptor) == 1
        quoting = Quoting(for: descriptor)
        usesColour = isTerminal && !Self.isSet("NO_COLOR") && !Self.terminalIsDumb
    }

    init(isTerminal: Bool, usesColour: Bool, quoting: Quoting) {
        self.isTerminal = isTerminal
        self.usesColour = usesColour
        self.quoting = quoting
    }

    /// No TERM at all is taken as dumb: nothing is known of what the terminal understands.
    static var terminalIsDumb: Bool {
        guard let term = getenv("TERM"), term.pointee != 0 else { return true }
        return strcmp(term, "dumb") == 0
    }

    private static func isSet(_ variable: String) -> Bool {
        guard let value = getenv(variable) else { return false }
        return value.pointee != 0
    }

    func title(_ text: [UInt8]) -> [UInt8] { coloured(text, "1") }
    func heading(_ text: [UInt8]) -> [UInt8] { coloured(text, "2") }
    func warning(_ text: String) -> [UInt8] { coloured(Array(text.utf8), "1;31") }

    private func coloured(_ text: [UInt8], _ code: String) -> [UInt8] {
        usesColour ? Array("\u{1B}[\(code)m".utf8) + text + Array("\u{1B}[0m".utf8) : text
    }
}
