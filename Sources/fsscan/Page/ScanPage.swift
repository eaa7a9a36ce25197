import Bytes
import Entries
import LinuxKernel
import ScanEngine

/// The data of a scan's page: the report, with the map in place of the tree, and lists of limited length.
struct ScanPage {
    private let report: ScanReport
    private let options: ScanOptions

    init(_ report: ScanReport, _ options: ScanOptions) { (self.report, self.options) = (report, options) }

    /// The limits of a list: its length, and the bytes of names in it.
    private static let listLength = 300
    private static let listBytes = 60_000

    func data() -> [UInt8] {
        var writer = JSONWriter(layout: .compact, capacity: 1 << 20)
        writer.beginObject()
        writer.member("kind", "scan")
        writer.member("complete", report.complete)
        writer.key("title")
        writer.value(String(decoding: title, as: UTF8.self))
        writer.member("started", report.timing.startedSeconds)
        writer.member("now", options.now?.seconds ?? report.timing.startedSeconds)
        writer.key("elapsed_seconds")
        writer.seconds(nanoseconds: Int64(max(0, report.timing.elapsedSeconds) * 1e9))
        writer.key("totals")
        writer.object(totals: report.totals, .onOneLine)
        map.write(to: &writer)
        let roots = list("roots", report.roots, &writer, path: { $0.path }) { root, writer in
            writer.member("entries", root.totals.entries)
            writer.members(FileCounts(apparentBytes: root.totals.apparentBytes, diskBytes: root.totals.diskBytes))
        }
        writer.member("more_roots", Int64(report.roots.count - roots))
        list("largest_files", report.largestFiles, &writer, path: { $0.path }) { file, writer in
            writer.members(FileCounts(apparentBytes: file.apparentBytes, diskBytes: file.diskBytes))
        }
        list("largest_directories", report.largestDirectories, &writer, path: { $0.path }) { directory, writer in
            writer.member("entries", directory.entries)
            writer.members(FileCounts(apparentBytes: directory.apparentBytes, diskBytes: directory.diskBytes))
        }
        kinds(&writer)
        list("ages", report.ages, &writer) { item, writer in
            writer.member("age", item.age?.rawValue)
            writer.members(item.counts)
        }
        list("sizes", report.sizes, &writer) { item, writer in
            writer.key("size")
            if let size = item.size { writer.value(size) } else { writer.null() }
            writer.members(item.counts)
        }
        owners("owners", "uid", report.owners, &writer)
        owners("groups", "gid", report.groups, &writer)
        list("errors", report.errors, &writer, path: { $0.path }) { error, writer in
            writer.member("operation", error.operation)
            writer.member("message", error.message)
        }
        about(&writer)
        writer.endObject()
        return Array(writer.buffer.bytes)
    }

    private var title: [UInt8] {
        guard report.roots.count == 1 else {
            return Array(HumanUnits.count(Int64(report.roots.count), "PATH", "PATHs").utf8)
        }
        return PageNames.path(report.roots[0].path)
    }

    private var map: PageMap {
        PageMap(
            report.map.map { node in
                PageMap.Node(
                    parent: node.parent, name: node.name, isDirectory: node.isDirectory, isLinked: node.isLinked,
                    entries: node.entries, apparentBytes: node.apparentBytes, diskBytes: node.diskBytes,
                    ownBytes: node.ownBytes, lastChange: node.lastChange, uid: node.uid, digests: node.digests)
            }, digests: DigestSet(options.hash))
    }

    // MARK: Lists

    /// - Parameter path: of an item; lists of paths end at the byte limit.
    /// - Returns: the number of items.
    @discardableResult
    private func list<Item>(
        _ name: StaticString, _ items: some Collection<Item>, _ writer: inout JSONWriter,
        path: ((Item) -> [UInt8])? = nil, _ members: (Item, inout JSONWriter) -> Void
    ) -> Int {
        var (count, size) = (0, 0)
        writer.key(name)
        writer.beginArray()
        for item in items.prefix(Self.listLength) {
            let shown = path.map { PageNames.path($0(item)) }
            size += shown.map(PageNames.cost) ?? 0
            if size > Self.listBytes { break }
            writer.beginObject()
            if let shown { writer.member("path", String(decoding: shown, as: UTF8.self)) }
            members(item, &writer)
            writer.endObject()
            count += 1
        }
        writer.endArray()
        return count
    }

    /// Unlisted kinds are added to the others.
    private func kinds(_ writer: inout JSONWriter) {
        var others = report.otherExtensions
        for item in report.extensions.dropFirst(Self.listLength) { others.add(item.counts) }
        list("extensions", report.extensions, &writer) { item, writer in
            writer.member("extension", item.fileExtension)
            writer.members(item.counts)
        }
        writer.key("other_extensions")
        writer.beginObject()
        writer.members(others)
        writer.endObject()
        list("mime_types", report.mimeTypes, &writer) { item, writer in
            writer.member("type", item.type)
            writer.members(item.counts)
        }
    }

    private func owners(_ name: StaticString, _ id: StaticString, _ owners: [OwnerCount], _ writer: inout JSONWriter) {
        list(name, owners, &writer) { owner, writer in
            writer.member(id, Int64(owner.id))
            writer.member("name", owner.name.map { String(decoding: PageNames.path(Array($0.utf8)), as: UTF8.self) })
            writer.member("entries", owner.entries)
            writer.members(owner.counts)
        }
    }

    /// How and when the tree was scanned.
    private func about(_ writer: inout JSONWriter) {
        let started = Timestamp.rfc3339(
            seconds: report.timing.startedSeconds, nanoseconds: report.timing.startedNanoseconds)
        var rows: [(String, String)] = [
            ("program", "fsscan \(Program.version)"), ("started", started ?? ""),
            ("took", HumanUnits.seconds(report.timing.elapsedSeconds)), ("threads", "\(report.timing.threads)"),
        ]
        let flags = [
            (options.mime, "--mime"), (options.oneFileSystem, "--one-file-system"),
            (options.excludeKernfs, "--exclude-kernfs"), (options.excludeCaches, "--exclude-caches"),
            (options.gitignore, "--gitignore"), (options.followRoots, "-H"), (options.readPseudo, "--read-pseudo"),
        ].filter { $0.0 }.map(\.1)
        let hash = options.hash.isEmpty ? [] : ["--hash " + options.hash.map(\.rawValue).joined(separator: ",")]
        rows.append(("options", (flags + hash).joined(separator: " ")))
        for pattern in options.exclude.prefix(20) {
            rows.append(("left out", String(decoding: PageNames.path(pattern), as: UTF8.self)))
        }
        writer.key("about")
        writer.beginArray()
        for (name, value) in rows where !value.isEmpty {
            writer.beginArray()
            writer.value(name)
            writer.value(value)
            writer.endArray()
        }
        writer.endArray()
    }
}

extension JSONWriter {
    fileprivate mutating func members(_ counts: FileCounts) {
        member("files", counts.files)
        member("apparent_bytes", counts.apparentBytes)
        member("disk_bytes", counts.diskBytes)
    }
}
