// Writes the table `directories`: sums of the newest scan of a series, which follow from its rows. They show which
// subtrees are equal in two scans, and a browser reads them first.
//
//   entries, in order    d     d/a   d/e   d/e/b   f
//   open directories     d     d     d     d       -        one is written when the first entry behind it comes,
//                                    d/e   d/e              if anything at or below it has changed
//
// No verification depends on them, because anyone who can write to the file can change them.

import Bytes
import Entries
import Formats
import LinuxKernel
import ScanEngine

/// Used by one thread, inside a transaction.
struct DirectoryWriter {
    private struct Open {
        let root: Int64
        /// As stored.
        let key: [UInt8]
        /// The number of entries before it.
        let start: Int64
        var isChanged = false
        /// Whether all content at and below it is known.
        var isKnown = true
        var sums = DirectorySums()
        /// The number of names at and below it of inodes with several names, which may be elsewhere.
        var links: Int64 = 0
        /// The newest mtime of the directory and of the entries in it that are not directories.
        var newest = Int64.min

        func contains(_ root: Int64, _ other: UnsafeRawBufferPointer) -> Bool {
            guard root == self.root else { return false }
            if key.isEmpty { return !other.isEmpty }
            return other.count > key.count && other[key.count] == 1
                && key.withUnsafeBytes { $0.isEqual(to: UnsafeRawBufferPointer(rebasing: other[..<key.count])) }
        }

        /// Counts the directory itself, or an entry directly in it.
        mutating func count(_ values: EntryValues, _ sums: DirectorySums, isChanged: Bool, isKnown: Bool) {
            if isChanged { self.isChanged = true }
            if !isKnown { self.isKnown = false }
            if let seconds = values[.mtime] { newest = max(newest, Int64(bitPattern: seconds)) }
            self.sums = self.sums &+ sums
        }
    }

    private var open: [Open] = []
    private var count: Int64 = 0
    /// Inodes with several names, with the number of the entry that was the last one.
    private var lastNames: [DeviceInode: Int64] = [:]
    private let scan: Int64
    private let put: Statement
    private let delete: Statement

    init(_ database: Database, series: Int64, scan: Int64) throws(DatabaseError) {
        self.scan = scan
        put = try database.prepare("INSERT OR REPLACE INTO directories VALUES (\(series), ?, ?, ?, ?, ?, ?, ?, ?)")
        delete = try database.prepare("DELETE FROM directories WHERE series = \(series) AND root = ? AND key = ?")
    }

    /// Adds an entry of the scan. Entries come in the order of their keys, together with removed ones.
    ///
    /// - Parameters:
    ///   - key: as stored.
    ///   - isChanged: whether it differs from the previous scan.
    ///   - isKnown: whether its content is known.
    mutating func add(
        _ values: EntryValues, _ root: Int64, _ key: UnsafeRawBufferPointer, isChanged: Bool, isKnown: Bool
    ) throws(DatabaseError) {
        try close(before: root, key)
        let kind = EntryKind(rawValue: UInt8(truncatingIfNeeded: values.words[EntryField.kind.index]))
        if kind == .directory { open.append(Open(root: root, key: Array(key), start: count)) }
        count += 1
        if open.isEmpty { return }
        let last = open.count - 1
        // Unknown values are 0.
        var sums = DirectorySums(diskBytes: Int64(bitPattern: values.words[EntryField.diskBytes.index]))
        if kind == .file || kind == .symlink {
            sums.apparentBytes = Int64(bitPattern: values.words[EntryField.size.index])
        }
        if kind != .directory, values.words[EntryField.links.index] > 1, let device = values[.device],
            let inode = values[.inode]
        {
            open[last].links += 1
            let identity = DeviceInode(device: device, inode: inode)
            if let name = lastNames.updateValue(count - 1, forKey: identity) { takeBack(sums, countedAt: name) }
        }
        sums.entries = 1
        open[last].count(values, sums, isChanged: isChanged, isKnown: isKnown)
    }

    /// Removes an entry that the scan does not have, or has with other values.
    mutating func remove(_ root: Int64, _ key: [UInt8], isDirectory: Bool) throws(DatabaseError) {
        try key.withUnsafeBufferPointer { key throws(DatabaseError) in
            try close(before: root, UnsafeRawBufferPointer(key))
        }
        if let last = open.indices.last { open[last].isChanged = true }
        guard isDirectory else { return }
        delete.bind(0, root)
        delete.bind(1, blob: key)
        try delete.run()
    }

    /// Call it once, after the last entry.
    mutating func finish() throws(DatabaseError) {
        while !open.isEmpty { try close() }
    }

    /// An inode counts once in each directory. The deepest open directory that contains an earlier name has counted it
    /// already, and so have all above it.
    private mutating func takeBack(_ sums: DirectorySums, countedAt name: Int64) {
        // The starts grow with the depth.
        guard let place = open.lastIndex(where: { $0.start < name }) else { return }
        open[place].sums = open[place].sums &- sums
    }

    private mutating func close(before root: Int64, _ key: UnsafeRawBufferPointer) throws(DatabaseError) {
        while !open.isEmpty, !open[open.count - 1].contains(root, key) { try close() }
    }

    private mutating func close() throws(DatabaseError) {
        let directory = open.removeLast()
        if let above = open.indices.last {
            open[above].sums = open[above].sums &+ directory.sums
            open[above].links += directory.links
            if directory.isChanged { open[above].isChanged = true }
            if !directory.isKnown { open[above].isKnown = false }
        }
        guard directory.isChanged else { return }
        put.bind(0, directory.root)
        put.bind(1, blob: directory.key)
        put.bind(2, directory.isKnown ? scan : nil)
        put.bind(3, directory.sums.entries)
        put.bind(4, directory.sums.apparentBytes)
        put.bind(5, directory.sums.diskBytes)
        put.bind(6, directory.links)
        put.bind(7, directory.newest == .min ? nil : directory.newest)
        try put.run()
    }
}
