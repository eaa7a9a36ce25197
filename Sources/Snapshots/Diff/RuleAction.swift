package import Entries
import Formats

/// How a rule compares the entries that it matches.
package struct RuleAction: Equatable, Sendable {
    /// They are excluded, with everything below them.
    package var isIgnored = false
    /// Only their existence and kind are compared.
    package var isKindOnly = false
    /// Files may get longer: only the bytes that they had before are compared.
    package var grows = false
    package var removed: FieldSet = []
    package var added: FieldSet = []
    package var removedAlgorithms: Set<DigestAlgorithm> = []

    package init() {}

    /// - Parameter words: the words after the pattern: `ignore`, `kind`, `grows`, `all`, `-NAME`, `+FIELD`.
    /// - Throws: a sentence for people.
    init(_ words: [ArraySlice<UInt8>]) throws(RuleFailure) {
        let words = words.map { String(decoding: $0, as: UTF8.self) }
        guard !words.isEmpty else {
            throw RuleFailure("has no word for its matches: ignore, kind, grows, all, -FIELD")
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
                throw RuleFailure("combines '\(word)' with other words: it must stand alone")
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
                throw RuleFailure("'\(word)' is not a field or a digest")
            }
        case "+":
            guard let field = EntryField(comparable: name), field != .kind else {
                throw RuleFailure("'\(word)' is not a field")
            }
            added.insert(field)
        default: throw RuleFailure("'\(word)' is not one of ignore kind grows all -FIELD +FIELD")
        }
    }

    /// Whether a scan must read files.
    ///
    /// - Parameter readsGrowing: whether files that may grow are read as a whole. Otherwise their beginning is read
    ///   later.
    func needsContent(_ options: ScanOptions, readsGrowing: Bool) -> Bool {
        if isIgnored || isKindOnly || grows && !readsGrowing { return false }
        return options.mime || !options.hash.allSatisfy { removedAlgorithms.contains($0) }
    }
}

/// A rule that cannot be parsed. The message is a sentence for people that continues after the number of its line.
package struct RuleFailure: Error, Equatable {
    package var message: String
    /// From 1; nil until it is known.
    package var line: Int?

    init(_ message: String) { self.message = message }
}

extension FieldSelection {
    /// This selection, modified by a rule.
    ///
    /// - Parameter isGrowing: for a file that may be longer now, and whose first bytes have been compared.
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
