// The browser's state and the effect of its keys, without a terminal: a key or the time changes the state, and the
// state is drawn as rows of text.
//
//   keys ──▶ BrowseModel ──▶ rows ──▶ Screen (curses)
//              ▲      ▲
//      DirectoryTree  FileTable of the current directory
//
// Nothing here waits: work that may take long (the scan, listing a directory, sorting many lines) runs on other threads
// and is polled ten times a second.
//
// Read on in BrowseModel+Keys.swift and BrowseModel+Screen.swift.

import CLinux
import LinuxKernel
import ScanEngine

/// A key, as far as it matters here.
enum BrowseKey: Equatable {
    case up, down, left, right, home, end, pageUp, pageDown, enter, backspace, escape
    case character(UInt8)
}

/// The state of the browser. Used by one thread.
final class BrowseModel {
    let source: any BrowseSource
    let text: ScreenText
    /// The reference time for ages: seconds since 1970.
    let now: Int64

    var tree: DirectoryTree
    /// The older tree of a comparison.
    private(set) var older: OlderTree?
    private var spare = DirectoryEvents()
    /// No further events will come.
    private var isComplete = false

    /// The current directory.
    private(set) var place = DirectoryTree.root
    private(set) var files = FileTable()
    private var filesTask: BackgroundTask<FileTable>?

    var order = BrowseOrder() { didSet { if order != oldValue { needsLines = true } } }
    private(set) var sorted = BrowseLines()
    var lines: [BrowseLine] { sorted.lines }
    private var needsLines = true
    private var linesTask: BackgroundTask<BrowseLines>?
    private var lastSorted: Int64 = 0

    /// Index of the selected line.
    private(set) var cursor = 0
    /// Index of the first line on the screen.
    private(set) var top = 0
    /// The user has not chosen a line here: the first one stays selected, whichever that is.
    private var isUntouched = true
    /// How many lines fit on the screen.
    var visibleLines = 20

    var bar = BarStyle.both
    var panel: BrowsePanel?
    var isTypingFilter = false
    var deletion: BrowseDeletion?
    var message: String?

    /// - Parameter older: the base for growth.
    init(_ source: any BrowseSource, since older: (any BrowseSource)? = nil, text: ScreenText) {
        self.source = source
        self.older = older.map { OlderTree($0) }
        self.text = text
        now = Int64(clinux_now(CLOCK_REALTIME).tv_sec)
        tree = DirectoryTree(path: source.path)
        show(DirectoryTree.root, selecting: nil)
    }

    var isScanning: Bool { source.isRunning || older?.source.isRunning == true }

    var selected: BrowseLine? { lines.indices.contains(cursor) ? lines[cursor] : nil }

    /// Stops everything that is still running.
    func cancel() {
        source.cancel()
        older?.source.cancel()
        filesTask?.cancel()
        tables?.task.cancel()
    }

    // MARK: Time

    /// Takes the scan's new events between two calls of `update()`, because they occupy memory until then.
    func takeIn() {
        if !isComplete { source.update(&tree, &spare) }
    }

    /// Takes in everything that has happened since the last call.
    func update() {
        if !isComplete {
            source.update(&tree, &spare)
            isComplete = !source.isRunning
            needsLines = true
            if isComplete, tree.flags(of: place).contains(.gone), let parent = tree.parent(of: place) {
                show(parent, selecting: nil)
                message = "the directory is gone"
            }
        }
        if older?.update(tree.namesFromRoot(to: place)) == true { needsLines = true }
        if let filesTask, let table = filesTask.result {
            files = table
            self.filesTask = nil
            // Lines of another table are meaningless here.
            linesTask = nil
            needsLines = true
        }
        updateDeletion()
        updateLines()
    }

    /// Whether anything is still to come.
    var isBusy: Bool {
        !isComplete || older?.isBusy == true || filesTask != nil || linesTask != nil || needsLines
            || deletion?.task != nil
    }

    var isListing: Bool { filesTask != nil }

    /// Sorting this many lines takes some milliseconds.
    private static let fewLines = 10_000

    private func updateLines() {
        if let linesTask {
            guard let lines = linesTask.result else { return }
            self.linesTask = nil
            replaceLines(lines)
        }
        guard needsLines else { return }
        let time = clinux_now(CLOCK_MONOTONIC)
        let milliseconds = Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
        if lines.count > Self.fewLines, milliseconds - lastSorted < 1000, isScanning { return }
        lastSorted = milliseconds
        needsLines = false
        var contents = BrowseContents(tree, place, files)
        if let older {
            contents.older = BrowseContents.Older(
                directories: older.place.map { BrowseContents.directories(of: $0, in: older.tree) } ?? [],
                files: older.files)
        }
        if contents.count <= Self.fewLines {
            replaceLines(contents.sorted(order))
        } else {
            linesTask = BackgroundTask { [order, contents] _ in contents.sorted(order) }
        }
    }

    /// The selected line stays selected, and at its place on the screen.
    private func replaceLines(_ new: BrowseLines) {
        let chosen = isUntouched ? nil : (wanted ?? selected)
        sorted = new
        guard let chosen, let index = lines.firstIndex(of: chosen) else {
            if isUntouched { (cursor, top) = (0, 0) }
            return keepCursorVisible()
        }
        wanted = nil
        top += index - cursor
        cursor = index
        keepCursorVisible()
    }

