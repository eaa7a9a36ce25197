// A stored tree: a saved scan, or a file of records. Entries come in the order of their paths, a directory before its
// contents, so the open directories at any time are a stack:
//
//   root ─ usr ─ share ─ doc        entries count in the last one
//   when the next entry is not in doc: doc is done, and its sums count in share
//
// An inode with several names counts once in each directory with one or more of them below it. The previous name shows
// where it already counts: in the last directory with both names below it, and in those above.

import Entries
import Formats
import Glibc
import LinuxKernel
import ScanEngine
import Snapshots
import Synchronization

/// A stored tree, read while it is shown.
final class SnapshotBrowse: BrowseSource {
    let path: [UInt8]
    let activity = "reading"
    private let shared = Shared()
    private let saved: (path: [UInt8], scan: Int64)?
    let rootCount: Int
    /// The options of the scan, if the file has them.
    let options: ScanOptions?
    private let task: BackgroundTask<[UInt8]?>
    /// Whether everything that was read is in the tree.
    private var isTaken = false

    /// Results of the reading thread.
    final class Shared: Sendable {
        let events = Mutex(DirectoryEvents())
        let errors = Mutex<[ScanError]>([])
        /// Used if files cannot be read again through an index.
        let tables = Mutex<[DirectoryNumber: FileTable]>([:])
        static let mostErrors = 10_000

        func add(_ error: SnapshotEntryError, at key: EntryKey, below roots: [[UInt8]]) {
            errors.withLock { errors in
                guard errors.count < Self.mostErrors else { return }
                var path = roots[key.root]
                if !key.isRoot, path.last != UInt8(ascii: "/") { path.append(UInt8(ascii: "/")) }
                errors.append(
                    ScanError(
                        path: path + key.path, operation: error.operation, code: error.code, message: error.message))
            }
        }
    }

    /// - Parameters:
    ///   - argument: as given, with its selector.
    ///   - selector: chooses one of several scans.
    ///   - progress: counts the bytes read from a file that must be sorted first.
    init(
        _ argument: [UInt8], file: [UInt8], selector: [UInt8]?, _ progress: InputProgress = InputProgress()
    ) throws(SnapshotFailure) {
        // Only to check the format before the screen is taken over.
        let opened = try OpenedSnapshot(
            file, selector: selector, otherRoots: [], isToBeHashed: false, formats: SnapshotFormat.all + [.ncdu],
            progress: progress)
        let roots = opened.source.description.roots
        try opened.source.description.confirmWhole(file)
        saved = opened.saved.map { (path: file, scan: $0.scan.id) }
        rootCount = roots.count
        options = opened.source.description.options
        path = roots.count == 1 && !roots[0].isEmpty ? roots[0] : argument
        let shared = shared
        var source = Handover(source: opened.source)
        if let (saved, scan) = opened.saved {
            source = Handover(source: try SavedScanSource(saved, scan, only: SavedScanSource.shownColumns))
            if scan.totals.errors <= SavedTreeReader.mostErrors {
                source.sums = try SavedDirectories(saved, scan).map { SavedTreeReader($0, scan, shared) }
            }
        }
        task = BackgroundTask { [saved, source] task in
            let reader = SnapshotTreeReader(
                source.source, shared: shared, roots: roots, keepsFiles: saved == nil)
            do throws(SnapshotFailure) {
                if try source.sums?.read({ task.isCancelled }) != true { try reader.read { task.isCancelled } }
                return nil
            } catch {
                return Array(error.message.utf8)
            }
        }
    }

    /// `@unchecked Sendable`: handed to the one thread that reads it, and not used elsewhere.
    private struct Handover: @unchecked Sendable {
        let source: any SnapshotSource
        /// Where the file has the sums of directories.
        var sums: SavedTreeReader?
    }

    var isRunning: Bool { !isTaken }
    var failure: [UInt8]? { task.result ?? nil }
    var errorList: [ScanError] { shared.errors.withLock { $0 } }

    func update(_ tree: inout DirectoryTree, _ spare: inout DirectoryEvents) {
        guard !isTaken else { return }
        // Checked first: later events are for the next call.
        isTaken = task.result != nil
        spare.removeAll()
        shared.events.withLock { swap(&$0, &spare) }
        tree.apply(spare)
        tree.settle()
    }

