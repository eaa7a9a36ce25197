import Entries
package import Formats
import ScanEngine

/// The part of a file that only one scan needs: about what `prune` would give back.
package struct ScanCost: Equatable, Sendable {
    /// Rows that no other scan has.
    package var rows: Int64 = 0
    /// Their share of the file, as if all rows had the same size.
    package var bytes: Int64 = 0

    package init() {}
}

extension SavedScans {
    /// Reads the range of scans of each row: a million rows in a third of a second.
    package func costs() throws(SnapshotFailure) -> [Int64: ScanCost] {
        try asSnapshotFailure {
            var costs = Dictionary(uniqueKeysWithValues: scans.map { ($0.id, ScanCost()) })
            var all: Int64 = 0
            if schema.sharesRows {
                let series = Dictionary(grouping: scans) { $0.series ?? 0 }.mapValues { $0.map(\.id) }
                for (table, until, keys) in [("entries", "NULL", 3), ("history", "until", 4)] {
                    let rows = try database.prepare(
                        """
                        SELECT series, root, key, \(until), since FROM \(table)
                        ORDER BY series, root, key\(keys == 4 ? ", until" : "")
                        """)
                    var order = KeyOrder()
                    while try rows.step() {
                        try order.next(rows, keys)
                        all += 1
                        let ids = series[rows.integer(0) ?? 0] ?? []
                        let (since, until) = (rows.integer(4) ?? .min, rows.integer(3) ?? .max)
                        // The first scan that has the row. If the next scan does not have it, no other does.
                        var (low, high) = (0, ids.count)
                        while low < high {
                            let middle = (low + high) / 2
                            if ids[middle] < since { low = middle + 1 } else { high = middle }
                        }
                        guard low < ids.count, ids[low] <= until else { continue }
                        if low + 1 == ids.count || ids[low + 1] > until { costs[ids[low]]?.rows += 1 }
                    }
                }
            } else {
                for scan in scans {
                    costs[scan.id]?.rows = scan.totals.entries
                    all.addSaturating(scan.totals.entries)
                }
            }
            for id in costs.keys {
                let rows = costs[id]?.rows ?? 0
                costs[id]?.bytes = all == 0 ? 0 : Int64(Double(database.size) * Double(rows) / Double(max(all, 1)))
            }
            return costs
        }
    }
}
