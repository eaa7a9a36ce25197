import Bytes
package import Entries
import LinuxKernel
import ScanEngine

/// What records are written as. Which fields a format has a word for, and its shape, are in docs/FORMATS.md.
///
/// A format is a file of its own, with an extension of this type that has one static constant, and one line in `all`. It
/// says what it writes for what a scan finds; what it leaves out it has no word for.
public struct RecordFormat: Sendable {
    /// For `--format`.
    public let name: String

    /// An entry that was stat'ed. The path is as `find PATH` prints it.
    let entry:
        @Sendable (
            inout RecordEncoder, _ path: UnsafeRawBufferPointer, EntryKind, borrowing FileStatus, EntryContent
        ) -> Void
    /// An entry that could not be stat'ed, of the kind that readdir gave. An error belongs to it.
    var unknownEntry: @Sendable (inout RecordEncoder, _ path: UnsafeRawBufferPointer, EntryKind) -> Void = { _, _, _ in
    }
    /// Formats that carry no errors write nothing: standard error has them.
    var error: @Sendable (inout RecordEncoder, ScanError) -> Void = { _, _ in }
    /// A name that a pattern leaves out. Nothing else is known of it.
    var excluded: @Sendable (inout RecordEncoder) -> Void = { _ in }
    /// What stands in front of all entries.
    var header: @Sendable (inout RecordEncoder, ScanOptions, _ version: String, Timing) -> Void = { _, _, _, _ in }
    /// What stands behind all entries.
    var summary: @Sendable (inout RecordEncoder, ScanReport, _ includesStatistics: Bool) -> Void = { _, _, _ in }

    /// How what is in a directory stands inside of it: then records are sorted before they are written
    /// (`RecordTreeWriter`) and there can be one PATH only. What `entry` and the others write begins with a `RecordTreeItem`.
    var tree: RecordTreeText?
    /// The digests to compute where these are asked for.
    package var algorithms: @Sendable (_ asked: [DigestAlgorithm]) -> [DigestAlgorithm] = { $0 }
    /// The fields that it asks for by itself.
    package var asked: FieldSet = []
    /// Of a format of lines that NUL may end: the same, written so.
    package var withLines: (@Sendable (RecordLines) -> RecordFormat)?
    /// Whether it has a record for each error and a place for statistics, so that standard error need not have them.
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

    /// In the order in which `--format` lists them.
    public static let all: [RecordFormat] =
        [.ndjson, .paths, .ncdu, .mtree, .csv, .mca] + DigestAlgorithm.allCases.compactMap { .checksums($0) }

    package var isTree: Bool { tree != nil }
}

extension RecordFormat: Equatable {
    public static func == (left: RecordFormat, right: RecordFormat) -> Bool { left.name == right.name }
}
