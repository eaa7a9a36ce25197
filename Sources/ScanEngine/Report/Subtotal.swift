import Bytes
import Entries
import LinuxKernel

/// The report of a finished subtree to its waiter. Addition is commutative and associative, so the order in which
/// directories complete does not affect the report.
struct Subtotal: Sendable {
    /// The two byte sums of `totals` are unused here: see `apparentBytes`.
    private(set) var counts = Totals()
    /// Wider than the reported value: undoing a hard link that was counted twice must not start from a saturated sum.
    /// (2^63−1 bytes is a legal size of a sparse file; 2^64 of them would be needed to overflow this.)
    private var apparentBytes = WideSum()
    private var diskBytes = WideSum()
    private var links = HardLinks()
    /// The latest mtime of an entry; nil if none could be stat'ed.
    var lastChange: FileTime? { latest == .distantPast ? nil : latest }
    private var latest = FileTime.distantPast
    /// False if something at or below was not read, changed or was skipped: directory digests above are null.
    var isWhole = true

    /// As in the report: saturating at 2^63−1.
    var totals: Totals {
        var totals = counts
        totals.apparentBytes = apparentBytes.saturated
        totals.diskBytes = diskBytes.saturated
        return totals
    }

    /// Counts a name without attributes: an entry of the kind that the directory gave, without bytes.
    mutating func countUnknown(_ kind: EntryKind) { counts.count(kind) }

    /// Counts a name, here and in the report's tables.
    ///
    /// - Parameters: as in `Tallies.count`.
    @inline(__always)  // once in each of the loops over entries
    mutating func count(
        _ status: borrowing FileStatus, _ kind: EntryKind, _ fileExtension: FileExtension, _ pseudo: PseudoFileSystem?,
        _ devices: borrowing DeviceTable, _ tallies: inout Tallies
    ) {
        counts.count(kind)
        if latest < status.mtime { latest = status.mtime }
        tallies.count(status, kind, fileExtension, pseudo)
        if HardLinks.keeps(status, kind) {
            // This subtree may have counted the inode under another name.
            guard meet(status, kind, fileExtension, pseudo, devices, &tallies) else { return }
            counts.hardLinkedFiles += 1
        }
        if kind == .file || kind == .symlink { apparentBytes += status.size }
        diskBytes += status.diskBytes
    }

    /// Counts a name of an inode with several names.
    ///
    /// - Returns: whether it is the first one here.
    @inline(never)
    private mutating func meet(
        _ status: borrowing FileStatus, _ kind: EntryKind, _ fileExtension: FileExtension, _ pseudo: PseudoFileSystem?,
        _ devices: borrowing DeviceTable, _ tallies: inout Tallies
    ) -> Bool {
        let identity = status.identity
        let cell = kind == .file ? tallies.histogram.cell(status) : nil
        let link = HardLinks.Link(status, kind, fileExtension, cell, pseudo)
        return links.meet(identity, link, mayLeave: devices.showsLinksOnce(identity.device)) { tallies.settle($0) }
    }

    mutating func countError() {
        counts.errors.addSaturating(1)
        isWhole = false
    }

    mutating func countSkipped() {
        counts.skipped.addSaturating(1)
        isWhole = false
    }

    mutating func add(_ other: consuming Subtotal, _ devices: borrowing DeviceTable, _ tallies: inout Tallies) {
        counts.add(other.counts)
        apparentBytes += other.apparentBytes
        diskBytes += other.diskBytes
        if latest < other.latest { latest = other.latest }
        if !other.isWhole { isWhole = false }
        guard !other.links.isEmpty else { return }
        var (apparentTwice, diskTwice, namesTwice) = (WideSum(), WideSum(), Int64(0))
        links.merge(other.links, mayLeave: { devices.showsLinksOnce($0.device) }) { link in
            apparentTwice += link.apparentBytes
            diskTwice += link.diskBytes
            namesTwice += 1
        } settled: {
            tallies.settle($0)
        }
        apparentBytes -= apparentTwice
        diskBytes -= diskTwice
        counts.hardLinkedFiles -= namesTwice
    }

    /// The end of the scan: the open inodes count in the report's tables.
    func settleLinks(_ tallies: inout Tallies) { links.settleAll { tallies.settle($0) } }
}

/// A sum of byte counts that cannot overflow in any tree: 2^127.
///
/// Not `Int128`: its alignment of 16 would turn every message that carries a subtotal, and every directory, into an
/// allocation with `posix_memalign`, at twice the price.
private struct WideSum: Sendable {
    private var low: UInt64 = 0
    private var high: Int64 = 0

    static func += (sum: inout WideSum, bytes: Int64) { sum.add(UInt64(bitPattern: bytes), bytes < 0 ? -1 : 0) }
    static func += (sum: inout WideSum, other: WideSum) { sum.add(other.low, other.high) }

    static func -= (sum: inout WideSum, other: WideSum) {
        let (difference, borrow) = sum.low.subtractingReportingOverflow(other.low)
        sum.low = difference
        sum.high -= other.high + (borrow ? 1 : 0)
    }

    private mutating func add(_ otherLow: UInt64, _ otherHigh: Int64) {
        let (total, carry) = low.addingReportingOverflow(otherLow)
        low = total
        high += otherHigh + (carry ? 1 : 0)
    }

    /// At most 2^63−1.
    var saturated: Int64 { high == 0 ? Int64(clamping: low) : high < 0 ? 0 : .max }
}

extension Subtotal: PartialCodable {
    func encode(to encoder: inout PartialEncoder) {
        encoder.put(counts)
        encoder.put(apparentBytes)
        encoder.put(diskBytes)
        encoder.put(latest)
        encoder.out.put(isWhole)
        encoder.put(links)
    }

    init(from decoder: inout PartialDecoder) throws(BinaryFailure) {
        counts = try decoder.value()
        apparentBytes = try decoder.value()
        diskBytes = try decoder.value()
        latest = try decoder.value()
        isWhole = try decoder.input.bool()
        links = try decoder.value()
    }
}

extension WideSum: PartialCodable {
    func encode(to encoder: inout PartialEncoder) {
        encoder.out.put(low)
        encoder.out.put(high)
    }

    init(from decoder: inout PartialDecoder) throws(BinaryFailure) {
        low = try decoder.input.number()
        high = try decoder.input.number()
        // Limits that no sum of a tree comes near, and small enough that adding cannot overflow.
        guard (0..<1 << 40).contains(high) else { throw BinaryFailure("has an impossible sum of bytes") }
    }
}
