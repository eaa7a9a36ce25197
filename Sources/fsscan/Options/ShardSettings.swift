import Entries
import ScanEngine

/// The shard that a scan is, its plan, and the file for its partial result.
struct ShardSettings {
    /// From 1.
    var shard: Int
    var shards: Int
    var plan: [UInt8]
    var partial: [UInt8]

    /// Nil if none of the three is given.
    init?(
        shard: CarriedArgument?, plan: CarriedArgument?, partial: CarriedArgument?
    ) throws(UsageError) {
        guard shard != nil || plan != nil || partial != nil else { return nil }
        guard let shard, let plan, let partial else {
            throw UsageError(
                "--shard, --plan and --partial belong together: give all three (see fsscan plan --help)")
        }
        let parts = shard.carried.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let number = Self.number(parts[0]), let count = Self.number(parts[1]), number <= count
        else { throw UsageError("--shard", shard, "is not K/N, with K from 1 to N") }
        (self.shard, shards) = (number, count)
        (self.plan, self.partial) = (plan.bytes, partial.bytes)
    }

    private static func number(_ text: Substring) -> Int? {
        guard !text.isEmpty, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let number = Int(text),
            (1...ScanPlan.mostShards).contains(number)
        else { return nil }
        return number
    }
}
