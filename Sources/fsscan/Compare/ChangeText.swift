import ScanEngine
import Snapshots

/// Changes for people, an entry a line:
///
/// ```
/// + path                          added
/// - path                          removed
/// * path  size 3 -> 5             other content, or another kind
/// ! path  mode 0755 -> 4755       other metadata
/// = old -> new                    moved
/// ? path  openat: EACCES          cannot be read now
/// ```
struct ChangeText: ChangeWriter {
    private var buffer: [UInt8] = []
    private let compared: ComparedFields
    private let old: SnapshotDescription
    private let new: SnapshotDescription
    private let quoting: Quoting

    init(_ compared: ComparedFields, _ old: SnapshotDescription, _ new: SnapshotDescription, _ quoting: Quoting) {
        self.compared = compared
        self.old = old
        self.new = new
        self.quoting = quoting
    }

    var buffered: Int { buffer.count }

    mutating func drain(_ body: (UnsafeRawBufferPointer) throws(OutputError) -> Void) throws(OutputError) {
        let bytes = buffer
        buffer = []
        var failure: OutputError?
        bytes.withUnsafeBytes { bytes in
            do throws(OutputError) { try body(bytes) } catch { failure = error }
        }
        if let failure { throw failure }
    }

    mutating func begin() {}

    mutating func change(_ change: Change) {
        let sign = Self.sign(change.kinds)
        buffer += Array("\(sign) ".utf8)
        if change.kinds.contains(.moved), let before = change.old {
            buffer += path(before.key, old) + Array(" -> ".utf8)
        }
        buffer += path(change.key, change.new == nil ? old : new)
        var notes = change.fields.map(note)
        if change.kinds.contains(.unreadable) {
            notes += (change.new?.errors ?? []).map { Array("\($0.operation): \($0.message)".utf8) }
        }
        for (index, note) in notes.enumerated() { buffer += Array((index == 0 ? "  " : ", ").utf8) + note }
        buffer.append(UInt8(ascii: "\n"))
    }

    /// The one that matters most.
    private static func sign(_ kinds: [ChangeKind]) -> Character {
        let signs: [(ChangeKind, Character)] = [
            (.added, "+"), (.removed, "-"), (.moved, "="), (.content, "*"), (.kind, "*"), (.unreadable, "?"),
            (.metadata, "!"),
        ]
        return signs.first { kinds.contains($0.0) }?.1 ?? "!"
    }

    private func path(_ key: EntryKey, _ side: SnapshotDescription) -> [UInt8] {
        quoting.escaped(key.path(below: side.roots[key.root]))
    }

    private func note(_ field: FieldChange) -> [UInt8] {
        if case .xattrs(let before) = field.old, case .xattrs(let after) = field.new { return note(before, after) }
        if DigestAlgorithm(rawValue: field.name) != nil {
            // Enough to tell two apart; the JSON has all of it.
            return Array("\(field.name) ".utf8) + text(field.old).prefix(12) + Array(" -> ".utf8)
                + text(field.new).prefix(12)
        }
        return Array("\(field.name) ".utf8) + text(field.old) + Array(" -> ".utf8) + text(field.new)
    }

    private func note(_ before: [ExtendedAttribute], _ after: [ExtendedAttribute]) -> [UInt8] {
        var names: [[UInt8]] = []
        for attribute in after where !before.contains(attribute) {
            let isNew = !before.contains { $0.name == attribute.name }
            names.append(Array((isNew ? "+" : "*").utf8) + quoting.escaped(attribute.name))
        }
        for attribute in before where !after.contains(where: { $0.name == attribute.name }) {
            names.append(Array("-".utf8) + quoting.escaped(attribute.name))
        }
        return Array("xattrs ".utf8) + Array(names.joined(separator: [UInt8(ascii: " ")]))
    }

    private func text(_ value: FieldValue) -> [UInt8] {
        switch value {
        case .number(let number): Array(String(number).utf8)
        case .unsigned(let number): Array(String(number).utf8)
        case .text(let text): text.isEmpty ? Array("none".utf8) : Array(text.utf8)
        case .bytes(let bytes): quoting.quoted(bytes)
        case .xattrs: []
        case .time(let time):
            Array((Timestamp.rfc3339(seconds: time.seconds, nanoseconds: time.nanoseconds) ?? "@\(time.seconds)").utf8)
        }
    }

    mutating func finish(_ totals: ComparisonTotals, _ status: ExitStatus) {
        var parts: [String] = []
        for kind in ChangeKind.allCases {
            guard let count = totals.changes[kind], count > 0 else { continue }
            parts.append("\(HumanUnits.count(count, "", "").split(separator: " ").first ?? "") \(Self.phrase(kind))")
        }
        line(parts.isEmpty ? "No difference." : parts.joined(separator: ", ") + ".")
        if let use = new.baseline {
            let reused = HumanUnits.count(use.reused, "file", "files")
            let digests = use.reused == 1 ? "digest that was" : "digests that were"
            let reread = HumanUnits.count(use.reread, "other", "others")
            line(
                "Quick: \(reused) that looked unchanged not read, with the \(digests) saved; \(reread) read again.")
        }
        if compared.algorithms.isEmpty {
            line("Content was not compared: the two sides have no digest in common (sizes and times were).")
        }
        if !compared.missing.isEmpty {
            line("Not compared, as one side does not say: \(compared.missing.listedNames.joined(separator: ", ")).")
        }
        if totals.unreadableEntries > 0 {
            let count = HumanUnits.count(totals.unreadableEntries, "entry", "entries")
            line("\(count) could not be read: what is there is not known.")
        }
        if !old.isComplete || !new.isComplete {
            line("One side is of a scan that was stopped: what it did not reach was not compared.")
        }
        if !totals.allMovesSought {
            line("Too many entries were added and removed to look for moves among all of them.")
        }
    }

    private mutating func line(_ text: String) { buffer += Array("\(text)\n".utf8) }

    private static func phrase(_ kind: ChangeKind) -> String {
        switch kind {
        case .added: "added"
        case .removed: "removed"
        case .content: "with other content"
        case .metadata: "with other metadata"
        case .kind: "of another kind"
        case .moved: "moved"
        case .unreadable: "unreadable now"
        }
    }
}
