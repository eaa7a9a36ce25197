import Entries
import Formats
import ScanEngine
import Snapshots
import Synchronization

/// Turns the saved sums of directories into events: first those in the root, for the first screen, then all others.
final class SavedTreeReader {
    private let directories: SavedDirectories
    private let shared: SnapshotBrowse.Shared
    private let scan: SavedScan
    private var events = DirectoryEvents()
    private var untold = 0
    private var next = DirectoryTree.root + 1
    /// The directories reported first.
    private var told: [EntryKey: DirectoryNumber] = [:]
    /// The last directory and those that contain it.
    private var open: [(key: EntryKey, number: DirectoryNumber)] = []
    /// How many errors are at and below a directory.
    private var errors: [EntryKey: Int64] = [:]

    private var roots: [[UInt8]] { scan.options.paths }
    /// Several PATHs get an artificial parent directory.
    private var hasTop: Bool { roots.count != 1 }

    /// With more errors, entries are read instead: each directory above an error takes memory.
    static let mostErrors: Int64 = 100_000

    init(_ directories: SavedDirectories, _ scan: SavedScan, _ shared: SnapshotBrowse.Shared) {
        (self.directories, self.scan, self.shared) = (directories, scan, shared)
    }

    /// - Returns: false, without any events, if the file has no sums.
    func read(_ isCancelled: () -> Bool) throws(SnapshotFailure) -> Bool {
        guard var directory = try directories.next() else { return false }
        try readErrors(isCancelled)
        if hasTop { events.add(number: DirectoryTree.root, .done, DirectorySums(scan.totals)) }
        while !isCancelled() {
            take(directory)
            if hasTop == directory.key.isRoot { directories.skip(directory.key) }
            guard let following = try directories.next() else { break }
            directory = following
        }
        tell()
        directories.restart()
        while !isCancelled(), let directory = try directories.next() {
            take(directory)
            untold += 1
            if untold >= Self.batch { tell() }
        }
        tell()
        return true
    }

    private static let batch = 10_000

    private func take(_ directory: SavedDirectories.Directory) {
        let key = directory.key
        while let last = open.last, !last.key.contains(key) { open.removeLast() }
        if let number = told[key] {
            open.append((key, number))
            return
        }
        var number = DirectoryTree.root
        if hasTop || !key.isRoot {
            number = next
            next += 1
            let name = key.isRoot ? roots[key.root][...] : key.name
            events.add(number: number, parent: open.last?.number ?? DirectoryTree.root, name: name)
        }
        told[key] = open.count < 2 ? number : nil
        open.append((key, number))
        var sums = directory.sums
        sums.errors = errors[key] ?? 0
        events.add(number: number, .done, sums, newest: directory.newest ?? .min)
    }

    private func readErrors(_ isCancelled: () -> Bool) throws(SnapshotFailure) {
        while !isCancelled(), let (key, error) = try directories.nextError() {
            var place = key
            while true {
                errors[place, default: 0] += 1
                guard !place.isRoot, let above = place.parent else { break }
                place = above
            }
            shared.add(error, at: key, below: roots)
        }
    }

    private func tell() {
        untold = 0
        shared.events.withLock { $0.append(events) }
        events.removeAll()
    }
}
