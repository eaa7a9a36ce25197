import LinuxKernel

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
    private let isByInode: Bool
    private var items: [Item] = []

    /// The sizes of the last item when the list was cut last: nothing smaller can get into it any more. Below all sizes
    /// until then.
    private var bound: (diskBytes: Int64, apparentBytes: Int64) = (-1, -1)
    private var boundPath: EntryPath?
    /// Where the entries stand that tie with the bound and are in or below this directory, if they all stand alike.
    private var tie: (directory: PathNode, order: PathOrder)?

    /// - Parameter isByInode: an inode stands in the list once, under its first path.
    init(length: Int, isByInode: Bool) {
        self.length = length
        self.isByInode = isByInode
        if length == 0 { bound = (.max, .max) }
    }

    /// Whether an entry of that size may get into the list; says yes where only its name can tell.
    mutating func mayTake(diskBytes: Int64, apparentBytes: Int64, in directory: PathNode) -> Bool {
        if diskBytes != bound.diskBytes { return diskBytes > bound.diskBytes }
        if apparentBytes != bound.apparentBytes { return apparentBytes > bound.apparentBytes }
        return orderOfTie(in: directory) != .after
    }

    /// Trees of equal files tie all the time: one comparison for a whole subtree, not for each file.
    ///
    /// - Returns: nil where the names decide, in and above the bound's own directory.
    private mutating func orderOfTie(in directory: PathNode) -> PathOrder? {
        if let tie, directory.isIn(tie.directory) { return tie.order }
        guard let boundPath else { return length > 0 ? .before : .after }
        // The path of a PATH is no name in a directory.
        if directory.level == 0 { return nil }
        guard let apart = directory.highest(apartFrom: boundPath.directory) else { return nil }
        // All paths below begin with this directory's and a slash, which an empty name stands for.
        let order = PathOrder.compare(EntryPath(directory: apart, name: []), boundPath)
        tie = (apart, order)
        return order
    }

    mutating func offer(
        _ path: EntryPath, diskBytes: Int64, apparentBytes: Int64, entries: Int64 = 1, inode: DeviceInode? = nil
    ) {
        let item = Item(
            path: path, diskBytes: diskBytes, apparentBytes: apparentBytes, entries: entries, inode: inode)
        guard isBeforeBound(item) else { return }
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

    private func isBeforeBound(_ item: Item) -> Bool {
        if item.diskBytes != bound.diskBytes { return item.diskBytes > bound.diskBytes }
        if item.apparentBytes != bound.apparentBytes { return item.apparentBytes > bound.apparentBytes }
        guard let boundPath else { return length > 0 }
        return item.path < boundPath
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
        guard items.count >= length else { return }
        items.removeSubrange(length...)
        guard let last = items.last else { return }
        bound = (last.diskBytes, last.apparentBytes)
        boundPath = last.path
        tie = nil
    }

    private static func precedes(_ left: Item, _ right: Item) -> Bool {
        if left.diskBytes != right.diskBytes { return left.diskBytes > right.diskBytes }
        if left.apparentBytes != right.apparentBytes { return left.apparentBytes > right.apparentBytes }
        return left.path < right.path
    }
}