    func files(of directory: DirectoryNumber, names: [[UInt8]]) -> BackgroundTask<FileTable> {
        BackgroundTask { [shared, saved, rootCount, reading = self.task] task in
            guard let saved else { return Self.table(of: directory, shared, reading) { task.isCancelled } }
            var table = FileTable()
            do throws(SnapshotFailure) {
                try table.read(saved.path, scan: saved.scan, names: names, rootCount: rootCount) { task.isCancelled }
            } catch {
                table.failure = error.message
            }
            return table
        }
    }

    /// The files of a directory, as soon as it has been read completely.
    private static func table(
        of directory: DirectoryNumber, _ shared: Shared, _ reading: BackgroundTask<[UInt8]?>, _ isCancelled: () -> Bool
    ) -> FileTable {
        while !isCancelled() {
            // Checked first: later results are for the next call.
            let isOver = reading.result != nil
            if let table = shared.tables.withLock({ $0[directory] }) { return table }
            if isOver { break }
            usleep(20_000)
        }
        return FileTable()
    }

    func cancel() { task.cancel() }
}

/// Converts entries to events.
private final class SnapshotTreeReader {
    private let source: any SnapshotSource
    private let shared: SnapshotBrowse.Shared
    private let roots: [[UInt8]]
    private let keepsFiles: Bool

    private struct Open {
        let number: DirectoryNumber
        let key: EntryKey
        var sums = DirectorySums()
        /// The part that has not been reported yet.
        var added = DirectorySums()
        var newest = Int64.min
        var files = FileTable()
    }

    private var open: [Open] = []
    private var next = DirectoryTree.root + 1
    private var events = DirectoryEvents()
    private var untold = 0
    /// The parent of each directory so far, for `commonDirectory`.
    private var parents: [DirectoryNumber] = [DirectoryTree.none]
    /// The directory with the last name of an inode with several names.
    private var linked: [DeviceInode: DirectoryNumber] = [:]

    init(_ source: any SnapshotSource, shared: SnapshotBrowse.Shared, roots: [[UInt8]], keepsFiles: Bool) {
        self.source = source
        self.shared = shared
        self.roots = roots
        self.keepsFiles = keepsFiles
        // Several PATHs get an artificial parent directory.
        if roots.count != 1 {
            open.append(Open(number: DirectoryTree.root, key: EntryKey(root: 0, path: [])))
        }
    }

    private var hasTop: Bool { roots.count != 1 }

    func read(_ isCancelled: () -> Bool) throws(SnapshotFailure) {
        while !isCancelled(), let entry = try source.next() {
            while open.count > (hasTop ? 1 : 0), let last = open.last, !last.key.contains(entry.key) { close() }
            take(entry)
            untold += 1
            if untold >= Self.batch { tell() }
        }
        while !open.isEmpty { close() }
        tell()
    }

    /// This many entries take some milliseconds.
    private static let batch = 1000

    private func take(_ entry: SnapshotEntry) {
        openAbove(entry.key)
        if entry.kind == .directory || open.isEmpty { begin(entry.key) }
        guard let index = open.indices.last else { return }
        for error in entry.errors { shared.add(error, at: entry.key, below: roots) }
        var sums = DirectorySums(errors: Int64(entry.errors.count))
        if let kind = entry.kind {
            sums.entries = 1
            sums.diskBytes = entry.diskBytes ?? 0
            if kind == .file || kind == .symlink { sums.apparentBytes = entry.size ?? 0 }
        }
        open[index].newest = max(open[index].newest, entry.mtime?.seconds ?? .min)
        add(sums, to: index)
        let isLinked = entry.kind != .directory && (entry.links ?? 1) > 1
        if isLinked, let device = entry.device, let inode = entry.inode {
            let identity = DeviceInode(device: device, inode: inode)
            let number = open[index].number
            if let common = linked[identity].flatMap({ commonDirectory($0) }) {
                let bytes = DirectorySums(apparentBytes: sums.apparentBytes, diskBytes: sums.diskBytes)
                add(DirectorySums() &- bytes, to: common)
            }
            linked[identity] = number
        }
        if keepsFiles, entry.kind != .directory { keep(entry, isLinked, in: index) }
    }

    /// A list of checksums names no directories.
    private func openAbove(_ key: EntryKey) {
        if key.isRoot { return }
        if open.count == (hasTop ? 1 : 0) { begin(EntryKey(root: key.root, path: [])) }
        // The last open one contains it: it is the directory of the entry if its length matches.
        let length = max(4, key.bytes.count - key.name.count - 1)
        while let last = open.last, last.key.bytes.count != length { begin(last.key.next(towards: key)) }
    }

