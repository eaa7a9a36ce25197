/// What a finished subtree reports to whoever waits for it. Adding two is commutative and associative, so the order in
/// which directories complete does not show in the report.
struct Subtotal: Sendable {
    /// The two byte sums of `totals` are unused here: see `apparentBytes`.
    private(set) var counts = Totals()
    /// Wider than what is reported: taking back a hard link that was counted twice must not meet a sum that is already
    /// saturated. (2^63−1 bytes is a legal size of a sparse file; 2^64 of them would be needed to overflow this.)
    private var apparentBytes: Int128 = 0
    private var diskBytes: Int128 = 0
    private var links = HardLinks()
    /// False where something at or below was not read, changed or was skipped: directory digests above are null.
    var isWhole = true

    /// As in the report: saturating at 2^63−1.
    var totals: Totals {
        var totals = counts
        totals.apparentBytes = Int64(clamping: apparentBytes)
        totals.diskBytes = Int64(clamping: diskBytes)
        return totals
    }

    /// Counts a name whose attributes could not be had: an entry of the kind that the directory gave, without bytes.
    mutating func countUnknown(_ kind: EntryKind) { count(kind) }

    /// Counts a name.
    ///
    /// - Returns: false if the bytes were not added, because this subtree has counted the inode under another name.
    @discardableResult
    mutating func count(_ status: borrowing FileStatus, _ kind: EntryKind, _ devices: borrowing DeviceTable) -> Bool {
        count(kind)
        let apparent = kind == .file || kind == .symlink ? status.size : 0
        let disk = status.diskBytes
        if status.links > 1, kind != .directory {
            let identity = status.identity
            let link = HardLinks.Link(seen: 1, links: status.links, apparentBytes: apparent, diskBytes: disk)
            guard links.meet(identity, link, mayLeave: devices.showsLinksOnce(identity.device)) else { return false }
            counts.hardLinkedFiles += 1
        }
        apparentBytes += Int128(apparent)
        diskBytes += Int128(disk)
        return true
    }

    private mutating func count(_ kind: EntryKind) {
        counts.entries += 1
        switch kind {
        case .directory: counts.directories += 1
        case .file: counts.files += 1
        case .symlink: counts.symlinks += 1
        case .fifo: counts.fifos += 1
        case .socket: counts.sockets += 1
        case .blockDevice: counts.blockDevices += 1
        case .characterDevice: counts.characterDevices += 1
        }
    }

    mutating func countError() {
        counts.errors.addSaturating(1)
        isWhole = false
    }

    mutating func countSkipped() {
        counts.skipped.addSaturating(1)
        isWhole = false
    }

    mutating func add(_ other: consuming Subtotal, _ devices: borrowing DeviceTable) {
        counts.add(other.counts)
        apparentBytes += other.apparentBytes
        diskBytes += other.diskBytes
        if !other.isWhole { isWhole = false }
        guard !other.links.open.isEmpty else { return }
        var (apparentTwice, diskTwice, namesTwice) = (Int128(0), Int128(0), Int64(0))
        links.merge(other.links, mayLeave: { devices.showsLinksOnce($0.device) }) { link in
            apparentTwice += Int128(link.apparentBytes)
            diskTwice += Int128(link.diskBytes)
            namesTwice += 1
        }
        apparentBytes -= apparentTwice
        diskBytes -= diskTwice
        counts.hardLinkedFiles -= namesTwice
    }
}
