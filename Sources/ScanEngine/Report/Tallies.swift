import LinuxKernel

/// The tables of the report that count every entry.
///
/// Names count when they are met. So do bytes, but for inodes with several links: those are kept by the subtotals
/// (`HardLinks`), which say here, once, what has become of each. The parts add up to the totals for this reason alone.
struct Tallies {
    private(set) var extensions = ExtensionTable()
    private(set) var owners = OwnerTable()
    private(set) var pseudoFileSystems: [PseudoFileSystem: EntryCounts] = [:]
    private(set) var largestFiles: LargestList

    init(top: Int) { largestFiles = LargestList(length: top, isByInode: true) }

    mutating func merge(_ other: Tallies) {
        extensions.merge(other.extensions)
        owners.merge(other.owners)
        for (type, counts) in other.pseudoFileSystems {
            pseudoFileSystems[type, default: EntryCounts()].add(counts)
        }
        largestFiles.merge(other.largestFiles)
    }

    /// Counts a name.
    ///
    /// - Parameters:
    ///   - fileExtension: of a regular file.
    ///   - pseudo: the pseudo file system that it is on.
    mutating func count(
        _ status: borrowing FileStatus, _ kind: EntryKind, _ fileExtension: FileExtension, _ pseudo: PseudoFileSystem?
    ) {
        var counts = EntryCounts(entries: 1)
        if kind == .file { counts.counts.files = 1 }
        if !HardLinks.keeps(status, kind) {
            if kind == .file || kind == .symlink { counts.counts.apparentBytes = status.size }
            counts.counts.diskBytes = status.diskBytes
        }
        add(counts, status.uid, status.gid, kind == .file ? fileExtension : nil, pseudo)
    }

    /// Counts a name of a regular file of which nothing else is known.
    mutating func countUnknown(_ fileExtension: FileExtension) { extensions.add(fileExtension, FileCounts(files: 1)) }

    /// Counts the bytes of an inode of which no further link will be met.
    mutating func settle(_ link: HardLinks.Link) {
        let bytes = FileCounts(apparentBytes: link.apparentBytes, diskBytes: link.diskBytes)
        add(
            EntryCounts(entries: 0, counts: bytes), link.uid, link.gid, link.isFile ? link.fileExtension : nil,
            link.pseudo)
    }

    @inline(__always)
    private mutating func add(
        _ counts: EntryCounts, _ uid: UInt32, _ gid: UInt32, _ fileExtension: FileExtension?,
        _ pseudo: PseudoFileSystem?
    ) {
        owners.add(uid, gid, counts)
        if let fileExtension { extensions.add(fileExtension, counts.counts) }
        if let pseudo { pseudoFileSystems[pseudo, default: EntryCounts()].add(counts) }
    }

    /// Offers a regular file to the list of the largest.
    ///
    /// - Parameters:
    ///   - directory: that it is in; of a PATH, the PATH.
    ///   - path: asked for only where the list keeps the file.
    mutating func rank(
        _ status: borrowing FileStatus, in directory: PathNode, _ path: @autoclosure () -> EntryPath
    ) {
        let size = status.size
        let disk = status.diskBytes
        if largestFiles.mayTake(diskBytes: disk, apparentBytes: size, in: directory) {
            largestFiles.offer(path(), diskBytes: disk, apparentBytes: size, inode: status.identity)
        }
    }

    /// By bytes, then name.
    var rankedPseudoFileSystems: [PseudoFileSystemCount] {
        pseudoFileSystems
            .map { PseudoFileSystemCount(type: $0.key.name, entries: $0.value.entries, $0.value.counts) }
            .sorted { ($1.counts.apparentBytes, $0.type) < ($0.counts.apparentBytes, $1.type) }
    }
}
