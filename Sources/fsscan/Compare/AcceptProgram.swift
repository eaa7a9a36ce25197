import CLinux
import Entries
import Formats
import Glibc
import LinuxKernel
import ScanEngine
import Snapshots

/// `fsscan accept`: shows the changes as verify does, then saves them.
struct AcceptProgram {
    private let settings: AcceptSettings

    init(_ settings: AcceptSettings) { self.settings = settings }

    func run() throws -> ExitStatus {
        guard case .file(let path, let selector) = try SnapshotArgument(settings.saved) else {
            throw SnapshotFailure(path: settings.saved, "is a directory, not a saved scan")
        }
        clinux_install_stop_handler()
        let output = try OutputFile(nil)
        let progress = ProgressDisplay(settings.progress)
        let rules = try ComparisonRules(settings.rules)
        let acceptance = try Acceptance(path, selector: selector)
        let base = acceptance.base
        let keys = try keys(base)
        let leftOut = LeftOut(path, suffixes: LeftOut.ofDatabases)
        let roots = VerifiedPlace.roots(of: base)
        rules.advise(roots)
        let start = Timing.now
        let readings = 1 + Acceptance.readings
        var live = try LiveSide.scan(
            roots, base.options, settings.threads, progress, times: readings, earlier: base.totals, nil, leftOut,
            rules: rules.set, choice: { rules.set?.choice($0, readsGrowing: false) })
        progress.stop()
        if let stopped = ExitStatus.stopSignal { return stopped }
        func saved() throws(SnapshotFailure) -> any SnapshotSource {
            let source = try acceptance.saved()
            let places = leftOut?.places ?? []
            return places.isEmpty ? source : PassingOver(places, below: roots, of: source)
        }
        let beginnings = Beginnings(
            of: roots, base.options, remembers: true, isCancelled: { clinux_stop_signal() != 0 })
        var changes = AcceptedChanges(keys, base.options, rules.set, beginnings)
        let comparison = try Comparison(
            try saved(), live.removeFirst(), rules: rules.set, beginnings: beginnings)
        let shown = try show(comparison, &changes, output)
        if let expected = settings.expected, expected != shown.digest {
            let found = shown.digest.map { "their digest is \($0)" } ?? "there are none"
            throw SnapshotFailure(path: path, "has changes other than those of --expect-changes: \(found)")
        }
        try output.finish()
        let status: ExitStatus = shown.notKnown > 0 ? .trouble : .success
        if settings.isDryRun || shown.accepted == 0 {
            acceptance.abandon()
            return status
        }
        let proof = try acceptance.write(
            changes, saved: try live.map { _ in try saved() }, live: live, reason: settings.reason,
            version: Program.version, start: start)
        StandardStreams.complain(path + Array("#\(proof.scan)".utf8), "evidence: \(proof.evidence.hex)")
        StandardStreams.complain(path, "sha256 of the file: \(proof.sha256)")
        return status
    }

    /// What was shown.
    private struct Shown {
        var accepted: Int64 = 0
        /// Cannot be read now: not accepted.
        var notKnown: Int64 = 0
        var digest: String?
    }

    private func show(
        _ comparison: Comparison, _ changes: inout AcceptedChanges, _ output: OutputFile
    ) throws -> Shown {
        var comparison = comparison
        let quoting = Quoting(for: output.descriptor)
        var text = ChangeText(comparison.compared, comparison.sides.old, comparison.sides.new, quoting)
        let digest = try ChangesDigest(comparison)
        var (shown, noted) = (Shown(), changes)
        comparison.everyChange = { change in
            guard let isAccepted = noted.note(change) else { return }
            if isAccepted { shown.accepted += 1 } else { shown.notKnown += 1 }
            digest.add(change)
        }
        // One line for a directory would stand for entries that no PATH names.
        let totals = try comparison.run(isFolding: settings.paths.isEmpty) { [changes] change in
            guard changes.contains(change) else { return }
            text.change(change)
            if text.buffered > 1 << 16 { try text.drain { bytes throws(OutputError) in try output.write(bytes) } }
        }
        try text.drain { bytes throws(OutputError) in try output.write(bytes) }
        changes = noted
        shown.digest = digest.finish()
        let count = HumanUnits.count(shown.accepted, "change", "changes")
        var lines =
            shown.accepted == 0
            ? "Nothing to accept.\n" : "\(count) \(settings.isDryRun ? "to accept" : "accepted").\n"
        if shown.notKnown > 0 {
            let entries = HumanUnits.count(shown.notKnown, "entry", "entries")
            lines += "\(entries) could not be read, and stay as they were saved.\n"
        }
        var bytes = Array(lines.utf8)
        for sentence in totals.ruledSentences(quoting, isLive: true) { bytes += sentence + [UInt8(ascii: "\n")] }
        if let digest = shown.digest { bytes += Array("Changes \(digest)\n".utf8) }
        try bytes.withUnsafeBytes { try output.write($0) }
        return shown
    }

    /// The entries that PATHs name, whether they exist or not. By name: no link is followed.
    ///
    /// - Returns: nil: all.
    private func keys(_ base: SavedScan) throws -> [EntryKey]? {
        if settings.paths.isEmpty { return nil }
        let roots = base.absoluteRoots.map { Self.names($0) }
        var keys: [EntryKey] = []
        for path in settings.paths {
            let names = Self.names(try VerifiedPlace.absolute(path))
            var isIn = false
            for (index, root) in roots.enumerated() where names.starts(with: root) {
                let below = names.dropFirst(root.count)
                guard !below.contains([0x2E, 0x2E]) else {
                    throw UsageError("PATH", CarriedArgument(bytes: path), "contains '..': give a path without it")
                }
                keys.append(EntryKey(root: index, path: Array(below.joined(separator: [0x2F]))))
                isIn = true
            }
            guard isIn else { throw UsageError("PATH", CarriedArgument(bytes: path), "is not below a saved PATH") }
        }
        return keys
    }

    private static func names(_ path: [UInt8]) -> [ArraySlice<UInt8>] {
        path.split(separator: 0x2F).filter { $0 != [0x2E] }
    }
}
