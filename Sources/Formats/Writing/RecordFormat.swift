import Bytes
package import Entries
import LinuxKernel
import ScanEngine

/// An output format for records. docs/FORMATS.md describes the layout of each format and the fields that it has.
///
/// A format is a file of its own, with an extension of this type that has one static constant, and one line in `all`
/// (Formats/RecordFormat+All.swift).
/// It defines the output for each item of a scan; anything undefined is omitted.
public struct RecordFormat: Sendable {
    /// For `--format`.
    public let name: String

    /// An entry that was stat'ed. The path is as `find PATH` prints it.
    let entry:
        @Sendable (
            inout RecordEncoder, _ path: UnsafeRawBufferPointer, EntryKind, borrowing FileStatus, EntryContent
        ) -> Void
    /// An entry that could not be stat'ed, with the kind that readdir gave. An error belongs to it.
    var unknownEntry: @Sendable (inout RecordEncoder, _ path: UnsafeRawBufferPointer, EntryKind) -> Void = { _, _, _ in
    }
    /// Formats that carry no errors write nothing: standard error has them.
    var error: @Sendable (inout RecordEncoder, ScanError) -> Void = { _, _ in }
    /// A name that a pattern excludes. Nothing else is known about it.
    var excluded: @Sendable (inout RecordEncoder) -> Void = { _ in }
    /// The text before all entries.
    var header: @Sendable (inout RecordEncoder, ScanOptions, _ version: String, Timing) -> Void = { _, _, _, _ in }
    /// The text after all entries.
    var summary: @Sendable (inout RecordEncoder, ScanReport, _ includesStatistics: Bool) -> Void = { _, _, _ in }

    /// For formats in which directories contain their entries: then records are sorted before they are written
    /// (`RecordTreeWriter`) and there can be only one PATH. The output of `entry` and the others begins with a
    /// `RecordTreeItem`.
    var tree: RecordTreeText?
    /// The digests to compute if these are requested.
    package var algorithms: @Sendable (_ asked: [DigestAlgorithm]) -> [DigestAlgorithm] = { $0 }
    /// The fields that it requests by itself.
    package var asked: FieldSet = []
    /// For a format of lines that NUL may end: the same format with these settings.
    package var withLines: (@Sendable (RecordLines) -> RecordFormat)?
    /// Whether it has a record for each error and a place for statistics, so that standard error need not report them.
    package var tellsAll = false

    init(
        _ name: String,
        entry:
            @escaping @Sendable (
                inout RecordEncoder, _ path: UnsafeRawBufferPointer, EntryKind, borrowing FileStatus, EntryContent
            ) -> Void
    ) {
        self.name = name
        self.entry = entry
    }

    package var isTree: Bool { tree != nil }
}

extension RecordFormat: Equatable {
    public static func == (left: RecordFormat, right: RecordFormat) -> Bool { left.name == right.name }
}
