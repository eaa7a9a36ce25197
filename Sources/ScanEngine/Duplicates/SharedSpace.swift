// How many bytes on disk a group of files would give back, if all but the first had the extents of the first.
//
//   first    ├────A────┤├───B───┤
//   second   ├────A────┤├───C───┤            A is shared already, C is to be gained
//   third               ├───C───┤├──D──┤     C once; D is shared with something outside: nothing is gained
//
// If two files of the group share an extent with a file outside, it counts as reclaimable: the kernel does not say
// which files share it.

package import LinuxKernel

package struct SharedSpace {
    /// Bytes that only the files after the first use.
    package private(set) var reclaimable: Int64 = 0
    /// Shared bytes: the sum over the files, minus what they use together.
    private(set) var shared: Int64 = 0

    package struct File {
        let device: UInt64
        let diskBytes: Int64
        /// Nil if the file system cannot share extents.
        let extents: [FileExtent]?

        package init(device: UInt64, diskBytes: Int64, extents: [FileExtent]?) {
            (self.device, self.diskBytes, self.extents) = (device, diskBytes, extents)
        }
    }

    private struct Edge {
        let device: UInt64
        let place: UInt64
        let isStart: Bool
        let isFirst: Bool
        let isShared: Bool
    }

    /// - Parameter files: first the one to keep.
    package init(_ files: [File]) {
        var edges: [Edge] = []
        var apart: Int64 = 0
        for (index, file) in files.enumerated() {
            guard let extents = file.extents else {
                if index > 0 { reclaimable.addSaturating(file.diskBytes) }
                continue
            }
            for extent in extents where extent.length > 0 {
                let end = extent.physical.addingReportingOverflow(extent.length)
                if end.overflow { continue }
                apart.addSaturating(Int64(clamping: extent.length))
                let isFirst = index == 0
                edges.append(
                    Edge(
                        device: file.device, place: extent.physical, isStart: true, isFirst: isFirst,
                        isShared: extent.isShared))
                edges.append(
                    Edge(
                        device: file.device, place: end.partialValue, isStart: false, isFirst: isFirst,
                        isShared: extent.isShared))
            }
        }
        edges.sort { ($0.device, $0.place) < ($1.device, $1.place) }
        var (covers, firsts, sharers) = (0, 0, 0)
        var together: Int64 = 0
        for (edge, next) in zip(edges, edges.dropFirst()) {
            let step = edge.isStart ? 1 : -1
            covers += step
            if edge.isFirst { firsts += step }
            if edge.isShared { sharers += step }
            if covers == 0 { continue }
            let length = Int64(clamping: next.place - edge.place)
            together.addSaturating(length)
            let isSharedOutside = covers == 1 && sharers == 1
            if firsts == 0, !isSharedOutside { reclaimable.addSaturating(length) }
        }
        shared = max(0, apart - together)
    }
}

extension KeepRule {
    /// - Parameter inodes: sorted by their first path.
    package func bringToFront(_ inodes: inout [DuplicateInode]) {
        func isOlder(_ left: DuplicateInode, _ right: DuplicateInode) -> Bool {
            (left.status.mtimeSeconds, left.status.mtimeNanoseconds)
                < (right.status.mtimeSeconds, right.status.mtimeNanoseconds)
        }
        let first: Int?
        switch self {
        case .oldest: first = inodes.indices.min { isOlder(inodes[$0], inodes[$1]) }
        case .newest: first = inodes.indices.min { isOlder(inodes[$1], inodes[$0]) }
        case .shortest:
            func length(_ index: Int) -> Int { inodes[index].paths.map(\.count).min() ?? 0 }
            first = inodes.indices.min { length($0) < length($1) }
        case .below(let path):
            let known = inodes.indices.filter { inodes[$0].paths.contains { Self.isBelow($0, path) } }
            first = (known.isEmpty ? Array(inodes.indices) : known).min { isOlder(inodes[$0], inodes[$1]) }
        }
        guard let first, first > 0 else { return }
        inodes.insert(inodes.remove(at: first), at: 0)
    }

    private static func isBelow(_ path: [UInt8], _ directory: [UInt8]) -> Bool {
        var directory = directory[...]
        while directory.count > 1, directory.last == UInt8(ascii: "/") { directory.removeLast() }
        guard path.starts(with: directory) else { return false }
        return path.count == directory.count || directory.last == UInt8(ascii: "/")
            || path[directory.count] == UInt8(ascii: "/")
    }
}
