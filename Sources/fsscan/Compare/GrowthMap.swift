import Entries
import ScanEngine
import Snapshots

/// The directories and files of two sides that take, or took, the most space: in bounded memory.
///
/// A directory is at least as large as its contents, on each side, and its key sorts first. So for everything that is
/// kept, the directories above it are kept, too.
struct GrowthMap {
    private var items: [DirectoryGrowth] = []

    mutating func add(_ item: DirectoryGrowth) {
        items.append(item)
        if items.count >= 2 * MapNode.limit { cut() }
    }

    private mutating func cut() {
        items.sort { left, right in
            let (one, other) = (Self.most(left), Self.most(right))
            return one == other ? left.key < right.key : one > other
        }
        items.removeLast(max(0, items.count - MapNode.limit))
    }

    private static func most(_ item: DirectoryGrowth) -> (Int64, Int64) {
        (max(item.old.diskBytes, item.new.diskBytes), max(item.old.apparentBytes, item.new.apparentBytes))
    }

    /// - Parameter roots: the names of the PATHs.
    func nodes(_ roots: [[UInt8]]) -> [PageMap.Node] {
        var map = self
        map.cut()
        var numbers: [EntryKey: Int] = [:]
        var nodes: [PageMap.Node] = []
        for item in map.items {
            let parent = item.key.parent.flatMap { numbers[$0] }
            // A damaged file may lack the directory.
            if !item.key.isRoot, parent == nil { continue }
            if item.isDirectory { numbers[item.key] = nodes.count }
            let path = item.key.path
            let name = item.key.isRoot ? roots[item.key.root][...] : path.split(separator: UInt8(ascii: "/")).last
            nodes.append(
                PageMap.Node(
                    parent: parent, name: name.map { Array($0) } ?? [], isDirectory: item.isDirectory,
                    entries: item.new.entries, apparentBytes: item.new.apparentBytes, diskBytes: item.new.diskBytes,
                    ownBytes: item.newOwnBytes,
                    before: (item.old.entries, item.old.diskBytes, item.oldOwnBytes)))
        }
        return nodes
    }
}
