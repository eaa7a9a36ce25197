import Bytes
import Entries
import Formats
import LinuxKernel
import ScanEngine
import Snapshots

/// The entries that differ, for the page of a comparison: those whose space changed most, in bounded memory. A moved
/// entry counts as removed and added: pairing them would mean keeping all entries.
struct ChangedEntries {
    private struct Item {
        var key: EntryKey
        var isInNew: Bool
        var change: ChangeKind
        /// The fields that differ, by name.
        var fields: [String] = []
        var apparentBytes: Int64
        var diskBytes: Int64
    }

    private let compared: ComparedFields
    private var items: [Item] = []
    /// The number of all changed entries.
    private var count: Int64 = 0

    /// The number of entries that a person would read, and the limit on the bytes of their paths.
    private static let limit = 1000
    private static let listBytes = 200_000

    init(_ compared: ComparedFields) { self.compared = compared }

    /// - Parameters: an entry on both sides; nil if a side lacks it. Entries with nothing but an error are ignored.
    mutating func add(_ left: SnapshotEntry?, _ right: SnapshotEntry?) {
        guard let entry = right ?? left, left == nil || left?.kind != nil, right == nil || right?.kind != nil else {
            return
        }
        var (change, fields): (ChangeKind, [String]) = (left == nil ? .added : .removed, [])
        if let left, let right {
            if left.kind == right.kind {
                let differences = compared.differences(left, right)
                if differences.isEmpty { return }
                fields = differences.map(\.name)
                let isContent = differences.contains { $0.field.traits.contains(.content) }
                change = isContent && right.kind != .directory ? .content : .metadata
            } else {
                change = .kind
            }
        }
        count += 1
        items.append(
            Item(
                key: entry.key, isInNew: right != nil, change: change, fields: fields,
                apparentBytes: Self.bytes(right?.size) &- Self.bytes(left?.size),
                diskBytes: Self.bytes(right?.diskBytes) &- Self.bytes(left?.diskBytes)))
        if items.count >= 2 * Self.limit { cut() }
    }

    private static func bytes(_ number: Int64?) -> Int64 { number ?? 0 }

    private mutating func cut() {
        items.sort { left, right in
            let (one, other) = (left.diskBytes.magnitude, right.diskBytes.magnitude)
            return one == other ? left.key < right.key : one > other
        }
        items.removeLast(max(0, items.count - Self.limit))
    }

    func write(to writer: inout JSONWriter, _ old: SnapshotDescription, _ new: SnapshotDescription) {
        var list = self
        list.cut()
        var (written, size) = (Int64(0), 0)
        writer.key("changed_entries")
        writer.beginArray()
        for item in list.items {
            let side = item.isInNew ? new : old
            let path = PageNames.path(item.key.path(below: side.roots[item.key.root]))
            size += PageNames.cost(path)
            if size > Self.listBytes { break }
            writer.beginObject()
            writer.member("path", String(decoding: path, as: UTF8.self))
            writer.member("change", item.change.rawValue)
            writer.member("fields", item.fields.joined(separator: ", "))
            writer.member("apparent_bytes", item.apparentBytes)
            writer.member("disk_bytes", item.diskBytes)
            writer.endObject()
            written += 1
        }
        writer.endArray()
        writer.member("more_changed_entries", count - written)
    }
}
