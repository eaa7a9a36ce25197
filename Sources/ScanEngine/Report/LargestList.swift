import Bytes
import Entries
import LinuxKernel

/// The first N items of one worker, or of the whole scan: by rank, then path bytes.
///
/// Candidates are collected unsorted up to a little more than twice N, then sorted and cut: a candidate costs one
/// comparison in most cases, and O(log N) on average otherwise. Paths are compared, and built, only for ties and at the
/// end.
struct LargestList {
    /// The kind of items in it.
    enum Content {
        /// Each inode once, under its first path.
        case files
        case directories
        /// Files and directories, each name.
        case all
    }

    struct Item {
        let path: EntryPath
        let sizes: RankedSizes
        let facts: EntryFacts
        let inode: DeviceInode?
        fileprivate let rank: Rank
    }

    private let length: Int
    private let ranking: Ranking
    private let content: Content
    private var items: [Item] = []

    /// The rank of the last item when the list was last cut: lower items cannot get in any more. Initially the lowest.
    private var bound = Rank.lowest
    private var boundPath: EntryPath?
    /// How entries in or below this directory that tie with the bound compare with it, if all compare alike.
    private var tie: (directory: PathNode, order: PathOrder)?

    init(length: Int, by ranking: Ranking, of content: Content) {
        self.length = length
        self.ranking = ranking
        self.content = content
        if length == 0 { bound = .highest }
    }

    /// Whether an entry of these sizes may get into the list; true if only its name can tell.
    mutating func mayTake(_ sizes: borrowing RankedSizes, in directory: PathNode) -> Bool {
        let rank = Rank(sizes, by: ranking, isDirectory: content == .directories)
        if rank != bound { return bound < rank }
        return orderOfTie(in: directory) != .after
    }

    /// Trees of equal files tie all the time: one comparison for a whole subtree, not for each file.
    ///
    /// - Returns: nil if the names decide, in and above the bound's own directory.
    private mutating func orderOfTie(in directory: PathNode) -> PathOrder? {
        if let tie, directory.isIn(tie.directory) { return tie.order }
        guard let boundPath else { return length > 0 ? .before : .after }
        // The path of a PATH is not a name in a directory.
        if directory.level == 0 { return nil }
        guard let apart = directory.highest(apartFrom: boundPath.directory) else { return nil }
        // All paths below begin with this directory's and a slash, which an empty name represents.
        let order = PathOrder.compare(EntryPath(directory: apart, name: []), boundPath)
        tie = (apart, order)
        return order
    }

    /// - Parameter inode: of a file.
    mutating func offer(
        _ path: EntryPath, _ sizes: RankedSizes, _ facts: EntryFacts = EntryFacts(), inode: DeviceInode? = nil
    ) {
        let rank = Rank(sizes, by: ranking, isDirectory: content == .directories)
        offer(Item(path: path, sizes: sizes, facts: facts, inode: inode, rank: rank))
    }

    private mutating func offer(_ item: Item) {
        guard isBeforeBound(item) else { return }
        items.append(item)
        if items.count >= 2 * length + 64 { cut() }
    }

    mutating func merge(_ other: LargestList) {
        for item in other.items { offer(item) }
    }

    /// The list, highest rank first.
    var ranked: [Item] {
        var list = self
        list.cut()
        return list.items
    }

    private func isBeforeBound(_ item: Item) -> Bool {
        if item.rank != bound { return bound < item.rank }
        guard let boundPath else { return length > 0 }
        return item.path < boundPath
    }

    private mutating func cut() {
        // By index: an item has references and some hundred bytes, and sorting would move it many times.
        let unsorted = items
        var order = unsorted.indices.map { (rank: unsorted[$0].rank, number: $0) }
        order.sort { left, right in
            if left.rank != right.rank { return right.rank < left.rank }
            return unsorted[left.number].path < unsorted[right.number].path
        }
        items = order.map { unsorted[$0.number] }
        if content == .files {
            var seen: Set<DeviceInode> = []
            items.removeAll { item in
                guard let inode = item.inode else { return false }
                return !seen.insert(inode).inserted
            }
        }
        guard items.count >= length else { return }
        items.removeSubrange(length...)
        guard let last = items.last else { return }
        bound = last.rank
        boundPath = last.path
        tie = nil
    }
}

extension LargestList {
    func encode(to encoder: inout PartialEncoder) {
        let items = ranked
        encoder.out.put(count: items.count)
        for item in items {
            encoder.put(item.path)
            let sizes = item.sizes
            for size in [sizes.diskBytes, sizes.apparentBytes, sizes.entries] { encoder.out.put(size) }
            encoder.put(sizes.lastChange)
            encoder.put(item.facts)
            encoder.out.put(item.inode != nil)
            if let inode = item.inode { encoder.put(inode) }
        }
    }

    /// Adds the list of a part.
    mutating func merge(_ decoder: inout PartialDecoder) throws(BinaryFailure) {
        for _ in 0..<(try decoder.input.count(ofAtLeast: 50)) {
            let path: EntryPath = try decoder.value()
            let (disk, apparent, entries) = (try decoder.amount(), try decoder.amount(), try decoder.amount())
            let sizes = RankedSizes(
                diskBytes: disk, apparentBytes: apparent, entries: entries, lastChange: try decoder.value())
            let facts: EntryFacts = try decoder.value()
            offer(path, sizes, facts, inode: try decoder.input.bool() ? try decoder.identity() : nil)
        }
    }
}

extension EntryFacts: PartialCodable {
    func encode(to encoder: inout PartialEncoder) {
        encoder.out.put(isDirectory)
        encoder.out.put(isLinked)
        encoder.out.put(uid)
        encoder.out.put(ownBytes)
        encoder.put(string: digests)
    }

    init(from decoder: inout PartialDecoder) throws(BinaryFailure) {
        isDirectory = try decoder.input.bool()
        isLinked = try decoder.input.bool()
        uid = try decoder.input.number()
        ownBytes = try decoder.amount()
        digests = try decoder.row()
    }
}
