import Bytes
import Entries
import LinuxKernel

/// The age group of a regular file, by its mtime: younger than the limit in its name, and in no earlier group.
public enum FileAge: String, CaseIterable, Sendable {
    case day = "1d"
    case week = "7d"
    case month = "30d"
    case quarter = "90d"
    case year = "1y"
    case twoYears = "2y"
    case fiveYears = "5y"
    case older
    /// Later than the reference time.
    case future

    /// In seconds, a year of 365 days; nil for the last two.
    var limit: Int64? {
        let days: Int64? =
            switch self {
            case .day: 1
            case .week: 7
            case .month: 30
            case .quarter: 90
            case .year: 365
            case .twoYears: 730
            case .fiveYears: 1825
            case .older, .future: nil
            }
        return days.map { $0 * 86_400 }
    }
}

/// Counts regular files by age and by size.
///
/// One table for both, so that a file is one addition, because the cost per entry is what counts. The report adds up
/// its rows and its columns.
struct FileHistogram {
    /// A cell of the table; for an inode with several links it is kept until its bytes count.
    struct Cell: Sendable {
        fileprivate let index: UInt8
    }

    private static let ages = FileAge.allCases.count
    /// 0, then powers of 4 from 1 to 2^40.
    static let sizes = 22

    fileprivate static var cellCount: Int { ages * sizes }

    private let now: FileTime
    private let knownAges: [9 of KnownAge]
    /// The age group of the last file.
    private var lastAge = KnownAge()
    private var cells = [198 of FileCounts](repeating: FileCounts())
    /// Of files that could not be stat'ed.
    private var unknown = FileCounts()

    /// An age group as an interval of mtimes in whole seconds. Not the seconds at its limits: there nanoseconds decide.
    private struct KnownAge {
        /// The first cell of the group.
        var row = 0
        var first: Int64 = 0
        var seconds: UInt64 = 0

        /// The difference is right modulo 2^64, and so is the comparison.
        @inline(__always)
        func contains(_ time: FileTime) -> Bool { UInt64(bitPattern: time.seconds &- first) < seconds }
    }

    /// - Parameter now: the reference time for ages.
    init(now: FileTime) {
        precondition(cells.count == Self.ages * Self.sizes, "the histogram needs a cell for each age and size")
        self.now = now
        knownAges = Self.knownAges(now)
    }

    /// Counts a name of a regular file. Neighbours are mostly of one age group, which takes one comparison.
    ///
    /// - Parameter bytes: of the file; none if they count later.
    @inline(__always)
    mutating func count(_ status: borrowing FileStatus, _ bytes: FileCounts) {
        // Not in a function of its own, for which the table would be copied.
        if !lastAge.contains(status.mtime) { lastAge = knownAges[Self.age(status.mtime, now)] }
        cells[lastAge.row &+ Self.sizeIndex(status.size)].countName(bytes)
    }

    /// The cell of a regular file.
    @inline(__always)  // the table would be copied for the call
    func cell(_ status: borrowing FileStatus) -> Cell {
        let index = Self.age(status.mtime, now) &* Self.sizes &+ Self.sizeIndex(status.size)
        return Cell(index: UInt8(truncatingIfNeeded: index))
    }

    @inline(__always)
    mutating func add(_ cell: Cell, _ counts: FileCounts) { cells[Int(cell.index)].add(counts) }

    mutating func countUnknown() { unknown.files.addSaturating(1) }

    mutating func merge(_ other: FileHistogram) {
        for index in cells.indices { cells[index].add(other.cells[index]) }
        unknown.add(other.unknown)
    }

    /// Of each age group.
    private static func knownAges(_ now: FileTime) -> [9 of KnownAge] {
        [9 of KnownAge] { index in
            let age = FileAge.allCases[index]
            let younger = index == 0 ? 0 : FileAge.allCases[index - 1].limit
            let first = age == .future ? now.seconds &+ 1 : age.limit.map { now.seconds &- $0 &+ 1 } ?? .min
            let end = age == .future ? .max : younger.map { now.seconds &- $0 } ?? .max
            return KnownAge(row: index * sizes, first: first, seconds: UInt64(bitPattern: end &- first))
        }
    }

    /// The index of the age group in `FileAge.allCases`, in three comparisons.
    @inline(__always)
    private static func age(_ time: FileTime, _ now: FileTime) -> Int {
        // In whole seconds rounded down, a file is at least D old if its seconds are less than this minus D. (This
        // avoids a subtraction of the file's time, which may be any 64-bit value.)
        let edge = now.seconds &+ (time.nanoseconds <= now.nanoseconds ? 1 : 0)
        @inline(__always)
        func isAtLeast(_ days: Int64) -> Bool { time.seconds < edge &- days &* 86_400 }
        if isAtLeast(90) {
            return isAtLeast(730) ? isAtLeast(1825) ? 7 : 6 : isAtLeast(365) ? 5 : 4
        }
        if isAtLeast(7) { return isAtLeast(30) ? 3 : 2 }
        return isAtLeast(0) ? isAtLeast(1) ? 1 : 0 : 8
    }

    @inline(__always)
    private static func sizeIndex(_ size: Int64) -> Int {
        // Twice the size and one has one bit more, and is never 0, which has no leading one.
        let last = 63 ^ (UInt64(bitPattern: size) << 1 | 1).leadingZeroBitCount
        return min(sizes &- 1, (last &+ 1) >> 1)
    }

    /// All age groups, and the files that could not be stat'ed, if any.
    var ages: [AgeCount] {
        let known = FileAge.allCases.enumerated().map { age, name in
            AgeCount(age: name, sum((0..<Self.sizes).map { age * Self.sizes + $0 }))
        }
        return known + (unknown.files > 0 ? [AgeCount(age: nil, unknown)] : [])
    }

    /// All sizes, and the files that could not be stat'ed, if any.
    var sizes: [SizeCount] {
        let known = (0..<Self.sizes).map { size in
            SizeCount(
                size: size == 0 ? 0 : 1 << (2 * Int64(size - 1)),
                sum((0..<Self.ages).map { $0 * Self.sizes + size }))
        }
        return known + (unknown.files > 0 ? [SizeCount(size: nil, unknown)] : [])
    }

    private func sum(_ indices: [Int]) -> FileCounts {
        var sum = FileCounts()
        for index in indices { sum.add(cells[index]) }
        return sum
    }
}

extension FileHistogram: PartialCodable {
    func encode(to encoder: inout PartialEncoder) {
        for index in cells.indices { encoder.put(cells[index]) }
        encoder.put(unknown)
    }

    init(from decoder: inout PartialDecoder) throws(BinaryFailure) {
        self.init(now: decoder.now)
        for index in cells.indices { cells[index] = try decoder.value() }
        unknown = try decoder.value()
    }
}

extension FileHistogram.Cell: PartialCodable {
    func encode(to encoder: inout PartialEncoder) { encoder.out.put(index) }

    init(from decoder: inout PartialDecoder) throws(BinaryFailure) {
        index = try decoder.input.number()
        guard Int(index) < FileHistogram.cellCount else { throw BinaryFailure("has an impossible age or size") }
    }
}
