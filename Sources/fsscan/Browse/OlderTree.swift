import ScanEngine

/// The older tree of a comparison, and its directory that matches the current one.
struct OlderTree {
    let source: any BrowseSource
    private(set) var tree: DirectoryTree
    private var spare = DirectoryEvents()
    private var isComplete = false
    /// Nil if it does not contain that directory, or not yet.
    private(set) var place: DirectoryNumber?
    private(set) var files = FileTable()
    private var filesTask: BackgroundTask<FileTable>?

    init(_ source: any BrowseSource) {
        self.source = source
        tree = DirectoryTree(path: source.path)
    }

    var isBusy: Bool { !isComplete || filesTask != nil }

    /// Takes in everything that has happened since the last call.
    ///
    /// - Parameter names: from the root down to the current directory.
    /// - Returns: whether anything may have changed.
    mutating func update(_ names: [[UInt8]]) -> Bool {
        var hasChanged = false
        if !isComplete {
            source.update(&tree, &spare)
            isComplete = !source.isRunning
            hasChanged = true
        }
        if place == nil, let found = tree.directory(names) {
            place = found
            filesTask = source.files(of: found, names: names)
        }
        // Before everything was read the table of a directory may be missing.
        if let table = filesTask?.result {
            if isComplete || table.count > 0 {
                files = table
                filesTask = nil
            } else {
                filesTask = place.map { source.files(of: $0, names: names) }
            }
            hasChanged = true
        }
        return hasChanged
    }

    /// Another directory becomes current.
    mutating func leave() {
        place = nil
        files = FileTable()
        filesTask?.cancel()
        filesTask = nil
    }
}

extension DirectoryTree {
    /// The directory with these names, from the root down; nil if there is none.
    func directory(_ names: [[UInt8]]) -> DirectoryNumber? {
        var place = Self.root
        for name in names {
            var found: DirectoryNumber?
            forEachChild(of: place) { if found == nil, self.name(of: $0).elementsEqual(name) { found = $0 } }
            guard let found else { return nil }
            place = found
        }
        return place
    }
}
