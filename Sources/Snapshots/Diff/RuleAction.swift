package import Entries
import Formats

/// What a rule says of the entries that it matches: how they are compared, or that they are not.
package struct RuleAction: Equatable, Sendable {
    /// They are left out, with all that is below them.
    package var isIgnored = false
    /// Only that they exist, and their kind.
    package var isKindOnly = false
    /// Files may get longer: only the bytes that were there have to be the same.
    package var grows = false
    package var removed: FieldSet = []
    package var added: FieldSet = []
    package var removedAlgorithms: Set<DigestAlgorithm> = []

    package init() {}

    /// - Parameter words: what follows the pattern: `ignore`, `kind`, `grows`, `all`, `-NAME`, `+FIELD`.
    /// - Throws: a sentence for people.
    init(_ words: [ArraySlice<UInt8>]) throws(RuleFailure) {
        let words = words.map { String(decoding: $0, as: UTF8.self) }
        guard !words.isEmpty else {
            throw RuleFailure("says nothing of what it matches: ignore, kind, grows, all, -FIELD")
        }
        for word in words {
            switch word {
            case "ignore": isIgnored = true
            case "kind": isKindOnly = true
            case "grows": grows = true
            case "all": break
            default: try change(word)
            }
            if words.count > 1, ["ignore", "kind", "all"].contains(word) {
                throw RuleFailure("says '\(word)' and more: that word stands alone")
            }
        }
    }

    private mutating func change(_ word: String) throws(RuleFailure) {
        let name = String(word.dropFirst())
        switch word.first {
        case "-":
            if name == "content" {
                removedAlgorithms.formUnion(DigestAlgorithm.allCases)
            } else if let algorithm = DigestAlgorithm(rawValue: name) {
                removedAlgorithms.insert(algorithm)
            } else if let field = EntryField(comparable: name), field != .kind {
                removed.insert(field)
            } else {
                throw RuleFailure("'\(word)' names no field and no digest")
            }
        case "+":
            guard let field = EntryField(comparable: name), field != .kind else {
                throw RuleFailure("'\(word)' names no field")
            }
            added.insert(field)
        default: throw RuleFailure("'\(word)' is not one of ignore kind grows all -FIELD +FIELD")
        }
    }

    /// Whether a scan has to look into files.
    ///
    /// - Parameter readsGrowing: those that may grow are read whole, and not their beginning later.
    func needsContent(_ options: ScanOptions, readsGrowing: Bool) -> Bool {
        if isIgnored || isKindOnly || grows && !readsGrowing { return false }
        return options.mime || !options.hash.allSatisfy { removedAlgorithms.contains($0) }
    }
}

/// A rule that cannot be read, in a sentence for people that goes on behind its line.
package struct RuleFailure: Error, Equatable {
    package var message: String
    /// From 1; nil until it is known.
    package var line: Int?

    init(_ message: String) { self.message = message }
}

extension FieldSelection {
    /// This, as a rule changes it.
    ///
    /// - Parameter isGrowing: of a file that got longer, and whose first bytes have been compared.
    func applying(_ action: RuleAction, isGrowing: Bool) -> FieldSelection {
        var selection = self
        selection.added.formUnion(action.added)
        selection.ignored.subtract(action.added)
        selection.ignored.formUnion(action.removed)
        selection.ignoredAlgorithms.formUnion(action.removedAlgorithms)
        if isGrowing { selection.ignored.formUnion([.size, .diskBytes, .mtime, .ctime, .mime]) }
        return selection
    }
}
