import Bytes
import Entries
import Formats
import LinuxKernel
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
/// ? path  not known before        could not be read then, or is not known now
/// ```
struct ChangeText: ChangeWriter {
    private var buffer: [UInt8] = []
    /// The lines of known changes (`--known`), which come last.
    private var known: [UInt8] = []
    private var knownCount: Int64 = 0
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

    mutating func begin(only: Set<ChangeKind>, _ selections: [Selection]) {}

    mutating func change(_ change: Change) {
        guard change.isKnown else { return append(change) }
        let lines = buffer
        buffer = known
        append(change)
        (buffer, known) = (lines, buffer)
        knownCount += 1
    }

    private mutating func append(_ change: Change) {
        let sign = Self.sign(change.kinds)
        buffer += Array("\(sign) ".utf8)
        if change.kinds.contains(.moved), let before = change.old {
            buffer += path(before.key, old) + Array(" -> ".utf8)
        }
        buffer += path(change.key, change.new == nil ? old : new)
        var notes = change.fields.map(note)
        if let reason = change.reason { notes.append(Array(reason.rawValue.utf8)) }
        if !change.kinds.allSatisfy(\.isDifference) {
            notes += change.errors.map { quoting.escaped(Array("\($0.operation): \($0.message)".utf8)) }
            if notes.isEmpty { notes.append(Array("changed while it was read".utf8)) }
        }
        if let below = change.below {
            let entries = HumanUnits.count(below.entries, "entry", "entries")
            let start = change.isBelowAlone ? "below it alone" : "with"
            notes.append(Array("\(start) \(entries), \(HumanUnits.bytes(below.bytes))".utf8))
        }
        for (index, note) in notes.enumerated() { buffer += Array((index == 0 ? "  " : ", ").utf8) + note }
        buffer.append(UInt8(ascii: "\n"))
    }

    /// The most important one.
    private static func sign(_ kinds: [ChangeKind]) -> Character {
        let signs: [(ChangeKind, Character)] = [
            (.added, "+"), (.removed, "-"), (.moved, "="), (.content, "*"), (.kind, "*"), (.unreadable, "?"),
            (.unknown, "?"), (.metadata, "!"),
        ]
        return signs.first { kinds.contains($0.0) }?.1 ?? "!"
    }

    private func path(_ key: EntryKey, _ side: SnapshotDescription) -> [UInt8] {
        quoting.escaped(key.path(below: side.roots[key.root]))
    }

    private func note(_ field: FieldChange) -> [UInt8] {
        if case .xattrs(let before) = field.old, case .xattrs(let after) = field.new { return note(before, after) }
        if field.field == .digests {
            // Enough to distinguish two; the JSON has the whole value.
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
        case .text(let text): text.isEmpty ? Array("none".utf8) : quoting.escaped(Array(text.utf8))
        case .bytes(let bytes): quoting.quoted(bytes)
        case .xattrs: []
        case .time(let time):
            Array((Timestamp.rfc3339(seconds: time.seconds, nanoseconds: time.nanoseconds) ?? "@\(time.seconds)").utf8)
        }
    }

    mutating func finish(
        _ totals: ComparisonTotals, _ hidden: HiddenChanges, _ status: ExitStatus, _ verified: Verified?
    ) {
        if knownCount > 0 {
            line("With the content of dpkg's packages, which is a hint and no proof:")
            buffer += known
        }
        let shown = totals.changes.merging(hidden.changes) { $0 - $1 }
        if let counts = Self.counts(shown) {
            line("\(counts).")
            if knownCount > 0 { line("\(HumanUnits.count(knownCount)) of these with the content of dpkg's packages.") }
        } else if hidden.entries > 0 {
            let what = hidden.bySelection ? "in selected entries" : "in the kinds of --only"
            line("No difference \(what).")
        } else {
            let isWhole =
                status != .trouble && totals.ruled?.isNothing != false && totals.notListed ?? 0 == 0
                && !totals.notCompared.contains { $0.field == "content" || $0.reason == .leftOutByRule }
            line(isWhole ? "No difference." : "No difference in what was compared.")
        }
        if let use = new.baseline {
            let reused = HumanUnits.count(use.reused, "file", "files")
            let digests = use.reused == 1 ? "digest that was" : "digests that were"
            let reread = HumanUnits.count(use.reread, "other", "others")
            line(
                "Quick: \(reused) that looked unchanged not read, with the \(digests) saved; \(reread) read again.")
        }
        if let counts = Self.counts(hidden.changes) {
            let reasons = [
                (hidden.byOnly, "--only does not name it"), (hidden.bySelection, "the entry is not selected"),
            ].filter(\.0).map(\.1)
            line("Not shown, because \(reasons.joined(separator: " or ")): \(counts).")
        }
        let list = totals.notCompared
        for sentence in totals.ruledSentences(quoting, isLive: new.format == "live") { line(sentence) }
        if compared.algorithms.isEmpty, totals.filesWithoutDigest > 0 || list.contains(where: { $0.isContent }) {
            line("Content was not compared: the two sides have no digest in common\(Self.hints(compared, totals)).")
        }
        if totals.everyUnnamedDigestDiffers {
            let names = compared.unnamedAlgorithms.map(\.rawValue).joined(separator: ", ")
            line("Every digest differs. The list names no algorithm: it may not be \(names) (--algorithm).")
        }
        for sentence in list.troubleSentences(quoting) + otherSentences(list) { line(sentence) }
        if totals.unreadableEntries > 0 {
            let count = HumanUnits.count(totals.unreadableEntries, "entry", "entries")
            line("\(count) could not be read: changes there are unknown.")
        }
        if let count = totals.changes[.unknown], count > 0 {
            let entries = HumanUnits.count(count, "entry", "entries")
            line("\(entries) could not be compared: unknown on one side.")
        }
        if !old.isComplete || !new.isComplete {
            line("One side is a scan that was stopped: entries that it did not reach were not compared.")
        }
        if !totals.allMovesSought {
            line("Too many entries were added and removed to search all of them for moves.")
        }
        if let changes = verified?.changes { line("Changes \(changes) (see fsscan accept --expect-changes)") }
        if let verified { line(sentence(verified)) }
    }

