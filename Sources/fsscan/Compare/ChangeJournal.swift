import Entries
import Formats
import ScanEngine
import Snapshots

/// `--format journal`: an entry of systemd's journal for each change, and one for the summary. MESSAGE is the text; the
/// fields are for searches: `journalctl FSSCAN_CHANGE=content`.
struct ChangeJournal: ChangeWriter {
    private var text: ChangeText
    private var entries: [JournalEntry] = []
    private(set) var buffered = 0
    private var sent = 0
    private var left = 0
    private var knownCount = 0
    private let old: SnapshotDescription
    private let new: SnapshotDescription

    /// More would displace other programs' entries, and journald would drop some.
    static let limit = 5000

    init(_ text: ChangeText, _ old: SnapshotDescription, _ new: SnapshotDescription) {
        (self.text, self.old, self.new) = (text, old, new)
    }

    /// An entry a call.
    mutating func drain(_ body: (UnsafeRawBufferPointer) throws(OutputError) -> Void) throws(OutputError) {
        let drained = entries
        (entries, buffered) = ([], 0)
        for entry in drained {
            var failure: OutputError?
            // The array's own memory, valid during the call.
            entry.bytes.withUnsafeBytes { bytes in
                do throws(OutputError) { try body(bytes) } catch { failure = error }
            }
            if let failure { throw failure }
        }
    }

    mutating func begin(only: Set<ChangeKind>, _ selections: [Selection]) {}

    mutating func change(_ change: Change) {
        if change.isKnown { knownCount += 1 }
        guard sent < Self.limit else {
            left += 1
            return
        }
        sent += 1
        var shown = change
        // The text format lists these at its end.
        shown.isKnown = false
        text.change(shown)
        var line = takeText()
        if change.isKnown { line += Array("  (matches dpkg's packages)".utf8) }
        var entry = JournalEntry(
            .change, change.isKnown ? .notice : change.kinds.allSatisfy(\.isDifference) ? .warning : .error, text: line)
        for kind in change.kinds { entry.add("FSSCAN_CHANGE", kind.rawValue) }
        entry.add("FSSCAN_PATH", path(change.key, change.new == nil ? old : new))
        if change.kinds.contains(.moved), let before = change.old {
            entry.add("FSSCAN_OLD_PATH", path(before.key, old))
        }
        if let kind = (change.new?.kind ?? change.old?.kind)?.recordName { entry.add("FSSCAN_KIND", "\(kind)") }
        for field in change.fields { entry.add("FSSCAN_FIELD", field.name) }
        if let reason = change.reason { entry.add("FSSCAN_REASON", reason.rawValue) }
        if change.isKnown { entry.add("FSSCAN_KNOWN", "dpkg") }
        append(entry)
    }

    mutating func finish(
        _ totals: ComparisonTotals, _ hidden: HiddenChanges, _ status: ExitStatus, _ verified: Verified?
    ) {
        text.finish(totals, hidden, status, verified)
        var lines = takeText()
        if knownCount > 0 {
            let count = HumanUnits.count(Int64(knownCount))
            lines += Array("\n\(count) of these with the content of dpkg's packages.".utf8)
        }
        if left > 0 {
            let changes = HumanUnits.count(Int64(left), "further change has", "further changes have")
            lines += Array("\n\(changes) no entry in the journal.".utf8)
        }
        let priority: JournalEntry.Priority =
            switch status {
            case .success: .info
            case .different: .warning
            default: .error
            }
        var entry = JournalEntry(.summary, priority, text: lines)
        entry.add("FSSCAN_STATUS", "\(status.rawValue)")
        for kind in ChangeKind.allCases {
            guard let count = totals.changes[kind], count > 0 else { continue }
            entry.add(Array("FSSCAN_COUNT_\(kind.rawValue.uppercased())".utf8), Array("\(count)".utf8))
        }
        if let verified {
            entry.add("FSSCAN_SAVED", verified.file)
            entry.add("FSSCAN_SCAN", "\(verified.scan)")
            entry.add("FSSCAN_EVIDENCE", verified.evidence.hex)
            for path in verified.paths { entry.add("FSSCAN_PATH", path) }
        }
        append(entry)
    }

    private mutating func append(_ entry: JournalEntry) {
        buffered += entry.bytes.count
        entries.append(entry)
    }

    /// Without the newline at its end.
    private mutating func takeText() -> [UInt8] {
        var lines: [UInt8] = []
        do throws(OutputError) {
            try text.drain { bytes throws(OutputError) in lines += bytes }
        } catch {
            preconditionFailure("writing to memory failed")
        }
        if lines.last == 0x0A { lines.removeLast() }
        return lines
    }

    private func path(_ key: EntryKey, _ side: SnapshotDescription) -> [UInt8] {
        key.path(below: side.roots[key.root])
    }
}
