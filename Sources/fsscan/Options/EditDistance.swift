/// The number of letters to add, remove, replace or swap with their neighbour to turn one word into another: the
/// Damerau distance in the form of optimal string alignment.
struct EditDistance {
    let value: Int

    /// Words whose lengths differ by more than this are not compared.
    private static let limit = 3

    init(_ first: some Collection<UInt8>, _ second: some Collection<UInt8>) {
        let (a, b) = (Array(first), Array(second))
        guard abs(a.count - b.count) <= Self.limit else {
            value = max(a.count, b.count)
            return
        }
        var beforeLast: [Int] = []
        var last = Array(0...b.count)
        for i in a.indices {
            var row = [i + 1]
            for j in b.indices {
                var least = min(last[j + 1] + 1, row[j] + 1, last[j] + (a[i] == b[j] ? 0 : 1))
                if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { least = min(least, beforeLast[j - 1] + 1) }
                row.append(least)
            }
            (beforeLast, last) = (last, row)
        }
        value = last[b.count]
    }

    /// Whether `name` may be a typing mistake for `other`: one letter in a short name, two in a longer one.
    static func isNear(_ name: some Collection<UInt8>, _ other: some Collection<UInt8>) -> Bool {
        EditDistance(name, other).value <= (name.count < 6 ? 1 : 2)
    }
}
