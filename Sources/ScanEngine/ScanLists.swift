import Bytes
import Entries
import LinuxKernel

/// The merged results of the workers: the parts of a report that need no tree.
struct ScanLists {
    private var tallies: Tallies
    private var directories: LargestList
    private var map: LargestList
    private var errors = ErrorList()
    private var types: [String: FileCounts] = [:]
    /// Inodes with several names that several parts may have found: their bytes are not in `types`.
    private var typedInodes: [DeviceInode: TypedInodes.Typed] = [:]
    private var baselineUse = BaselineUse()
    private var unfinished = UnfinishedList()
    private var selected = SelectedCounts()
    private(set) var descriptorsReopened: Int64 = 0

    init(_ context: ScanContext) {
        tallies = Tallies(top: context.top, by: context.ranking, now: context.now)
        directories = LargestList(length: context.top, by: context.ranking, of: .directories)
        map = context.map.makeList(context.ranking)
    }

    mutating func add(_ worker: WorkerLocals) {
        if let counts = worker.selected { selected.add(counts, worker.context.devices) }
        unfinished.merge(worker.unfinished)
        tallies.merge(worker.tallies)
        directories.merge(worker.largestDirectories)
        map.merge(worker.map)
        errors.merge(worker.errors)
        for (type, counts) in worker.types { types[type, default: FileCounts()].add(counts) }
        descriptorsReopened += worker.descriptorsReopened
        baselineUse.add(worker.baselineUse)
    }

    /// Adds the inodes that this part could not settle alone.
    mutating func add(_ inodes: TypedInodes) { typedInodes.merge(inodes.open) { first, _ in first } }

    mutating func add(unfinished path: EntryPath) { unfinished.add(path) }

    /// In parts: in a debug build each use of `tallies` has a copy of its own on the stack.
    func fill(_ report: inout ScanReport, _ context: ScanContext) {
        fillCounts(&report, context)
        fillTables(&report)
        fillHistograms(&report)
        fillLists(&report)
    }

    private func fillCounts(_ report: inout ScanReport, _ context: ScanContext) {
        if context.selector != nil {
            var totals = selected.subtotal.totals
            // Nothing else is used.
            totals.skipped = report.totals.skipped
            report.selected = totals
        }
        var types = types
        for inode in typedInodes.values { types[inode.type, default: FileCounts()].add(inode.counts) }
        if context.content?.baseline != nil { report.baseline = baselineUse }
        report.mimeTypes = types.map { MIMETypeCount(type: $0, $1) }
            .sorted { ($1.counts.apparentBytes, $0.type) < ($0.counts.apparentBytes, $1.type) }
    }

    private func fillTables(_ report: inout ScanReport) {
        (report.extensions, report.otherExtensions) = tallies.extensions.ranked
        report.owners = tallies.owners.users(name: Accounts.user)
        report.groups = tallies.owners.groups(name: Accounts.group)
        report.pseudoFileSystems = tallies.rankedPseudoFileSystems
    }

    private func fillHistograms(_ report: inout ScanReport) {
        report.ages = tallies.histogram.ages
        report.sizes = tallies.histogram.sizes
    }

    private func fillLists(_ report: inout ScanReport) {
        report.largestFiles = tallies.largestFiles.ranked.map { item in
            LargestFile(
                path: item.path.bytes, apparentBytes: item.sizes.apparentBytes, diskBytes: item.sizes.diskBytes,
                lastChange: item.sizes.lastChange)
        }
        report.largestDirectories = directories.ranked.map { item in
            let sizes = item.sizes
            return LargestDirectory(
                path: item.path.bytes, entries: sizes.entries, apparentBytes: sizes.apparentBytes,
                diskBytes: sizes.diskBytes, lastChange: sizes.lastChange == .distantPast ? nil : sizes.lastChange)
        }
        report.map = MapNode.nodes(map.ranked)
        report.errors = errors.ranked
        report.unfinished = unfinished.ranked
    }
}

extension ScanLists {
    func encode(to encoder: inout PartialEncoder) {
        tallies.encode(to: &encoder)
        directories.encode(to: &encoder)
        map.encode(to: &encoder)
        errors.encode(to: &encoder)
        unfinished.encode(to: &encoder)
        encoder.out.put(count: types.count)
        for (type, counts) in types.sorted(by: { $0.key < $1.key }) {
            encoder.out.put(string: type.utf8)
            encoder.put(counts)
        }
        encoder.out.put(count: typedInodes.count)
        let inodes = typedInodes.sorted { ($0.key.device, $0.key.inode) < ($1.key.device, $1.key.inode) }
        for (inode, typed) in inodes {
            encoder.put(inode)
            encoder.out.put(string: typed.type.utf8)
            encoder.put(typed.counts)
        }
    }

    /// Adds the lists of a part.
    mutating func merge(_ decoder: inout PartialDecoder) throws(BinaryFailure) {
        try tallies.merge(&decoder)
        try directories.merge(&decoder)
        try map.merge(&decoder)
        try errors.merge(&decoder)
        try unfinished.merge(&decoder)
        for _ in 0..<(try decoder.input.count(ofAtLeast: 32)) {
            let type = try decoder.text()
            types[type, default: FileCounts()].add(try decoder.value())
        }
        for _ in 0..<(try decoder.input.count(ofAtLeast: 44)) {
            let inode = try decoder.identity()
            let typed = TypedInodes.Typed(type: try decoder.text(), counts: try decoder.value())
            if typedInodes[inode] == nil { typedInodes[inode] = typed }
        }
    }
}
