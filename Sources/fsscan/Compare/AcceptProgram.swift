import CLinux
import Entries
import Formats
import Glibc
import LinuxKernel
import ScanEngine
import Snapshots

/// `fsscan accept`: one verify, shown and then written.
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
        let acceptance = try Acceptance(path, selector: selector)
        let base = acceptance.base
        let accepted = try places(base)
        let leftOut = LeftOut(path, suffixes: LeftOut.ofDatabases)
        let roots = VerifiedPlace.roots(of: base)
        let start = Timing.now
        var live = try LiveSide.scan(
            roots, base.options, settings.threads, progress, times: 2, earlier: base.totals, nil, leftOut)
        progress.stop()
        if let stopped = ExitStatus.stopSignal { return stopped }
        func saved() throws(SnapshotFailure) -> any SnapshotSource {
            let source = try acceptance.saved()
            let places = leftOut?.places ?? []
            return places.isEmpty ? source : PassingOver(places, below: roots, of: source)
        }
        let shown = try show(accepted, try saved(), live.removeFirst(), output)
        if let expected = settings.expected, expected != shown.digest {
            let found = shown.digest.map { "those of \($0)" } ?? "none"
            throw SnapshotFailure(path: path, "has other changes than --expect-changes says: \(found)")
        }
        try output.finish()
        let status: ExitStatus = shown.notKnown > 0 ? .trouble : .success
        if settings.isDryRun || shown.accepted == 0 {
            acceptance.abandon()
            return status
        }
        let proof = try acceptance.write(
            accepted, try saved(), live.removeFirst(), FieldSelection(), reason: settings.reason,
            version: Invocation.version, start: start)
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
        _ places: AcceptedPlaces, _ old: any SnapshotSource, _ new: any SnapshotSource, _ output: OutputFile
    ) throws -> Shown {
        var comparison = try Comparison(old, new, FieldSelection())
        let compared = comparison.compared
        var text = ChangeText(compared, old.description, new.description, Quoting(for: output.descriptor))
        let digest = try ChangesDigest()
        var shown = Shown()
        comparison.everyChange = { change in
            guard places.contains(change) else { return }
            if change.isKnownNow { shown.accepted += 1 } else { shown.notKnown += 1 }
            digest.add(change, compared)
        }
        // One line for a directory would stand for entries that no PATH names.
        _ = try comparison.run(isFolding: settings.paths.isEmpty) { change in
            guard places.contains(change) else { return }
            text.change(change)
            if text.buffered > 1 << 16 { try text.drain { bytes throws(OutputError) in try output.write(bytes) } }
        }
        try text.drain { bytes throws(OutputError) in try output.write(bytes) }
        shown.digest = digest.finish()
        let changes = HumanUnits.count(shown.accepted, "change", "changes")
        var lines =
            shown.accepted == 0
            ? "Nothing to accept.\n" : "\(changes) \(settings.isDryRun ? "to accept" : "accepted").\n"
        if shown.notKnown > 0 {
            let entries = HumanUnits.count(shown.notKnown, "entry", "entries")
            lines += "\(entries) could not be read, and stay as they were saved.\n"
        }
        if let digest = shown.digest { lines += "Changes \(digest)\n" }
        try Array(lines.utf8).withUnsafeBytes { try output.write($0) }
        return shown
    }

    /// The entries that PATHs name, whether they are there or not. By name: no link is followed.
    private func places(_ base: SavedScan) throws -> AcceptedPlaces {
        if settings.paths.isEmpty { return AcceptedPlaces(nil) }
        let roots = base.absoluteRoots.map { Self.names($0) }
        var keys: [EntryKey] = []
        for path in settings.paths {
            let names = Self.names(try VerifiedPlace.absolute(path))
            var isIn = false
            for (index, root) in roots.enumerated() where names.starts(with: root) {
                let below = names.dropFirst(root.count)
                guard !below.contains([0x2E, 0x2E]) else {
                    throw UsageError("PATH", CarriedArgument(bytes: path), "has a .. in it: name the place itself")
                }
                keys.append(EntryKey(root: index, path: Array(below.joined(separator: [0x2F]))))
                isIn = true
            }
            guard isIn else { throw UsageError("PATH", CarriedArgument(bytes: path), "lies in no PATH that was saved") }
        }
        return AcceptedPlaces(keys)
    }

    private static func names(_ path: [UInt8]) -> [ArraySlice<UInt8>] {
        path.split(separator: 0x2F).filter { $0 != [0x2E] }
    }
}
