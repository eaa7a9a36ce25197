import CLinux
import Entries
import Formats
import Glibc
import LinuxKernel
import ScanEngine
import Snapshots

extension ProgressDisplay.Expected {
    /// What an earlier scan of the same PATHs came to, else what the file system says of itself.
    ///
    /// - Parameters:
    ///   - earlier: what that scan came to.
    ///   - isQuick: only what changed is read: nobody knows how much that is.
    init(_ earlier: Totals?, _ options: ScanOptions, isQuick: Bool) {
        if let earlier {
            entries = earlier.entries
            bytes = earlier.apparentBytes
        } else if options.oneFileSystem, let path = options.paths.first, options.paths.count == 1 {
            self = Self.fileSystem(path)
        }
        if isQuick { bytes = nil }
    }

    /// What is in the file system whose root `path` is.
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

    /// The newest scan of the same PATHs in a file that is about to get another one; nil where there is none, or the file
    /// is not there yet.
    static func earlier(in file: [UInt8], of paths: [[UInt8]]) -> Totals? {
        guard let scans = try? SavedScans(file) else { return nil }
        return scans.scans.last { $0.options.paths == paths }?.totals
    }
}

extension ProgressDisplay {
    /// Shows how far two sources are read from now on.
    func counting(
        _ old: any SnapshotSource, _ new: any SnapshotSource
    ) -> (old: any SnapshotSource, new: any SnapshotSource) {
        let counter = EntryCounter()
        // A live side that was scanned says no sum: it has about as many entries as the other.
        let (before, after) = (old.description.totals?.entries, new.description.totals?.entries)
        let expected = (before ?? after).flatMap { before in (after ?? before).addingReportingOverflow(before) }
        begin(.comparing(counter, of: expected.flatMap { $0.overflow ? nil : $0.partialValue }))
        return (CountedSource(old, counter), CountedSource(new, counter))
    }
}

/// A source whose entries are counted while they are read, for a progress display.
final class CountedSource: SnapshotSource {
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
