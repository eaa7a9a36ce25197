import Entries
import LinuxKernel

/// One worker's counts of selected entries.
struct SelectedCounts {
    private(set) var subtotal = Subtotal()
    /// The tables have their own counts.
    private var unused = Tallies.unused

    mutating func count(_ status: borrowing FileStatus, _ kind: EntryKind, _ devices: borrowing DeviceTable) {
        subtotal.count(status, kind, .none, nil, devices, &unused)
    }

    mutating func add(_ other: SelectedCounts, _ devices: borrowing DeviceTable) {
        subtotal.add(other.subtotal, devices, &unused)
    }
}

extension EntrySelector {
    func contains(_ status: borrowing FileStatus, _ kind: EntryKind, _ node: PathNode) -> Bool {
        if node.level > 0 {
            let status = copy status
            return node.withCString { contains(status, kind, $0) }
        }
        return contains(status, kind, Self.name(ofPath: node.name).map { CChar(bitPattern: $0) } + [0])
    }
}
