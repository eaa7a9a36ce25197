package import Entries

/// The connections of a scan: destinations of its results, earlier results, and stop conditions.
package struct ScanEnvironment: Sendable {
    /// Get each entry and error while the scan runs. If one fails, the scan ends.
    package var outputs: [any EntryOutput] = []
    /// Files to skip.
    package var leftOut: LeftOut?
    /// Selects the files to read if the options request content; nil: all of them.
    package var choice: (any ContentChoice)?
    /// Reads only files whose size was met before; nil: see `choice`. Directories then have no digests.
    package var sizesMet: SizesMet?
    /// Results of an earlier scan, for the digests and types of the scan's options.
    package var baseline: ContentBaseline?
    /// Called often, by all workers: once it returns true, the scan ends as soon as it can. Intended for a flag that a
    /// signal handler sets.
    package var isCancelled: @Sendable () -> Bool = { false }
    /// When the scan must be over, whatever its workers wait for: see `Scan.runUntilDeadline()`.
    package var deadline: Deadline?
    /// Gets a timeline of the scheduler's work, for Perfetto, in pieces: see `WorkStealing.Trace`.
    package var trace: (@Sendable ([UInt8]) -> Void)?
    /// Which part of the scan this is; nil: all of it.
    package var part: ScanPart?
    /// Called for each directory, by all workers.
    package var watch: DirectoryWatch?
    /// Called for each error when it happens, by any worker. The report lists the first 10,000 by path.
    package var onError: (@Sendable (ScanError) -> Void)?

    /// Called, by any worker, for each file whose digests differ from those of the baseline although it looks
    /// unchanged.
    package var onContradiction: (@Sendable (_ path: [UInt8]) -> Void)?

    package init() {}
}
