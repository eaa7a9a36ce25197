import Entries
import Formats
import LinuxKernel
import ScanEngine

/// The fields that are compared, by the rule for the entry.
struct RuledFields {
    let base: ComparedFields
    /// By the number of the rule.
    let actions: [RuleAction]
    private let plain: [ComparedFields]
    private let growing: [ComparedFields]
    /// Set if NEW is a tree that is scanned now.
    private let beginnings: Beginnings?

    init(
        _ base: ComparedFields, _ old: SnapshotDescription, _ new: SnapshotDescription, _ selection: FieldSelection,
        _ actions: [RuleAction], _ beginnings: Beginnings?
    ) {
        (self.base, self.actions, self.beginnings) = (base, actions, beginnings)
        plain = actions.map { ComparedFields(old, new, selection.applying($0, isGrowing: false)) }
        growing = actions.map { ComparedFields(old, new, selection.applying($0, isGrowing: true)) }
    }

    var areStatesComparable: Bool { base.areStatesComparable && plain.allSatisfy(\.areStatesComparable) }

    subscript(rule: Int?) -> ComparedFields { rule.map { plain[$0] } ?? base }

    /// The rule that lets a file grow; nil if it is compared like any other file.
    func growth(_ entry: SnapshotEntry) -> Int? {
        guard beginnings != nil, entry.kind == .file, let rule = entry.rule, actions[rule].grows else { return nil }
        return rule
    }

    /// The fields of an entry that the digest of changes covers: those that its rule compares. A file with `grows` may
    /// get longer between `verify` and `accept`, so the digest does not cover its size, times and content.
    func bound(_ entry: SnapshotEntry) -> [(name: String, value: [UInt8])] {
        guard let rule = entry.rule else { return base.shown(entry) }
        if actions[rule].isKindOnly { return base.shown(SnapshotEntry(key: entry.key, kind: entry.kind)) }
        guard actions[rule].grows, entry.kind == .file else { return plain[rule].shown(entry) }
        var entry = entry
        entry.digests = [:]
        return growing[rule].shown(entry)
    }

    /// The result of comparing the first bytes of a file, as many as it had before.
    enum Beginning {
        case same
        /// The file is shorter now.
        case shorter
        case different
        /// OLD has no digest of the file, although the rule compares it.
        case notKnown
    }

    /// Compares the beginning of a file with the digest that it had.
    ///
    /// - Parameter new: receives the digests of these bytes, or an error.
    func compareBeginning(_ old: SnapshotEntry, _ new: inout SnapshotEntry, _ rule: Int) -> Beginning {
        guard let now = new.size, let beginnings else { return .different }
        // A list of digests does not have sizes: its digests must be those of the whole file.
        let before = old.size ?? now
        if now < before { return .shorter }
        let wanted = plain[rule].wantedAlgorithms
        let algorithms = old.digests.algorithms.filter { wanted.contains($0) }
        if algorithms.isEmpty { return wanted.isEmpty ? .same : .notKnown }
        do throws(ContentFailure) {
            new.digests = try beginnings.digests(of: new, length: before, algorithms)
        } catch {
            new.errors.append(
                SnapshotEntryError(operation: error.cause.operation, code: error.cause.code, message: error.message))
            return .same
        }
        return algorithms.allSatisfy { old.digests[$0] == new.digests[$0] } ? .same : .different
    }
}

extension RuledFields {
    /// Like `ComparedFields.change`, by the rule for the entry. Counts the fields that the rule excludes.
    func change(from old: SnapshotEntry, to new: SnapshotEntry, _ tally: inout FieldTally) -> Change? {
        guard let rule = new.rule else { return base.change(from: old, to: new, &tally) }
        var new = new
        if actions[rule].isKindOnly { new.rules.insert(.noChange) }
        tally.countLeftOut(old, new, by: actions[rule], base, plain[rule])
        return plain[rule].change(from: old, to: new, &tally)
    }

    /// The change of a moved entry, by the rule for its new place. Renaming changes the ctime, so it is ignored.
    ///
    /// - Parameter isRotated: whether its beginning was compared.
    func change(
        ofMoved old: SnapshotEntry, _ new: SnapshotEntry, isRotated: Bool, _ tally: inout FieldTally
    ) -> Change {
        var change = Change(kinds: [.moved], old: old, new: new)
        var compared = self[new.rule]
        if let rule = new.rule {
            tally.countLeftOut(old, new, by: actions[rule], base, compared)
            if actions[rule].isKindOnly { return change }
            if isRotated { compared = growing[rule] }
        }
        if let kind = new.kind { compared.count(old, new, kind, &tally) }
        change.fields = compared.differences(old, new).filter { $0.field != .ctime }
        if !change.fields.isEmpty { change.kinds = [.metadata, .moved] }
        return change
    }

    /// The same for a file that may grow.
    func change(
        from old: SnapshotEntry, to new: SnapshotEntry, _ beginning: Beginning, _ rule: Int, _ tally: inout FieldTally
    ) -> Change? {
        tally.countLeftOut(old, new, by: actions[rule], base, plain[rule])
        switch beginning {
        case .same: return growing[rule].change(from: old, to: new, &tally)
        case .different, .notKnown: return plain[rule].change(from: old, to: new, &tally)
        case .shorter:
            // The size shows the change, so no digest is missing.
            var before = old
            before.digests = [:]
            return plain[rule].change(from: before, to: new, &tally)
        }
    }

    /// The same for a file that may grow and whose name has another inode now.
    ///
    /// - Parameter isRotated: the old file was found under another name. Then this is a new log, and only fields that
    ///   do not depend on its content are compared.
    func change(
        ofName old: SnapshotEntry, _ new: SnapshotEntry, isRotated: Bool, _ tally: inout FieldTally
    ) -> Change? {
        guard let rule = new.rule else { return base.change(from: old, to: new, &tally) }
        if isRotated {
            let fields = growing[rule].differences(old, new).filter { $0.field != .digests && $0.field != .btime }
            return fields.isEmpty ? nil : Change(kinds: [.metadata], old: old, new: new, fields: fields)
        }
        var new = new
        let beginning = compareBeginning(old, &new, rule)
        return change(from: old, to: new, beginning, rule, &tally)
    }
}
