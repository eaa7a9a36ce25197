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
        /// One row of the scan's digests; nil if they are not known.
        var digests: [UInt8]?
        /// For a comparison: the old sizes.
        var before: (entries: Int64, diskBytes: Int64, ownBytes: Int64)?
    }

    /// The maximum number of data bytes for nodes.
    private static let byteLimit = 1_900_000
    /// The same, with digests.
    private static let byteLimitWithDigests = 2_200_000
    /// The size of a node without its name: ten numbers of usual length.
    private static let bytesPerNode = 84

    private let nodes: [Node]
    private let names: [[UInt8]]
    /// The size of the names.
    private let nameBytes: Int
    private let algorithms: DigestSet

    /// - Parameters:
    ///   - nodes: as many as fit are kept, from the first on.
    ///   - algorithms: of the digests.
    init(_ nodes: [Node], digests algorithms: DigestSet = DigestSet([])) {
        var names: [[UInt8]] = []
        var (size, nameBytes) = (0, 0)
        for node in nodes.prefix(MapNode.limit) {
            let name = node.parent == nil ? PageNames.path(node.name) : PageNames.name(node.name)
            size += PageNames.cost(name) + Self.bytesPerNode
            if size > Self.byteLimit { break }
            nameBytes += PageNames.cost(name) + 3
            names.append(name)
        }
        self.names = names
        self.nodes = Array(nodes.prefix(names.count))
        self.nameBytes = nameBytes
        self.algorithms = algorithms
    }

    func write(to writer: inout JSONWriter) {
        writer.key("map")
        writer.beginObject()
        writer.key("name")
        writer.beginArray()
        for name in names { writer.value(String(decoding: name, as: UTF8.self)) }
        writer.endArray()
        let start = writer.buffer.count
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
            digests(in: Self.byteLimitWithDigests - nameBytes - (writer.buffer.count - start), &writer)
        }
        writer.endObject()
    }

    /// The algorithms, each with the length of its digests, and the rows of the first nodes: as many as fit.
    private func digests(in byteCount: Int, _ writer: inout JSONWriter) {
        if algorithms.isEmpty { return }
        writer.key("algorithms")
        writer.beginArray()
        for algorithm in algorithms.algorithms {
            writer.beginArray()
            writer.value(algorithm.rawValue)
            writer.value(Int64(algorithm.byteCount))
            writer.endArray()
        }
        writer.endArray()
        writer.key("digests")
        writer.beginArray()
        // In base64, with quotation marks and a comma.
        let rowBytes = (algorithms.rowBytes + 2) / 3 * 4 + 3
        for node in nodes.prefix(max(0, byteCount / rowBytes)) {
            if let row = node.digests { writer.value(base64: row) } else { writer.null() }
        }
        writer.endArray()
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
