/// What the lists of the report rank by (`--rank`).
public enum Ranking: String, CaseIterable, Sendable {
    case disk, apparent
    /// Of directories; a file is one entry, so files rank as with `disk`.
    case entries
    /// Latest first: a file by its mtime, a directory by the latest mtime at or below it.
    case newest
    /// Those that have not changed for longest first.
    case oldest

    /// A directory may rank behind what is in it.
    package var isByTime: Bool { self == .newest || self == .oldest }
}
