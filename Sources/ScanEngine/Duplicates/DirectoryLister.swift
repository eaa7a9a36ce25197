import LinuxKernel

/// Lists directories that may be equal to others. Used by several workers at the same time.
struct DirectoryLister: Sendable {
    let groups: [DuplicateGroup]
    /// The group of each inode, and its index there.
    private let places: [DeviceInode: (group: Int, place: Int)]

    /// The contents of a directory.
    struct Listing: Sendable {
        let identity: DeviceInode
        /// A line for each entry that is not a directory, in no particular order.
        fileprivate(set) var text: [[UInt8]] = []
        fileprivate(set) var subdirectories: [(name: [UInt8], mode: UInt32)] = []
        /// Number and bytes of regular files.
        fileprivate(set) var files: Int64 = 0
        fileprivate(set) var size: Int64 = 0
        fileprivate(set) var diskBytes: Int64 = 0
        fileprivate(set) var hasContent = false
    }

    init(_ groups: [DuplicateGroup]) {
        self.groups = groups
        var places: [DeviceInode: (group: Int, place: Int)] = [:]
        places.reserveCapacity(groups.reduce(0) { $0 + $1.inodes.count })
        for (index, group) in groups.enumerated() {
            for (place, inode) in group.inodes.enumerated() { places[inode.identity] = (index, place) }
        }
        self.places = places
    }

    static func joined(_ directory: [UInt8], _ name: [UInt8]) -> [UInt8] {
        directory + (directory.last == UInt8(ascii: "/") ? [] : [UInt8(ascii: "/")]) + name
    }

    static func line(_ name: [UInt8], _ kind: Character, _ mode: UInt32, _ value: [UInt8]) -> [UInt8] {
        name + [0] + Array("\(kind)\(mode) \(value.count) ".utf8) + value
    }

    /// - Returns: nil if an entry equals nothing else, or cannot be read.
    func list(_ path: [UInt8]) -> Listing? {
        guard let hold = try? FileHold.hold(Self.joined(path, [UInt8(ascii: ".")])),
            let directory = try? Self.open(hold.number)
        else { return nil }
        var status = FileStatus()
        guard (try? Kernel.status(of: directory.number, .basic, into: &status)) != nil else { return nil }
        var listing = Listing(identity: status.identity)
        let buffer = DuplicateReader.current.buffer
        while let count = try? Kernel.listDirectory(directory.number, into: buffer) {
            if count == 0 { return listing }
            for entry in DirectoryEntries(UnsafeRawBufferPointer(rebasing: buffer[..<count])) {
                var found = FileStatus()
                guard (try? Kernel.status(of: entry.cString, in: directory.number, .basic, into: &found)) != nil,
                    found.device == status.device, add(entry, found, in: directory.number, to: &listing)
                else { return nil }
            }
        }
        return nil
    }

    private static func open(_ hold: Int32) throws(Errno) -> FileDescriptor {
        let name: [CChar] = [CChar(bitPattern: UInt8(ascii: ".")), 0]
        return try Kernel.openDirectory(name, in: hold, keepAccessTime: true)
    }

    private func add(
        _ entry: DirectoryEntries.Element, _ status: borrowing FileStatus, in directory: Int32,
        to listing: inout Listing
    ) -> Bool {
        let name = Array(entry.name)
        let mode = status.mode & 0o7777
        switch status.kind {
        case .directory: listing.subdirectories.append((name, mode))
        case .symlink:
            guard let target = try? Kernel.symlinkTarget(entry.cString, in: directory) else { return false }
            listing.text.append(Self.line(name, "l", mode, target))
        case .file:
            listing.files += 1
            if status.size == 0 {
                listing.text.append(Self.line(name, "f", mode, []))
                return true
            }
            guard let (index, place) = places[status.identity],
                ContentStatus(status).describesSameContent(as: groups[index].inodes[place].status)
            else { return false }
            listing.size.addSaturating(status.size)
            listing.diskBytes.addSaturating(status.diskBytes)
            listing.hasContent = true
            listing.text.append(Self.line(name, "f", mode, Array("\(index)".utf8)))
        default: return false
        }
        return true
    }
}
