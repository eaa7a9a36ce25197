// What directories gained and lost from one source to another: a merge of both, with a stack of the directories that the
// current entry is in. A directory is given out when the first entry behind it comes.
//
// An inode with several links counts once in each directory, as in a scan. Entries come depth first, so the directories
// that have counted it already are those that hold its last name, and the sums need one correction: in the deepest of
// them.

package import Entries
package import Formats
import LinuxKernel
package import ScanEngine

/// Sums of a directory on one side, as a scan counts them.
package struct GrowthSums: Equatable, Sendable {
    package var entries: Int64 = 0
    package var apparentBytes: Int64 = 0
    package var diskBytes: Int64 = 0

    package init() {}

    package init(_ totals: Totals) {
        (entries, apparentBytes, diskBytes) = (totals.entries, totals.apparentBytes, totals.diskBytes)
    }

    package var isZero: Bool { self == GrowthSums() }

    // Wrapping: what a forged file says may overflow, and is only printed.
    fileprivate static func += (sum: inout GrowthSums, other: GrowthSums) {
        sum.entries &+= other.entries
        sum.apparentBytes &+= other.apparentBytes
        sum.diskBytes &+= other.diskBytes
    }

    package static func - (left: GrowthSums, right: GrowthSums) -> GrowthSums {
        var difference = left
        difference.entries &-= right.entries
        difference.apparentBytes &-= right.apparentBytes
        difference.diskBytes &-= right.diskBytes
        return difference
    }
}

/// A directory, or a PATH, on both sides.
package struct DirectoryGrowth: Sendable {
    package var key: EntryKey
    /// False for what is no directory on either side.
    package var isDirectory = true
    package var isInOld = false
    package var isInNew = false
    /// Of what was read: without the subtrees that are equal.
    package var old = GrowthSums()
    package var new = GrowthSums()
    /// Of the directory itself: allocated bytes.
    package var oldOwnBytes: Int64 = 0
    package var newOwnBytes: Int64 = 0
    /// A subtree at or below it was passed over because it is equal: `old` and `new` are not all of it.
    package var hasPassedOver = false
    /// Something at or below could not be read, on either side.
    package var isUncertain = false

    package var growth: GrowthSums { new - old }
}

/// What a comparison of sums came to.
package struct GrowthTotals: Sendable {
    /// All that was read, each inode once.
    package var all = DirectoryGrowth(key: EntryKey(bytes: [0, 0, 0, 0]))
    package var oldEntriesRead: Int64 = 0
    package var newEntriesRead: Int64 = 0
    package var directoriesSkipped: Int64 = 0
}

