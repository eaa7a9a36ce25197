/// The inodes of a subtree with more than one link, as long as not all of their links have been seen.
///
/// A directory's figures are what `du -s` of that directory alone would print: an inode counts once *within each
/// subtree*. So the set travels upwards with the subtotal, and where two subtotals meet that both counted an inode, one
/// counting is taken back. Once all its links are seen nobody else can have counted it, and it leaves the set; but where
/// a link can be met twice (the device is mounted more than once, or there are several PATHs), it stays.
package struct HardLinks: Sendable {
    struct Link {
        var seen: UInt32
        var links: UInt32
        /// What the inode added to the sums of this subtree.
        var apparentBytes: Int64
        var diskBytes: Int64
    }

    private(set) var open: [DeviceInode: Link] = [:]

    /// Adds one name of an inode.
    ///
    /// - Returns: false if the inode has been counted in this subtree already.
    mutating func meet(_ inode: DeviceInode, _ link: Link, mayLeave: Bool) -> Bool {
        let isNew = add(inode, link) == nil
        if mayLeave { leaveIfComplete(inode) }
        return isNew
    }

    /// Adds the other subtree's inodes, and tells about each that both have counted.
    mutating func merge(_ other: HardLinks, mayLeave: (DeviceInode) -> Bool, countedTwice: (Link) -> Void) {
        var smaller = other
        // Small into large, so that each inode moves a logarithmic number of times on its way up.
        if smaller.open.count > open.count { swap(&self, &smaller) }
        for (inode, link) in smaller.open {
            if let duplicate = add(inode, link) { countedTwice(duplicate) }
            if mayLeave(inode) { leaveIfComplete(inode) }
        }
    }

    private mutating func add(_ inode: DeviceInode, _ link: Link) -> Link? {
        guard var known = open[inode] else {
            open[inode] = link
            return nil
        }
        known.seen &+= link.seen
        known.links = max(known.links, link.links)
        open[inode] = known
        return link
    }

    private mutating func leaveIfComplete(_ inode: DeviceInode) {
        if let link = open[inode], link.seen >= link.links { open[inode] = nil }
    }
}
