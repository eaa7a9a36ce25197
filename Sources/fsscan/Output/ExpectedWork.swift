import CLinux
import Entries
import Formats
import Glibc
import LinuxKernel
import ScanEngine
import Snapshots

extension ProgressDisplay.Expected {
    /// The totals of an earlier scan of the same PATHs, else the used space of the file system.
    ///
    /// - Parameters:
    ///   - earlier: the totals of that scan.
    ///   - isQuick: only changed files are read: the amount is unknown.
    init(_ earlier: Totals?, _ options: ScanOptions, isQuick: Bool) {
        if let earlier {
            entries = earlier.entries
            bytes = earlier.apparentBytes
        } else if options.oneFileSystem, let path = options.paths.first, options.paths.count == 1 {
            self = Self.fileSystem(path)
        }
        if isQuick { bytes = nil }
    }

    /// The contents of the file system whose root is `path`.
    private static func fileSystem(_ path: [UInt8]) -> Self {
        var (here, above) = (stat(), stat())
        var usage = statvfs()
        let isRoot =
            withCString(path) { stat($0, &here) == 0 }
            && withCString(path + Array("/..".utf8)) { stat($0, &above) == 0 }
            && (here.st_dev != above.st_dev || here.st_ino == above.st_ino)
        guard isRoot, withCString(path, { statvfs($0, &usage) }) == 0 else { return .unknown }
        let blocks = Int64(clamping: usage.f_blocks) - Int64(clamping: usage.f_bfree)
        let (used, overflow) = blocks.multipliedReportingOverflow(by: Int64(clamping: usage.f_frsize))
        let inodes = Int64(clamping: usage.f_files) - Int64(clamping: usage.f_ffree)
        return Self(entries: inodes > 0 ? inodes : nil, bytes: overflow || used <= 0 ? nil : used)
    }

    /// The newest scan of the same PATHs in the file to which a scan will be added; nil if there is none, or no file
    /// yet.
    static func earlier(in file: [UInt8], of paths: [[UInt8]]) -> Totals? {
        guard let scans = try? SavedScans(file) else { return nil }
        return scans.scans.last { $0.options.paths == paths }?.totals
    }
}

extension ProgressDisplay {
    /// Shows the progress of reading two sources from now on.
    func counting(
        _ old: any SnapshotSource, _ new: any SnapshotSource
    ) -> (old: any SnapshotSource, new: any SnapshotSource) {
        let counter = EntryCounter()
        // A live side that was scanned has no totals here: it has about as many entries as the other.
        let (before, after) = (old.description.totals?.entries, new.description.totals?.entries)
        let expected = (before ?? after).flatMap { before in (after ?? before).addingReportingOverflow(before) }
        begin(.comparing(counter, of: expected.flatMap { $0.overflow ? nil : $0.partialValue }))
        return (Self.counted(old, counter), Self.counted(new, counter))
    }
}

extension ProgressDisplay {
    /// Shows how far a source is read from now on.
    func counting(_ source: any SnapshotSource) -> any SnapshotSource {
        let counter = EntryCounter()
        begin(.comparing(counter, of: source.description.totals?.entries))
        return Self.counted(source, counter)
    }

    private static func counted(_ source: any SnapshotSource, _ counter: EntryCounter) -> any SnapshotSource {
        if let packed = source as? any PackedSource { return CountedPackedSource(packed, counter) }
        return CountedSource(source, counter)
    }
}

/// A source that counts its entries while they are read, for a progress display.
private final class CountedSource: SnapshotSource {
    private let source: any SnapshotSource
    private let counter: EntryCounter

    init(_ source: any SnapshotSource, _ counter: EntryCounter) { (self.source, self.counter) = (source, counter) }

    var description: SnapshotDescription { source.description }

    func next() throws(SnapshotFailure) -> SnapshotEntry? {
        counter.add()
        return try source.next()
    }

    func skip(_ subtree: EntryKey) throws(SnapshotFailure) { try source.skip(subtree) }
}

/// The same for a source that has its entries as bytes.
private final class CountedPackedSource: PackedSource {
    private let source: any PackedSource
    private let counter: EntryCounter

    init(_ source: any PackedSource, _ counter: EntryCounter) { (self.source, self.counter) = (source, counter) }

    var description: SnapshotDescription { source.description }

    func advance() throws(SnapshotFailure) -> Bool {
        counter.add()
        return try source.advance()
    }

    var packed: (key: UnsafeRawBufferPointer, entry: UnsafeRawBufferPointer) { source.packed }
    func skip(_ subtree: EntryKey) throws(SnapshotFailure) { try source.skip(subtree) }
}
