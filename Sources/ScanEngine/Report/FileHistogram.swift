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
    private var cells = [198 of FileCounts](repeating: FileCounts())
    /// Of files that could not be stat'ed.
    private var unknown = FileCounts()

    /// - Parameter now: the reference time for ages.
    init(now: FileTime) {
        precondition(cells.count == Self.ages * Self.sizes, "a cell for each age and size")
        self.now = now
    }

    /// The cell of a regular file.
    @inline(__always)
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

    /// The index of the age group in `FileAge.allCases`. Three comparisons, because this runs for each file.
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
        size == 0 ? 0 : min(sizes &- 1, 1 &+ (63 &- size.leadingZeroBitCount) >> 1)
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
