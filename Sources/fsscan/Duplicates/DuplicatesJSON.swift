import Bytes
import Entries
import LinuxKernel
import ScanEngine

/// Writes duplicates for programs, schema `fsscan-duplicates/1`: one object, or one line per group between a header and
/// a summary.
struct DuplicatesJSON: ~Copyable {
    private var writer: JSONWriter
    private var times = TimestampFormatter()
    private let options: DuplicateOptions
    private let selection: Selection
    private let isLines: Bool
    private let takesBack: Bool

    /// - Parameter selection: without sizes, and with times instead of ages.
    init(_ options: DuplicateOptions, _ selection: Selection, isLines: Bool, takesBack: Bool) {
        (self.options, self.selection, self.isLines, self.takesBack) = (options, selection, isLines, takesBack)
        writer = JSONWriter(layout: isLines ? .compact : .readable)
    }

    /// - Parameter reclaim: reclaims space, and reports each action.
    mutating func write(
        _ report: DuplicateReport, _ unique: UniqueFiles?, to output: OutputFile,
        reclaim: ((ReclaimAction) throws(OutputError) -> Void) throws(OutputError) -> Reclaimed?
    ) throws {
        begin()
        if let unique {
            beginList("unique")
            try unique.forEach { path, size, identity in
                writer.beginObject()
                if isLines { writer.member("type", "unique") }
                writer.member("path", bytes: path)
                writer.member("size", size)
                members(of: identity)
                endItem()
                try drain(to: output, atLeast: Self.pieceSize)
            }
            endList()
        } else {
            if options.findsDirectories {
                beginList("directories")
                for directory in report.directories { add(directory) }
                endList()
            }
            beginList("groups")
            for group in report.groups {
                add(group)
                try drain(to: output, atLeast: Self.pieceSize)
            }
            endList()
        }
        var reclaimed: Reclaimed?
        if takesBack {
            beginList("actions")
            try drain(to: output, atLeast: 0)
            reclaimed = try reclaim { action throws(OutputError) in
                add(action)
                try drain(to: output, atLeast: 0)
            }
            endList()
        }
        beginList("errors")
        for error in report.errors {
            writer.beginObject()
            if isLines { writer.member("type", "error") }
            writer.member("path", bytes: error.path)
            writer.member("operation", error.operation)
            writer.member("code", error.code)
            writer.member("message", error.message)
            endItem()
        }
        endList()
        finish(report, reclaimed)
        try drain(to: output, atLeast: 0)
    }

    private static let pieceSize = 1 << 16

    private mutating func drain(to output: OutputFile, atLeast size: Int) throws(OutputError) {
        if writer.buffer.count < size { return }
        try writer.buffer.drain { bytes throws(OutputError) in try output.write(bytes) }
    }

    private mutating func begin() {
        writer.beginObject(.onALineEach)
        if isLines { writer.member("type", "header") }
        writer.member("schema", "fsscan-duplicates/1")
        writer.member("version", Program.version)
        writer.key("options")
        writer.beginObject()
        writer.member("min_size", options.sizes.lowerBound)
        writer.key("max_size")
        if options.sizes.upperBound == .max { writer.null() } else { writer.value(options.sizes.upperBound) }
        writer.member("hash", options.comparesBytes ? nil : options.algorithm.rawValue)
        if !selection.isEmpty {
            writer.key("select")
            writer.object(selection: selection)
        }
        writer.endObject()
        if isLines {
            writer.endObject()
            writer.endLine()
        }
    }

    private mutating func beginList(_ name: StaticString) {
        if isLines { return }
        writer.key(name)
        writer.beginArray(.onALineEach)
    }

    private mutating func endList() { if !isLines { writer.endArray() } }

    private mutating func endItem() {
        writer.endObject()
        if isLines { writer.endLine() }
    }

    private mutating func members(of identity: DeviceInode) {
        writer.key("inode")
        writer.value(identity.inode)
        writer.key("device")
        writer.value(
            FileStatus.deviceNumber(
                major: UInt32(identity.device >> 32), minor: UInt32(truncatingIfNeeded: identity.device)))
    }

    private mutating func add(_ directory: DirectoryGroup) {
        writer.beginObject(.onALineEach)
        if isLines { writer.member("type", "directories") }
        writer.member("size", directory.size)
        writer.member("files", directory.files)
        writer.member("disk_bytes", directory.diskBytes)
        writer.key("directories")
        writer.beginArray(.onALineEach)
        for path in directory.paths {
            writer.beginObject()
            writer.member("path", bytes: path)
            writer.endObject()
        }
        writer.endArray()
        endItem()
    }

    private mutating func add(_ group: DuplicateGroup) {
        writer.beginObject(.onALineEach)
        if isLines { writer.member("type", "group") }
        writer.member("size", group.size)
        writer.member("reclaimable_bytes", group.reclaimableBytes)
        writer.member("shared_bytes", group.sharedBytes)
        writer.key("digests")
        writer.beginObject()
        if let digest = group.digest { writer.member(digest) }
        writer.endObject()
        writer.key("files")
        writer.beginArray(.onALineEach)
        for inode in group.inodes {
            for path in inode.paths {
                writer.beginObject()
                writer.member("path", bytes: path)
                members(of: inode.identity)
                writer.member("disk_bytes", inode.status.allocatedBytes)
                addTime(of: inode.status)
                writer.endObject()
            }
        }
        writer.endArray()
        endItem()
    }

    private mutating func addTime(of status: ContentStatus) {
        writer.key("mtime")
        let nanoseconds = Int64(status.mtimeNanoseconds)
        guard TimestampFormatter.covers(seconds: status.mtimeSeconds, nanoseconds: nanoseconds) else {
            return writer.null()
        }
        writer.beginString()
        times.append(seconds: status.mtimeSeconds, nanoseconds: nanoseconds, to: &writer.buffer)
        writer.endString()
    }

    private mutating func add(_ action: ReclaimAction) {
        writer.beginObject()
        if isLines { writer.member("type", "action") }
        writer.member("path", bytes: action.path)
        writer.member("kept", bytes: action.kept)
        switch action.outcome {
        case .done(let bytes):
            writer.member("done", true)
            writer.member("bytes", bytes)
        case .left(let reason):
            writer.member("done", false)
            writer.member("reason", reason)
        }
        endItem()
    }

    private mutating func finish(_ report: DuplicateReport, _ reclaimed: Reclaimed?) {
        if isLines {
            writer.beginObject()
            writer.member("type", "summary")
        }
        let totals = report.totals
        writer.member("complete", report.isComplete)
        if let reclaimed {
            writer.key("reclaimed")
            writer.beginObject()
            writer.member("manner", reclaimed.manner)
            writer.member("dry_run", reclaimed.isDryRun)
            writer.member("files", reclaimed.done)
            writer.member("left", reclaimed.left)
            writer.member("bytes", reclaimed.bytes)
            writer.endObject()
        }
        writer.key("totals")
        writer.beginObject(.onALineEach)
        writer.member("files", totals.files)
        writer.member("inodes", totals.inodes)
        writer.member("groups", totals.groups)
        writer.member("duplicate_files", totals.duplicateFiles)
        writer.member("duplicate_inodes", totals.duplicateInodes)
        writer.member("reclaimable_bytes", totals.reclaimableBytes)
        writer.member("shared_bytes", totals.sharedBytes)
        writer.member("files_read", totals.filesRead)
        writer.member("bytes_read", totals.bytesRead)
        writer.member("skipped", totals.skipped)
        writer.member("errors", totals.errors)
        writer.endObject()
        writer.endObject()
        writer.endLine()
    }
}
