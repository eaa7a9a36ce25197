import Bytes

/// Counts entries by user and by group. Neighbours nearly always have the same owners, so the last owners are cached,
/// and both are counted in one step: an entry takes some nanoseconds here, and there are millions.
struct OwnerTable {
    private struct Owner: Hashable {
        var uid: UInt32
        var gid: UInt32
    }

    private var current = EntryCounts()
    private var owner = Owner(uid: 0, gid: 0)
    private var others: [Owner: EntryCounts] = [:]

    @inline(__always)
    mutating func add(_ uid: UInt32, _ gid: UInt32, _ counts: EntryCounts) {
        let owner = Owner(uid: uid, gid: gid)
        if owner != self.owner { change(to: owner) }
        current.add(counts)
    }

    mutating func merge(_ other: OwnerTable) {
        var other = other
        other.putBack()
        for (owner, counts) in other.others { add(owner.uid, owner.gid, counts) }
    }

    /// By bytes, then number.
    ///
    /// - Parameter name: the system's name for the number.
    func users(name: (UInt32) -> String?) -> [OwnerCount] { ranked(\.uid, name) }

    /// By bytes, then number.
    func groups(name: (UInt32) -> String?) -> [OwnerCount] { ranked(\.gid, name) }

    private func ranked(_ id: KeyPath<Owner, UInt32>, _ name: (UInt32) -> String?) -> [OwnerCount] {
        var all = self
        all.putBack()
        var sums: [UInt32: EntryCounts] = [:]
        for (owner, counts) in all.others { sums[owner[keyPath: id], default: EntryCounts()].add(counts) }
        return sums.filter { $0.value.entries > 0 }
            .map { OwnerCount(id: $0.key, name: name($0.key), entries: $0.value.entries, $0.value.counts) }
            .sorted { ($1.counts.apparentBytes, $0.id) < ($0.counts.apparentBytes, $1.id) }
    }

    private mutating func change(to owner: Owner) {
        putBack()
        self.owner = owner
        current = others[owner] ?? EntryCounts()
    }

    private mutating func putBack() { others[owner] = current }
}

extension OwnerTable: PartialCodable {
    func encode(to encoder: inout PartialEncoder) {
        var all = self
        all.putBack()
        let known = all.others.sorted { ($0.key.uid, $0.key.gid) < ($1.key.uid, $1.key.gid) }
        encoder.out.put(count: known.count)
        for (owner, counts) in known {
            encoder.out.put(owner.uid)
            encoder.out.put(owner.gid)
            encoder.put(counts)
        }
    }

    init(from decoder: inout PartialDecoder) throws(BinaryFailure) {
        self.init()
        for _ in 0..<(try decoder.input.count(ofAtLeast: 40)) {
            let uid = try decoder.input.number(UInt32.self)
            let gid = try decoder.input.number(UInt32.self)
            add(uid, gid, try decoder.value())
        }
    }
}
