package import Entries
package import Formats
package import ScanEngine

/// A tree that is scanned now, as a source. The scan stats everything, reads files if digests are wanted, and sorts the
/// entries; then the source returns them.
package enum LiveSource {
    /// Scans, blocking the caller.
    ///
    /// - Parameters:
    ///   - baseline: files that need not be read.
    ///   - leftOut: files that the scan skips.
    ///   - rules: patterns that the scan excludes.
    ///   - choice: the files to read; nil: all, if digests are wanted.
    ///   - other: also gets the entries.
    ///   - isCancelled: as in `Scan`. Once it returns true, this function throws soon, and the process must end: see
    ///     `Scan.runUntilDeadline()`.
    ///   - willRun: gets the scan before it runs, for a progress display.
    ///   - onError: called for each error when it happens, by any worker.
    /// - Throws: `ScanUnavailable`, `SnapshotFailure`.
    package static func scan(
        _ options: ScanOptions, baseline: ContentBaseline? = nil, leftOut: LeftOut? = nil,
        rules: RuleSet? = nil, choice: (any ContentChoice)? = nil, other: (any EntryOutput)? = nil,
        willRun: (Scan) -> Void = { _ in }, isCancelled: @escaping @Sendable () -> Bool,
        onError: (@Sendable (ScanError) -> Void)? = nil,
        onContradiction: (@Sendable (_ path: [UInt8]) -> Void)? = nil
    ) throws -> (source: SortedSource, report: ScanReport) {
        let (sources, report) = try scan(
            options, times: 1, baseline: baseline, leftOut: leftOut, rules: rules, choice: choice, other: other,
            willRun: willRun, isCancelled: isCancelled, onError: onError, onContradiction: onContradiction)
        return (sources[0], report)
    }

    /// The same, with several sources of the same entries. The tree is scanned once.
    package static func scan(
        _ options: ScanOptions, times: Int, baseline: ContentBaseline? = nil, leftOut: LeftOut? = nil,
        rules: RuleSet? = nil, choice: (any ContentChoice)? = nil, other: (any EntryOutput)? = nil,
        willRun: (Scan) -> Void = { _ in }, isCancelled: @escaping @Sendable () -> Bool,
        onError: (@Sendable (ScanError) -> Void)? = nil,
        onContradiction: (@Sendable (_ path: [UInt8]) -> Void)? = nil
    ) throws -> (sources: [SortedSource], report: ScanReport) {
        let output = SortingOutput(options, rules)
        try output.prepare()
        var environment = ScanEnvironment()
        environment.outputs = [output]
        if let other { environment.outputs.append(other) }
        environment.choice = choice
        (environment.baseline, environment.isCancelled, environment.onError) = (baseline, isCancelled, onError)
        (environment.leftOut, environment.onContradiction) = (leftOut, onContradiction)
        // A stop signal must take effect even if a file system does not answer.
        var scanned = options
        if let rules { scanned.exclude = rules.scanPatterns(before: options) }
        let scan = try Scan(scanned, environment)
        willRun(scan)
        let report = scan.runUntilDeadline()
        if isCancelled() { throw SnapshotFailure(path: nil, "stopped") }
        var description = description(of: options, report)
        description.namesLeftOut = output.leftOut
        return (try output.finish(times: times).map { [description] in SortedSource(description, $0) }, report)
    }

    /// Lists a tree without reading any file.
    ///
    /// - Throws: `ScanUnavailable`, `SnapshotFailure`.
    package static func sizes(
        _ options: ScanOptions, rules: RuleSet?, willRun: (Scan) -> Void,
        isCancelled: @escaping @Sendable () -> Bool
    ) throws -> SizedFiles {
        var options = options
        options.hash = []
        options.asked = []
        if let rules { options.exclude = rules.scanPatterns(before: options) }
        let output = SizedFiles.Output(options.paths, rules)
        var environment = ScanEnvironment()
        environment.outputs = [output]
        environment.isCancelled = isCancelled
        let scan = try Scan(options, environment)
        willRun(scan)
        _ = scan.runUntilDeadline()
        if isCancelled() { throw SnapshotFailure(path: nil, "stopped") }
        return output.finish()
    }

    private static func description(of options: ScanOptions, _ report: ScanReport) -> SnapshotDescription {
        var description = SnapshotDescription(
            format: "live", roots: options.paths, fields: FieldSet(of: options),
            algorithms: DigestSet(options.hash).algorithms)
        description.options = options
        description.isComplete = report.complete
        description.baseline = report.baseline
        return description
    }
}
