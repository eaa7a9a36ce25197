import Bytes
import Entries
import LinuxKernel

/// The tables of the report that count every entry.
///
/// Names count when they are found. So do bytes, except for inodes with several links: the subtotals keep those
/// (`HardLinks`) and report each here, once, when it is settled. Only for this reason do the parts add up to the
/// totals.
struct Tallies {
    private(set) var extensions = ExtensionTable()
    private(set) var owners = OwnerTable()
    private(set) var histogram: FileHistogram
    private(set) var pseudoFileSystems: [PseudoFileSystem: EntryCounts] = [:]
    private(set) var largestFiles: LargestList

    /// - Parameter now: the reference time for ages.
    init(top: Int, by ranking: Ranking, now: FileTime) {
        histogram = FileHistogram(now: now)
        largestFiles = LargestList(length: top, by: ranking, of: .files)
    }

    /// For code that counts without using the tables.
    static var unused: Tallies { Tallies(top: 0, by: .disk, now: .distantPast) }

    mutating func merge(_ other: Tallies) {
        extensions.merge(other.extensions)
        owners.merge(other.owners)
        histogram.merge(other.histogram)
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
        owners.add(status.uid, status.gid, counts)
        if kind == .file {
            extensions.add(fileExtension, counts.counts)
            histogram.count(status, counts.counts)
        }
        if let pseudo { add(counts, pseudo) }
    }

    /// Counts a name of a regular file without a status.
    mutating func countUnknown(_ fileExtension: FileExtension) {
        extensions.add(fileExtension, FileCounts(files: 1))
        histogram.countUnknown()
    }

    /// Counts the bytes of an inode with no further links to come.
    mutating func settle(_ link: HardLinks.Link) {
        let bytes = FileCounts(apparentBytes: link.apparentBytes, diskBytes: link.diskBytes)
        let counts = EntryCounts(entries: 0, counts: bytes)
        owners.add(link.uid, link.gid, counts)
        if let cell = link.cell {
            extensions.add(link.fileExtension, bytes)
            histogram.add(cell, bytes)
        }
        if let pseudo = link.pseudo { add(counts, pseudo) }
    }

    private mutating func add(_ counts: EntryCounts, _ pseudo: PseudoFileSystem) {
        pseudoFileSystems[pseudo, default: EntryCounts()].add(counts)
    }

    /// Offers a regular file to the list of the largest.
    ///
    /// - Parameters:
    ///   - directory: the directory that contains it; for a PATH, the PATH.
    ///   - path: called only if the list keeps the file.
    @inline(__always)  // a call costs 25 instructions, for each file
    mutating func rank(
        _ status: borrowing FileStatus, in directory: PathNode, _ path: @autoclosure () -> EntryPath
    ) {
        let sizes = RankedSizes(
            diskBytes: status.diskBytes, apparentBytes: status.size, lastChange: status.mtime)
        if largestFiles.mayTake(sizes, in: directory) { largestFiles.offer(path(), sizes, inode: status.identity) }
    }

    /// By bytes, then name.
    var rankedPseudoFileSystems: [PseudoFileSystemCount] {
        pseudoFileSystems
            .map { PseudoFileSystemCount(type: $0.key.name, entries: $0.value.entries, $0.value.counts) }
            .sorted { ($1.counts.apparentBytes, $0.type) < ($0.counts.apparentBytes, $1.type) }
    }
}

extension Tallies {
    func encode(to encoder: inout PartialEncoder) {
        encoder.put(extensions)
        encoder.put(owners)
        encoder.put(histogram)
        let pseudo = pseudoFileSystems.sorted { $0.key.rawValue < $1.key.rawValue }
        encoder.out.put(count: pseudo.count)
        for (type, counts) in pseudo {
            encoder.put(type)
            encoder.put(counts)
        }
        largestFiles.encode(to: &encoder)
    }

    /// Adds the tallies of a part.
    mutating func merge(_ decoder: inout PartialDecoder) throws(BinaryFailure) {
        extensions.merge(try decoder.value())
        owners.merge(try decoder.value())
        histogram.merge(try decoder.value())
        for _ in 0..<(try decoder.input.count(ofAtLeast: 33)) {
            let type: PseudoFileSystem = try decoder.value()
            pseudoFileSystems[type, default: EntryCounts()].add(try decoder.value())
        }
        try largestFiles.merge(&decoder)
    }
}

extension PseudoFileSystem: PartialCodable {
    func encode(to encoder: inout PartialEncoder) { encoder.out.put(string: Array(name.utf8)) }

    init(from decoder: inout PartialDecoder) throws(BinaryFailure) {
        let name = try decoder.text()
        guard let known = Self.allCases.first(where: { $0.name == name }) else {
            throw BinaryFailure("has an unknown pseudo file system")
        }
        self = known
    }
}
