// What is compared where: `--exclude` and the lines of `--rules`.
//
//     /var/log/**   grows            a pattern of gitignore, anchored at the PATH, and what it says of what it matches
//     /home/**      -mtime -ctime
//     /tmp          ignore
//
// A rule matches an entry if its pattern matches the entry or a directory above it; the last rule that matches decides.
// To make that one question for each entry, each pattern `P` has a second one beside it, `P/**`. Nothing below a
// directory that is left out comes back, because nobody looks there.
//
// The scan of a live side gets the same patterns in the same order, so that it does not enter what is left out; what it
// says all the same (with --gitignore it is not told) is left out here.

package import Entries
import Ignore
package import ScanEngine

package final class RuleSet: Sendable {
    private let excludes: IgnoreRules
    private let rules: IgnoreRules
    /// The rule that each pattern of `rules` belongs to.
    private let ruleOfPattern: [Int]
    package let actions: [RuleAction]
    /// For the scan: patterns of `--exclude`.
    private let scanPatterns: [[UInt8]]
    /// One of them keeps something.
    private let hasKeepingPattern: Bool

    /// - Parameters:
    ///   - rules: in their order.
    ///   - excludes: patterns of `--exclude`, behind them.
    /// - Returns: nil where there are none.
    package init?(_ list: [Rule], excludes patterns: [[UInt8]]) {
        if list.isEmpty, patterns.isEmpty { return nil }
        var excludes = IgnoreRules()
        var rules = IgnoreRules()
        var ruleOfPattern: [Int] = []
        var scanPatterns: [[UInt8]] = []
        for (index, rule) in list.enumerated() {
            for pattern in rule.patterns {
                rules.append(pattern: pattern)
                while ruleOfPattern.count < rules.count { ruleOfPattern.append(index) }
                scanPatterns.append(rule.action.isIgnored ? pattern : [UInt8(ascii: "!")] + pattern)
            }
        }
        for pattern in patterns { excludes.append(pattern: pattern) }
        scanPatterns += patterns
        hasKeepingPattern = scanPatterns.contains { $0.first == UInt8(ascii: "!") }
        self.excludes = excludes
        self.rules = rules
        (self.ruleOfPattern, self.scanPatterns, actions) = (ruleOfPattern, scanPatterns, list.map(\.action))
    }

    /// A line of a file of rules.
    package struct Rule: Sendable {
        /// From 1.
        package var line: Int
        package var pattern: [UInt8]
        package var action: RuleAction

        /// Its own, and one for what is below.
        var patterns: [[UInt8]] {
            let (slash, star) = (UInt8(ascii: "/"), UInt8(ascii: "*"))
            if pattern.suffix(3) == [slash, star, star] { return [pattern] }
            let body = pattern.last == slash ? pattern.dropLast() : pattern[...]
            let isAnchored = body.contains(slash)
            return [pattern, (isAnchored ? [] : [star, star, slash]) + body + [slash, star, star]]
        }
    }

    /// The patterns of a scan of a live side: its own stand behind those of the rules, so that what they leave out stays
    /// left out.
    package func scanPatterns(before options: ScanOptions) -> [[UInt8]] {
        // A pattern that keeps something would have precedence over a .gitignore.
        options.gitignore && hasKeepingPattern ? options.exclude : scanPatterns + options.exclude
    }

    /// What is said of one entry.
    package enum Ruling: Equatable, Sendable {
        case isLeftOut
        /// The number of the rule; nil: none matches.
        case isCompared(rule: Int?)
    }

    /// The last rule that matches the first `end` bytes of a key.
    func lastRule(_ key: [UInt8], upTo end: Int, isDirectory: Bool) -> Int? {
        let place = KeyDirectory(key, end: end)
        guard let above = place.ignoreParent else { return nil }
        return place.withIgnoreName { name in
            rules.lastMatch(name, isDirectory: isDirectory, depth: place.depth, in: above).map { ruleOfPattern[$0] }
        }
    }

    /// Whether these bytes of a key are left out, for their own sake.
    func leavesOut(_ key: [UInt8], upTo end: Int, isDirectory: Bool) -> Bool {
        if lastRule(key, upTo: end, isDirectory: isDirectory).map({ actions[$0].isIgnored }) == true { return true }
        let place = KeyDirectory(key, end: end)
        guard let above = place.ignoreParent else { return false }
        return place.withIgnoreName { name in
            excludes.verdict(name, isDirectory: isDirectory, depth: place.depth, in: above) == .ignored
        }
    }

    /// Which files of a scan are looked into; nil where no rule says anything of that.
    ///
    /// - Parameter readsGrowing: false for NEW: of files that may grow the beginning is read, later.
    package func choice(_ options: ScanOptions, readsGrowing: Bool) -> (any ContentChoice)? {
        let isRead = actions.map { $0.needsContent(options, readsGrowing: readsGrowing) }
        return isRead.allSatisfy { $0 } ? nil : Choice(self, isRead, options.paths)
    }

    /// Whether a file of a scan may get longer.
    func mayGrow(root: Int, path: UnsafeRawBufferPointer, below rootPath: [UInt8]) -> Bool {
        let key = EntryKey(root: root, path: path, below: rootPath).bytes
        return lastRule(key, upTo: key.count, isDirectory: false).map { actions[$0].grows } ?? false
    }

    private final class Choice: ContentChoice {
        private let rules: RuleSet
        private let isRead: [Bool]
        private let roots: [[UInt8]]

        init(_ rules: RuleSet, _ isRead: [Bool], _ roots: [[UInt8]]) {
            (self.rules, self.isRead, self.roots) = (rules, isRead, roots)
        }

        func isRead(root: Int, path: UnsafeRawBufferPointer, size: Int64) -> Bool {
            let key = EntryKey(root: root, path: path, below: roots[root]).bytes
            return rules.lastRule(key, upTo: key.count, isDirectory: false).map { isRead[$0] } ?? true
        }
    }

    /// Whether a path of a scan is left out by these rules, and not by other patterns of the scan.
    package func leavesOut(root: Int, path: UnsafeRawBufferPointer, below rootPath: [UInt8]) -> Bool {
        let key = EntryKey(root: root, path: path, below: rootPath).bytes
        return leavesOut(key, upTo: key.count, isDirectory: true)
    }
}

