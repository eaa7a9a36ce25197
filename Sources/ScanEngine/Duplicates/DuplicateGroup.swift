package import Entries
package import LinuxKernel

/// What to look for.
package struct DuplicateOptions: Sendable {
    /// Of the files that count. A file without bytes is the same as any other, so those are left out by default.
    package var sizes: ClosedRange<Int64> = 1...Int64.max
    /// What decides that files are the same.
    package var algorithm = DigestAlgorithm.xxh128
    /// Compare the bytes themselves, without digests.
    package var comparesBytes = false
    /// Note the files that occur once, too.
    package var wantsUnique = false
    package var keep = KeepRule.oldest
    /// Look for directories that are equal, too.
    package var findsDirectories = true

    package init() {}

    /// Those that decide: files of one MD5 or SHA-1 and other content can be downloaded.
    package static let algorithms =
        [DigestAlgorithm.xxh128] + DigestAlgorithm.allCases.filter { $0.traits.contains(.resistsCollisions) }
}

/// Which file of a group is its first: the one that stays where the others give their space back.
package enum KeepRule: Equatable, Sendable {
    /// By mtime; of several the one whose path comes first.
    case oldest, newest
    /// By the length of the path.
    case shortest
    /// What is at or below this path; of several, and of none, the oldest.
    case below([UInt8])
}

/// One inode of a group, with all names that the scan met.
package struct DuplicateInode: Sendable {
    package let identity: DeviceInode
    /// In the order of their bytes.
    package let paths: [[UInt8]]
    /// What it looked like when it was read.
    package let status: ContentStatus

    package init(identity: DeviceInode, paths: [[UInt8]], status: ContentStatus) {
        (self.identity, self.paths, self.status) = (identity, paths, status)
    }
}

/// Files of one content, two inodes or more.
package struct DuplicateGroup: Sendable {
    /// Of each file, in bytes.
    package let size: Int64
    /// First the one that stays, then the others in the order of their first path.
    package let inodes: [DuplicateInode]
    /// Nil where bytes were compared, or where holes were passed over.
    package let digest: NamedDigest?
    /// Bytes on disk that the others have for themselves.
    package let reclaimableBytes: Int64
    /// Bytes on disk that are shared by extents already.
    package let sharedBytes: Int64

    package var fileCount: Int { inodes.reduce(0) { $0 + $1.paths.count } }
}

extension DuplicateGroup {
    /// Of files whose extents nobody has asked for.
    package init(_ members: [DuplicateInode], size: Int64, digest: NamedDigest?, keep: KeepRule) {
        var inodes = members.sorted { $0.paths[0].lexicographicallyPrecedes($1.paths[0]) }
        keep.bringToFront(&inodes)
        var sum: Int64 = 0
        for inode in inodes.dropFirst() { sum.addSaturating(inode.status.allocatedBytes) }
        self.init(size: size, inodes: inodes, digest: digest, reclaimableBytes: sum, sharedBytes: 0)
    }

    /// What costs most first.
    fileprivate static func precedes(_ left: DuplicateGroup, _ right: DuplicateGroup) -> Bool {
        if left.reclaimableBytes != right.reclaimableBytes { return left.reclaimableBytes > right.reclaimableBytes }
        if left.size != right.size { return left.size > right.size }
        return left.inodes[0].paths[0].lexicographicallyPrecedes(right.inodes[0].paths[0])
    }
}

/// What all of it comes to.
package struct DuplicateTotals: Equatable, Sendable {
    /// Regular files of the sizes that count: names, and inodes.
    package var files: Int64 = 0
    package var inodes: Int64 = 0
    package var groups: Int64 = 0
    /// Names and inodes in groups.
    package var duplicateFiles: Int64 = 0
    package var duplicateInodes: Int64 = 0
    package var reclaimableBytes: Int64 = 0
    package var sharedBytes: Int64 = 0
    /// Of files that were opened, and what was read of them.
    package var filesRead: Int64 = 0
    package var bytesRead: Int64 = 0
    /// Files of pseudo file systems, which are not read.
    package var skipped: Int64 = 0
    /// Of the scan and of reading.
    package var errors: Int64 = 0
}

/// What a search found.
package struct DuplicateReport: Sendable {
    package var groups: [DuplicateGroup] = []
    /// Equal directories, where they are looked for. What costs most first.
    package var directories: [DirectoryGroup] = []
    /// Of `groups` those that lie in `directories` altogether, by their place.
    package var covered: Set<Int> = []
    package var totals = DuplicateTotals()
    /// The first 10,000 by path.
    package var errors = ReportedErrors()
    /// False where it was stopped.
    package var isComplete = true

    package init() {}

    /// To be called when all groups are there: what costs most comes first.
    package mutating func sortGroups() {
        // A group has seven words, two of them counted references: their places are moved instead.
        var order = Array(groups.indices)
        order.sort { DuplicateGroup.precedes(groups[$0], groups[$1]) }
        groups = order.map { groups[$0] }
    }

    package mutating func add(_ group: DuplicateGroup) {
        groups.append(group)
        totals.duplicateFiles += Int64(group.fileCount)
        totals.duplicateInodes += Int64(group.inodes.count)
        totals.reclaimableBytes.addSaturating(group.reclaimableBytes)
        totals.sharedBytes.addSaturating(group.sharedBytes)
    }
}
