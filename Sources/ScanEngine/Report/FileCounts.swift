import Bytes

/// How many names of regular files there are of a kind, and what they take. An inode counts its bytes once, under
/// whichever of its names.
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

/// Entries of every kind, and what the regular files among them are.
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
