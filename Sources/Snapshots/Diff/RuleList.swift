// The lines of a rules file: a pattern, blanks, and words that select the comparison.

import Entries
import Ignore

/// Reads a file of rules.
package struct RuleList: Sendable {
    package private(set) var rules: [RuleSet.Rule] = []

    /// Lines end with LF or CR LF. Empty lines and lines that begin with `#` are ignored. In a pattern, a blank needs a
    /// backslash before it.
    package init(_ contents: [UInt8]) throws(RuleFailure) {
        var number = 0
        for line in contents.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
            number += 1
            do throws(RuleFailure) {
                guard let rule = try Self.rule(line, number) else { continue }
                if rules.count == Self.limit { throw RuleFailure("exceeds the limit of \(Self.limit) rules") }
                rules.append(rule)
            } catch {
                var failure = error
                failure.line = number
                throw failure
            }
        }
    }

    /// Every rule is tried on every entry.
    private static let limit = 1000

    private static func rule(_ line: ArraySlice<UInt8>, _ number: Int) throws(RuleFailure) -> RuleSet.Rule? {
        let line = line.last == UInt8(ascii: "\r") ? line.dropLast() : line
        if line.contains(0) { throw RuleFailure("has a NUL, which no name can contain") }
        var words = words(line)
        guard let pattern = words.first, pattern.first != UInt8(ascii: "#") else { return nil }
        words.removeFirst()
        if pattern.first == UInt8(ascii: "!") {
            throw RuleFailure("begins with '!': a rule 'all' compares everything again")
        }
        return RuleSet.Rule(line: number, pattern: Array(pattern), action: try RuleAction(words))
    }

    private static func words(_ line: ArraySlice<UInt8>) -> [ArraySlice<UInt8>] {
        var words: [ArraySlice<UInt8>] = []
        var (index, start) = (line.startIndex, line.startIndex)
        func end() { if start < index { words.append(line[start..<index]) } }
        while index < line.endIndex {
            let byte = line[index]
            if byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") {
                end()
                start = index + 1
            } else if byte == UInt8(ascii: "\\"), index + 1 < line.endIndex {
                index += 1
            }
            index += 1
        }
        end()
        return words
    }

    // MARK: Rules that say nothing

    /// Why a rule has no effect.
    package enum Overruled: Equatable, Sendable {
        /// A later line decides for everything that it matches.
        case byLine(Int)
        /// A directory above everything that it matches is excluded.
        case isBelowLeftOut
    }

    /// The rules that cannot have an effect on any tree, by line.
    package func overruled(by set: RuleSet) -> [(rule: RuleSet.Rule, why: Overruled)] {
        rules.indices.compactMap { index in
            let rule = rules[index]
            if let later = rules[(index + 1)...].first(where: { $0.pattern == rule.pattern || Self.isEverything($0) }) {
                return (rule, .byLine(later.line))
            }
            let start = Self.literalStart(rule.pattern)
            let key = EntryKey(root: 0, path: start.path).bytes
            var directories = key.indices.dropFirst(4).filter { key[$0] == 0 }
            if !start.isWhole, key.count > 4 { directories.append(key.count) }
            for end in directories where set.leavesOut(key, upTo: end, isDirectory: true) {
                let last = set.lastRule(key, upTo: end, isDirectory: true)
                if last == index { continue }
                return (rule, last.flatMap { $0 > index ? .byLine(rules[$0].line) : nil } ?? .isBelowLeftOut)
            }
            if key.count == 4 { return nil }
            let last = set.lastRule(key, upTo: key.count, isDirectory: !start.isWhole || start.isDirectory) ?? index
            return last > index ? (rule, .byLine(rules[last].line)) : nil
        }
    }

    private static func isEverything(_ rule: RuleSet.Rule) -> Bool {
        [[0x2A], [0x2A, 0x2A], [0x2F, 0x2A], [0x2F, 0x2A, 0x2A]].contains(rule.pattern)
    }

    /// The literal names at the start of a pattern, and whether there is nothing else. A pattern without a slash
    /// matches at any depth.
    private static func literalStart(_ pattern: [UInt8]) -> (path: [UInt8], isWhole: Bool, isDirectory: Bool) {
        let slash = UInt8(ascii: "/")
        let isDirectory = pattern.last == slash
        let body = isDirectory ? pattern.dropLast() : pattern[...]
        guard body.contains(slash) else { return ([], false, isDirectory) }
        let names = body.split(separator: slash)
        let literal = names.prefix { name in !name.contains { "*?[\\".utf8.contains($0) } }
        return (Array(literal.joined(separator: [slash])), literal.count == names.count, isDirectory)
    }
}
