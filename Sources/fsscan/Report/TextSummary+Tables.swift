import Entries
import ScanEngine

extension TextSummary {
    /// The subject of one line of a table: a kind, an owner, an age.
    struct Portion {
        var name: String
        /// `files` are names of files, or of all entries.
        var counts: FileCounts

        init(_ name: String, _ counts: FileCounts) { (self.name, self.counts) = (name, counts) }
    }

    // MARK: Portions

    private var extensions: [Portion] {
        byDisk(
            report.extensions.map { Portion($0.fileExtension.isEmpty ? "(none)" : "." + $0.fileExtension, $0.counts) })
    }

    private var types: [Portion] { byDisk(report.mimeTypes.map { Portion($0.type, $0.counts) }) }

    /// - Parameter owners: users or groups.
    private func owners(_ owners: [OwnerCount]) -> [Portion] {
        byDisk(
            owners.map { owner in
                var counts = owner.counts
                counts.files = owner.entries
                return Portion(owner.name ?? String(owner.id), counts)
            })
    }

    /// In chronological order.
    private var ages: [Portion] {
        let names: [FileAge: String] = [
            .day: "< 1 day", .week: "< 7 days", .month: "< 30 days", .quarter: "< 90 days", .year: "< 1 year",
            .twoYears: "< 2 years", .fiveYears: "< 5 years", .older: "older", .future: "in the future",
        ]
        return report.ages.map { Portion($0.age.flatMap { names[$0] } ?? "unknown", $0.counts) }
            .filter { $0.counts.files > 0 }
    }

    /// Every second size of the report, from 4 KiB on.
    private var sizes: [Portion] {
        var groups: [Portion] = []
        for item in report.sizes {
            let name = item.size.map(Self.sizeGroup) ?? "unknown"
            if groups.last?.name != name { groups.append(Portion(name, FileCounts())) }
            groups[groups.count - 1].counts.add(item.counts)
        }
        return groups.filter { $0.counts.files > 0 }
    }

    private static func sizeGroup(_ size: Int64) -> String {
        if size == 0 { return "empty" }
        let limits: [(Int64, String)] = [
            (4 << 10, "4 KiB"), (64 << 10, "64 KiB"), (1 << 20, "1 MiB"), (16 << 20, "16 MiB"), (256 << 20, "256 MiB"),
            (4 << 30, "4 GiB"), (1 << 40, "1 TiB"),
        ]
        return limits.first { size < $0.0 }.map { "< \($0.1)" } ?? "larger"
    }

    /// The report has them by apparent bytes, and that order remains for equal disk bytes.
    private func byDisk(_ portions: [Portion]) -> [Portion] {
        let order = portions.indices.sorted { left, right in
            let (one, other) = (portions[left].counts.diskBytes, portions[right].counts.diskBytes)
            return one == other ? left < right : one > other
        }
        return order.map { portions[$0] }
    }

    // MARK: One line each

    mutating func addOverview() {
        guard options.top > 0 else { return }
        var overview: [[UInt8]] = []
        overview += line("Ages", all: ages)
        overview += line("Kinds", extensions, others: report.otherExtensions)
        if options.mime { overview += line("Types", types) }
        overview += line("Owners", owners(report.owners))
        if !overview.isEmpty { lines.append([]) }
        lines += overview
    }

    private static let indentation = 8
    /// The separator between items of a line.
    private static let gap = "   "

    private func item(_ portion: Portion) -> String { "\(portion.name) \(size(portion.counts.diskBytes))" }

    /// As many lines as it takes; none without portions.
    private func line(_ title: String, all portions: [Portion]) -> [[UInt8]] {
        guard !portions.isEmpty else { return [] }
        let items = wrapped(portions.map(item), Self.gap, indentation: Self.indentation)
        return items.enumerated().map { index, line in
            let text = style.printable(Array(line.utf8))
            return label(index == 0 ? title : "") + fitted(text, style.width.map { $0 - Self.indentation })
        }
    }

