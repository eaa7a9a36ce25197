import Bytes
import Entries
import Formats
import ScanEngine
import Snapshots

/// The data of a comparison's page: a map of the old and new sizes, the directories that changed most, and the entries
/// that differ.
struct GrowthPage {
    private let outcome: GrowthOutcome
    private let map: GrowthMap
    private let changed: ChangedEntries

    init(_ outcome: GrowthOutcome, _ map: GrowthMap, _ changed: ChangedEntries) {
        (self.outcome, self.map, self.changed) = (outcome, map, changed)
    }

    /// The maximum number of bytes of paths in the list.
    private static let listBytes = 200_000

    func data() -> [UInt8] {
        let (old, new) = (outcome.old, outcome.new)
        let all = outcome.totals.all
        var writer = JSONWriter(layout: .compact, capacity: 1 << 20)
        writer.beginObject()
        writer.member("kind", "growth")
        writer.member("complete", old.isComplete && new.isComplete)
        writer.member("uncertain", all.isUncertain)
        writer.member("title", String(decoding: title, as: UTF8.self))
        writer.key("totals")
        writer.beginObject()
        writer.member("entries", all.new.entries)
        writer.member("apparent_bytes", all.new.apparentBytes)
        writer.member("disk_bytes", all.new.diskBytes)
        writer.member("entries_before", all.old.entries)
        writer.member("disk_bytes_before", all.old.diskBytes)
        writer.endObject()
        PageMap(map.nodes(new.roots)).write(to: &writer)
        directories(&writer)
        changed.write(to: &writer, old, new)
        writer.key("about")
        writer.beginArray()
        for (name, value) in [
            ("program", "fsscan \(Program.version)"), ("old side", old.format), ("new side", new.format),
        ] {
            writer.beginArray()
            writer.value(name)
            writer.value(value)
            writer.endArray()
        }
        writer.endArray()
        writer.endObject()
        return Array(writer.buffer.bytes)
    }

    private var title: [UInt8] {
        let roots = outcome.new.roots
        guard roots.count == 1 else { return Array(HumanUnits.count(Int64(roots.count), "PATH", "PATHs").utf8) }
        return PageNames.path(roots[0])
    }

    private func directories(_ writer: inout JSONWriter) {
        var (count, size) = (Int64(0), 0)
        writer.key("directories")
        writer.beginArray()
        for directory in outcome.list.ranked.prefix(1000) {
            let side = directory.isInNew ? outcome.new : outcome.old
            let path = PageNames.path(directory.key.path(below: side.roots[directory.key.root]))
            size += PageNames.cost(path)
            if size > Self.listBytes { break }
            writer.beginObject()
            writer.member("path", String(decoding: path, as: UTF8.self))
            writer.member("change", directory.change)
            writer.member("entries", directory.growth.entries)
            writer.member("apparent_bytes", directory.growth.apparentBytes)
            writer.member("disk_bytes", directory.growth.diskBytes)
            writer.endObject()
            count += 1
        }
        writer.endArray()
        writer.member("more_directories", outcome.list.count - count)
    }
}
