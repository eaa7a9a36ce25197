import LinuxKernel

/// The counts of one worker: for the report of a scan whose actors will not report any more,
/// because a worker does not return from a system call. Kept only if there is a deadline, because everything is counted
/// twice.
struct PartialCounts {
    /// By the index of the PATH.
    private(set) var subtotals: [Int: Subtotal] = [:]
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

    /// The sum over all PATHs.
    func sum(_ devices: borrowing DeviceTable) -> Totals {
        var sum = Subtotal()
        var unused = Tallies.unused
        for subtotal in subtotals.values { sum.add(subtotal, devices, &unused) }
        return sum.totals
    }
}
