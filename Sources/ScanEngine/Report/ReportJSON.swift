import Bytes
public import Entries

/// Writes a `ScanReport` as the JSON report, schema `fsscan-report/2`.
///
/// One layout, the same bytes for the same report: indented by two, one list item per line, one directory of the tree
/// per line. The output is handed over in pieces, so a tree of millions of directories is not in memory twice.
public struct ReportJSON {
    public let report: ScanReport
    public let options: ScanOptions
    public let version: String
    /// Write `statistics` (`--stats`).
    public let includesStatistics: Bool

    public init(_ report: ScanReport, options: ScanOptions, version: String, includesStatistics: Bool = false) {
        self.report = report
        self.options = options
        self.version = version
        self.includesStatistics = includesStatistics
    }

    /// Bytes buffered before they are handed over.
    private static let pieceSize = 1 << 16

    /// Hands the report to `sink` in pieces, ending in a newline. Stops at the first error that `sink` throws.
    public func write<Failure: Error>(
        to sink: (UnsafeRawBufferPointer) throws(Failure) -> Void
    ) throws(Failure) {
        var writer = JSONWriter(layout: .readable, capacity: 2 * Self.pieceSize)
        writer.beginObject(.onALineEach)
        writer.member("schema", "fsscan-report/2")
        writer.member("version", version)
        writer.member("complete", report.complete)
        writer.member(options: options)
        writer.member(totals: report.totals, .onALineEach)
        if let selected = report.selected { writer.member(selected: selected, .onALineEach) }
        writer.key("roots")
        writer.beginArray(.onALineEach)
        for root in report.roots { try Self.write(root, &writer, sink) }
        writer.endArray()
        try writeList("largest_files", report.largestFiles, &writer, sink) { file, writer in
            writer.member("path", bytes: file.path)
            writer.member("apparent_bytes", file.apparentBytes)
            writer.member("disk_bytes", file.diskBytes)
            writer.member("mtime", time: file.lastChange)
        }
        try writeList("largest_directories", report.largestDirectories, &writer, sink) { directory, writer in
            writer.member("path", bytes: directory.path)
            writer.member("entries", directory.entries)
            writer.member("apparent_bytes", directory.apparentBytes)
            writer.member("disk_bytes", directory.diskBytes)
            writer.member("newest_mtime", time: directory.lastChange)
        }
        try writeList("extensions", report.extensions, &writer, sink) { item, writer in
            writer.member("extension", item.fileExtension)
            writer.members(of: item.counts)
        }
        writer.key("other_extensions")
        writer.beginObject()
        writer.members(of: report.otherExtensions)
        writer.endObject()
        try writeList("mime_types", report.mimeTypes, &writer, sink) { item, writer in
            writer.member("type", item.type)
            writer.members(of: item.counts)
        }
        try writeList("ages", report.ages, &writer, sink) { item, writer in
            writer.member("age", item.age?.rawValue)
            writer.members(of: item.counts)
        }
        try writeList("sizes", report.sizes, &writer, sink) { item, writer in
            writer.key("size")
            if let size = item.size { writer.value(size) } else { writer.null() }
            writer.members(of: item.counts)
        }
        try writeList("owners", report.owners, &writer, sink) { Self.write($0, "uid", &$1) }
        try writeList("groups", report.groups, &writer, sink) { Self.write($0, "gid", &$1) }
        try writeList("pseudo_file_systems", report.pseudoFileSystems, &writer, sink) { item, writer in
            writer.member("type", item.type)
            writer.member("entries", item.entries)
            writer.members(of: item.counts)
        }
        try writeList("errors", report.errors, &writer, sink) { $1.members(of: $0) }
        if !report.complete {
            try writeList("unfinished", report.unfinished, &writer, sink) { $1.member("path", bytes: $0) }
        }
        if let baseline = report.baseline { writer.member(baseline: baseline) }
        writer.member(timing: report.timing)
        if let kept = report.kept { writer.member(saved: kept, report.baseline) }
        if includesStatistics { writer.member(statistics: report.statistics) }
        writer.endObject()
        writer.endLine()
        try writer.buffer.drain(sink)
    }

    // MARK: Parts

    private static func write<Failure: Error>(
        _ root: RootReport, _ writer: inout JSONWriter, _ sink: (UnsafeRawBufferPointer) throws(Failure) -> Void
    ) throws(Failure) {
        writer.beginObject(.onALineEach)
        writer.member("path", bytes: root.path)
        writer.member(totals: root.totals, .onOneLine)
        writer.member(digests: root.digests)
        writer.key("tree")
        if let tree = root.tree { try write(tree, &writer, sink) } else { writer.null() }
        writer.endObject()
        if writer.buffer.count >= pieceSize { try writer.buffer.drain(sink) }
    }

    /// Writes a tree with a stack of the lists of children that are being written, because the depth of a file tree is
    /// unbounded.
    private static func write<Failure: Error>(
        _ tree: TreeNode, _ writer: inout JSONWriter, _ sink: (UnsafeRawBufferPointer) throws(Failure) -> Void
    ) throws(Failure) {
        var open: [ArraySlice<TreeNode>] = []
        var next: TreeNode? = tree
        while true {
            if let node = next {
                writer.beginObject()
                writer.member("name", bytes: node.name)
                writer.member(totals: node.totals, .onOneLine)
                writer.member(digests: node.digests)
                if let children = node.children {
                    writer.key("children")
                    writer.beginArray(.onALineEach)
                    open.append(children[...])
                } else {
                    writer.endObject()
                }
                if writer.buffer.count >= pieceSize { try writer.buffer.drain(sink) }
            }
            guard !open.isEmpty else { return }
            next = open[open.count - 1].popFirst()
            if next == nil {
                open.removeLast()
                writer.endArray()
                writer.endObject()
            }
        }
    }

    private static func write(_ owner: OwnerCount, _ idKey: StaticString, _ writer: inout JSONWriter) {
        writer.member(idKey, Int64(owner.id))
        writer.member("name", owner.name)
        writer.member("entries", owner.entries)
        writer.members(of: owner.counts)
    }

    // MARK: Lists

    private func writeList<Item, Failure: Error>(
        _ name: StaticString, _ items: some Sequence<Item>, _ writer: inout JSONWriter,
        _ sink: (UnsafeRawBufferPointer) throws(Failure) -> Void,
        _ writeMembers: (Item, inout JSONWriter) -> Void
    ) throws(Failure) {
        writer.key(name)
        writer.beginArray(.onALineEach)
        for item in items {
            writer.beginObject()
            writeMembers(item, &writer)
            writer.endObject()
            if writer.buffer.count >= Self.pieceSize { try writer.buffer.drain(sink) }
        }
        writer.endArray()
    }
}
