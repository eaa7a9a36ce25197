import CLinux
import Entries
import Formats
import Glibc
import LinuxKernel
import ScanEngine
import Snapshots

/// `fsscan verify`: scans a live side like the other side, then compares as `diff` does.
struct VerifyProgram {
    private let settings: VerifySettings

    init(_ settings: VerifySettings) { self.settings = settings }

    func run() throws -> ExitStatus {
        guard case .file(let file, let selector) = try SnapshotArgument(settings.saved) else {
            throw SnapshotFailure(path: settings.saved, "is a directory, not a saved scan")
        }
        clinux_install_stop_handler()
        let output = try settings.comparison.openOutput()
        let progress = ProgressDisplay(settings.comparison.progress)
        let rules = try ComparisonRules(settings.comparison.rules)
        let saved = try OpenedSnapshot(
            file, selector: selector, otherRoots: settings.path.map { [$0] } ?? [],
            algorithm: settings.comparison.algorithm, isToBeHashed: !settings.expected.isEmpty)
        let expected = try ExpectedEvidence(values: settings.expected).confirm(saved, file)
        let evidence = expected == nil ? try (saved.source as? SavedScanSource).map { try EvidenceSource($0) } : nil
        let old: any SnapshotSource = evidence ?? saved.source
        try settings.comparison.confirmIgnored([old.description])
        var options = old.description.options ?? ScanOptions(paths: [], threads: 1)
        if old.description.options == nil { options.hash = old.description.algorithms }
        let paths = try settings.path.map { [$0] } ?? roots(of: saved, file)
        let baseline = try settings.isQuick ? quickBaseline(saved, file, options) : nil
        // Files that this run writes inside the tree were not saved, even if the rest was.
        let leftOut = LeftOut(file, suffixes: LeftOut.ofDatabases)
        rules.advise(paths)
        let listed = try settings.isListedOnly ? listedFiles(file, selector) : nil
        let new = try LiveSide.scan(
            paths, options, settings.comparison.threads, progress, earlier: old.description.totals, baseline, leftOut,
            rules: rules.set,
            choice: { options in
                let choice = rules.set?.choice(options, readsGrowing: false)
                return listed.map { $0.below(options.paths, and: choice) } ?? choice
            })
        if let stopped = ExitStatus.stopSignal { return stopped }
        let places = leftOut?.places ?? []
        if !places.isEmpty {
            StandardStreams.complain(file, "warning: is inside the verified tree, and is left out")
        }
        // Evidence covers every entry: if SAVED has replaced one, that entry is missing.
        let isPassedOver = !places.isEmpty && expected == nil
        let known: any SnapshotSource = isPassedOver ? PassingOver(places, below: paths, of: old) : old
        let absolute = try paths.map { path throws(SnapshotFailure) in try VerifiedPlace.absolute(path) }
        return try ComparisonProgram(
            settings.comparison, rules.set, paths, isListedOnly: settings.isListedOnly
        ).run(known, new, output, progress) { changes in
            guard let scan = saved.saved?.scan.id, let evidence = expected ?? evidence?.evidence else { return nil }
            return Verified(file: file, scan: scan, evidence: evidence, paths: absolute, changes: changes)
        }
    }

    private func roots(of saved: OpenedSnapshot, _ file: [UInt8]) throws(SnapshotFailure) -> [[UInt8]] {
        let roots = saved.source.description.roots
        guard !roots.contains([]) else {
            throw SnapshotFailure(path: file, "does not contain its PATH: give PATH, too")
        }
        guard let scan = saved.saved?.scan else { return roots }
        return VerifiedPlace.roots(of: scan)
    }

    /// The files to read must be known before the comparison reads the list.
    private func listedFiles(_ file: [UInt8], _ selector: [UInt8]?) throws -> ListedFiles {
        try ListedFiles(
            SnapshotArgument.open(
                file, selector: selector, otherRoots: settings.path.map { [$0] } ?? [],
                algorithm: settings.comparison.algorithm))
    }

    private func quickBaseline(
        _ saved: OpenedSnapshot, _ file: [UInt8], _ options: ScanOptions
    ) throws(SnapshotFailure) -> ContentBaseline? {
        guard let (scans, scan) = saved.saved else {
            throw SnapshotFailure(path: file, "is not a file of saved scans, which --quick needs")
        }
        if options.hash.isEmpty, !options.mime { return nil }
        return try scans.baseline(scan, for: options, trust: settings.trust)
    }
}
