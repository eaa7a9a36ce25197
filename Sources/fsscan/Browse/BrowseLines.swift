// The lines for one directory: its directories from the tree, the rest from a table of files, sorted.

import Glibc
import ScanEngine

/// One line: a directory of the tree, or the file of that index.
enum BrowseLine: Hashable, Sendable {
    case directory(DirectoryNumber)
    case file(UInt32)
    /// A directory that exists only in the older tree.
    case removedDirectory(DirectoryNumber)
    case removedFile(UInt32)
}

/// Lines in their order, and their counterparts in the older tree.
struct BrowseLines: Sendable {
    var lines: [BrowseLine] = []
    /// For a directory its number in the older tree, for a file its index in the older table.
    var older: [BrowseLine: UInt32] = [:]
    /// The greatest absolute difference of all lines.
    var greatestChange: Int64 = 0
}

enum SortKey: Equatable, Sendable {
    case size, name, entries, modified
}

/// The order of lines, and the filter.
struct BrowseOrder: Equatable, Sendable {
    var key = SortKey.size
    var isReversed = false
    var showsApparent = false
    var directoriesFirst = false
    var hidesDotted = false
    /// Names without this text are hidden; ASCII letters match in either case.
    var filter: [UInt8] = []

    func hides(_ name: ArraySlice<UInt8>) -> Bool {
        if hidesDotted, name.first == UInt8(ascii: ".") { return true }
        return !filter.isEmpty && !Self.contains(name, filter)
    }

    private static func contains(_ name: ArraySlice<UInt8>, _ part: [UInt8]) -> Bool {
        guard name.count >= part.count else { return false }
        for start in name.startIndex...(name.endIndex - part.count) {
            if zip(name[start...], part).allSatisfy({ lowered($0) == lowered($1) }) { return true }
        }
        return false
    }

    private static func lowered(_ byte: UInt8) -> UInt8 { (0x41...0x5A).contains(byte) ? byte | 0x20 : byte }
}

/// The directories and files of one directory, to be sorted: copies, so that a separate thread can do it.
struct BrowseContents: Sendable {
    struct Directory: Sendable {
        var number: DirectoryNumber
        /// Of the tree's own memory.
        var name: ArraySlice<UInt8>
        var sums: DirectorySums
        var newest: Int64
    }

    private(set) var directories: [Directory] = []
    let files: FileTable
    /// The older tree, for a comparison.
    var older: Older?

    struct Older: Sendable {
        var directories: [Directory] = []
        var files = FileTable()
    }

    init(_ tree: borrowing DirectoryTree, _ place: DirectoryNumber, _ files: FileTable) {
        self.files = files
        directories = Self.directories(of: place, in: tree)
    }

    static func directories(of place: DirectoryNumber, in tree: borrowing DirectoryTree) -> [Directory] {
        var directories: [Directory] = []
        tree.forEachChild(of: place) { number in
            directories.append(
                Directory(
                    number: number, name: tree.name(of: number), sums: tree.sums(of: number),
                    newest: tree.newest(in: number)))
        }
        return directories
    }

    var count: Int {
        directories.count + files.count + (older.map { $0.directories.count + $0.files.count } ?? 0)
    }

    /// Greatest first, ties by name; names in ascending order.
    func sorted(_ order: BrowseOrder) -> BrowseLines {
        if let older { return sorted(order, older) }
        var items: [Item] = []
        items.reserveCapacity(count)
        for (index, directory) in directories.enumerated() where !order.hides(directory.name) {
            let sums = directory.sums
            let key =
                switch order.key {
                case .size: order.showsApparent ? sums.apparentBytes : sums.diskBytes
                case .entries: sums.entries
                case .modified: directory.newest
                case .name: Int64(0)
                }
            items.append(Item(key: key, index: UInt32(index), isFile: false))
        }
        for index in 0..<files.count where !order.hides(files.name(of: index)) {
            let file = files.files[index]
            let key =
                switch order.key {
                case .size: order.showsApparent ? file.apparentBytes : file.diskBytes
                case .entries: Int64(1)
                case .modified: file.modified
                case .name: Int64(0)
                }
            items.append(Item(key: key, index: UInt32(index), isFile: true))
        }
        items.sort { left, right in
            if order.directoriesFirst, left.isFile != right.isFile { return !left.isFile }
            let (first, second) = order.isReversed ? (right, left) : (left, right)
            if first.key != second.key { return first.key > second.key }
            return Self.isBefore(name(of: first), name(of: second))
        }
        return BrowseLines(
            lines: items.map { $0.isFile ? .file($0.index) : .directory(directories[Int($0.index)].number) })
    }

    /// In the order of bytes. In a directory of a million empty files only names differ, so this is all that sorting does.
    static func isBefore(_ one: ArraySlice<UInt8>, _ other: ArraySlice<UInt8>) -> Bool {
        one.withUnsafeBytes { one in
            other.withUnsafeBytes { other in
                let length = min(one.count, other.count)
                let order = length == 0 ? 0 : memcmp(one.baseAddress!, other.baseAddress!, length)
                return order == 0 ? one.count < other.count : order < 0
            }
        }
    }

    private struct Item {
        var key: Int64
        var index: UInt32
        var isFile: Bool
    }

    private func name(of item: Item) -> ArraySlice<UInt8> {
        item.isFile ? files.name(of: Int(item.index)) : directories[Int(item.index)].name
    }
}
