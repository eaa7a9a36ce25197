import Bytes

/// Counts files by extension, without an allocation for a known name.
///
/// An open hash table (linear probing) that keeps the 10,000 extensions with the smallest hashes, and sums up the
/// others: names are untrusted, and a tree may have as many extensions as files. When it exceeds the limit by a fifth,
/// those with the largest hashes are removed, and larger hashes never get in again. So each extension in the table has
/// been in it since its first name, and its counts are exact. An extension among the 10,000 of the whole scan is among
/// those of every worker that found it: the report does not depend on the division of work.
struct ExtensionTable {
    private struct Slot {
        var key = FileExtension.none
        var counts = FileCounts()

        var isEmpty: Bool { key == .none }
    }

    /// The order in which extensions are kept: by hash, then bytes.
    private struct Rank: Comparable {
        let hash: UInt64
        let key: FileExtension

        init(_ key: FileExtension) { (hash, self.key) = (key.hash, key) }

        static func < (left: Rank, right: Rank) -> Bool {
            left.hash == right.hash ? left.key < right.key : left.hash < right.hash
        }
    }

    /// How many extensions a report lists, besides "".
    static let limit = 10_000

    private let limit: Int
    private var none = FileCounts()
    private var slots = [Slot](repeating: Slot(), count: 256)
    private var used = 0
    /// The last extension that may be in the table; nil as long as nothing was removed. It only ever decreases.
    private var bound: Rank?
    private var others = FileCounts()

    /// - Parameter limit: for tests.
    init(limit: Int = limit) { self.limit = limit }

    mutating func add(_ key: FileExtension, _ counts: FileCounts) {
        if key == .none { return none.add(counts) }
        var index = find(key)
        if slots[index].isEmpty {
            if let bound, bound < Rank(key) { return others.add(counts) }
            if used == limit + limit / 5 {
                cut()
                return add(key, counts)
            }
            if used * 4 >= slots.count * 3 {
                rebuild(slots.filter { !$0.isEmpty }, capacity: slots.count * 2)
                index = find(key)
            }
            slots[index].key = key
            used += 1
        }
        slots[index].counts.add(counts)
    }

    mutating func merge(_ other: ExtensionTable) {
        none.add(other.none)
        others.add(other.others)
        if let theirs = other.bound { bound = bound.map { min($0, theirs) } ?? theirs }
        for slot in other.slots where !slot.isEmpty { add(slot.key, slot.counts) }
    }

    /// By bytes, then extension; and the sum of the unlisted ones.
    var ranked: (listed: [ExtensionCount], others: FileCounts) {
        var table = self
        table.cut()
        var all = table.slots.filter { !$0.isEmpty }
        if none.files > 0 { all.append(Slot(key: .none, counts: none)) }
        let listed = all.map { ExtensionCount(fileExtension: $0.key.text, $0.counts) }
            .sorted { ($1.counts.apparentBytes, $0.fileExtension) < ($0.counts.apparentBytes, $1.fileExtension) }
        return (listed, table.others)
    }

    /// Keeps those that may be in the table, `limit` at most.
    private mutating func cut() {
        let sorted = slots.filter { !$0.isEmpty }.map { (rank: Rank($0.key), slot: $0) }.sorted { $0.rank < $1.rank }
        let bound = bound
        let kept = sorted.prefix(limit).prefix { item in bound.map { item.rank <= $0 } ?? true }
        for item in sorted[kept.endIndex...] { others.add(item.slot.counts) }
        if kept.count < sorted.count, let last = kept.last { self.bound = last.rank }
        rebuild(kept.map(\.slot), capacity: slots.count)
    }

    private mutating func rebuild(_ kept: [Slot], capacity: Int) {
        slots = [Slot](repeating: Slot(), count: capacity)
        used = kept.count
        for slot in kept { slots[find(slot.key)] = slot }
    }

    private func find(_ key: FileExtension) -> Int {
        var hash = (key.low ^ key.high &* 0x9E37_79B9_7F4A_7C15) &* 0xD6E8_FEB8_6659_FD93
        hash ^= hash >> 32
        var index = Int(truncatingIfNeeded: hash) & (slots.count - 1)
        while !slots[index].isEmpty, slots[index].key != key { index = (index + 1) & (slots.count - 1) }
        return index
    }
}

extension ExtensionTable: PartialCodable {
    func encode(to encoder: inout PartialEncoder) {
        encoder.put(none)
        encoder.put(others)
        encoder.put(bound?.key)
        // In a fixed order: the same counts are the same bytes.
        let used = slots.filter { !$0.isEmpty }.sorted { $0.key < $1.key }
        encoder.out.put(count: used.count)
        for slot in used {
            encoder.put(slot.key)
            encoder.put(slot.counts)
        }
    }

    init(from decoder: inout PartialDecoder) throws(BinaryFailure) {
        self.init()
        none = try decoder.value()
        others = try decoder.value()
        let last: FileExtension? = try decoder.optional()
        for _ in 0..<(try decoder.input.count(ofAtLeast: 32)) {
            let key: FileExtension = try decoder.value()
            if key == .none { throw BinaryFailure("has an impossible extension") }
            add(key, try decoder.value())
        }
        if let last { bound = bound.map { min($0, Rank(last)) } ?? Rank(last) }
    }
}
