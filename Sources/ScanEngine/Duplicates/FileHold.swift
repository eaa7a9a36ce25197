package import LinuxKernel

/// Opens regular files by paths of any length, and nothing else that was put in their place.
package enum FileHold {
    /// An `O_PATH` descriptor of a path, which does not open it.
    ///
    /// - Parameter path: one that is too long for the kernel is resolved in parts.
    package static func hold(_ path: [UInt8]) throws(Errno) -> FileDescriptor {
        var rest = path[...]
        var directory: FileDescriptor?
        while rest.count >= longest {
            guard let slash = rest.prefix(longest - 1).lastIndex(of: UInt8(ascii: "/")), slash > rest.startIndex else {
                throw .nameTooLong
            }
            directory = try hold(rest[..<slash], in: directory)
            rest = rest[slash...].drop { $0 == UInt8(ascii: "/") }
        }
        return try hold(rest, in: directory)
    }

    /// Opens a directory for listing.
    ///
    /// - Parameter path: ends in `/.`, which only a directory has.
    static func openDirectory(_ path: [UInt8]) throws(Errno) -> FileDescriptor {
        if path.count < longest {
            return try Kernel.openDirectory(cString(path), in: Kernel.workingDirectory, keepAccessTime: true)
        }
        let hold = try hold(path)
        return try Kernel.openDirectory(cString([UInt8(ascii: ".")]), in: hold.number, keepAccessTime: true)
    }

    private static func hold(
        _ path: ArraySlice<UInt8>, in directory: borrowing FileDescriptor?
    ) throws(Errno) -> FileDescriptor {
        let number =
            switch directory {
            case .some(let directory): directory.number
            case .none: Kernel.workingDirectory
            }
        let name = path.map { CChar(bitPattern: $0) } + [0]
        return try Kernel.openPath(name, in: number)
    }

    /// An `O_PATH` descriptor of a file that the scan has listed.
    ///
    /// - Throws: `ESTALE` if something else has the path now.
    package static func hold(_ path: [UInt8], expecting identity: DeviceInode) throws(Errno) -> FileDescriptor {
        let hold = try hold(path)
        var status = FileStatus()
        try Kernel.status(of: hold.number, .basic, into: &status)
        guard status.kind == .file, status.identity == identity else { throw .stale }
        return hold
    }

    /// Opens a file that the scan has listed, after a check of its status, as a scan does. On remote disks `hold` is
    /// better: it resolves the path only once.
    ///
    /// - Throws: `ESTALE` if something else has the path now.
    static func openListed(_ path: [UInt8], expecting identity: DeviceInode) throws(Errno) -> FileDescriptor {
        if path.count >= longest {
            let hold = try hold(path, expecting: identity)
            return try Kernel.open(held: hold.number)
        }
        let name = cString(path)
        var status = FileStatus()
        try Kernel.status(of: name, in: Kernel.workingDirectory, .basic, into: &status)
        guard status.kind == .file, status.identity == identity else { throw .stale }
        return try Kernel.openFile(name, in: Kernel.workingDirectory, keepAccessTime: true)
    }

    /// An `O_PATH` descriptor of a path's directory. Below its PATH, new symlinks are not followed.
    ///
    /// - Parameter roots: the PATHs of the scan.
    /// - Throws: `ENOTDIR` if a directory was replaced by something else.
    package static func holdDirectory(of path: [UInt8], below roots: [[UInt8]]) throws(Errno) -> FileDescriptor {
        let slash = UInt8(ascii: "/")
        let root = roots.filter { path.starts(with: $0) && ($0.last == slash || path[$0.count...].first == slash) }
            .max { $0.count < $1.count }
        guard let root else {
            // A PATH itself.
            return try hold((path.lastIndex(of: slash).map { Array(path[...$0]) } ?? []) + Array(".".utf8))
        }
        var directory = try hold(root)
        for name in path[root.count...].split(separator: slash).dropLast() {
            directory = try Kernel.openPath(name.map { CChar(bitPattern: $0) } + [0], in: directory.number)
        }
        var status = FileStatus()
        try Kernel.status(of: directory.number, .basic, into: &status)
        guard status.kind == .directory else { throw .notDirectory }
        return directory
    }

    private static func cString(_ path: [UInt8]) -> [CChar] {
        [CChar](unsafeUninitializedCapacity: path.count + 1) { name, count in
            for (index, byte) in path.enumerated() { name[index] = CChar(bitPattern: byte) }
            name[path.count] = 0
            count = path.count + 1
        }
    }

    /// PATH_MAX, with the NUL.
    private static let longest = 4096
}
