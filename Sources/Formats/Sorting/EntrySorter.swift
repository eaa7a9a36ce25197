import Bytes
package import Entries
package import ExternalSort
import ScanEngine

/// Sorts entries by key in bounded memory.
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
    private var encoder = EntryEncoder()
    private let repeats: RepeatedPaths
    /// The number of entries so far.
    private var count: UInt64 = 0

    /// - Parameters:
    ///   - memoryLimit: in bytes; beyond it sorted runs go to an unnamed file in `$TMPDIR`, or `/tmp`.
    ///   - repeats: the meaning of several entries with one path.
    package init(memoryLimit: Int = 64 << 20, repeats: RepeatedPaths = .lastCounts) {
        self.repeats = repeats
        sorter = RecordSorter(memoryLimit: memoryLimit, temporaryDirectory: nil)
        sorter.addStream()
    }

    /// - Parameter line: the place of the entry in its file, not less than that of the one before; nil: entries are
    ///   counted.
    package func append(_ entry: SnapshotEntry, line: Int? = nil) throws(SnapshotFailure) {
        count += 1
        encoder.append(entry, order: line.map { UInt64($0) } ?? count)
        let path = entry.key.path
        encoder.buffer.drain { bytes in
            path.withUnsafeBytes { arena.append(root: entry.key.root, path: $0, line: bytes) }
        }
        do throws(TemporaryFileError) {
            try sorter.makeRoom(in: arena)
        } catch {
            throw SnapshotFailure(error)
        }
    }

    /// Call it once, after the last entry. Contradictions between entries are detected here, before the comparison
    /// prints anything.
    package func finish() throws(SnapshotFailure) -> SortedEntries {
        var (mustAgree, merges) = (false, [RunMerge]())
        if case .mustAgree = repeats { mustAgree = true }
        do throws(TemporaryFileError) {
            try sorter.keep(arena)
            merges = try sorter.takeMerges(mustAgree ? 2 : 1)
        } catch {
            throw SnapshotFailure(error)
        }
        let entries = SortedEntries(merges.removeLast(), repeats)
        if let other = merges.popLast() { try SortedEntries(other, repeats).checkRepeats() }
        return entries
    }
}

extension SnapshotFailure {
    package init(_ error: TemporaryFileError) {
        self.init(path: error.directory, "temporary file for sorting: \(error.message)")
    }
}

/// Entries in order. Everything about one path (the entry, its errors) comes as one.
package final class SortedEntries {
    private var merge: RunMerge
    private let repeats: RepeatedPaths
    private var currentKey = ByteBuffer(capacity: 4096)
    private var current = EntryEncoder()

    package init(_ merge: RunMerge, _ repeats: RepeatedPaths = .lastCounts) {
        self.merge = merge
        self.repeats = repeats
    }

    /// Goes to the next entry; false after the last one.
    package func advance() throws(SnapshotFailure) -> Bool {
        currentKey.removeAll()
        current.buffer.removeAll()
        guard let record = merge.record else { return false }
        // The record is gone when the merge advances.
        currentKey.append(record.key)
        current.buffer.append(record.line)
        try step()
        let isRepeated = merge.record.map { $0.key.isEqual(to: currentKey.bytes) } ?? false
        // Most paths have one record without errors, which is not decoded.
        if isRepeated || PackedEntry.hasErrors(current.buffer.bytes) { try mergeRepeated() }
        return true
    }

    /// The current entry, and the bytes of its key. Valid until the next call.
    package var packed: (key: UnsafeRawBufferPointer, entry: UnsafeRawBufferPointer) {
        (currentKey.bytes, current.buffer.bytes)
    }

    /// Adds the records that have the same key to the current entry, and orders its errors.
    private func mergeRepeated() throws(SnapshotFailure) {
        let key = Array(currentKey.bytes)
        let first = PackedEntry(current.buffer.bytes)
        var path = RepeatedPath(first.entry(EntryKey(bytes: key)), line: first.order, repeats)
        try takeRest(key, &path)
        var entry = path.entry
        entry.errors.sort { $0.operation < $1.operation }
        current.buffer.removeAll()
        current.append(entry)
    }

    /// Whether the next record has this key.
    private func isAt(_ key: [UInt8]) -> Bool {
        guard let more = merge.record else { return false }
        return key.withUnsafeBytes { more.key.isEqual(to: $0) }
    }

    /// Adds the records that have the same key.
    private func takeRest(_ key: [UInt8], _ path: inout RepeatedPath) throws(SnapshotFailure) {
        while isAt(key), let more = merge.record {
            let other = PackedEntry(more.line)
            try path.add(other.entry(EntryKey(bytes: key)), line: other.order)
            try step()
        }
    }

    /// Goes through all entries, and merges those with the same path. Most paths occur once; those are not decoded.
    func checkRepeats() throws(SnapshotFailure) {
        var (key, line): ([UInt8], [UInt8]) = ([], [])
        while let record = merge.record {
            if isAt(key) {
                var path = line.withUnsafeBytes { bytes in
                    let first = PackedEntry(bytes)
                    return RepeatedPath(first.entry(EntryKey(bytes: key)), line: first.order, repeats)
                }
                try takeRest(key, &path)
            } else {
                key.removeAll(keepingCapacity: true)
                key.append(contentsOf: record.key)
                line.removeAll(keepingCapacity: true)
                line.append(contentsOf: record.line)
                try step()
            }
        }
    }

    /// Skips everything below an entry.
    package func skip(_ subtree: EntryKey) throws(SnapshotFailure) {
        while let record = merge.record, subtree.contains(EntryKey(bytes: Array(record.key))) { try step() }
    }

    private func step() throws(SnapshotFailure) {
        do throws(TemporaryFileError) {
            try merge.advance()
        } catch {
            throw SnapshotFailure(error)
        }
    }
}

/// A source that was read completely and sorted.
package final class SortedSource: PackedSource {
    package let description: SnapshotDescription
    private let entries: SortedEntries

    package init(_ description: SnapshotDescription, _ entries: SortedEntries) {
        self.description = description
        self.entries = entries
    }

    package func advance() throws(SnapshotFailure) -> Bool { try entries.advance() }
    package var packed: (key: UnsafeRawBufferPointer, entry: UnsafeRawBufferPointer) { entries.packed }
    package func skip(_ subtree: EntryKey) throws(SnapshotFailure) { try entries.skip(subtree) }
}
