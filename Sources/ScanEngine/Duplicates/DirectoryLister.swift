import Bytes
import CLinux
import LinuxKernel
import Synchronization

/// Lists directories that may be equal to others. Used by several workers at the same time.
struct DirectoryLister: Sendable {
    let groups: [DuplicateGroup]
    private let files: FilesByDirectory
    /// See `DeviceTable.Device`.
    private let endOfListing: @Sendable (_ device: UInt64) -> Int64?
    private let others = InodesInGroups()

    /// The contents of a directory.
    struct Listing: Sendable {
        let identity: DeviceInode
        let mode: UInt32
        /// A line for each entry that is not a directory, in the order of their bytes. Equal text, equal entries.
        fileprivate(set) var text: [UInt8] = []
        /// Names.
        fileprivate(set) var subdirectories: [[UInt8]] = []
        /// Number and bytes of regular files.
        fileprivate(set) var files: Int64 = 0
        fileprivate(set) var size: Int64 = 0
        fileprivate(set) var diskBytes: Int64 = 0
        fileprivate(set) var hasContent = false
        /// The ends of the lines, until they are sorted.
        fileprivate var lineEnds: [Int] = []
    }

    init(
        _ groups: [DuplicateGroup], below roots: SearchedRoots,
        endOfListing: @escaping @Sendable (_ device: UInt64) -> Int64?
    ) {
        (self.groups, self.endOfListing) = (groups, endOfListing)
        files = FilesByDirectory(groups, below: roots)
    }

    /// Those that contain a file of a group.
    var directories: [PathPrefix] { files.directories }

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

    /// Lists a directory that the scan may not have entered, unless something is mounted there.
    ///
    /// - Parameter device: that of the directory that contains it.
    func list(_ path: [UInt8], onDevice device: UInt64) -> Listing? {
        var status = FileStatus()
        guard let hold = try? FileHold.hold(path),
            (try? Kernel.status(of: hold.number, .basic, into: &status)) != nil, status.device == device
        else { return nil }
        return list(path)
    }

    /// - Returns: nil if an entry equals nothing else, or cannot be read.
    func list(_ path: [UInt8]) -> Listing? {
        guard let directory = try? FileHold.openDirectory(Self.joined(path, [UInt8(ascii: ".")])) else { return nil }
        var status = FileStatus()
        guard (try? Kernel.status(of: directory.number, .basic, into: &status)) != nil else { return nil }
        let device = status.device
        var listing = Listing(identity: status.identity, mode: status.mode & 0o7777)
        let buffer = DuplicateReader.current.buffer
        let end = endOfListing(device)
        let files = files.files(in: PathPrefix(path, path.count))
        while let count = try? Kernel.listDirectory(directory.number, into: buffer) {
            let entries = DirectoryEntries(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
            for entry in entries {
                if entry.kind == .directory {
                    listing.subdirectories.append(Array(entry.name))
                    continue
                }
                // Its status was known when the file was read, and what its group says is as old.
                if entry.kind == .file,
                    let file = files.file(DeviceInode(device: device, inode: entry.inode), entry.name)
                {
                    listing.add(entry.name, file)
                    continue
                }
                guard (try? Kernel.status(of: entry.cString, in: directory.number, .basic, into: &status)) != nil,
                    device == status.device, add(entry, status, files, in: directory.number, to: &listing)
                else { return nil }
            }
            if count == 0 || end != nil && entries.endPosition == end {
                listing.sortLines()
                return listing
            }
        }
        return nil
    }

    private func add(
        _ entry: DirectoryEntries.Element, _ status: borrowing FileStatus, _ files: [FilesByDirectory.File],
        in directory: Int32, to listing: inout Listing
    ) -> Bool {
        let mode = status.mode & 0o7777
        switch status.kind {
        case .directory: listing.subdirectories.append(Array(entry.name))
        case .symlink:
            guard let target = try? Kernel.symlinkTarget(entry.cString, in: directory) else { return false }
            listing.add(entry.name, .symlink, mode, target)
        case .file where status.size == 0:
            listing.files += 1
            listing.add(entry.name, .file, mode, [UInt8]())
        case .file:
            // It is in a group by this path, if something is mounted here, or by another name of the inode.
            let links = status.links
            let status = ContentStatus(status)
            guard links > 1 || files.file(status.identity, entry.name) != nil else { return false }
            guard let (group, place) = others.place(of: status.identity, in: groups),
                status.describesSameContent(as: groups[group].inodes[place].status)
            else { return false }
            listing.add(
                entry.name,
                FilesByDirectory.File(
                    path: [], identity: status.identity, group: Int32(group), mode: mode, size: status.size,
                    diskBytes: status.allocatedBytes))
        default: return false
        }
        return true
    }
}

/// The inodes in groups. Needed only for files with several names, one of which is in no group, and for files that
/// something was mounted on.
private final class InodesInGroups: Sendable {
    private typealias Places = [DeviceInode: (group: Int, place: Int)]
    private let places = Mutex<Places?>(nil)

    func place(of identity: DeviceInode, in groups: [DuplicateGroup]) -> (group: Int, place: Int)? {
        places.withLock { places in
            if let places { return places[identity] }
            var all: Places = [:]
            for (index, group) in groups.enumerated() {
                for (place, inode) in group.inodes.enumerated() { all[inode.identity] = (index, place) }
            }
            places = all
            return all[identity]
        }
    }
}

extension DirectoryLister.Listing {
    fileprivate mutating func add(_ name: UnsafeRawBufferPointer, _ file: FilesByDirectory.File) {
        files += 1
        size.addSaturating(file.size)
        diskBytes.addSaturating(file.diskBytes)
        hasContent = true
        withUnsafeBytes(of: file.group) { add(name, .file, file.mode, $0) }
    }

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