/// Goes through the entries of one source, in the order of their keys.
struct RuleWalk {
    private let rules: RuleSet
    private var last: [UInt8] = [0, 0, 0, 0]
    /// How much of `last` is left out, with all that is below.
    private var leftOut: Int?

    init(_ rules: RuleSet) { self.rules = rules }

    /// - Parameter isDirectory: also of what nothing is known of.
    mutating func ruling(_ key: [UInt8], isDirectory: Bool) -> RuleSet.Ruling {
        if let end = leftOut {
            if key.count >= end, key[..<end] == last[..<end], key.count == end || key[end] == 0 { return .isLeftOut }
            leftOut = nil
        }
        var common = 4
        while common < min(key.count, last.count), key[common] == last[common] { common += 1 }
        if key[..<4] != last[..<4] { common = 0 }
        defer { last = key }
        // Directories above that were not asked about yet: a list may name none.
        for end in key.indices.dropFirst(4) where key[end] == 0 {
            if end < common || end == common && end == last.count { continue }
            if rules.leavesOut(key, upTo: end, isDirectory: true) {
                leftOut = end
                return .isLeftOut
            }
        }
        if key.count > 4, rules.leavesOut(key, upTo: key.count, isDirectory: isDirectory) {
            leftOut = key.count
            return .isLeftOut
        }
        return .isCompared(rule: rules.lastRule(key, upTo: key.count, isDirectory: isDirectory))
    }
}

/// A directory on the way to an entry, or the entry: the beginning of its key.
private struct KeyDirectory: IgnoreDirectory {
    private let key: [UInt8]
    private let end: Int

    init(_ key: [UInt8], end: Int) { (self.key, self.end) = (key, end) }

    private var slash: Int? { key[4..<end].lastIndex(of: 0) }
    var depth: Int { key[4..<end].count { $0 == 0 } + 1 }

    var ignoreParent: KeyDirectory? { end == 4 ? nil : KeyDirectory(key, end: slash ?? 4) }

    func withIgnoreName<R>(_ body: (Span<UInt8>) -> R) -> R {
        let start = slash.map { $0 + 1 } ?? 4
        return body(key.span.extracting(start..<end))
    }
}
