import Bytes
import Entries
import Formats
import ScanEngine
import Snapshots

/// Growth for programs, schema `fsscan-growth/1`: one object, or a line for each directory between a header and a
/// summary.
struct GrowthJSON: ~Copyable {
    private var writer: JSONWriter
    private let old: SnapshotDescription
    private let new: SnapshotDescription
    private let isLines: Bool

    init(_ old: SnapshotDescription, _ new: SnapshotDescription, isLines: Bool) {
        (self.old, self.new, self.isLines) = (old, new, isLines)
        writer = JSONWriter(layout: isLines ? .compact : .readable)
    }

    mutating func drain(to output: OutputFile, atLeast size: Int) throws(OutputError) {
        if writer.buffer.count < size { return }
        try writer.buffer.drain { bytes throws(OutputError) in try output.write(bytes) }
    }

    mutating func begin() {
        writer.beginObject(.onALineEach)
        if isLines { writer.member("type", "header") }
        writer.member("schema", "fsscan-growth/1")
        writer.member("version", Program.version)
        writer.member("old", side: old)
        writer.member("new", side: new)
        if isLines {
            writer.endObject()
            writer.endLine()
        } else {
            writer.key("directories")
            writer.beginArray(.onALineEach)
        }
    }

    mutating func directory(_ directory: DirectoryGrowth) {
        writer.beginObject()
        if isLines { writer.member("type", "directory") }
        members(of: directory)
        writer.endObject()
        if isLines { writer.endLine() }
    }

    private mutating func members(of directory: DirectoryGrowth) {
        let side = directory.isInNew ? new : old
        writer.member("path", bytes: directory.key.path(below: side.roots[directory.key.root]))
        writer.member("change", directory.change)
        sums("growth", directory.growth)
        // They would not be sums if a part is missing.
        if !directory.hasPassedOver {
            sums("old", directory.isInOld ? directory.old : nil)
            sums("new", directory.isInNew ? directory.new : nil)
        }
        if directory.isUncertain { writer.member("uncertain", true) }
    }

    private mutating func sums(_ name: StaticString, _ sums: GrowthSums?) {
        writer.key(name)
        guard let sums else { return writer.null() }
        writer.beginObject()
        writer.member("entries", sums.entries)
        writer.member("apparent_bytes", sums.apparentBytes)
        writer.member("disk_bytes", sums.diskBytes)
        writer.endObject()
    }

    mutating func finish(_ outcome: GrowthOutcome) {
        if isLines {
            writer.beginObject()
            writer.member("type", "summary")
        } else {
            writer.endArray()
        }
        writer.key("roots")
        writer.beginArray(.onALineEach)
        for root in outcome.roots {
            writer.beginObject()
            members(of: root)
            writer.endObject()
        }
        writer.endArray()
        writer.member("status", Int64(outcome.status.rawValue))
        writer.key("totals")
        writer.beginObject(.onALineEach)
        sums("growth", outcome.totals.all.growth)
        sums("old", outcome.sums(\.old, old))
        sums("new", outcome.sums(\.new, new))
        writer.member("directories_changed", outcome.list.count)
        writer.member("old_entries_read", outcome.totals.oldEntriesRead)
        writer.member("new_entries_read", outcome.totals.newEntriesRead)
        writer.member("directories_skipped", outcome.totals.directoriesSkipped)
        writer.endObject()
        writer.endObject()
        writer.endLine()
    }
}

extension DirectoryGrowth {
    /// In a word; `changed` if the disk bytes are the same.
    var change: String {
        if !isInOld { return "added" }
        if !isInNew { return "removed" }
        let disk = growth.diskBytes
        return disk > 0 ? "grown" : disk < 0 ? "shrunk" : growth.isZero ? "same" : "changed"
    }
}
