import Entries
import LinuxKernel

/// The sizes by which an item of a list ranks.
struct RankedSizes {
    var diskBytes: Int64
    var apparentBytes: Int64
    var entries: Int64 = 1
    var lastChange: FileTime
}

/// Further facts about an item of a map.
struct EntryFacts {
    var isDirectory = false
    var isLinked = false
    var uid: UInt32 = 0
    /// Of the directory itself: allocated bytes.
    var ownBytes: Int64 = 0
    /// One row of the scan's `DigestSet`; nil if none are requested or they are not known.
    var digests: [UInt8]?
}

/// The position of an item in a list: the greater, the earlier. Paths break ties.
struct Rank: Comparable {
    private let first: Int64
    private let second: Int64

    private init(_ first: Int64, _ second: Int64) { (self.first, self.second) = (first, second) }

    static let lowest = Rank(.min, .min)
    static let highest = Rank(.max, .max)

    @inline(__always)
    init(_ sizes: borrowing RankedSizes, by ranking: Ranking, isDirectory: Bool) {
        switch ranking {
        case .disk: self.init(sizes.diskBytes, sizes.apparentBytes)
        case .apparent: self.init(sizes.apparentBytes, sizes.diskBytes)
        case .entries where isDirectory: self.init(sizes.entries, sizes.diskBytes)
        case .entries: self.init(sizes.diskBytes, sizes.apparentBytes)
        case .newest: self.init(sizes.lastChange.seconds, sizes.lastChange.nanoseconds)
        // Complement instead of negation, which overflows for the smallest number.
        case .oldest: self.init(~sizes.lastChange.seconds, ~sizes.lastChange.nanoseconds)
        }
    }

    @inline(__always)
    static func < (left: Rank, right: Rank) -> Bool {
        left.first == right.first ? left.second < right.second : left.first < right.first
    }
}
