import Bytes
import Entries
import LinuxKernel
import ScanEngine

extension SnapshotFormat {
    /// Specifications of mtree: NetBSD's and FreeBSD's, as trees or with full paths, and libarchive's.
    package static let mtree = SnapshotFormat(
        name: "mtree",
        recognises: { beginning in
            if beginning.starts(with: Array("#mtree".utf8)) { return true }
            let lines = beginning.split(separator: 0x0A, maxSplits: 50)
            let words = lines.lazy.map { MTreeReader.words($0[...]) }
            guard let first = words.first(where: { $0.first.map { $0.first != UInt8(ascii: "#") } ?? false }) else {
                return false
            }
            if first[0].elementsEqual(Array("/set".utf8)) { return true }
            return first.dropFirst().contains { $0.starts(with: Array("type=".utf8)) }
        },
        open: { (input) throws(SnapshotFailure) in try MTreeReader(input).read() })
}

/// Reads a whole specification.
struct MTreeReader {
    private let lines: LineReader
    private let sorter = EntrySorter()
    private var defaults = MTreeKeywords()
    private var system = MTreeSystem()
    /// The directory of relative names; empty for the root, which is not named.
    private var directory: [UInt8] = []
    /// Whether there was a `.`, so that a `..` may end it.
    private var hasRoot = false

    private var fields: FieldSet = []
    private var algorithms: Set<DigestAlgorithm> = []
    private var hasFractions = false

    private var uncheckable = UncheckableCounts()
    /// Entries so far that are compared by more than existence and kind.
    private var comparedEntries: Int64 = 0
    /// For each unknown keyword of `/set` the value of `comparedEntries` at that time. `/set` may have as many keywords
    /// as there are entries, so they are not counted per entry.
    private var setSince: [String: Int64] = [:]

    /// A line of two bytes may represent an entry whose path comes from earlier lines, and its target from `/set`. So
    /// paths and targets together could take the square of the file's size in `$TMPDIR`. Trees need about ten times the
    /// size of their specification; a chain of 20,000 directories with a path of 200,000 bytes needs 2 GB.
    private let allowance: Int
    private static let allowancePerByte = 64
    /// Bytes of all paths and targets so far.
    private var expanded = 0

    init(_ input: SnapshotInput, allowance: Int = 4 << 30) {
        lines = LineReader(input)
        self.allowance = allowance
    }

    static func words(_ line: ArraySlice<UInt8>) -> [ArraySlice<UInt8>] {
        line.split { $0 == 0x20 || $0 == 0x09 || $0 == 0x0D }
    }

    consuming func read() throws(SnapshotFailure) -> SortedSource {
        while let line = try logicalLine() { try read(line) }
        for name in setSince.keys { countSet(name) }
        guard hasRoot || !fields.isEmpty else { throw lines.failure("a specification without entries") }
        var description = SnapshotDescription(
            format: SnapshotFormat.mtree.name, roots: [[]], fields: fields,
            algorithms: DigestAlgorithm.allCases.filter { algorithms.contains($0) })
        description.hasWholeSeconds = fields.contains(.mtime) && !hasFractions
        description.uncheckable = uncheckable.counts
        return SortedSource(description, try sorter.finish())
    }

    /// A line without its comment, joined with the next lines as long as they end in a backslash.
    private func logicalLine() throws(SnapshotFailure) -> [UInt8]? {
        guard var piece = try lines.next() else { return nil }
        var line: [UInt8] = []
        while true {
            let (text, hasComment) = Self.withoutComment(piece)
            if hasComment || !Self.goesOn(text) { return line + text }
            line.append(contentsOf: text.dropLast())
            guard let next = try lines.next() else { throw lines.failure("the last line ends with a continuation") }
            guard line.count + next.count <= LineReader.longestLine else { throw lines.failure("too long") }
            piece = next
        }
    }

    /// The text before the first `#` without a backslash.
    private static func withoutComment(
        _ piece: UnsafeRawBufferPointer
    ) -> (text: UnsafeRawBufferPointer, hasComment: Bool) {
        var isEscaped = false
        for (index, byte) in piece.enumerated() {
            if byte == UInt8(ascii: "#"), !isEscaped {
                return (UnsafeRawBufferPointer(rebasing: piece[..<index]), true)
            }
            isEscaped = byte == UInt8(ascii: "\\") && !isEscaped
        }
        return (piece, false)
    }

    /// An even number of backslashes is the end of a name.
    private static func goesOn(_ piece: UnsafeRawBufferPointer) -> Bool {
        piece.reversed().prefix { $0 == UInt8(ascii: "\\") }.count % 2 == 1
    }

