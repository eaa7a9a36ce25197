import ScanEngine

/// Brings entries that come in any order into the order of their keys, in bounded memory.
///
/// For readers of foreign files:
/// ```swift
/// let sorter = EntrySorter()
/// while let entry = … { try sorter.append(entry) }
/// return SortedSource(description, try sorter.finish())
/// ```
package final class EntrySorter {
    private let sorter: RecordSorter
    private let arena = RecordArena()
    private var encoder = EntryEncoder(digests: DigestSet([DigestAlgorithm]()))
    /// How many entries came.
    private var count: UInt64 = 0

    /// - Parameter memoryLimit: in bytes; beyond it sorted runs go to an unnamed file in `$TMPDIR`, or `/tmp`.
    package init(memoryLimit: Int = 64 << 20) {
        sorter = RecordSorter(memoryLimit: memoryLimit, temporaryDirectory: nil)
        sorter.addStream()
    }

    package func append(_ entry: SnapshotEntry) throws(SnapshotFailure) {
        count += 1
        encoder.append(entry, order: count)
        let path = entry.key.path
        encoder.buffer.drain { bytes in
            path.withUnsafeBytes { arena.append(root: entry.key.root, path: $0, line: bytes) }
        }
        do throws(TemporaryFileError) {
            if arena.size >= sorter.share { try sorter.spill(arena) }
        } catch {
            throw SnapshotFailure(error)
        }
    }

    /// To be called once, after the last entry.
    package func finish() throws(SnapshotFailure) -> SortedEntries {
        do throws(TemporaryFileError) {
            try sorter.keep(arena)
            return SortedEntries(try sorter.takeMerge())
        } catch {
            throw SnapshotFailure(error)
        }
    }
}

extension SnapshotFailure {
    init(_ error: TemporaryFileError) {
        self.init(path: error.directory, "temporary file for sorting: \(error.message)")
    }
}

/// Entries in order. What the scan said of one path (the entry, its errors) comes as one; where a file names a path twice,
/// the later entry takes the earlier one's place, as a whole.
package final class SortedEntries {
    private var merge: RunMerge

    init(_ merge: RunMerge) { self.merge = merge }

    package func next() throws(SnapshotFailure) -> SnapshotEntry? {
        guard let record = merge.record else { return nil }
        var entry = PackedEntry(record.line).entry(EntryKey(bytes: Array(record.key)))
        try advance()
        while let more = merge.record, more.key.elementsEqual(entry.key.bytes) {
            let other = PackedEntry(more.line).entry(entry.key)
            let errors = entry.errors + other.errors
            if other.kind != nil || entry.kind == nil { entry = other }
            entry.errors = errors
            try advance()
        }
        entry.errors.sort { $0.operation < $1.operation }
        return entry
    }

    /// Passes over what is below an entry.
    package func skip(_ subtree: EntryKey) throws(SnapshotFailure) {
        while let record = merge.record, subtree.contains(EntryKey(bytes: Array(record.key))) { try advance() }
    }

    private func advance() throws(SnapshotFailure) {
        do throws(TemporaryFileError) {
            try merge.advance()
        } catch {
            throw SnapshotFailure(error)
        }
    }
}

/// A source that was read whole and sorted.
package final class SortedSource: SnapshotSource {
    package let description: SnapshotDescription
    private let entries: SortedEntries

    package init(_ description: SnapshotDescription, _ entries: SortedEntries) {
        self.description = description
        self.entries = entries
    }

    package func next() throws(SnapshotFailure) -> SnapshotEntry? { try entries.next() }
    package func skip(_ subtree: EntryKey) throws(SnapshotFailure) { try entries.skip(subtree) }
}