    private func begin(_ key: EntryKey) {
        if open.isEmpty {
            open.append(Open(number: DirectoryTree.root, key: key))
            return
        }
        flush(open.count - 1)
        let parent = open[open.count - 1].number
        events.add(number: next, parent: parent, name: name(of: key))
        open.append(Open(number: next, key: key))
        parents.append(parent)
        next += 1
    }

    private func close() {
        let directory = open.removeLast()
        events.add(number: directory.number, .done, directory.sums, newest: directory.newest)
        if keepsFiles, directory.files.count > 0 {
            shared.tables.withLock { $0[directory.number] = directory.files }
        }
        if let index = open.indices.last { open[index].sums = open[index].sums &+ directory.sums }
    }

    private func add(_ sums: DirectorySums, to index: Int) {
        open[index].sums = open[index].sums &+ sums
        open[index].added = open[index].added &+ sums
    }

    private func flush(_ index: Int) {
        guard open[index].added != DirectorySums() else { return }
        events.add(number: open[index].number, .added, open[index].added, newest: open[index].newest)
        open[index].added = DirectorySums()
    }

    private func tell() {
        untold = 0
        for index in open.indices { flush(index) }
        shared.events.withLock { $0.append(events) }
        events.removeAll()
    }

    /// The index of the last open directory that contains the other one, or is it.
    private func commonDirectory(_ other: DirectoryNumber) -> Int? {
        var place = other
        var index = open.count - 1
        while place != DirectoryTree.none {
            // Numbers grow on the way down.
            while index >= 0, open[index].number > place { index -= 1 }
            if index < 0 { return nil }
            if open[index].number == place { return index }
            place = parents[Int(place)]
        }
        return nil
    }

    private func keep(_ entry: SnapshotEntry, _ isLinked: Bool, in index: Int) {
        open[index].files.append(FileTable.File(entry, isLinked: isLinked), name: name(of: entry.key))
    }

    private func name(of key: EntryKey) -> ArraySlice<UInt8> { key.isRoot ? roots[key.root][...] : key.name }
}

extension FileTable.File {
    init(_ entry: SnapshotEntry, isLinked: Bool) {
        self.init()
        kind = entry.kind
        diskBytes = entry.diskBytes ?? 0
        if kind == .file || kind == .symlink { apparentBytes = entry.size ?? 0 }
        modified = entry.mtime?.seconds ?? 0
        if entry.kind == nil || entry.mtime == nil { marks = .failed }
        if isLinked { marks.insert(.linked) }
    }
}

extension FileTable {
    /// Reads the contents of one directory of a saved scan, through its index.
    ///
    /// - Parameter names: from the root of the tree down to it; with several PATHs the first is the PATH.
    fileprivate mutating func read(
        _ path: [UInt8], scan: Int64, names: [[UInt8]], rootCount: Int, _ isCancelled: () -> Bool
    ) throws(SnapshotFailure) {
        let saved = try SavedScans(path)
        let scan = try saved.scan(Array("\(scan)".utf8))
        var names = names[...]
        var root = 0
        if rootCount != 1 {
            guard let first = names.popFirst() else { return try readRoots(saved, scan) }
            root = scan.options.paths.firstIndex(of: first) ?? 0
        }
        let directory = EntryKey(root: root, path: Array(names.joined(separator: [UInt8(ascii: "/")])))
        let source = try SavedScanSource(saved, scan, only: SavedScanSource.shownColumns)
        try source.start(at: directory)
        while !isCancelled(), let entry = try source.next() {
            if entry.key == directory { continue }
            guard directory.contains(entry.key) else { return }
            if entry.kind == .directory {
                try source.skip(entry.key)
            } else if entry.key.parent == directory {
                append(File(entry, isLinked: (entry.links ?? 1) > 1), name: entry.key.name)
            }
        }
    }

    /// PATHs that are not directories.
    private mutating func readRoots(_ saved: SavedScans, _ scan: SavedScan) throws(SnapshotFailure) {
        let source = try SavedScanSource(saved, scan, only: SavedScanSource.shownColumns)
        for (root, path) in scan.options.paths.enumerated() {
            let key = EntryKey(root: root, path: [])
            try source.start(at: key)
            guard let entry = try source.next(), entry.key == key, entry.kind != .directory else { continue }
            append(File(entry, isLinked: (entry.links ?? 1) > 1), name: path)
        }
    }
}
