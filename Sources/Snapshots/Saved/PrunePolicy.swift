// Decides which scans stay, by the options of `restic forget` and with their meaning. Days, weeks and months are in
// UTC.

/// What `prune` keeps of each group of scans.
package struct PrunePolicy: Sendable {
    /// The number of newest scans.
    package var last = 0
    /// The newest scan of each of the last days, weeks (from Monday) and months that have one: the number of these.
    package var daily = 0
    package var weekly = 0
    package var monthly = 0
    /// All scans with one of these labels.
    package var labels: Set<String> = []

    package init() {}

    /// A scan of a group.
    package struct Candidate {
        var id: Int64
        var label: String?
        /// Seconds since 1970.
        var time: Int64

        package init(id: Int64, label: String?, time: Int64) {
            (self.id, self.label, self.time) = (id, label, time)
        }
    }

    /// The ids of the scans that stay.
    ///
    /// Like restic, a rule whose count is not used up also keeps the oldest scan, so that the history reaches back as
    /// far as possible.
    package func kept(_ candidates: [Candidate]) -> Set<Int64> {
        let newestFirst = candidates.sorted { ($0.time, $0.id) > ($1.time, $1.id) }
        var kept = Set(candidates.filter { $0.label.map(labels.contains) ?? false }.map(\.id))
        let rules: [(count: Int, period: (Candidate) -> Int64)] = [
            (last, { $0.id }), (daily, { Self.day($0.time) }), (weekly, { Self.week($0.time) }),
            (monthly, { Self.month($0.time) }),
        ]
        for rule in rules {
            var (left, previous) = (rule.count, Int64?.none)
            for (index, candidate) in newestFirst.enumerated() where left > 0 {
                let period = rule.period(candidate)
                guard period != previous || index == newestFirst.count - 1 else { continue }
                kept.insert(candidate.id)
                previous = period
                left -= 1
            }
        }
        return kept
    }

    private static func day(_ time: Int64) -> Int64 { floored(time, 86_400) }

    /// Day 0, 1970-01-01, was a Thursday.
    private static func week(_ time: Int64) -> Int64 { floored(day(time) + 3, 7) }

    /// Months since the year 0. Source: Howard Hinnant, chrono-Compatible Low-Level Date Algorithms, `civil_from_days`.
    private static func month(_ time: Int64) -> Int64 {
        let days = day(time) + 719_468
        let era = floored(days, 146_097)
        let ofEra = days - era * 146_097
        let yearOfEra = (ofEra - ofEra / 1_460 + ofEra / 36_524 - ofEra / 146_096) / 365
        let ofYear = ofEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        // Counted from March.
        let month = (5 * ofYear + 2) / 153
        return 12 * (yearOfEra + era * 400) + month + 2
    }

    private static func floored(_ value: Int64, _ divisor: Int64) -> Int64 {
        value / divisor - (value % divisor < 0 ? 1 : 0)
    }
}
