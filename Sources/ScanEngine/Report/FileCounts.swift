import Bytes

/// The number of names of regular files of a kind, and their sizes. An inode counts its bytes once, under any one of
/// its names.
public struct FileCounts: Equatable, Sendable {
    public var files: Int64
    public var apparentBytes: Int64
    public var diskBytes: Int64

    public init(files: Int64 = 0, apparentBytes: Int64 = 0, diskBytes: Int64 = 0) {
        self.files = files
        self.apparentBytes = apparentBytes
        self.diskBytes = diskBytes
    }

    /// Adds the other's counts, saturating.
    @inline(__always)
    public mutating func add(_ other: FileCounts) {
        files.addSaturating(other.files)
        apparentBytes.addSaturating(other.apparentBytes)
        diskBytes.addSaturating(other.diskBytes)
    }
}

extension FileCounts {
    /// Adds a name, and bytes, saturating, where a sum that overflows costs and any other is cheap: an addition in
    /// memory and a branch, instead of four instructions.
    @inline(__always)
    mutating func countName(_ bytes: FileCounts) {
        // There are not as many files.
        files &+= 1
        var isTooMuch = false
        (apparentBytes, isTooMuch) = apparentBytes.addingReportingOverflow(bytes.apparentBytes)
        if isTooMuch { Self.saturate(&apparentBytes) }
        (diskBytes, isTooMuch) = diskBytes.addingReportingOverflow(bytes.diskBytes)
        if isTooMuch { Self.saturate(&diskBytes) }
    }

    @inline(never)
    private static func saturate(_ sum: inout Int64) { sum = .max }
}

/// Counts of entries of every kind, and of the regular files among them.
struct EntryCounts {
    var entries: Int64 = 0
    /// Bytes are those of all entries.
    var counts = FileCounts()

    @inline(__always)
    mutating func add(_ other: EntryCounts) {
        entries.addSaturating(other.entries)
        counts.add(other.counts)
    }
}

extension FileCounts: PartialCodable {
    func encode(to encoder: inout PartialEncoder) {
        for count in [files, apparentBytes, diskBytes] { encoder.out.put(count) }
    }

    init(from decoder: inout PartialDecoder) throws(BinaryFailure) {
        files = try decoder.amount()
        apparentBytes = try decoder.amount()
        diskBytes = try decoder.amount()
    }
}

extension EntryCounts: PartialCodable {
    func encode(to encoder: inout PartialEncoder) {
        encoder.out.put(entries)
        encoder.put(counts)
    }

    init(from decoder: inout PartialDecoder) throws(BinaryFailure) {
        entries = try decoder.amount()
        counts = try decoder.value()
    }
}