    /// A line to select as soon as it exists.
    private var wanted: BrowseLine?

    // MARK: Scanning again, tables

    /// For the current directory, or the one that was current when they were requested.
    private(set) var tables: (place: DirectoryNumber, task: BackgroundTask<ScanReport?>)?

    func showTables(_ kind: BrowsePanel.Kind) {
        guard let live = source as? LiveBrowse else {
            message = "only for a PATH that is scanned now"
            return
        }
        if tables?.place != place {
            tables?.task.cancel()
            guard let task = live.tables(of: place, in: tree) else {
                message = "only for the whole PATH, because of the patterns"
                return
            }
            tables = (place, task)
        }
        panel = BrowsePanel(kind)
    }

    func scanAgain() {
        guard let live = source as? LiveBrowse else {
            message = "only for a PATH that is scanned now"
            return
        }
        do throws(RescanRefusal) {
            let number = try live.scanAgain(place, of: &tree)
            isComplete = false
            tables?.task.cancel()
            tables = nil
            show(number, selecting: nil)
        } catch {
            message = error.message
        }
    }

    // MARK: Moving

    func select(_ index: Int) {
        isUntouched = false
        wanted = nil
        cursor = index
        keepCursorVisible()
    }

    func keepCursorVisible() {
        cursor = max(0, min(cursor, lines.count - 1))
        top = max(0, min(top, lines.count - visibleLines))
        if cursor < top { top = cursor }
        if cursor >= top + visibleLines { top = cursor - visibleLines + 1 }
    }

    /// Shows another directory.
    func show(_ directory: DirectoryNumber, selecting line: BrowseLine?) {
        filesTask?.cancel()
        place = directory
        files = FileTable()
        older?.leave()
        sorted = BrowseLines()
        linesTask = nil
        (cursor, top) = (0, 0)
        isUntouched = line == nil
        wanted = line
        order.filter = []
        needsLines = true
        lastSorted = 0
        filesTask = source.files(of: directory, names: tree.namesFromRoot(to: directory))
        updateLines()
    }

    // MARK: Lines

    func facts(of line: BrowseLine) -> LineFacts {
        switch line {
        case .directory(let number): with(older: line, facts(ofDirectory: number, in: tree))
        case .file(let index): with(older: line, facts(of: files, Int(index)))
        case .removedDirectory(let number): removed(older.map { facts(ofDirectory: number, in: $0.tree) })
        case .removedFile(let index): removed(older.map { facts(of: $0.files, Int(index)) })
        }
    }

    private func with(older line: BrowseLine, _ facts: LineFacts) -> LineFacts {
        guard let older else { return facts }
        var facts = facts
        facts.was = DirectorySums()
        guard let place = sorted.older[line] else { return facts }
        if case .file = line {
            let file = older.files.files[Int(place)]
            facts.was = DirectorySums(apparentBytes: file.apparentBytes, diskBytes: file.diskBytes, entries: 1)
        } else {
            facts.was = older.tree.sums(of: place)
        }
        return facts
    }

    private func removed(_ facts: LineFacts?) -> LineFacts {
        guard var facts else { return LineFacts(name: []) }
        facts.was = DirectorySums(
            apparentBytes: facts.apparentBytes, diskBytes: facts.diskBytes, entries: facts.entries ?? 1)
        (facts.apparentBytes, facts.diskBytes, facts.entries) = (0, 0, nil)
        facts.marks = [.removed]
        return facts
    }

    private func facts(ofDirectory number: DirectoryNumber, in tree: borrowing DirectoryTree) -> LineFacts {
        let sums = tree.sums(of: number)
        let flags = tree.flags(of: number)
        let newest = tree.newest(in: number)
        var facts = LineFacts(
            name: Array(tree.name(of: number)), isDirectory: true, diskBytes: sums.diskBytes,
            apparentBytes: sums.apparentBytes, entries: sums.entries, newest: newest == .min ? nil : newest,
            isUnfinished: !flags.contains(.done))
        if sums.errors > 0 { facts.marks.append(.error) }
        if flags.contains(.mount) { facts.marks.append(.mount) }
        if !flags.contains(.done) { facts.marks.append(.counting) }
        if flags.contains(.excludes) { facts.marks.append(.excluded) }
        return facts
    }

    private func facts(of files: FileTable, _ index: Int) -> LineFacts {
        let file = files.files[index]
        var facts = LineFacts(
            name: Array(files.name(of: index)), isDirectory: file.marks.contains(.excluded) && file.kind == .directory,
            diskBytes: file.diskBytes, apparentBytes: file.apparentBytes)
        if file.marks.contains(.failed) { facts.marks.append(.error) }
        if file.marks.contains(.excluded) { facts.marks.append(.excluded) }
        if file.marks.isDisjoint(with: [.failed, .excluded]) { facts.newest = file.modified }
        if file.marks.contains(.linked) { facts.marks.append(.linked) }
        if file.kind != .file, file.kind != .directory { facts.marks.append(.special) }
        return facts
    }
}
