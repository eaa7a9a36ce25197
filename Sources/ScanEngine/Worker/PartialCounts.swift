import LinuxKernel

/// What one worker has counted, and what it is at: for the report of a scan whose actors will not report any more, because
/// a worker does not come back from a system call. Kept only where there is a deadline, as everything is counted twice.
struct PartialCounts {
    /// By the index of the PATH.
    private(set) var subtotals: [Int: Subtotal] = [:]
    /// The file or directory that the worker's message is about; nil between messages.
    var place: EntryPath?
    /// The tables have their own counts.
    private var unused = Tallies.unused

    mutating func subtotal(below root: Int, _ count: (inout Subtotal) -> Void) {
        count(&subtotals[root, default: Subtotal()])
    }

    mutating func count(
        _ status: borrowing FileStatus, _ kind: EntryKind, below root: Int, _ devices: borrowing DeviceTable
    ) {
        subtotals[root, default: Subtotal()].count(status, kind, .none, nil, devices, &unused)
    }

    mutating func add(_ other: PartialCounts, _ devices: borrowing DeviceTable) {
        for (root, subtotal) in other.subtotals {
            subtotals[root, default: Subtotal()].add(subtotal, devices, &unused)
        }
    }

    /// What all PATHs come to.
    func sum(_ devices: borrowing DeviceTable) -> Totals {
        var sum = Subtotal()
        var unused = Tallies.unused
        for subtotal in subtotals.values { sum.add(subtotal, devices, &unused) }
        return sum.totals
    }
}

extension WorkerLocals {
    @inline(__always)  // a call for each entry otherwise
    func countPartially(_ status: borrowing FileStatus, _ kind: EntryKind, below root: Int) {
        if keepsPartial { partial?.count(status, kind, below: root, context.devices) }
    }

    /// Notes what the rest of this message is about.
    func isAt(_ place: @autoclosure () -> EntryPath) {
        context.whereabouts.answer(place())
        if keepsPartial { partial?.place = place() }
    }

    /// Notes that this message is over.
    func isDone() {
        if keepsPartial { partial?.place = nil }
    }
}