    /// The largest portions, as many as fit on one line; the first and the others in any case.
    private func line(_ title: String, _ portions: [Portion], others: FileCounts = FileCounts()) -> [[UInt8]] {
        let room = (style.width ?? 100) - Self.indentation
        let most = min(portions.count, options.top)
        guard most > 0 else { return [] }
        var shown = portions.prefix(most)
        // Portions that do not fit are added to the others.
        var hidden = Self.sum(portions[most...], and: others)
        while true {
            let name = Self.name(ofOthers: portions.count - shown.count, and: others)
            let all = hidden.files > 0 ? shown + [Portion(name, hidden)] : shown
            let text = style.printable(Array(all.map(item).joined(separator: Self.gap).utf8))
            if shown.count == 1 || style.screen.width(text) <= room { return line(title, all: Array(all)) }
            hidden.add(shown.removeLast().counts)
        }
    }

    private func label(_ title: String) -> [UInt8] {
        let spaces = String(repeating: " ", count: Self.indentation - title.utf8.count)
        return style.heading(Array(title.utf8)) + Array(spaces.utf8)
    }

    private static func sum(_ portions: some Sequence<Portion>, and others: FileCounts) -> FileCounts {
        portions.reduce(into: others) { $0.add($1.counts) }
    }

    /// The name of the hidden portions. The number of kinds that the report does not list is unknown.
    private static func name(ofOthers count: Int, and others: FileCounts) -> String {
        let count = Int64(count)
        if others.files > 0 { return "others, more than \(HumanUnits.count(count))" }
        return HumanUnits.count(count, "other", "others")
    }

    // MARK: One table

    mutating func addTable(_ table: SummaryTable) {
        guard options.top > 0 else { return }
        switch table {
        case .extension:
            addPortions("Kinds of files", "EXTENSION", extensions, others: report.otherExtensions, left: "(not files)")
        case .mime: addPortions("MIME types", "TYPE", types, left: "(without a type)")
        case .owner: addPortions("Owners", "OWNER", owners(report.owners), left: "(unknown)")
        case .group: addPortions("Groups", "GROUP", owners(report.groups), left: "(unknown)")
        case .age: addPortions("Ages of files", "AGE", ages, isWhole: true, left: "(not files)")
        case .size: addPortions("Sizes of files", "SIZE", sizes, isWhole: true, left: "(not files)")
        }
    }

    /// The first `--top` portions, the sum of the others, and the part of the totals in none, so that the lines add up
    /// to the totals.
    ///
    /// - Parameters:
    ///   - others: those that the report does not list.
    ///   - isWhole: all of them are shown.
    ///   - left: the name for entries that are in none.
    private mutating func addPortions(
        _ title: String, _ heading: String, _ portions: [Portion], others: FileCounts = FileCounts(),
        isWhole: Bool = false, left name: String
    ) {
        guard !portions.isEmpty else { return }
        // A single one too many is not worth a line that says "1 other".
        let areAll = isWhole || (others.files == 0 && portions.count - 1 <= options.top)
        let shown = areAll ? portions[...] : portions.prefix(options.top)
        var rows = shown.map { row($0.name, $0.counts) }
        if !areAll {
            let hidden = portions[shown.endIndex...]
            rows.append(row(Self.name(ofOthers: hidden.count, and: others), Self.sum(hidden, and: others)))
        }
        let all = Self.sum(portions, and: others)
        let totals = report.totals
        let left = FileCounts(
            files: totals.entries - all.files, apparentBytes: totals.apparentBytes - all.apparentBytes,
            diskBytes: totals.diskBytes - all.diskBytes)
        if left.files > 0 { rows.append(row(name, left)) }
        addTable(title, ["DISK", "SHARE", "APPARENT", "ENTRIES", heading], rows)
    }

    private func row(_ name: String, _ counts: FileCounts) -> Row {
        let share = Double(max(0, counts.diskBytes)) / Double(max(1, report.totals.diskBytes))
        return Row(
            [
                size(counts.diskBytes), "\(Int((share * 100).rounded()))%", size(counts.apparentBytes),
                HumanUnits.count(counts.files),
            ], Array(name.utf8))
    }
}
