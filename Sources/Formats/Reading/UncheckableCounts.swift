/// Statements of a list that this program cannot check, and the number of entries that have them.
///
/// Names come from the file, so there are at most `mostNames`, of at most `longestName` bytes; the rest is counted
/// under one name.
struct UncheckableCounts {
    private(set) var counts: [String: Int64] = [:]

    static let longestName = 255
    static let mostNames = 1_000
    static let others = "others"

    /// The name under which something is counted.
    static func name(_ bytes: some Collection<UInt8>) -> String {
        bytes.isEmpty || bytes.count > longestName ? others : String(decoding: bytes, as: UTF8.self)
    }

    mutating func add(_ name: String, entries: Int64 = 1) {
        if entries == 0 { return }
        let isKnown = counts[name] != nil || counts.count < Self.mostNames
        counts[isKnown ? name : Self.others, default: 0] += entries
    }
}
