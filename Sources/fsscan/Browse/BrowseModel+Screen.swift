import Bytes
import CLinux
import Entries
import LinuxKernel
import ScanEngine

extension BrowseModel {
    /// The screen: exactly `rows` rows, none wider than `columns`.
    func screen(rows: Int, columns: Int) -> [ScreenRow] {
        if rows < 7 || columns < 20 { withdrawQuestion() }
        guard rows >= 5, columns >= 20 else {
            return (0..<rows).map { row in
                var small = ScreenRow()
                if row == 0 { small.append(String("too small".prefix(columns))) }
                return small
            }
        }
        visibleLines = rows - 4
        keepCursorVisible()
        var screen = [header(columns), rule(columns)]
        if panel != nil {
            screen += panelRows(columns)
        } else {
            let layout = RowLayout(
                columns: columns - 1, text: text, bar: bar, showsApparent: order.showsApparent, now: now)
            let sums = tree.sums(of: place)
            let whole =
                older != nil ? sorted.greatestChange : order.showsApparent ? sums.apparentBytes : sums.diskBytes
            for index in lines.indices.dropFirst(top).prefix(visibleLines) {
                var row = layout.row(facts(of: lines[index]), of: whole)
                row.isSelected = index == cursor
                if row.isSelected { row.fill(to: columns) }
                screen.append(row)
            }
        }
        while screen.count < rows - 2 { screen.append(ScreenRow()) }
        return screen + [rule(columns), footer(columns)]
    }

    private func rule(_ columns: Int) -> ScreenRow {
        var row = ScreenRow()
        row.append(String(repeating: text.isUTF8 ? "─" : "-", count: columns), .dim, columns: columns)
        return row
    }

    private func header(_ columns: Int) -> ScreenRow {
        var row = ScreenRow()
        let facts = headerFacts
        let room = columns - facts.utf8.count - 4
        let path = text.fittedAtEnd(text.printable(tree.path(of: place)), max(8, room))
        row.append(" ")
        row.append(path.text, .strong, columns: min(path.width, columns - 1))
        if room >= 8 {
            row.fill(to: columns - facts.utf8.count - 1)
            row.append(facts, tree.sums(of: place).errors > 0 ? .warning : .plain)
        }
        return row
    }

    /// ASCII.
    private var headerFacts: String {
        let sums = tree.sums(of: place)
        let size = HumanUnits.bytes(order.showsApparent ? sums.apparentBytes : sums.diskBytes)
        var facts = "\(HumanUnits.count(sums.entries, "entry", "entries")), \(size)"
        if order.showsApparent { facts += " apparent" }
        if let older {
            let old = older.place.map { older.tree.sums(of: $0) } ?? DirectorySums()
            let was = order.showsApparent ? old.apparentBytes : old.diskBytes
            let change = (order.showsApparent ? sums.apparentBytes : sums.diskBytes) &- was
            facts += ", was \(HumanUnits.bytes(was)), \(RowLayout.change(change))"
        }
        if sums.errors > 0 { facts += ", " + HumanUnits.count(sums.errors, "error", "errors") }
        if isScanning {
            let activity = source.isRunning ? source.activity : older?.source.activity
            facts = "\(activity ?? "")  " + facts
        } else if source.failure != nil {
            facts = "incomplete  " + facts
        }
        return facts
    }

    private func footer(_ columns: Int) -> ScreenRow {
        var row = ScreenRow()
        row.append(" ")
        if isTypingFilter || (!order.filter.isEmpty && message == nil) {
            let typed = text.fittedAtEnd(text.printable(order.filter), columns - 4)
            row.append("/", .strong)
            row.append(typed.text, .plain, columns: typed.width)
            if isTypingFilter { row.append("_", .dim) }
            return row
        }
        let hint = "s size  n name  C count  M time  a apparent  / filter  i info  E errors  ? help  q quit"
        let line = text.fitted(Array((message ?? status ?? hint).utf8), columns - 1)
        row.append(line.text, message == nil ? .dim : .strong, columns: line.width)
        return row
    }

    private var status: String? {
        if let failure = source.failure {
            return "! not everything is here: \(String(decoding: failure, as: UTF8.self))"
        }
        if isListing { return "reading the directory" }
        if let failure = files.failure { return "! this directory could not be read: \(failure)" }
        if lines.isEmpty { return order.filter.isEmpty ? "nothing in here" : "no matching name" }
        return nil
    }

    // MARK: Panels

    private func panelRows(_ columns: Int) -> [ScreenRow] {
        guard var panel else { return [] }
        let all = panelText(panel.kind)
        panel.limit(to: all.count, visible: visibleLines)
        self.panel = panel
        return all.dropFirst(panel.top).prefix(visibleLines).map { line in
            var row = ScreenRow()
            row.append(" ")
            let fitted = text.fitted(line, columns - 1)
            row.append(fitted.text, .plain, columns: fitted.width)
            return row
        }
    }

