// Sources in memory, and the outcome of comparing them.

import Bytes
import Entries
import Formats
import LinuxKernel
import ScanEngine

@testable import Snapshots

/// A source of entries in memory.
final class Listed: SnapshotSource {
    let description: SnapshotDescription
    private var rest: ArraySlice<SnapshotEntry>

    init(_ entries: [SnapshotEntry], _ change: (inout SnapshotDescription) -> Void = { _ in }) {
        var description = SnapshotDescription(
            format: "test", roots: [[]], fields: entries.reduce(into: []) { $0.formUnion($1.knownFields) },
            algorithms: DigestAlgorithm.allCases.filter { name in entries.contains { $0.digests[name] != nil } })
        change(&description)
        self.description = description
        rest = entries.sorted { $0.key < $1.key }[...]
    }

    func next() -> SnapshotEntry? { rest.popFirst() }
    func skip(_ subtree: EntryKey) { rest = rest.drop { subtree.contains($0.key) } }
}

func entry(
    _ path: String, _ kind: EntryKind? = .file, _ change: (inout SnapshotEntry) -> Void = { _ in }
) -> SnapshotEntry {
    var entry = SnapshotEntry(key: EntryKey(root: 0, path: Array(path.utf8)), kind: kind)
    change(&entry)
    return entry
}

let refusal = SnapshotEntryError(operation: "openat", code: "EACCES", message: "Permission denied")

func closed(_ path: String, _ kind: EntryKind? = .directory) -> SnapshotEntry {
    entry(path, kind) { $0.errors = [refusal] }
}

func digest(_ byte: UInt8, _ algorithm: DigestAlgorithm = .sha256) -> [UInt8] {
    Array(repeating: byte, count: algorithm.byteCount)
}

struct Outcome: Equatable {
    /// `+ path`, `? path (not known now)`, …: the kinds, and the reason.
    var lines: [String] = []
    var totals = ComparisonTotals()

    /// `sha384 cannot be checked 3`
    var notCompared: [String] {
        totals.notCompared.map { "\($0.field) \($0.reason.rawValue)\($0.entries.map { " \($0)" } ?? "")" }
    }
}

func compare(
    _ old: any SnapshotSource, _ new: any SnapshotSource, _ selection: FieldSelection = FieldSelection(),
    _ candidates: MoveCandidates = MoveCandidates(), isFolding: Bool = false
) throws -> Outcome {
    var outcome = Outcome()
    outcome.totals = try Comparison(old, new, selection, candidates).run(isFolding: isFolding) { change in
        func path(_ key: EntryKey) -> String { String(decoding: key.path, as: UTF8.self) }
        let from = change.kinds.contains(.moved) ? "\(path(change.old!.key)) -> " : ""
        let fields = change.fields.isEmpty ? "" : " \(change.fields.map(\.name))"
        let kinds = change.kinds.map(\.rawValue).joined(separator: "+")
        let reason = change.reason.map { " (\($0.rawValue))" } ?? ""
        let below = change.below.map { " with \($0.entries)" } ?? ""
        let alone = change.isBelowAlone ? " below alone" : ""
        outcome.lines.append("\(kinds) \(from)\(path(change.key))\(fields)\(reason)\(below)\(alone)")
    }
    return outcome
}
