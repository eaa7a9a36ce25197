// Updates the sums above a directory that is scanned once more.
//
// The directories above count an inode once. If an inode has a name in the rescanned directory and another elsewhere,
// each directory that contains both counts it, even if the first name disappears. So its bytes change only the sums
// below the lowest directory that contains both.
//
//   /          has both: the inode counts, before and after
//   └─ srv     has both
//      ├─ a    scanned once more; f may be gone from it
//      │  └─ f
//      └─ b
//         └─ f

import LinuxKernel
import ScanEngine

/// The names of inodes that have several, and where they are.
struct LinkTable: Sendable {
    struct Link: Sendable {
        var directory: DirectoryNumber
        /// Index of `devices`.
        fileprivate var device: UInt32
        var inode: UInt64
        var apparentBytes: Int64
        var diskBytes: Int64
    }

    private(set) var links: [Link] = []
    private var devices: [UInt64] = []

    mutating func append(_ link: DirectoryEvents.Linked) {
        // There are some, and neighbours are on the same.
        let known = devices.lastIndex(of: link.identity.device)
        if known == nil { devices.append(link.identity.device) }
        links.append(
            Link(
                directory: link.number, device: UInt32(known ?? devices.count - 1), inode: link.identity.inode,
                apparentBytes: link.apparentBytes, diskBytes: link.diskBytes))
    }

    func identity(of link: Link) -> DeviceInode { DeviceInode(device: devices[Int(link.device)], inode: link.inode) }

    /// Takes those out that are in some directories.
    mutating func remove(where isIn: (DirectoryNumber) -> Bool) -> [Link] {
        let removed = links.filter { isIn($0.directory) }
        if !removed.isEmpty { links.removeAll { isIn($0.directory) } }
        return removed
    }
}

/// The state kept while a directory is scanned once more.
struct Rescan {
    let number: DirectoryNumber
    fileprivate let sums: DirectorySums
    fileprivate let links: [LinkTable.Link]
}

extension DirectoryTree {
    /// Call it before the scan: it empties the directory.
    mutating func beginRescan(_ number: DirectoryNumber) -> Rescan {
        let inside = Set(links.links.map(\.directory)).filter { isIn($0, number) }
        let removed = links.remove { inside.contains($0) }
        let rescan = Rescan(number: number, sums: sums(of: number), links: removed)
        forget(number)
        return rescan
    }

    /// Call it after the scan, when its events were applied: updates the sums above.
    mutating func endRescan(_ rescan: Rescan) {
        let number = rescan.number
        if !flags(of: number).contains(.done) {
            // The directory no longer existed.
            var events = DirectoryEvents()
            events.add(number: number, .gone, DirectorySums())
            apply(events)
            settle()
        }
        guard number != Self.root else { return }
        let inside = links.links.filter { isIn($0.directory, number) }
        let common = commonDirectories(of: rescan.links + inside, outside: number)
        let before = excluded(rescan.links, common)
        let after = excluded(inside, common)
        var place = number
        var (excludedBefore, excludedAfter) = (DirectorySums(), DirectorySums())
        let (old, new) = (rescan.sums, sums(of: number))
        while let parent = parent(of: place) {
            excludedBefore = excludedBefore &+ (before[parent] ?? DirectorySums())
            excludedAfter = excludedAfter &+ (after[parent] ?? DirectorySums())
            let index = Int(parent)
            nodes[index].sums =
                nodes[index].sums &+ (new &- excludedAfter) &- (old &- excludedBefore)
            var newest = nodes[index].ownNewest == 0 ? Int64.min : Int64(nodes[index].ownNewest)
            forEachChild(of: parent) { newest = max(newest, self.newest(in: $0)) }
            nodes[index].newest = newest
            place = parent
        }
    }

    /// For inodes that have names in a directory and elsewhere: the lowest directory that holds both.
    private func commonDirectories(
        of inside: [LinkTable.Link], outside number: DirectoryNumber
    ) -> [DeviceInode: DirectoryNumber] {
        let wanted = Set(inside.map { links.identity(of: $0) })
        var above: Set<DirectoryNumber> = []
        var place = number
        while let parent = parent(of: place) {
            above.insert(parent)
            place = parent
        }
        var common: [DeviceInode: DirectoryNumber] = [:]
        for link in links.links where wanted.contains(links.identity(of: link)) {
            var place = link.directory
            if isIn(place, number) { continue }
            while !above.contains(place), let parent = parent(of: place) { place = parent }
            let identity = links.identity(of: link)
            // Numbers grow on the way down.
            common[identity] = max(common[identity] ?? Self.root, place)
        }
        return common
    }

    /// The bytes that inodes with names elsewhere do not change, by the lowest directory that holds both.
    private func excluded(
        _ inside: [LinkTable.Link], _ common: [DeviceInode: DirectoryNumber]
    ) -> [DirectoryNumber: DirectorySums] {
        var sums: [DirectoryNumber: DirectorySums] = [:]
        var seen: Set<DeviceInode> = []
        for link in inside {
            let identity = links.identity(of: link)
            guard let place = common[identity], seen.insert(identity).inserted else { continue }
            let bytes = DirectorySums(apparentBytes: link.apparentBytes, diskBytes: link.diskBytes)
            sums[place] = (sums[place] ?? DirectorySums()) &+ bytes
        }
        return sums
    }
}
