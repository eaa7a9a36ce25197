import Bytes
import LinuxKernel

/// The inodes of a subtree with more than one link, as long as not all of their links have been seen.
///
/// A directory's figures equal the output of `du -s` for that directory alone: an inode counts once *within each
/// subtree*. So the set travels upwards with the subtotal, and where two subtotals meet that both counted an inode, one
/// count is undone. Once all its links are seen no other subtree can have counted it, and it leaves the set. If a link
/// can be found twice (the device is mounted more than once, or there are several PATHs), it stays.
///
/// Handed over, not copied: a set that was passed to `merge` must not be used any more. A dictionary in a struct would
/// be copied at each level of the tree, because the message that carries it keeps a reference until it is delivered: a
/// chain of 20,000 directories with a linked file in each took seven times as long.
///
/// `@unchecked Sendable`: the set travels with its subtotal, from the one actor that fills it to the next.
struct HardLinks: @unchecked Sendable {
    struct Link {
        var seen: UInt32 = 1
        var links: UInt32
        /// The inode's contribution to the sums of this subtree.
        let apparentBytes: Int64
        let diskBytes: Int64
        /// Where those bytes belong in the report's tables.
        let uid: UInt32
        let gid: UInt32
        /// For a regular file.
        let cell: FileHistogram.Cell?
        let pseudo: PseudoFileSystem?
        /// The smallest non-empty extension of the names seen.
        var fileExtension: FileExtension

        /// One name of the inode.
        init(
            _ status: borrowing FileStatus, _ kind: EntryKind, _ fileExtension: FileExtension,
            _ cell: FileHistogram.Cell?, _ pseudo: PseudoFileSystem?
        ) {
            links = status.links
            apparentBytes = kind == .file || kind == .symlink ? status.size : 0
            diskBytes = status.diskBytes
            (uid, gid) = (status.uid, status.gid)
            self.cell = cell
            self.pseudo = pseudo
            self.fileExtension = fileExtension
        }
    }

    /// Whether this set handles an inode's bytes: a directory has one name, however many links it has.
    @inline(__always)
    static func keeps(_ status: borrowing FileStatus, _ kind: EntryKind) -> Bool {
        status.links > 1 && kind != .directory
    }

    private final class Table {
        var open: [DeviceInode: Link] = [:]
    }

    /// Nil until the first hard link.
    private var table: Table?

    /// Whether no hard link has been found yet.
    var isEmpty: Bool { table == nil }

    /// Adds one name of an inode.
    ///
    /// - Parameter settled: called with the inode if it leaves the set.
    /// - Returns: false if the inode has been counted in this subtree already.
    mutating func meet(_ inode: DeviceInode, _ link: Link, mayLeave: Bool, settled: (Link) -> Void) -> Bool {
        let table = table ?? Table()
        self.table = table
        let isNew = Self.add(inode, link, to: &table.open) == nil
        if mayLeave { Self.leaveIfComplete(inode, &table.open, settled) }
        return isNew
    }

    /// Adds the other subtree's inodes, and reports each that both have counted, and each that leaves the set. Empties
    /// the other.
    mutating func merge(
        _ other: HardLinks, mayLeave: (DeviceInode) -> Bool, countedTwice: (Link) -> Void, settled: (Link) -> Void
    ) {
        guard let theirs = other.table, !theirs.open.isEmpty else { return }
        guard let ours = table else {
            table = theirs
            return
        }
        // Small into large, so that each inode moves a logarithmic number of times on its way up.
        if theirs.open.count > ours.open.count { swap(&ours.open, &theirs.open) }
        let smaller = theirs.open
        theirs.open = [:]
        for (inode, link) in smaller {
            if let duplicate = Self.add(inode, link, to: &ours.open) { countedTwice(duplicate) }
            if mayLeave(inode) { Self.leaveIfComplete(inode, &ours.open, settled) }
        }
    }

    /// The end of the scan: no further links follow.
    func settleAll(_ settled: (Link) -> Void) {
        guard let table else { return }
        for link in table.open.values { settled(link) }
        table.open = [:]
    }

    private static func add(_ inode: DeviceInode, _ link: Link, to open: inout [DeviceInode: Link]) -> Link? {
        guard var known = open[inode] else {
            open[inode] = link
            return nil
        }
        known.seen &+= link.seen
        known.links = max(known.links, link.links)
        known.fileExtension = known.fileExtension.merged(with: link.fileExtension)
        open[inode] = known
        return link
    }

    private static func leaveIfComplete(
        _ inode: DeviceInode, _ open: inout [DeviceInode: Link], _ settled: (Link) -> Void
    ) {
        guard let link = open[inode], link.seen >= link.links else { return }
        open[inode] = nil
        settled(link)
    }
}

extension HardLinks: PartialCodable {
    func encode(to encoder: inout PartialEncoder) {
        let open = table?.open ?? [:]
        encoder.out.put(count: open.count)
        for (inode, link) in open.sorted(by: { ($0.key.device, $0.key.inode) < ($1.key.device, $1.key.inode) }) {
            encoder.put(inode)
            encoder.put(link)
        }
    }

    init(from decoder: inout PartialDecoder) throws(BinaryFailure) {
        let count = try decoder.input.count(ofAtLeast: 54)
        if count == 0 { return }
        let table = Table()
        self.table = table
        for _ in 0..<count {
            let inode = try decoder.identity()
            // Twice, if this part sees two devices that are one according to another part.
            _ = Self.add(inode, try decoder.value(), to: &table.open)
        }
    }
}

extension HardLinks.Link: PartialCodable {
    func encode(to encoder: inout PartialEncoder) {
        for number in [seen, links, uid, gid] { encoder.out.put(number) }
        for size in [apparentBytes, diskBytes] { encoder.out.put(size) }
        encoder.put(cell)
        encoder.put(pseudo)
        encoder.put(fileExtension)
    }

    init(from decoder: inout PartialDecoder) throws(BinaryFailure) {
        (seen, links) = (try decoder.input.number(), try decoder.input.number())
        (uid, gid) = (try decoder.input.number(), try decoder.input.number())
        (apparentBytes, diskBytes) = (try decoder.amount(), try decoder.amount())
        cell = try decoder.optional()
        pseudo = try decoder.optional()
        fileExtension = try decoder.value()
    }
}
