/// The sort key of the lists in the report (`--rank`).
public enum Ranking: String, CaseIterable, Sendable {
    case disk, apparent
    /// By entries, for directories; a file is one entry, so files rank as with `disk`.
    case entries
    /// Latest first: a file by its mtime, a directory by the latest mtime at or below it.
    case newest
    /// Unchanged for the longest time first.
    case oldest

    /// With these a directory may rank behind its contents.
    package var isByTime: Bool { self == .newest || self == .oldest }
}
