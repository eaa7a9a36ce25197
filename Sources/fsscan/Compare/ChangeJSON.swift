import Bytes
import Entries
import Formats
import LinuxKernel
import ScanEngine
import Snapshots

/// Changes for programs, schema `fsscan-diff/2`: one object, or a line for each change between a header and a summary.
struct ChangeJSON: ChangeWriter {
    /// A class around the writer, which is not copyable, because a `ChangeWriter` must be.
    private final class Box {
        var writer: JSONWriter
        init(_ layout: JSONWriter.Layout) { writer = JSONWriter(layout: layout) }
    }

    private let box: Box
    private let compared: ComparedFields
    private let old: SnapshotDescription
    private let new: SnapshotDescription
    private let isLines: Bool

    init(_ compared: ComparedFields, _ old: SnapshotDescription, _ new: SnapshotDescription, isLines: Bool) {
        self.compared = compared
        self.old = old
        self.new = new
        self.isLines = isLines
        box = Box(isLines ? .compact : .readable)
    }

    var buffered: Int { box.writer.buffer.count }

    mutating func drain(_ body: (UnsafeRawBufferPointer) throws(OutputError) -> Void) throws(OutputError) {
        try box.writer.buffer.drain(body)
    }

    mutating func begin(only: Set<ChangeKind>, _ selections: [Selection]) {
        box.writer.beginObject(.onALineEach)
        if isLines { box.writer.member("type", "header") }
        box.writer.member("schema", "fsscan-diff/2")
        box.writer.member("version", Program.version)
        box.writer.member("old", side: old)
        box.writer.member("new", side: new)
        let fields = EntryField.comparable.filter { compared.fields.contains($0) }
        names("compared", fields.map(\.name.description) + compared.algorithms.map(\.rawValue))
        names("only", ChangeKind.allCases.filter { only.contains($0) }.map(\.rawValue))
        if !selections.isEmpty {
            box.writer.key("select")
            box.writer.beginArray()
            for selection in selections { box.writer.object(selection: selection) }
            box.writer.endArray()
        }
        if isLines {
            box.writer.endObject()
            box.writer.endLine()
        } else {
            box.writer.key("changes")
            box.writer.beginArray(.onALineEach)
        }
    }

    private func names(_ name: StaticString, _ names: [String]) {
        box.writer.key(name)
        box.writer.beginArray()
        for name in names { box.writer.value(name) }
        box.writer.endArray()
    }

    mutating func change(_ change: Change) {
        box.writer.beginObject()
        if isLines { box.writer.member("type", "change") }
        names("changes", change.kinds.map(\.rawValue))
        path("path", change.key, change.new == nil ? old : new)
        if change.kinds.contains(.moved), let before = change.old { path("old_path", before.key, old) }
        box.writer.member("kind", (change.new?.kind ?? change.old?.kind)?.recordName)
        box.writer.key("fields")
        box.writer.beginArray()
        for field in change.fields {
            box.writer.beginObject()
            box.writer.member("field", field.name)
            value("old", field.old)
            value("new", field.new)
            box.writer.endObject()
        }
        box.writer.endArray()
        if let reason = change.reason { box.writer.member("reason", reason.rawValue) }
        if change.isKnown { box.writer.member("known", "dpkg") }
        if !change.kinds.allSatisfy(\.isDifference) { errors(change.errors) }
        box.writer.endObject()
        if isLines { box.writer.endLine() }
    }

    private func path(_ name: StaticString, _ key: EntryKey, _ side: SnapshotDescription) {
        box.writer.member(name, bytes: key.path(below: side.roots[key.root]))
    }

    private func errors(_ errors: [SnapshotEntryError]) {
        box.writer.key("errors")
        box.writer.beginArray()
        for error in errors {
            box.writer.beginObject()
            box.writer.member("operation", error.operation)
            box.writer.member("code", error.code)
            box.writer.member("message", error.message)
            box.writer.endObject()
        }
        box.writer.endArray()
    }

