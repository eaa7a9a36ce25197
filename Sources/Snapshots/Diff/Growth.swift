// The growth of directories from one source to another: a merge of both, with a stack of the directories that contain
// the current entry. A directory is reported when the first entry after it comes.
//
// An inode with several links counts once in each directory, as in a scan. Entries come in depth-first order, so the
// directories that have already counted the inode are those that contain its last name. One correction is enough: in
// the deepest of them.

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

    // Wrapping: numbers in a forged file may overflow, and are only printed.
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
    /// False if it is not a directory on either side.
    package var isDirectory = true
    package var isInOld = false
    package var isInNew = false
    /// The sums of the entries read, without equal subtrees.
    package var old = GrowthSums()
    package var new = GrowthSums()
    /// Allocated bytes of the directory itself.
    package var oldOwnBytes: Int64 = 0
    package var newOwnBytes: Int64 = 0
    /// An equal subtree at or below it was skipped, so `old` and `new` are incomplete.
    package var hasPassedOver = false
    /// Something at or below could not be read, on either side.
    package var isUncertain = false

    package var growth: GrowthSums { new - old }
}

/// The result of a comparison of sums.
package struct GrowthTotals: Sendable {
    /// Everything that was read, each inode once.
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
    /// The first one stands for all PATHs.
    private var open: [Frame]

    private struct Frame {
        var directory: DirectoryGrowth
        /// The number of entries of each side before it.
        var oldStart: Int64
        var newStart: Int64
    }

    /// - Parameters:
    ///   - isWhole: also reads equal subtrees, and reports files like directories.
    ///   - passesOver: the sources skip entries that both have: see `SavedScanSource.passOverShared`.
    /// - Throws: `SnapshotFailure` if sums cannot be compared.
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

    /// Reads both sides to the end.
    ///
    /// - Parameters:
    ///   - entry: gets each entry that is read, as both sides have it, in the order of keys.
    ///   - body: gets each directory after those below it, changed or not.
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

    /// Reports the directories that do not contain the key.
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

    /// - Returns: an entry that is not a directory.
    private mutating func count(_ key: EntryKey, _ left: SnapshotEntry?, _ right: SnapshotEntry?) -> DirectoryGrowth? {
        var file: DirectoryGrowth?
        if key.isRoot || left?.kind == .directory || right?.kind == .directory {
            var directory = DirectoryGrowth(key: key)
            (directory.isInOld, directory.isInNew) = (left?.kind != nil, right?.kind != nil)
            // Nothing is skipped in a directory that only one side has.
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

    /// Subtracts from the deepest directory that contains an earlier name of the inode, because it has counted the
    /// inode already.
    private mutating func subtract(
        _ twice: LinkedInodes.Twice, _ side: WritableKeyPath<DirectoryGrowth, GrowthSums>,
        from start: KeyPath<Frame, Int64>
    ) {
        // The starts grow with the depth, and the first is 0.
        var (holds, holdsNot) = (0, open.count)
        while holdsNot - holds > 1 {
            let middle = (holds + holdsNot) / 2
            if open[middle][keyPath: start] <= twice.lastName { holds = middle } else { holdsNot = middle }
        }
        let sum = open[holds].directory[keyPath: side]
        open[holds].directory[keyPath: side] = sum - twice.sums
    }
}

/// Inodes with several names, with the number of the entry that was the last one.
private struct LinkedInodes {
    struct Twice {
        var lastName: Int64
        var sums: GrowthSums
    }

    private var lastNames: [DeviceInode: Int64] = [:]

    /// - Returns: what to subtract, if the inode had an earlier name.
    mutating func meet(_ inode: DeviceInode, _ number: Int64, _ bytes: GrowthSums) -> Twice? {
        lastNames.updateValue(number, forKey: inode).map { Twice(lastName: $0, sums: bytes) }
    }
}

extension SnapshotEntry {
    /// The sums that the name adds, and those to subtract if its inode was counted before.
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
