// One directory of a tree, listed on its own: for a user who browses it.
//
// It is reached from the PATH name by name, each relative to the descriptor of the one above and never through a
// symlink. So it is the directory that the scan has seen under these names, however long its path is, or an error.

import CLinux
package import Entries
import Ignore
package import LinuxKernel

/// One name in a directory.
package struct ListedEntry {
    /// Valid only during the call that passes it.
    package let name: UnsafeRawBufferPointer
    /// Nil if it could not be determined.
    package let kind: EntryKind?
    /// Meaningless if `kind` is nil.
    package let status: FileStatus
    /// A pattern excludes it from the scan.
    package let isExcluded: Bool
}

/// Lists one directory.
package struct DirectoryListing: ~Copyable {
    private let directory: FileDescriptor
    private let node: PathNode
    private let scope: IgnoreScope?
    private let buffer: UnsafeMutableRawBufferPointer

    /// - Parameters:
    ///   - options: the names begin at the first of their paths; their patterns decide what is excluded.
    ///   - names: from that path down to the directory.
    package init(_ options: ScanOptions, names: [[UInt8]]) throws(Errno) {
        var node = PathNode.root(options.paths[0], index: 0, isFollowed: options.followRoots)
        var scope = IgnoreScope(excludes: options.exclude)
        // A PATH that ends in a slash is followed, as in a scan.
        var opened = try node.withCString { (path) throws(Errno) in
            try Kernel.openDirectory(path, in: Kernel.workingDirectory, keepAccessTime: true)
        }
        for index in 0...names.count {
            if options.gitignore,
                let contents = try? Kernel.contents(
                    ofFile: ".gitignore", in: opened.number, limit: IgnoreRules.maximumFileSize)
            {
                scope = IgnoreScope.child(of: scope, gitignore: contents, depth: index)
            }
            if index == names.count {
                if options.excludeCaches, (try? CacheTag.isValid(in: opened.number)) == true {
                    scope = CacheTag.scope(of: node, scope)
                }
                break
            }
            let identity = DeviceInode(device: 0, inode: 0)
            node = names[index].withUnsafeBytes { PathNode.child($0, of: node, parentIdentity: identity) }
            let above = opened.number
            opened = try node.withCString { (name) throws(Errno) in
                try Kernel.openDirectory(name, in: above, keepAccessTime: true)
            }
        }
        directory = opened
        self.node = node
        self.scope = scope
        buffer = .allocate(byteCount: WorkerLocals.listingSize, alignment: 16)
    }

    deinit { buffer.deallocate() }

    /// Stats one name.
    package func status(of name: [UInt8], into status: inout FileStatus) throws(Errno) {
        let name = name.map { CChar(bitPattern: $0) } + [0]
        try Kernel.status(of: name, in: directory.number, .full, into: &status)
    }

    /// A descriptor of its own for the directory.
    package func openAgain() throws(Errno) -> FileDescriptor {
        try Kernel.openDirectory(".", in: directory.number, keepAccessTime: false)
    }

    /// Passes on the next entries, some hundred.
    ///
    /// - Returns: false after the last ones.
    package func next(_ body: (ListedEntry) -> Void) throws(Errno) -> Bool {
        let amount = try Kernel.listDirectory(directory.number, into: buffer)
        if amount == 0 { return false }
        for entry in DirectoryEntries(UnsafeRawBufferPointer(rebasing: buffer[..<amount])) {
            var status = FileStatus()
            let isKnown =
                (try? Kernel.status(of: entry.cString, in: directory.number, .basic, into: &status)) != nil
            let kind = isKnown ? status.kind : nil
            let isExcluded = scope.map { scope in
                scope.verdict(
                    entry.name.bindMemory(to: UInt8.self).span, isDirectory: (kind ?? entry.kind) == .directory,
                    in: node, directoryDepth: node.level) == .ignored
            }
            body(ListedEntry(name: entry.name, kind: kind, status: status, isExcluded: isExcluded ?? false))
        }
        return true
    }
}
