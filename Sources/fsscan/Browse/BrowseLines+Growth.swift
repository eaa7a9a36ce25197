// Growth: the lines of a directory beside the older ones, matched by name.

import ScanEngine

extension BrowseContents {
    /// The greatest change first, in either direction.
    func sorted(_ order: BrowseOrder, _ older: Older) -> BrowseLines {
        var result = BrowseLines()
        var items: [GrowthItem] = []
        func add(_ line: BrowseLine, _ name: ArraySlice<UInt8>, _ size: Int64, _ entries: Int64, _ newest: Int64) {
            result.greatestChange = max(result.greatestChange, size.magnitude > UInt64(Int64.max) ? .max : abs(size))
            if order.hides(name) { return }
            let key =
                switch order.key {
                case .size: size == .min ? Int64.max : abs(size)
                case .entries: abs(entries)
                case .modified: newest
                case .name: Int64(0)
                }
            items.append(GrowthItem(key: key, line: line, name: name))
        }
        func size(_ sums: DirectorySums) -> Int64 { order.showsApparent ? sums.apparentBytes : sums.diskBytes }
        func size(_ file: FileTable.File) -> Int64 { order.showsApparent ? file.apparentBytes : file.diskBytes }

        var known: [[UInt8]: Int] = [:]
        for (index, directory) in older.directories.enumerated() { known[Array(directory.name)] = index }
        for directory in directories {
            let line = BrowseLine.directory(directory.number)
            var (was, entriesWere) = (Int64(0), Int64(0))
            if let index = known.removeValue(forKey: Array(directory.name)) {
                let other = older.directories[index]
                result.older[line] = other.number
                (was, entriesWere) = (size(other.sums), other.sums.entries)
            }
            add(
                line, directory.name, size(directory.sums) &- was, directory.sums.entries &- entriesWere,
                directory.newest)
        }
        for index in known.values {
            let directory = older.directories[index]
            add(
                .removedDirectory(directory.number), directory.name, -size(directory.sums),
                -directory.sums.entries, directory.newest)
        }
        known = [:]
        for index in 0..<older.files.count { known[Array(older.files.name(of: index))] = index }
        for index in 0..<files.count {
            let line = BrowseLine.file(UInt32(index))
            let name = files.name(of: index)
            let other = known.removeValue(forKey: Array(name))
            if let other { result.older[line] = UInt32(other) }
            let was = other.map { size(older.files.files[$0]) } ?? 0
            add(line, name, size(files.files[index]) &- was, other == nil ? 1 : 0, files.files[index].modified)
        }
        for index in known.values {
            let file = older.files.files[index]
            add(.removedFile(UInt32(index)), older.files.name(of: index), -size(file), -1, file.modified)
        }
        items.sort { left, right in
            if order.directoriesFirst, left.isFile != right.isFile { return !left.isFile }
            let (first, second) = order.isReversed ? (right, left) : (left, right)
            if first.key != second.key { return first.key > second.key }
            return Self.isBefore(first.name, second.name)
        }
        result.lines = items.map(\.line)
        return result
    }
}

private struct GrowthItem {
    var key: Int64
    var line: BrowseLine
    var name: ArraySlice<UInt8>

    var isFile: Bool {
        switch line {
        case .file, .removedFile: true
        case .directory, .removedDirectory: false
        }
    }
}
