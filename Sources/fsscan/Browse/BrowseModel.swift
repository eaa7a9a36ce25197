// What the browser shows and what its keys do, without a terminal: a key or the time changes the state, and the state is
// drawn as rows of text.
//
//   keys ──▶ BrowseModel ──▶ rows ──▶ Screen (curses)
//              ▲      ▲
//      DirectoryTree  FileTable of the directory that is shown
//
// Nothing here waits: what may take long (the scan, listing a directory, sorting many lines) is done by threads of its own
// and looked at ten times a second.
//
// Where to read on: BrowseModel+Keys.swift, BrowseModel+Screen.swift.

import CLinux
import ScanEngine

/// A key, as far as it matters here.
enum BrowseKey: Equatable {
    case up, down, left, right, home, end, pageUp, pageDown, enter, backspace, escape
    case character(UInt8)
}

/// The state of the browser. Used by one thread.
final class BrowseModel {
    let source: LiveBrowse
    let text: ScreenText
    /// Ages are relative to it: seconds since 1970.
    let now: Int64

    var tree: DirectoryTree
    private var spare = DirectoryEvents()
    /// Nothing more will come.
    private var isComplete = false

    /// The directory that is shown.
    private(set) var place = DirectoryTree.root
    private(set) var files = FileTable()
    private var filesTask: BackgroundTask<FileTable>?

    var order = BrowseOrder() { didSet { if order != oldValue { needsLines = true } } }
    private(set) var lines: [BrowseLine] = []
    private var needsLines = true
    private var linesTask: BackgroundTask<[BrowseLine]>?
    private var lastSorted: Int64 = 0

    /// Index of the selected line.
    private(set) var cursor = 0
    /// Index of the first line on the screen.
    private(set) var top = 0
    /// Nobody has chosen a line here: the first one is selected, whichever that is.
    private var isUntouched = true
    /// How many lines the screen has room for.
    var visibleLines = 20

    var bar = BarStyle.both
    var panel: BrowsePanel?
    var isTypingFilter = false
    var message: String?

    init(_ source: LiveBrowse, text: ScreenText) {
        self.source = source
        self.text = text
        now = Int64(clinux_now(CLOCK_REALTIME).tv_sec)
        tree = DirectoryTree(path: source.options.paths[0])
        show(DirectoryTree.root, selecting: nil)
    }

    var isScanning: Bool { source.report == nil }

    var selected: BrowseLine? { lines.indices.contains(cursor) ? lines[cursor] : nil }

    // MARK: Time

    /// Takes in what has happened since the last time.
    func update() {
        if !isComplete {
            // Asked first: what happens afterwards is for the next time.
            isComplete = !isScanning
            source.update(&tree, &spare)
            needsLines = true
        }
        if let filesTask, let table = filesTask.result {
            files = table
            self.filesTask = nil
            // Lines of another table mean nothing here.
            linesTask = nil
            needsLines = true
        }
        updateLines()
    }

    var isListing: Bool { filesTask != nil }

    /// As many lines are sorted in some milliseconds.
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
        let contents = BrowseContents(tree, place, files)
        if contents.count <= Self.fewLines {
            replaceLines(contents.sorted(order))
        } else {
            linesTask = BackgroundTask { [order] _ in contents.sorted(order) }
        }
    }

    /// The selected line stays selected, and where it is on the screen.
    private func replaceLines(_ new: [BrowseLine]) {
        let chosen = isUntouched ? nil : (wanted ?? selected)
        lines = new
        guard let chosen, let index = new.firstIndex(of: chosen) else {
            if isUntouched { (cursor, top) = (0, 0) }
            return keepCursorVisible()
        }
        wanted = nil
        top += index - cursor
        cursor = index
        keepCursorVisible()
    }

    /// A line that is to be selected as soon as it is there.
    private var wanted: BrowseLine?

    // MARK: Moving

    func select(_ index: Int) {
        isUntouched = false
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
        lines = []
        linesTask = nil
        (cursor, top) = (0, 0)
        isUntouched = line == nil
        wanted = line
        order.filter = []
        needsLines = true
        lastSorted = 0
        let (options, names) = (source.options, tree.namesFromRoot(to: directory))
        filesTask = BackgroundTask { task in FileTable(options, names: names) { task.isCancelled } }
        updateLines()
    }

    // MARK: Lines

    func facts(of line: BrowseLine) -> LineFacts {
        switch line {
        case .directory(let number): facts(ofDirectory: number)
        case .file(let index): facts(ofFile: Int(index))
        }
    }

    private func facts(ofDirectory number: DirectoryNumber) -> LineFacts {
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

    private func facts(ofFile index: Int) -> LineFacts {
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