    private mutating func read(_ line: [UInt8]) throws(SnapshotFailure) {
        let words = Self.words(line[...])
        guard let first = words.first else { return }
        switch String(decoding: first, as: UTF8.self) {
        case "/set": set(words.dropFirst())
        case "/unset": for word in words.dropFirst() { unset(MTreeKeywords.name(word)) }
        case "..":
            if directory.isEmpty, !hasRoot { throw lines.failure("there is no open directory to end") }
            directory.removeSubrange((directory.lastIndex(of: Self.slash) ?? 0)...)
        default: try entry(first, words.dropFirst())
        }
    }

    private mutating func set(_ words: ArraySlice<ArraySlice<UInt8>>) {
        var keywords = MTreeKeywords()
        for word in words { keywords.set(word) }
        defaults.take(keywords)
        for name in keywords.unknown where setSince[name] == nil {
            let isFull = setSince.count >= UncheckableCounts.mostNames
            let name = isFull ? UncheckableCounts.others : name
            if setSince[name] == nil { setSince[name] = comparedEntries }
        }
    }

    private mutating func unset(_ name: String) {
        if name == "all" {
            for name in setSince.keys { countSet(name) }
            setSince = [:]
            defaults = MTreeKeywords()
        } else {
            defaults.unset(name)
            countSet(name)
            setSince[name] = nil
        }
    }

    /// Counts the entries since `/set` set an unknown keyword.
    private mutating func countSet(_ name: String) {
        if let since = setSince[name] { uncheckable.add(name, entries: comparedEntries - since) }
    }

    private mutating func entry(
        _ word: ArraySlice<UInt8>, _ words: ArraySlice<ArraySlice<UInt8>>
    ) throws(SnapshotFailure) {
        guard word.first != UInt8(ascii: "/"), let decoded = Vis.decoded(word), !decoded.isEmpty, !decoded.contains(0)
        else {
            throw lines.failure("no name")
        }
        var own = MTreeKeywords()
        for word in words { own.set(word) }
        let name = Self.isEscapedPattern(word) ? Self.withoutEscapes(decoded) : decoded
        let isFullPath = name.contains(Self.slash)
        var path = isFullPath ? [] : directory
        for component in name.split(separator: Self.slash) where !component.elementsEqual([UInt8(ascii: ".")]) {
            if !path.isEmpty { path.append(Self.slash) }
            path.append(contentsOf: component)
        }
        expanded += path.count
        guard isWithinBounds else { throw tooMuch }
        var entry = SnapshotEntry(key: EntryKey(root: 0, path: path))
        try fill(&entry, own)
        expanded += entry.target?.count ?? 0
        guard isWithinBounds else { throw tooMuch }
        note(entry)
        try sorter.append(entry, line: lines.number)
        if path.isEmpty { hasRoot = true }
        if entry.kind == .directory, !isFullPath { directory = path }
    }

    private mutating func fill(_ entry: inout SnapshotEntry, _ own: MTreeKeywords) throws(SnapshotFailure) {
        var keywords = defaults
        keywords.take(own)
        let uncheckable: [String]
        do throws(MTreeKeywords.BadKeyword) {
            uncheckable = try keywords.fill(&entry, own: own, &system)
        } catch {
            throw lines.failure("no value for \(error.name)")
        }
        if entry.rules.contains(.noChange) { return }
        comparedEntries += 1
        for name in uncheckable { self.uncheckable.add(name) }
        for name in own.unknown where setSince[name] == nil { self.uncheckable.add(name) }
    }

    private static let slash = UInt8(ascii: "/")

    private var isWithinBounds: Bool { expanded <= allowance + Self.allowancePerByte * lines.passed }
    private var tooMuch: SnapshotFailure {
        lines.failure("paths and targets take \(expanded) bytes in all, far more than the file")
    }

    /// Names are patterns, so fsscan puts backslashes before `*` and similar characters to make them literal. Other
    /// programs do not: they write those characters unchanged, without `\134`, or in octal.
    private static func isEscapedPattern(_ word: ArraySlice<UInt8>) -> Bool {
        let magic = [UInt8(ascii: "*"), UInt8(ascii: "?"), UInt8(ascii: "[")]
        return word.contains { magic.contains($0) } && String(decoding: word, as: UTF8.self).contains("\\134")
    }

    private static func withoutEscapes(_ name: [UInt8]) -> [UInt8] {
        let backslash = UInt8(ascii: "\\")
        var plain: [UInt8] = []
        var rest = name[...]
        while let byte = rest.popFirst() { plain.append(byte == backslash ? rest.popFirst() ?? byte : byte) }
        return plain
    }

    /// Records the fields of the source.
    private mutating func note(_ entry: SnapshotEntry) {
        fields.formUnion(entry.knownFields)
        if entry.mtime.map({ $0.nanoseconds != 0 }) ?? false { hasFractions = true }
        for algorithm in entry.digests.algorithms { algorithms.insert(algorithm) }
    }
}