    /// Printable lines.
    private func panelText(_ kind: BrowsePanel.Kind) -> [[UInt8]] {
        switch kind {
        case .help: Self.help.split(separator: "\n", omittingEmptySubsequences: false).map { Array($0.utf8) }
        case .information: selected.map { information(of: $0) } ?? []
        case .errors: errorLines
        case .largest, .kinds, .owners: tableRows(kind)
        case .question, .stayed: deletionRows
        }
    }

    private func tableRows(_ kind: BrowsePanel.Kind) -> [[UInt8]] {
        guard let tables, let result = tables.task.result else { return [Array("counting".utf8)] }
        guard let report = result else { return [Array("it could not be counted".utf8)] }
        let path = tree.path(of: tables.place)
        return BrowseTables(report: report, path: path, text: text, showsApparent: order.showsApparent).rows(kind)
    }

    private static let help = """
        up down k j        move                     Enter right l   go into the directory
        PgUp PgDn Home End move further             left h          go out of it

        s n C M            sort by size, name, entries, newest change; once more turns it around
        a                  apparent sizes or sizes on disk
        g                  bar and percent, percent, bar, neither
        t                  directories first
        e                  hide names that begin with a dot, or show them
        /                  only names that contain what is typed; Esc ends it
        i                  about the selected line
        r                  scan this directory again
        E                  what could not be read here and below
        L T O              largest files, kinds of files, owners, here and below
        d                  delete the selected line (with --delete)
        q                  quit

        Signs: ! error   > another file system   < left out by a pattern, or something in it
               H has more names   @ no regular file   + still counting   - removed
        """

    private func information(of line: BrowseLine) -> [[UInt8]] {
        let facts = facts(of: line)
        var path = tree.path(of: place)
        if path.last != UInt8(ascii: "/") { path.append(UInt8(ascii: "/")) }
        var rows: [[UInt8]] = []
        func add(_ label: String, _ value: [UInt8]) {
            rows.append(Array(label.utf8) + Array(repeating: UInt8(ascii: " "), count: 12 - label.utf8.count) + value)
        }
        func add(_ label: String, _ value: String) { add(label, Array(value.utf8)) }
        add("Path", text.printable(path + facts.name))
        add("Kind", kindName(of: line))
        add("Disk", "\(HumanUnits.bytes(facts.diskBytes)) (\(HumanUnits.count(facts.diskBytes)) B)")
        add("Apparent", "\(HumanUnits.bytes(facts.apparentBytes)) (\(HumanUnits.count(facts.apparentBytes)) B)")
        if let was = facts.was {
            add(
                "Was", "\(HumanUnits.count(was.diskBytes)) B on disk, \(HumanUnits.count(was.apparentBytes)) B apparent"
            )
        }
        if let entries = facts.entries { add("Entries", HumanUnits.count(entries)) }
        if let newest = facts.newest {
            let date = Timestamp.rfc3339(seconds: newest, nanoseconds: 0)?.split(separator: ".").first.map {
                "\($0)Z, "
            }
            add(facts.isDirectory ? "Newest" : "Changed", (date ?? "") + RowLayout.age(newest, now: now))
        }
        if case .directory(let number) = line {
            let errors = tree.sums(of: number).errors
            if errors > 0 { add("Errors", HumanUnits.count(errors)) }
            if facts.isUnfinished { add("State", "still counting") }
        }
        if facts.marks.contains(.linked) {
            add("Links", "has more names: its bytes count once in each directory above")
        }
        if facts.marks.contains(.mount) { add("Mount", "is on another file system") }
        return rows
    }

    private func kindName(of line: BrowseLine) -> String {
        let file: FileTable.File
        switch line {
        case .directory: return "directory"
        case .removedDirectory: return "directory, removed"
        case .file(let index): file = files.files[Int(index)]
        case .removedFile(let index): file = older?.files.files[Int(index)] ?? FileTable.File()
        }
        let kind =
            switch file.kind {
            case .directory: "directory"
            case .file: "regular file"
            case .symlink: "symbolic link"
            case .fifo: "FIFO"
            case .socket: "socket"
            case .blockDevice: "block device"
            case .characterDevice: "character device"
            case nil: "unknown: it could not be examined"
            }
        if case .removedFile = line { return kind + ", removed" }
        return file.marks.contains(.excluded) ? kind + ", left out by a pattern" : kind
    }

    private var errorLines: [[UInt8]] {
        let path = tree.path(of: place)
        let list = source.errorList.filter { place == DirectoryTree.root || LiveBrowse.isIn($0.path, path) }
        if list.isEmpty {
            let count = tree.sums(of: place).errors
            return [Array((count == 0 ? "Everything here was read." : "They are beyond the first 10,000.").utf8)]
        }
        return list.map { text.printable($0.path) + Array(": \($0.message)".utf8) }
    }
}
