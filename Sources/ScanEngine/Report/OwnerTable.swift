/// Counts entries by user or group. Neighbours nearly always have the same owner, so that one is kept at hand.
struct OwnerTable {
    private struct Count {
        var entries: Int64 = 0
        var bytes: Int64 = 0
    }

    private var current = Count()
    private var currentID: UInt32 = 0
    private var others: [UInt32: Count] = [:]

    mutating func count(_ id: UInt32, bytes: Int64) {
        if id != currentID { change(to: id) }
        current.entries += 1
        current.bytes.addSaturating(bytes)
    }

    mutating func merge(_ other: OwnerTable) {
        var other = other
        other.putBack()
        putBack()
        for (id, count) in other.others {
            others[id, default: Count()].entries.addSaturating(count.entries)
            others[id, default: Count()].bytes.addSaturating(count.bytes)
        }
        currentID = 0
        current = others[0] ?? Count()
    }

    /// By bytes, then number.
    ///
    /// - Parameter name: what the system calls the number.
    func ranked(name: (UInt32) -> String?) -> [OwnerCount] {
        var all = self
        all.putBack()
        return all.others.filter { $0.value.entries > 0 }
            .sorted { ($1.value.bytes, $0.key) < ($0.value.bytes, $1.key) }
            .map { OwnerCount(id: $0.key, name: name($0.key), files: $0.value.entries, apparentBytes: $0.value.bytes) }
    }

    private mutating func change(to id: UInt32) {
        putBack()
        currentID = id
        current = others[id] ?? Count()
    }

    private mutating func putBack() { others[currentID] = current }
}
