import Entries
import Formats
import ScanEngine
import Snapshots

/// The output buffer of a `ChangeWriter` that writes lines.
struct ChangeLines {
    private var buffer: [UInt8] = []

    var count: Int { buffer.count }

    mutating func append(_ bytes: [UInt8], end: UInt8 = UInt8(ascii: "\n")) {
        buffer += bytes
        buffer.append(end)
    }

    mutating func drain(_ body: (UnsafeRawBufferPointer) throws(OutputError) -> Void) throws(OutputError) {
        let bytes = buffer
        buffer = []
        var failure: OutputError?
        bytes.withUnsafeBytes { bytes in
            do throws(OutputError) { try body(bytes) } catch { failure = error }
        }
        if let failure { throw failure }
    }
}

/// `--paths`: the new path of each changed entry, or the old one if it was removed.
struct ChangePaths: ChangeWriter {
    private var lines = ChangeLines()
    private let old: SnapshotDescription
    private let new: SnapshotDescription
    private let isNUL: Bool
    private let quoting: Quoting?

    /// - Parameter quoting: nil for raw paths.
    init(_ old: SnapshotDescription, _ new: SnapshotDescription, isNUL: Bool, quoting: Quoting?) {
        (self.old, self.new, self.isNUL, self.quoting) = (old, new, isNUL, quoting)
    }

    var buffered: Int { lines.count }

    mutating func drain(_ body: (UnsafeRawBufferPointer) throws(OutputError) -> Void) throws(OutputError) {
        try lines.drain(body)
    }

    mutating func begin(only: Set<ChangeKind>, _ selections: [Selection]) {}

    mutating func change(_ change: Change) {
        let side = change.new == nil ? old : new
        let path = change.key.path(below: side.roots[change.key.root])
        lines.append(quoting?.escaped(path) ?? path, end: isNUL ? 0 : UInt8(ascii: "\n"))
    }

    mutating func finish(
        _ totals: ComparisonTotals, _ hidden: HiddenChanges, _ status: ExitStatus, _ verified: Verified?
    ) {}
}

/// `--stat`: the number of changed entries in each directory, in the order of paths, and the comparison's final
/// sentences.
struct ChangeCounts: ChangeWriter {
    private var lines = ChangeLines()
    private var text: ChangeText
    private var counts: [EntryKey: [ChangeKind: Int64]] = [:]
    /// The directory of a removed entry may be removed, too.
    private let old: SnapshotDescription
    private let new: SnapshotDescription
    private let quoting: Quoting

    init(_ text: ChangeText, _ old: SnapshotDescription, _ new: SnapshotDescription, _ quoting: Quoting) {
        (self.text, self.old, self.new, self.quoting) = (text, old, new, quoting)
    }

    var buffered: Int { lines.count + text.buffered }

    mutating func drain(_ body: (UnsafeRawBufferPointer) throws(OutputError) -> Void) throws(OutputError) {
        try lines.drain(body)
        try text.drain(body)
    }

    mutating func begin(only: Set<ChangeKind>, _ selections: [Selection]) {}

    mutating func change(_ change: Change) {
        let directory = change.key.parent ?? change.key
        for kind in change.kinds { counts[directory, default: [:]][kind, default: 0] += 1 }
    }

    mutating func finish(
        _ totals: ComparisonTotals, _ hidden: HiddenChanges, _ status: ExitStatus, _ verified: Verified?
    ) {
        for (directory, changes) in counts.sorted(by: { $0.key < $1.key }) {
            let path = quoting.escaped(directory.path(below: new.roots[directory.root]))
            lines.append(path + Array("  \(ChangeText.counts(changes) ?? "")".utf8))
        }
        text.finish(totals, hidden, status, verified)
    }
}
