package import Entries
package import Formats
package import ScanEngine

/// A source without the entries that the scan on the other side skipped.
package final class PassingOver: SnapshotSource {
    private let source: any SnapshotSource
    /// As in `EntryKey`.
    private let keys: Set<[UInt8]>

    /// - Parameters:
    ///   - places: the skipped paths.
    ///   - roots: the PATHs of that scan.
    package init(_ places: Set<LeftOut.Place>, below roots: [[UInt8]], of source: any SnapshotSource) {
        self.source = source
        keys = Set(
            places.map { place in
                let number = [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: place.root >> $0) }
                let names = place.path.dropFirst(roots[place.root].count).split(separator: UInt8(ascii: "/"))
                return number + Array(names.joined(separator: [0]))
            })
    }

    package var description: SnapshotDescription { source.description }

    package func next() throws(SnapshotFailure) -> SnapshotEntry? {
        while let entry = try source.next() {
            if !keys.contains(entry.key.bytes) { return entry }
        }
        return nil
    }

    package func skip(_ subtree: EntryKey) throws(SnapshotFailure) { try source.skip(subtree) }
}
