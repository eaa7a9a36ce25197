import Bytes
import Entries
import LinuxKernel
import ScanEngine

/// The nodes of a page's map, column by column, the largest first: a directory comes before its contents.
struct PageMap {
    struct Node {
        /// Its index; nil for a PATH.
        var parent: Int?
        /// For a PATH all of it.
        var name: [UInt8]
        var isDirectory: Bool
        var isLinked = false
        var entries: Int64
        var apparentBytes: Int64
        var diskBytes: Int64
        /// Of the directory itself.
        var ownBytes: Int64 = 0
        var lastChange: FileTime?
        var uid: UInt32?
        /// For a comparison: the old sizes.
        var before: (entries: Int64, diskBytes: Int64, ownBytes: Int64)?
    }

    /// The maximum number of data bytes for nodes.
    private static let byteLimit = 1_900_000
    /// The size of a node without its name: ten numbers of usual length.
    private static let bytesPerNode = 84

    private let nodes: [Node]
    private let names: [[UInt8]]

    /// - Parameter nodes: as many as fit are kept, from the first on.
    init(_ nodes: [Node]) {
        var names: [[UInt8]] = []
        var size = 0
        for node in nodes.prefix(MapNode.limit) {
            let name = node.parent == nil ? PageNames.path(node.name) : PageNames.name(node.name)
            size += PageNames.cost(name) + Self.bytesPerNode
            if size > Self.byteLimit { break }
            names.append(name)
        }
        self.names = names
        self.nodes = Array(nodes.prefix(names.count))
    }

    func write(to writer: inout JSONWriter) {
        writer.key("map")
        writer.beginObject()
        writer.key("name")
        writer.beginArray()
        for name in names { writer.value(String(decoding: name, as: UTF8.self)) }
        writer.endArray()
        column("parent", &writer) { Int64($0.parent ?? -1) }
        column("directory", &writer) { $0.isDirectory ? 1 : 0 }
        column("entries", &writer) { $0.entries }
        column("disk", &writer) { $0.diskBytes }
        column("apparent", &writer) { $0.apparentBytes }
        column("own", &writer) { $0.ownBytes }
        if nodes.contains(where: { $0.before != nil }) {
            column("was", &writer) { $0.before?.diskBytes }
            column("entriesBefore", &writer) { $0.before?.entries }
            column("ownBefore", &writer) { $0.before?.ownBytes }
        } else {
            column("time", &writer) { $0.lastChange?.seconds }
            column("owner", &writer) { $0.uid.map(Int64.init) }
            column("linked", &writer) { $0.isLinked ? 1 : 0 }
        }
        writer.endObject()
    }

    private func column(_ name: StaticString, _ writer: inout JSONWriter, _ value: (Node) -> Int64?) {
        writer.key(name)
        writer.beginArray()
        for node in nodes {
            if let value = value(node) { writer.value(value) } else { writer.null() }
        }
        writer.endArray()
    }
}
