// Rules of a comparison: `--exclude` and the lines of `--rules`.
//
//     /var/log/** grows a gitignore pattern, anchored at the PATH, and words for its matches /home/** -mtime -ctime
//     /tmp ignore
//
// A rule matches an entry if its pattern matches the entry or a directory above it. The last rule that matches decides.
// So that one lookup for each entry is enough, each pattern `P` has a second pattern `P/**`. Nothing below an excluded
// directory comes back, because it is not entered.
//
// The scan of a live side gets the same patterns in the same order, so that it does not enter excluded directories.
// Entries that it reports nevertheless (it cannot take these patterns with --gitignore) are dropped here.

package import Entries
import Ignore
package import ScanEngine

package final class RuleSet: Sendable {
    private let excludes: IgnoreRules
    private let rules: IgnoreRules
    /// The rule that each pattern of `rules` belongs to.
    private let ruleOfPattern: [Int]
    package let actions: [RuleAction]
    /// For the scan, as patterns of `--exclude`.
    private let scanPatterns: [[UInt8]]
    /// Whether one of them begins with `!`.
    private let hasKeepingPattern: Bool

    /// - Parameters:
    ///   - list: in their order.
    ///   - patterns: those of `--exclude`, which come last.
    /// - Returns: nil if there are none.
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

        /// Its own pattern, and one for everything below.
        var patterns: [[UInt8]] {
            let (slash, star) = (UInt8(ascii: "/"), UInt8(ascii: "*"))
            if pattern.suffix(3) == [slash, star, star] { return [pattern] }
            let body = pattern.last == slash ? pattern.dropLast() : pattern[...]
            let isAnchored = body.contains(slash)
            return [pattern, (isAnchored ? [] : [star, star, slash]) + body + [slash, star, star]]
        }
    }

    /// The patterns for the scan of a live side. Its own patterns come after those of the rules, so that their
    /// exclusions stay in force.
    package func scanPatterns(before options: ScanOptions) -> [[UInt8]] {
        // A pattern with `!` would take precedence over a .gitignore.
        options.gitignore && hasKeepingPattern ? options.exclude : scanPatterns + options.exclude
    }

    /// The decision for one entry.
    package enum Ruling: Equatable, Sendable {
        case isLeftOut
        /// The number of the rule; nil: none matches.
        case isCompared(rule: Int?)
    }

    /// The number of the last rule that matches the first `end` bytes of a key.
    func lastRule(_ key: [UInt8], upTo end: Int, isDirectory: Bool) -> Int? {
        let place = KeyDirectory(key, end: end)
        guard let above = place.ignoreParent else { return nil }
        return place.withIgnoreName { name in
            rules.lastMatch(name, isDirectory: isDirectory, depth: place.depth, in: above).map { ruleOfPattern[$0] }
        }
    }

    /// Whether a pattern excludes exactly these bytes of a key, whatever it does with directories above.
    func leavesOut(_ key: [UInt8], upTo end: Int, isDirectory: Bool) -> Bool {
        if lastRule(key, upTo: end, isDirectory: isDirectory).map({ actions[$0].isIgnored }) == true { return true }
        let place = KeyDirectory(key, end: end)
        guard let above = place.ignoreParent else { return false }
        return place.withIgnoreName { name in
            excludes.verdict(name, isDirectory: isDirectory, depth: place.depth, in: above) == .ignored
        }
    }

    /// The choice of files that a scan reads; nil if rules do not affect it.
    ///
    /// - Parameter readsGrowing: false for NEW, where the beginnings of files that may grow are read later.
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

    /// Whether these rules exclude a path of a scan. Other patterns of the scan do not count.
    package func leavesOut(root: Int, path: UnsafeRawBufferPointer, below rootPath: [UInt8]) -> Bool {
        let key = EntryKey(root: root, path: path, below: rootPath).bytes
        return leavesOut(key, upTo: key.count, isDirectory: true)
    }
}

/// Applies rules to the entries of one source, in the order of their keys.
struct RuleWalk {
    private let rules: RuleSet
    private var last: [UInt8] = [0, 0, 0, 0]
    /// The length of the part of `last` that is excluded with everything below it.
    private var leftOut: Int?

    init(_ rules: RuleSet) { self.rules = rules }

    /// - Parameter isDirectory: also true for entries of unknown kind.
    mutating func ruling(_ key: [UInt8], isDirectory: Bool) -> RuleSet.Ruling {
        if let end = leftOut {
            if key.count >= end, key[..<end] == last[..<end], key.count == end || key[end] == 0 { return .isLeftOut }
            leftOut = nil
        }
        var common = 4
        while common < min(key.count, last.count), key[common] == last[common] { common += 1 }
        if key[..<4] != last[..<4] { common = 0 }
        defer { last = key }
        // Directories above that have not been checked yet: a list may contain no directories.
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

/// An entry, or a directory above it, as the beginning of a key.
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