    private func value(_ name: StaticString, _ value: FieldValue) {
        switch value {
        case .number(let number):
            box.writer.key(name)
            box.writer.value(number)
        case .text(let text): box.writer.member(name, text)
        case .bytes(let bytes): box.writer.member(name, bytes: bytes)
        case .time(let time):
            if let text = Timestamp.rfc3339(seconds: time.seconds, nanoseconds: time.nanoseconds) {
                box.writer.member(name, text)
            } else {
                box.writer.member(name, time.seconds)
            }
        case .xattrs(let attributes):
            box.writer.key(name)
            box.writer.beginArray()
            for attribute in attributes {
                box.writer.beginObject()
                box.writer.member("name", bytes: attribute.name)
                box.writer.key("value_b64")
                box.writer.value(base64: attribute.value)
                box.writer.endObject()
            }
            box.writer.endArray()
        }
    }

    mutating func finish(
        _ totals: ComparisonTotals, _ hidden: HiddenChanges, _ status: ExitStatus, _ verified: Verified?
    ) {
        if isLines {
            box.writer.beginObject()
            box.writer.member("type", "summary")
        } else {
            box.writer.endArray()
        }
        box.writer.member("status", Int64(status.rawValue))
        if let verified { member(verified) }
        notCompared(totals.notCompared)
        box.writer.key("totals")
        box.writer.beginObject()
        for kind in ChangeKind.allCases {
            box.writer.key(kind.rawValue)
            box.writer.value(totals.changes[kind] ?? 0)
        }
        box.writer.member("not_shown", hidden.entries)
        box.writer.member("unreadable_entries", totals.unreadableEntries)
        box.writer.member("old_entries_read", totals.oldEntries)
        box.writer.member("new_entries_read", totals.newEntries)
        box.writer.member("directories_skipped", totals.skippedDirectories)
        box.writer.member("all_moves_sought", totals.allMovesSought)
        box.writer.member("every_unnamed_digest_differs", totals.everyUnnamedDigestDiffers)
        if let notListed = totals.notListed { box.writer.member("new_not_listed", notListed) }
        if let ruled = totals.ruled {
            box.writer.member("old_left_out", ruled.oldLeftOut)
            box.writer.member("new_left_out", ruled.newLeftOut)
            box.writer.member("growing_files", ruled.grown.compared)
            box.writer.member("grown_files", ruled.grown.longer)
            box.writer.member("grown_bytes", ruled.grown.bytes)
        }
        box.writer.endObject()
        box.writer.endObject()
        box.writer.endLine()
    }

    private func member(_ verified: Verified) {
        box.writer.key("verified")
        box.writer.beginObject()
        box.writer.member("scan", verified.scan)
        box.writer.member("evidence", verified.evidence.hex)
        if let changes = verified.changes { box.writer.member("changes", changes) }
        box.writer.key("paths")
        box.writer.beginArray()
        for path in verified.paths {
            box.writer.beginObject()
            box.writer.member("path", bytes: path)
            box.writer.endObject()
        }
        box.writer.endArray()
        box.writer.endObject()
    }

    /// At the end, because only then the number of entries is known for each.
    private func notCompared(_ list: [NotCompared]) {
        box.writer.key("not_compared")
        box.writer.beginArray()
        for item in list {
            box.writer.beginObject()
            box.writer.member("field", item.field)
            box.writer.member("reason", item.reason.rawValue)
            if let entries = item.entries { box.writer.member("entries", entries) }
            box.writer.endObject()
        }
        box.writer.endArray()
    }
}

extension JSONWriter {
    /// A side of a comparison.
    mutating func member(_ name: StaticString, side: SnapshotDescription) {
        key(name)
        beginObject()
        member("format", side.format)
        member("complete", side.isComplete)
        if let baseline = side.baseline { member(baseline: baseline) }
        key("roots")
        beginArray()
        for root in side.roots {
            beginObject()
            member("path", bytes: root)
            endObject()
        }
        endArray()
        endObject()
    }
}
