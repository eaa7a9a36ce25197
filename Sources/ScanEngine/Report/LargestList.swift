/// The N largest of what one worker, or the whole scan, has met: by disk bytes, apparent bytes, then path bytes.
///
/// Candidates are collected unsorted up to a little more than twice N, then sorted and cut: a candidate costs a
/// comparison in most cases, and O(log N) on average otherwise. Paths are compared, and made, only where sizes tie and
/// in the end.
struct LargestList {
    struct Item {
        let path: EntryPath
        let diskBytes: Int64
        let apparentBytes: Int64
        let entries: Int64
        let inode: DeviceInode?
    }

    private let length: Int
    private var items: [Item] = []
    /// The last of the list when it was cut last: nothing smaller can get into it any more.
    private var bound: Item?

    /// - Parameter isByInode: an inode stands in the list once, under its first path.
    init(length: Int, isByInode: Bool) {
        self.length = length
        self.isByInode = isByInode
    }

    private let isByInode: Bool

    /// Whether an item of that size may get into the list; says yes where only the path can tell.
    func mayTake(diskBytes: Int64, apparentBytes: Int64) -> Bool {
        guard let bound else { return length > 0 }
        return (diskBytes, apparentBytes) >= (bound.diskBytes, bound.apparentBytes)
    }

    mutating func offer(
        _ path: EntryPath, diskBytes: Int64, apparentBytes: Int64, entries: Int64 = 1, inode: DeviceInode? = nil
    ) {
        guard mayTake(diskBytes: diskBytes, apparentBytes: apparentBytes) else { return }
        let item = Item(
            path: path, diskBytes: diskBytes, apparentBytes: apparentBytes, entries: entries, inode: inode)
        if let bound, !Self.precedes(item, bound) { return }
        items.append(item)
        if items.count >= 2 * length + 64 { cut() }
    }

    mutating func merge(_ other: LargestList) {
        for item in other.items {
            offer(
                item.path, diskBytes: item.diskBytes, apparentBytes: item.apparentBytes, entries: item.entries,
                inode: item.inode)
        }
    }

    /// The list, largest first.
    var ranked: [Item] {
        var list = self
        list.cut()
        return list.items
    }

    private mutating func cut() {
        items.sort(by: Self.precedes)
        if isByInode {
            var seen: Set<DeviceInode> = []
            items.removeAll { item in
                guard let inode = item.inode else { return false }
                return !seen.insert(inode).inserted
            }
        }
        if items.count >= length {
            items.removeSubrange(length...)
            bound = items.last
        }
    }

    private static func precedes(_ left: Item, _ right: Item) -> Bool {
        if left.diskBytes != right.diskBytes { return left.diskBytes > right.diskBytes }
        if left.apparentBytes != right.apparentBytes { return left.apparentBytes > right.apparentBytes }
        return left.path < right.path
    }
}
