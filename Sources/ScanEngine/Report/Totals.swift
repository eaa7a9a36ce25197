import Bytes
package import LinuxKernel

/// Counts and sizes of a set of entries: the `TOTALS` object of the report.
///
/// Totals form a commutative monoid under `add(_:)`, so the order in which directories complete does not affect the
/// report. Sums saturate at 2^63−1: two sparse files of the largest size that tmpfs allows already overflow.
///
/// A non-directory with more than one link counts its bytes once within each subtree; `HardLinks` corrects the byte
/// sums when subtotals meet.
public struct Totals: Equatable, Sendable {
    /// Names found, including each PATH: `find PATH | wc -l`. The sum of the seven kinds.
    public var entries: Int64 = 0
    public var directories: Int64 = 0
    public var files: Int64 = 0
    public var symlinks: Int64 = 0
    public var fifos: Int64 = 0
    public var sockets: Int64 = 0
    public var blockDevices: Int64 = 0
    public var characterDevices: Int64 = 0
    /// Sum of `st_size` of regular files and symlinks, in bytes.
    public var apparentBytes: Int64 = 0
    /// Allocated bytes of every entry (512 × `st_blocks`): `du -s -B1 PATH`.
    public var diskBytes: Int64 = 0
    /// Distinct inodes, except directories, with more than one link.
    public var hardLinkedFiles: Int64 = 0
    /// Files of pseudo file systems that `--hash` or `--mime` did not read. Not errors.
    public var skipped: Int64 = 0
    /// Error records at or below.
    public var errors: Int64 = 0

    public init() {}

    /// Counts a name.
    @inline(__always)  // once in each of the loops over entries
    package mutating func count(_ kind: EntryKind) {
        entries += 1
        switch kind {
        case .directory: directories += 1
        case .file: files += 1
        case .symlink: symlinks += 1
        case .fifo: fifos += 1
        case .socket: sockets += 1
        case .blockDevice: blockDevices += 1
        case .characterDevice: characterDevices += 1
        }
    }

    /// Adds the other's counts, saturating.
    public mutating func add(_ other: Totals) {
        entries.addSaturating(other.entries)
        directories.addSaturating(other.directories)
        files.addSaturating(other.files)
        symlinks.addSaturating(other.symlinks)
        fifos.addSaturating(other.fifos)
        sockets.addSaturating(other.sockets)
        blockDevices.addSaturating(other.blockDevices)
        characterDevices.addSaturating(other.characterDevices)
        apparentBytes.addSaturating(other.apparentBytes)
        diskBytes.addSaturating(other.diskBytes)
        hardLinkedFiles.addSaturating(other.hardLinkedFiles)
        skipped.addSaturating(other.skipped)
        errors.addSaturating(other.errors)
    }
}

extension Int64 {
    /// Adds `other`, saturating at `Int64.max` (both are counts, never negative).
    @inline(__always)
    package mutating func addSaturating(_ other: Int64) {
        let (sum, overflow) = addingReportingOverflow(other)
        self = overflow ? .max : sum
    }
}

extension Totals: PartialCodable {
    private static let all: [any WritableKeyPath<Totals, Int64> & Sendable] = [
        \.entries, \.directories, \.files, \.symlinks, \.fifos, \.sockets, \.blockDevices, \.characterDevices,
        \.apparentBytes, \.diskBytes, \.hardLinkedFiles, \.skipped, \.errors,
    ]

    func encode(to encoder: inout PartialEncoder) {
        for count in Self.all { encoder.out.put(self[keyPath: count]) }
    }

    init(from decoder: inout PartialDecoder) throws(BinaryFailure) {
        for count in Self.all { self[keyPath: count] = try decoder.amount() }
    }
}
