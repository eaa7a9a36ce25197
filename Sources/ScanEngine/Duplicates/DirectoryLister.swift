import Bytes
import CLinux
import LinuxKernel

/// Lists directories that may be equal to others. Used by several workers at the same time.
struct DirectoryLister: Sendable {
    let groups: [DuplicateGroup]
    /// The group of each inode, and its index there.
    private let places: [DeviceInode: (group: Int, place: Int)]

    /// The contents of a directory.
    struct Listing: Sendable {
        let identity: DeviceInode
        /// A line for each entry that is not a directory, in the order of their bytes. Equal text, equal entries.
        fileprivate(set) var text: [UInt8] = []
        fileprivate(set) var subdirectories: [(name: [UInt8], mode: UInt32)] = []
        /// Number and bytes of regular files.
        fileprivate(set) var files: Int64 = 0
        fileprivate(set) var size: Int64 = 0
        fileprivate(set) var diskBytes: Int64 = 0
        fileprivate(set) var hasContent = false
        /// The ends of the lines, until they are sorted.
        fileprivate var lineEnds: [Int] = []
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

    /// Appends a line. Several of them are unambiguous: a name ends with NUL, and the value is preceded by its length.
    static func append(
        _ name: some Collection<UInt8>, _ kind: EntryKind, _ mode: UInt32, _ value: some Collection<UInt8>,
        to text: inout [UInt8]
    ) {
        text.append(contentsOf: name)
        text.append(0)
        text.append(kind.rawValue)
        withUnsafeBytes(of: mode) { text.append(contentsOf: $0) }
        withUnsafeBytes(of: value.count) { text.append(contentsOf: $0) }
        text.append(contentsOf: value)
    }

    /// - Returns: nil if an entry equals nothing else, or cannot be read.
    func list(_ path: [UInt8]) -> Listing? {
        guard let hold = try? FileHold.hold(Self.joined(path, [UInt8(ascii: ".")])),
            let directory = try? Self.open(hold.number)
        else { return nil }
        var status = FileStatus()
        guard (try? Kernel.status(of: directory.number, .basic, into: &status)) != nil else { return nil }
        let device = status.device
        var listing = Listing(identity: status.identity)
        let buffer = DuplicateReader.current.buffer
        while let count = try? Kernel.listDirectory(directory.number, into: buffer) {
            if count == 0 {
                listing.sortLines()
                return listing
            }
            for entry in DirectoryEntries(UnsafeRawBufferPointer(rebasing: buffer[..<count])) {
                if addListed(entry, path, onDevice: device, to: &listing) { continue }
                guard (try? Kernel.status(of: entry.cString, in: directory.number, .basic, into: &status)) != nil,
                    device == status.device, add(entry, status, in: directory.number, to: &listing)
                else { return nil }
            }
        }
        return nil
    }

    private static func open(_ hold: Int32) throws(Errno) -> FileDescriptor {
        let name: [CChar] = [CChar(bitPattern: UInt8(ascii: ".")), 0]
        return try Kernel.openDirectory(name, in: hold, keepAccessTime: true)
    }

    /// Adds a file of a group that has this path, without asking for its status: it was known when the file was read,
    /// and what the group says is as old.
    ///
    /// - Returns: false if the status decides.
    private func addListed(
        _ entry: DirectoryEntries.Element, _ directory: [UInt8], onDevice device: UInt64, to listing: inout Listing
    ) -> Bool {
        guard entry.kind == .file,
            let (group, place) = places[DeviceInode(device: device, inode: entry.inode)]
        else { return false }
        let isListed = groups[group].inodes[place].paths.contains { Self.is($0, entry.name, in: directory) }
        guard isListed else { return false }
        add(entry, groups[group].inodes[place].status, group: group, to: &listing)
        return true
    }

    private static func `is`(_ path: [UInt8], _ name: UnsafeRawBufferPointer, in directory: [UInt8]) -> Bool {
        let nameStart = path.count - name.count
        guard nameStart == directory.count + (directory.last == UInt8(ascii: "/") ? 0 : 1) else { return false }
        return path.withUnsafeBytes { path in
            directory.withUnsafeBytes { directory in
                // The names differ more often than the directories.
                memcmp(path.baseAddress! + nameStart, name.baseAddress!, name.count) == 0
                    && memcmp(path.baseAddress!, directory.baseAddress!, directory.count) == 0
                    && path[nameStart - 1] == UInt8(ascii: "/")
            }
        }
    }

    private func add(
        _ entry: DirectoryEntries.Element, _ status: ContentStatus, group: Int, to listing: inout Listing
    ) {
        listing.files += 1
        listing.size.addSaturating(status.size)
        listing.diskBytes.addSaturating(status.allocatedBytes)
        listing.hasContent = true
        withUnsafeBytes(of: group) { listing.add(entry.name, .file, status.mode & 0o7777, $0) }
    }

    private func add(
        _ entry: DirectoryEntries.Element, _ status: borrowing FileStatus, in directory: Int32,
        to listing: inout Listing
    ) -> Bool {
        let mode = status.mode & 0o7777
        switch status.kind {
        case .directory: listing.subdirectories.append((Array(entry.name), mode))
        case .symlink:
            guard let target = try? Kernel.symlinkTarget(entry.cString, in: directory) else { return false }
            listing.add(entry.name, .symlink, mode, target)
        case .file where status.size == 0:
            listing.files += 1
            listing.add(entry.name, .file, mode, [UInt8]())
        case .file:
            let status = ContentStatus(status)
            guard let (group, place) = places[status.identity],
                status.describesSameContent(as: groups[group].inodes[place].status)
            else { return false }
            add(entry, status, group: group, to: &listing)
        default: return false
        }
        return true
    }
}

extension DirectoryLister.Listing {
    fileprivate mutating func add(
        _ name: UnsafeRawBufferPointer, _ kind: EntryKind, _ mode: UInt32, _ value: some Collection<UInt8>
    ) {
        DirectoryLister.append(name, kind, mode, value, to: &text)
        lineEnds.append(text.count)
    }

    /// The kernel lists names in any order.
    fileprivate mutating func sortLines() {
        guard lineEnds.count > 1 else { return }
        text = text.withUnsafeBytes { text in
            var lines: [UnsafeRawBufferPointer] = []
            lines.reserveCapacity(lineEnds.count)
            var start = 0
            for end in lineEnds {
                lines.append(UnsafeRawBufferPointer(rebasing: text[start..<end]))
                start = end
            }
            lines.sort { $0.precedes($1) }
            var sorted: [UInt8] = []
            sorted.reserveCapacity(text.count)
            for line in lines { sorted.append(contentsOf: line) }
            return sorted
        }
        lineEnds = []
    }
}
