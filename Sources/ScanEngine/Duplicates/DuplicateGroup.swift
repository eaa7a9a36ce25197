import Bytes
package import Entries
package import LinuxKernel

/// What to look for.
package struct DuplicateOptions: Sendable {
    /// Sizes of the files to compare. Empty files are left out by default, because all of them are equal.
    package var sizes: ClosedRange<Int64> = 1...Int64.max
    /// Files with the same digest count as equal.
    package var algorithm = DigestAlgorithm.xxh128
    /// Compare the bytes themselves, without digests.
    package var comparesBytes = false
    /// Also collect the files that occur once.
    package var wantsUnique = false
    package var keep = KeepRule.oldest
    /// Also look for equal directories.
    package var findsDirectories = true

    package init() {}

    /// The algorithms allowed here. Different files with one MD5 or SHA-1 are published.
    package static let algorithms =
        [DigestAlgorithm.xxh128] + DigestAlgorithm.allCases.filter { $0.traits.contains(.resistsCollisions) }
}

/// Selects the first file of a group, which is kept when the space of the others is reclaimed.
package enum KeepRule: Equatable, Sendable {
    /// By mtime; among equals, the first path.
    case oldest, newest
    /// By the length of the path.
    case shortest
    /// At or below this path; the oldest if there are several, or none.
    case below([UInt8])
}

/// One inode of a group, with all its names in the trees.
package struct DuplicateInode: Sendable {
    package let identity: DeviceInode
    package var paths: FilePaths
    /// Its status when it was read.
    package let status: ContentStatus

    package init(identity: DeviceInode, paths: FilePaths, status: ContentStatus) {
        (self.identity, self.paths, self.status) = (identity, paths, status)
    }
}

/// Files with the same content: two inodes or more.
package struct DuplicateGroup: Sendable {
    /// The size of each file, in bytes.
    package let size: Int64
    /// First the one to keep, then the others, by their first path.
    package let inodes: [DuplicateInode]
    /// Nil if bytes were compared, or holes were skipped.
    package let digest: NamedDigest?
    /// Bytes on disk that only the others use.
    package let reclaimableBytes: Int64
    /// Bytes on disk in extents that are already shared.
    package let sharedBytes: Int64

    /// Calls `body` with each path and its inode, until it returns false. Unlike a loop over the inodes it copies none.
    ///
    /// - Returns: whether `body` returned true for all.
    @discardableResult
    func forEachPath(_ body: (_ path: [UInt8], _ inode: borrowing DuplicateInode) -> Bool) -> Bool {
        for place in inodes.indices {
            for index in 0..<inodes[place].paths.count where !body(inodes[place].paths[index], inodes[place]) {
                return false
            }
        }
        return true
    }

    /// The order of groups of one size.
    static func precedes(_ left: DuplicateGroup, _ right: DuplicateGroup) -> Bool {
        left.inodes[0].paths[0].precedes(right.inodes[0].paths[0])
    }

    package var fileCount: Int { inodes.reduce(0) { $0 + $1.paths.count } }
}

extension DuplicateGroup {
    /// A group of files whose extents are unknown.
    package init(_ members: [DuplicateInode], size: Int64, digest: NamedDigest?, keep: KeepRule) {
        var inodes = members.sorted { $0.paths[0].precedes($1.paths[0]) }
        keep.bringToFront(&inodes)
        var sum: Int64 = 0
        for inode in inodes.dropFirst() { sum.addSaturating(inode.status.allocatedBytes) }
        self.init(size: size, inodes: inodes, digest: digest, reclaimableBytes: sum, sharedBytes: 0)
    }
}

/// Sums of a search.
package struct DuplicateTotals: Equatable, Sendable {
    /// Names and inodes of regular files with the requested sizes.
    package var files: Int64 = 0
    package var inodes: Int64 = 0
    package var groups: Int64 = 0
    /// Names and inodes in groups.
    package var duplicateFiles: Int64 = 0
    package var duplicateInodes: Int64 = 0
    package var reclaimableBytes: Int64 = 0
    package var sharedBytes: Int64 = 0
    /// Files that were opened, and bytes read from them.
    package var filesRead: Int64 = 0
    package var bytesRead: Int64 = 0
    /// Files of pseudo file systems, which are not opened.
    package var skipped: Int64 = 0
    /// Errors of the scan and of reading.
    package var errors: Int64 = 0
}

/// The result of a search.
package struct DuplicateReport: Sendable {
    package var groups: [DuplicateGroup] = []
    /// Equal directories, if requested. Those that waste the most space come first.
    package var directories: [DirectoryGroup] = []
    /// Indices of `groups` whose files are all in `directories`.
    package var covered: Set<Int> = []
    package var totals = DuplicateTotals()
    /// The first 10,000 by path.
    package var errors = ReportedErrors()
    /// False if it was stopped.
    package var isComplete = true

    package init() {}

    /// Sorts the groups: those that waste the most space come first, those of one size in the order of their paths.
    ///
    /// - Parameter areInOrder: those of one size follow each other in this order.
    package mutating func sortGroups(areInOrder: Bool = false) {
        // Sorts numbers: a group has seven words, and two of them are reference-counted.
        let groups = groups
        var order = groups.indices.map { (groups[$0].reclaimableBytes, groups[$0].size, $0) }
        order.sort { left, right in
            if left.0 != right.0 { return left.0 > right.0 }
            if left.1 != right.1 { return left.1 > right.1 }
            return areInOrder ? left.2 < right.2 : DuplicateGroup.precedes(groups[left.2], groups[right.2])
        }
        self.groups = order.map { groups[$0.2] }
    }

    /// Adds the results of other sizes.
    mutating func add(_ other: DuplicateReport) {
        groups.append(contentsOf: other.groups)
        totals.duplicateFiles += other.totals.duplicateFiles
        totals.duplicateInodes += other.totals.duplicateInodes
        totals.reclaimableBytes.addSaturating(other.totals.reclaimableBytes)
        totals.sharedBytes.addSaturating(other.totals.sharedBytes)
        totals.filesRead += other.totals.filesRead
        totals.bytesRead.addSaturating(other.totals.bytesRead)
    }

    package mutating func add(_ group: DuplicateGroup) {
        groups.append(group)
        totals.duplicateFiles += Int64(group.fileCount)
        totals.duplicateInodes += Int64(group.inodes.count)
        totals.reclaimableBytes.addSaturating(group.reclaimableBytes)
        totals.sharedBytes.addSaturating(group.sharedBytes)
    }
}
