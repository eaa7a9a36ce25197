/// Writes a `ScanReport` as the JSON report, schema `fsscan-report/1`.
///
/// One layout, the same bytes for the same report: indented by two, one item of a list on a line, a directory of the tree
/// on a line. The output is handed over in pieces, so a tree of millions of directories does not stand in memory twice.
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

    /// Bytes gathered before they are handed over.
    private static let pieceSize = 1 << 16

    /// Hands the report to `sink` in pieces, ending in a newline. Stops at the first error that `sink` throws.
    public func write<Failure: Error>(
        to sink: (UnsafeRawBufferPointer) throws(Failure) -> Void
    ) throws(Failure) {
        var writer = JSONWriter(layout: .readable, capacity: 2 * Self.pieceSize)
        writer.beginObject(.onALineEach)
        writer.member("schema", "fsscan-report/1")
        writer.member("version", version)
        writer.member("complete", report.complete)
        writeOptions(&writer)
        writer.key("totals")
        Self.write(report.totals, .onALineEach, &writer)
        writer.key("roots")
        writer.beginArray(.onALineEach)
        for root in report.roots { try Self.write(root, &writer, sink) }
        writer.endArray()
        try writeList("largest_files", report.largestFiles, &writer, sink) { file, writer in
            writer.member("path", bytes: file.path)
            writer.member("apparent_bytes", file.apparentBytes)
            writer.member("disk_bytes", file.diskBytes)
        }
        try writeList("largest_directories", report.largestDirectories, &writer, sink) { directory, writer in
            writer.member("path", bytes: directory.path)
            writer.member("entries", directory.entries)
            writer.member("apparent_bytes", directory.apparentBytes)
            writer.member("disk_bytes", directory.diskBytes)
        }
        try writeList("extensions", report.extensions, &writer, sink) { item, writer in
            writer.member("extension", item.fileExtension)
            writer.member("files", item.files)
            writer.member("apparent_bytes", item.apparentBytes)
        }
        try writeList("mime_types", report.mimeTypes, &writer, sink) { item, writer in
            writer.member("type", item.type)
            writer.member("files", item.files)
            writer.member("apparent_bytes", item.apparentBytes)
        }
        try writeList("owners", report.owners, &writer, sink) { Self.write($0, "uid", &$1) }
        try writeList("groups", report.groups, &writer, sink) { Self.write($0, "gid", &$1) }
        try writeList("errors", report.errors, &writer, sink) { error, writer in
            writer.member("path", bytes: error.path)
            writer.member("operation", error.operation)
            writer.member("code", error.code)
            writer.member("message", error.message)
        }
        writeTiming(&writer)
        if includesStatistics {
            writer.key("statistics")
            writer.beginObject(.onALineEach)
            for (name, value) in report.statistics {
                writer.key(name)
                writer.value(value)
            }
            writer.endObject()
        }
        writer.endObject()
        writer.endLine()
        try writer.buffer.drain(sink)
    }

    // MARK: Parts

    private func writeOptions(_ writer: inout JSONWriter) {
        writer.key("options")
        writer.beginObject(.onALineEach)
        writer.key("hash")
        writer.beginArray()
        for algorithm in options.hash { writer.value(algorithm.rawValue) }
        writer.endArray()
        writer.member("mime", options.mime)
        writer.member("one_file_system", options.oneFileSystem)
        writer.key("exclude")
        writer.beginArray()
        for pattern in options.exclude {
            writer.beginObject()
            writer.member("pattern", bytes: pattern)
            writer.endObject()
        }
        writer.endArray()
        writer.member("gitignore", options.gitignore)
        writer.member("depth", Int64(options.depth))
        writer.member("top", Int64(options.top))
        writer.endObject()
    }

    private func writeTiming(_ writer: inout JSONWriter) {
        let timing = report.timing
        writer.key("timing")
        writer.beginObject(.onALineEach)
        writer.member(
            "started", Timestamp.rfc3339(seconds: timing.startedSeconds, nanoseconds: timing.startedNanoseconds))
        writer.key("elapsed_seconds")
        writer.seconds(nanoseconds: Int64(max(0, timing.elapsedSeconds) * 1e9))
        writer.member("threads", Int64(timing.threads))
        writer.endObject()
    }

    private static func write<Failure: Error>(
        _ root: RootReport, _ writer: inout JSONWriter, _ sink: (UnsafeRawBufferPointer) throws(Failure) -> Void
    ) throws(Failure) {
        writer.beginObject(.onALineEach)
        writer.member("path", bytes: root.path)
        writer.key("totals")
        write(root.totals, .onOneLine, &writer)
        write(root.digests, &writer)
        writer.key("tree")
        if let tree = root.tree { try write(tree, &writer, sink) } else { writer.null() }
        writer.endObject()
        if writer.buffer.count >= pieceSize { try writer.buffer.drain(sink) }
    }

    /// A tree, from a stack of the lists of children that are being written: the depth of a file tree is not bounded.
    private static func write<Failure: Error>(
        _ tree: TreeNode, _ writer: inout JSONWriter, _ sink: (UnsafeRawBufferPointer) throws(Failure) -> Void
    ) throws(Failure) {
        var open: [ArraySlice<TreeNode>] = []
        var next: TreeNode? = tree
        while true {
            if let node = next {
                writer.beginObject()
                writer.member("name", bytes: node.name)
                writer.key("totals")
                write(node.totals, .onOneLine, &writer)
                write(node.digests, &writer)
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

    private static func write(_ totals: Totals, _ items: JSONWriter.Items, _ writer: inout JSONWriter) {
        writer.beginObject(items)
        writer.member("entries", totals.entries)
        writer.member("directories", totals.directories)
        writer.member("files", totals.files)
        writer.member("symlinks", totals.symlinks)
        writer.member("fifos", totals.fifos)
        writer.member("sockets", totals.sockets)
        writer.member("block_devices", totals.blockDevices)
        writer.member("character_devices", totals.characterDevices)
        writer.member("apparent_bytes", totals.apparentBytes)
        writer.member("disk_bytes", totals.diskBytes)
        writer.member("hard_linked_files", totals.hardLinkedFiles)
        writer.member("skipped", totals.skipped)
        writer.member("errors", totals.errors)
        writer.endObject()
    }

    private static func write(_ digests: [NamedDigest]?, _ writer: inout JSONWriter) {
        writer.key("digests")
        guard let digests else {
            writer.null()
            return
        }
        writer.beginObject()
        for digest in digests {
            writer.key(digest.algorithm)
            writer.value(digest.hex)
        }
        writer.endObject()
    }

    private static func write(_ owner: OwnerCount, _ idKey: StaticString, _ writer: inout JSONWriter) {
        writer.member(idKey, Int64(owner.id))
        writer.member("name", owner.name)
        writer.member("files", owner.files)
        writer.member("apparent_bytes", owner.apparentBytes)
    }

    // MARK: Lists

    private func writeList<Item, Failure: Error>(
        _ name: StaticString, _ items: [Item], _ writer: inout JSONWriter,
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
