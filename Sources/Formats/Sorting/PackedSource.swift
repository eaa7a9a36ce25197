package import Entries

/// A source that has its entries as bytes. Entries that are the same bytes on both sides of a comparison are equal.
/// Most are, and decoding them would take most of its time.
package protocol PackedSource: SnapshotSource {
    /// Goes to the next entry; false after the last one.
    func advance() throws(SnapshotFailure) -> Bool

    /// The current entry as written by `EntryEncoder`, and the bytes of its `EntryKey`. Valid until the next call.
    var packed: (key: UnsafeRawBufferPointer, entry: UnsafeRawBufferPointer) { get }
}

extension PackedSource {
    package func next() throws(SnapshotFailure) -> SnapshotEntry? { try advance() ? entry : nil }

    /// The current entry.
    package var entry: SnapshotEntry {
        let (key, entry) = packed
        return PackedEntry(entry).entry(EntryKey(bytes: Array(key)))
    }
}