package struct Growth {
    private let old: any SnapshotSource
    private let new: any SnapshotSource
    private let skipsEqual: Bool
    private let givesFiles: Bool
    private let passesOver: Bool
    private var oldLinks = LinkedInodes()
    private var newLinks = LinkedInodes()
    private var totals = GrowthTotals()
    /// The first is all.
    private var open: [Frame]

    private struct Frame {
        var directory: DirectoryGrowth
        /// How many entries of each side came before it.
        var oldStart: Int64
        var newStart: Int64
    }

    /// - Parameters:
    ///   - isWhole: all is read, also where both sides are equal, and files are given out as directories are.
    ///   - passesOver: the sources do not give out what both have: see `SavedScanSource.passOverShared`.
    /// - Throws: `SnapshotFailure` where sums cannot be compared.
    package init(
        _ old: any SnapshotSource, _ new: any SnapshotSource, isWhole: Bool = false, passesOver: Bool = false
    ) throws(SnapshotFailure) {
        (self.old, self.new) = (old, new)
        let (before, after) = (old.description, new.description)
        guard before.roots.count == after.roots.count else {
            throw SnapshotFailure.differentRoots(before, after)
        }
        for side in [before, after]
        where !side.fields.isSuperset(of: [.size, .diskBytes]) || side.kinds.count < EntryKind.allCases.count {
            throw SnapshotFailure(
                path: nil, "--growth needs the sizes of all entries, which the format \(side.format) does not have")
        }
        givesFiles = isWhole
        self.passesOver = passesOver
        skipsEqual = !isWhole && ComparedFields(before, after, FieldSelection()).areStatesComparable
        open = [Frame(directory: totals.all, oldStart: 0, newStart: 0)]
    }

    /// Goes through both sides to the end.
    ///
    /// - Parameters:
    ///   - entry: gets what is read of each entry on both sides, in the order of their keys.
    ///   - body: gets each directory behind those that are below it, whether it has changed or not.
    package consuming func run(
        entry: (_ old: SnapshotEntry?, _ new: SnapshotEntry?) -> Void = { _, _ in },
        _ body: (DirectoryGrowth) throws -> Void
    ) throws -> GrowthTotals {
        var before = try old.next()
        var after = try new.next()
        while let key = [before?.key, after?.key].compactMap({ $0 }).min() {
            let left = before?.key == key ? before : nil
            let right = after?.key == key ? after : nil
            try close(behind: key, body)
            entry(left, right)
            if let file = count(key, left, right), givesFiles { try body(file) }
            if skipsEqual, let state = left?.state, state == right?.state {
                totals.directoriesSkipped += 1
                open[open.count - 1].directory.hasPassedOver = true
                try old.skip(key)
                try new.skip(key)
            }
            if left != nil { before = try old.next() }
            if right != nil { after = try new.next() }
        }
        try close(behind: nil, body)
        totals.all = open[0].directory
        return totals
    }

    /// Gives out the directories that the key is not in.
    private mutating func close(behind key: EntryKey?, _ body: (DirectoryGrowth) throws -> Void) throws {
        while open.count > 1, let last = open.last?.directory, key.map({ !last.key.contains($0) }) ?? true {
            open.removeLast()
            let above = open.count - 1
            open[above].directory.old += last.old
            open[above].directory.new += last.new
            if last.hasPassedOver { open[above].directory.hasPassedOver = true }
            if last.isUncertain { open[above].directory.isUncertain = true }
            try body(last)
        }
    }

    /// - Returns: what is no directory.
    private mutating func count(_ key: EntryKey, _ left: SnapshotEntry?, _ right: SnapshotEntry?) -> DirectoryGrowth? {
        var file: DirectoryGrowth?
        if key.isRoot || left?.kind == .directory || right?.kind == .directory {
            var directory = DirectoryGrowth(key: key)
            (directory.isInOld, directory.isInNew) = (left?.kind != nil, right?.kind != nil)
            // Of what one side alone has nothing is.
            directory.hasPassedOver = passesOver && directory.isInOld && directory.isInNew
            open.append(
                Frame(directory: directory, oldStart: totals.oldEntriesRead, newStart: totals.newEntriesRead))
            if left?.kind == .directory { open[open.count - 1].directory.oldOwnBytes = left?.diskBytes ?? 0 }
            if right?.kind == .directory { open[open.count - 1].directory.newOwnBytes = right?.diskBytes ?? 0 }
            if left?.kind ?? right?.kind != .directory, right?.kind ?? left?.kind != .directory {
                open[open.count - 1].directory.isDirectory = false
            }
        } else {
            file = DirectoryGrowth(
                key: key, isDirectory: false, isInOld: left?.kind != nil, isInNew: right?.kind != nil)
        }
        let last = open.count - 1
        if let left {
            totals.oldEntriesRead += 1
            if !left.errors.isEmpty { open[last].directory.isUncertain = true }
            let (sums, taken) = left.sums(&oldLinks, totals.oldEntriesRead - 1)
            open[last].directory.old += sums
            file?.old = sums
            if let taken { subtract(taken, \.old, from: \.oldStart) }
        }
        if let right {
            totals.newEntriesRead += 1
            if !right.errors.isEmpty { open[last].directory.isUncertain = true }
            let (sums, taken) = right.sums(&newLinks, totals.newEntriesRead - 1)
            open[last].directory.new += sums
            file?.new = sums
            if let taken { subtract(taken, \.new, from: \.newStart) }
        }
        return file
    }

    /// The deepest directory that holds an earlier name of the inode has counted it already.
    private mutating func subtract(
        _ twice: LinkedInodes.Twice, _ side: WritableKeyPath<DirectoryGrowth, GrowthSums>,
        from start: KeyPath<Frame, Int64>
    ) {
        // The starts only grow with the depth, and the first is 0.
        var (holds, holdsNot) = (0, open.count)
        while holdsNot - holds > 1 {
            let middle = (holds + holdsNot) / 2
            if open[middle][keyPath: start] <= twice.lastName { holds = middle } else { holdsNot = middle }
        }
        let sum = open[holds].directory[keyPath: side]
        open[holds].directory[keyPath: side] = sum - twice.sums
    }
}

/// Inodes with several names, by the number of the entry that was the last of them.
private struct LinkedInodes {
    struct Twice {
        var lastName: Int64
        var sums: GrowthSums
    }

    private var lastNames: [DeviceInode: Int64] = [:]

    /// - Returns: what to take back, where an earlier name was met.
    mutating func meet(_ inode: DeviceInode, _ number: Int64, _ bytes: GrowthSums) -> Twice? {
        lastNames.updateValue(number, forKey: inode).map { Twice(lastName: $0, sums: bytes) }
    }
}

extension SnapshotEntry {
    /// What the name adds, and what it takes back where its inode was counted before.
    fileprivate func sums(_ links: inout LinkedInodes, _ number: Int64) -> (GrowthSums, LinkedInodes.Twice?) {
        var sums = GrowthSums()
        guard let kind else { return (sums, nil) }
        if kind == .file || kind == .symlink { sums.apparentBytes = size ?? 0 }
        sums.diskBytes = diskBytes ?? 0
        var twice: LinkedInodes.Twice?
        if kind != .directory, self.links ?? 1 > 1, let device, let inode {
            twice = links.meet(DeviceInode(device: device, inode: inode), number, sums)
        }
        sums.entries = 1
        return (sums, twice)
    }
}