    /// As many PATHs as a person would read.
    private static let pathLimit = 10

    private func sentence(_ verified: Verified) -> [UInt8] {
        let scan = quoting.escaped(verified.file + Array("#\(verified.scan)".utf8))
        var paths = verified.paths.prefix(Self.pathLimit).map { quoting.escaped($0) }
        let rest = verified.paths.count - paths.count
        if rest > 0 { paths.append(Array(HumanUnits.count(Int64(rest), "more PATH", "more PATHs").utf8)) }
        return Array("Evidence \(verified.evidence.hex) of ".utf8) + scan + Array(", compared with ".utf8)
            + Array(paths.joined(separator: Array(", ".utf8)))
    }

    static func counts(_ changes: [ChangeKind: Int64]) -> String? {
        let parts = ChangeKind.allCases.compactMap { kind -> String? in
            guard let count = changes[kind], count > 0 else { return nil }
            return "\(HumanUnits.count(count)) \(phrase(kind))"
        }
        return parts.isEmpty ? nil : parts.joined(separator: ", ")
    }

    /// Sentences about further fields that were compared for all files.
    private static func hints(_ compared: ComparedFields, _ totals: ComparisonTotals) -> String {
        var hints: [String] = []
        if compared.fields.contains(.size), totals.filesWithoutSize == 0 { hints.append("sizes") }
        if !compared.fields.isDisjoint(with: [.mtime, .ctime]), totals.filesWithoutTime == 0 { hints.append("times") }
        return hints.isEmpty ? "" : " (\(hints.joined(separator: " and ")) were)"
    }

    /// Sentences about fields that the old side, or neither, has: they do not affect the exit status.
    private func otherSentences(_ list: [NotCompared]) -> [[UInt8]] {
        var sentences: [[UInt8]] = []
        func add(_ reason: NotCompared.Reason, _ start: String) {
            let names = list.filter { item in
                item.reason == reason && !(item.isContent && compared.algorithms.isEmpty)
                    && !(item.field == "xattrs" && old.options != nil)
            }.map { $0.phrase(quoting) }
            if names.isEmpty { return }
            sentences.append(
                Array("\(start), not compared: ".utf8) + names.joined(separator: Array(", ".utf8)) + [0x2E])
        }
        add(.oldDoesNotSay, "Unknown in OLD")
        add(.neitherSays, "Unknown on both sides")
        if old.options != nil,
            let xattrs = list.first(where: {
                $0.field == "xattrs" && [.oldDoesNotSay, .neitherSays].contains($0.reason)
            })
        {
            sentences.append(
                Array("OLD was scanned without --xattrs, not compared: ".utf8) + xattrs.phrase(quoting) + [0x2E])
        }
        if let content = list.first(where: { $0.reason == .bothSkipped }), let files = content.entries {
            let count = HumanUnits.count(files, "file", "files")
            sentences.append(
                Array("Skipped on both sides, not compared: content of \(count) (--read-pseudo reads it).".utf8))
        }
        return sentences
    }

    private mutating func line(_ text: String) { line(Array(text.utf8)) }

    private mutating func line(_ text: [UInt8]) { buffer += text + [UInt8(ascii: "\n")] }

    private static func phrase(_ kind: ChangeKind) -> String {
        switch kind {
        case .added: "added"
        case .removed: "removed"
        case .content: "with other content"
        case .metadata: "with other metadata"
        case .kind: "of another kind"
        case .moved: "moved"
        case .unreadable: "unreadable now"
        case .unknown: "unknown"
        }
    }
}
