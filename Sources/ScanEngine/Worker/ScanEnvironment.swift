package import Entries

/// What a scan is connected to while it runs: where its findings go, what is known already, who may stop it.
package struct ScanEnvironment: Sendable {
    /// Get each entry and error while the scan runs. If one fails, the scan ends.
    package var outputs: [any EntryOutput] = []
    /// What is passed over.
    package var leftOut: LeftOut?
    /// Which files are read, of those whose content the options ask for; nil: all of them.
    package var choice: (any ContentChoice)?
    /// What an earlier scan found out; made for the digests and types of the scan's options.
    package var baseline: ContentBaseline?
    /// Asked often, by all workers: once it says yes, the scan ends as soon as it can. Made for a flag that a signal handler
    /// sets.
    package var isCancelled: @Sendable () -> Bool = { false }
    /// When the scan is to be over, whatever its workers wait for: see `Scan.runUntilDeadline()`.
    package var deadline: Deadline?
    /// Gets a timeline of the scheduler's work, for Perfetto, in pieces: see `WorkStealing.Trace`.
    package var trace: (@Sendable ([UInt8]) -> Void)?
    /// Which part of the scan this is; nil: all of it.
    package var part: ScanPart?
    /// Told of each directory, by all workers.
    package var watch: DirectoryWatch?
    /// Told each error when it happens, by any worker. The report lists the first 10,000 by path.
    package var onError: (@Sendable (ScanError) -> Void)?

    /// Told, by any worker, of each file whose digests differ from those of the baseline though it looks unchanged.
    package var onContradiction: (@Sendable (_ path: [UInt8]) -> Void)?

    package init() {}
}
