import Entries
import LinuxKernel
import ScanEngine

/// Removed and added entries, kept until the end of a comparison to find moves.
///
/// Bounded in bytes, not in entries: the paths of a chain of 2,500 directories with names of 40 bytes take 128 MB.
struct MoveCandidates {
    private var removed: [SnapshotEntry] = []
    private var added: [SnapshotEntry] = []
    /// Pairs of indices into `removed` and `added` with the same name: files that may grow, and whose name has another
    /// inode now.
    private var replaced: [(old: Int, new: Int)] = []
    /// Of everything that is kept.
    private(set) var bytes = 0
    private let limit: Int
    /// False once there was no room for an entry.
    private(set) var areComplete = true

    /// Some 100,000 entries with paths of 100 bytes.
    static let limit = 64 << 20

    init(limit: Int = Self.limit) { self.limit = limit }

    var count: Int { removed.count + added.count }

    /// - Returns: false if there is no room: the caller reports the entry at once.
    mutating func keep(removed entry: SnapshotEntry) -> Bool {
        let hasRoom = takeRoom(for: entry)
        if hasRoom { removed.append(entry) }
        return hasRoom
    }

    mutating func keep(added entry: SnapshotEntry) -> Bool {
        let hasRoom = takeRoom(for: entry)
        if hasRoom { added.append(entry) }
        return hasRoom
    }

    /// Keeps both sides of one name.
    mutating func keep(_ old: SnapshotEntry, _ new: SnapshotEntry) -> Bool {
        guard takeRoom(for: old), takeRoom(for: new) else { return false }
        replaced.append((removed.count, added.count))
        removed.append(old)
        added.append(new)
        return true
    }

    private mutating func takeRoom(for entry: SnapshotEntry) -> Bool {
        let needed = entry.footprint
        guard bytes + needed <= limit else {
            areComplete = false
            return false
        }
        bytes += needed
        return true
    }

    // MARK: Pairing

    /// Reports all changes in the order of their place now (or then). Pairs that are the same file are one change.
    /// Pairs are found first between directories, if only one on each side has a certain digest, with everything below
    /// them; then by device and inode with the same content; then between files, if only one on each side has a certain
    /// digest.
    ///
    /// Before all of these come rotated logs: the same inode and beginning under another name that the same rule
    /// matches. The new file under the old name is not reported.
    ///
    /// - Parameters:
    ///   - folding: entries below directories for which there was no room; nil: no folding.
    ///   - body: gets each change, and whether it is folded into an earlier one.
    consuming func forEachChange(
        _ ruled: RuledFields, _ tally: inout FieldTally, _ grown: inout GrownFiles,
        _ folding: (removed: [EntryKey: FoldedEntries], added: [EntryKey: FoldedEntries])?,
        _ body: (_ change: Change, _ isFolded: Bool) throws -> Void
    ) rethrows {
        let rotated = rotated(ruled, &grown)
        let partners = self.partners(ruled.base, rotated)
        let isTaken = Set(partners.values)
        var isReplaced: [Int: Int] = [:]
        for (old, new) in replaced where partners[new] == nil { isReplaced[new] = old }
        // Places instead of changes, which would take as much memory as all entries.
        let stays = Set(isReplaced.values)
        var order = removed.indices.filter { !isTaken.contains($0) && !stays.contains($0) }
            .map { Place(key: removed[$0].key, old: $0) }
        order += added.indices.map { Place(key: added[$0].key, old: partners[$0], new: $0) }
        order.sort { $0.key < $1.key }
        func change(_ place: Place, _ tally: inout FieldTally) -> Change? {
            switch (place.old, place.new) {
            case (let old?, nil): return Change(kinds: [.removed], old: removed[old], new: nil)
            case (nil, let new?):
                guard let old = isReplaced[new] else { return Change(kinds: [.added], old: nil, new: added[new]) }
                return ruled.change(ofName: removed[old], added[new], isRotated: isTaken.contains(old), &tally)
            case (let old?, let new?):
                return ruled.change(
                    ofMoved: removed[old], added[new], isRotated: rotated[new] == old, &tally)
            case (nil, nil): return nil
            }
        }
        // Fields that are not compared are counted once, when a change is reported, and not here. A name that stays is
        // not folded.
        var uncounted = FieldTally()
        let folds =
            folding == nil
            ? nil
            : Folds(order) { place in
                place.old == nil && place.new.map { isReplaced[$0] != nil } == true ? nil : change(place, &uncounted)
            }
        for (index, place) in order.enumerated() {
            guard var change = change(place, &tally) else { continue }
            change.below = folds?.below[index]
            let beyond = change.kinds == [.added] ? folding?.added : change.kinds == [.removed] ? folding?.removed : nil
            if let more = beyond?[place.key] {
                var below = change.below ?? FoldedEntries()
                below.add(more)
                change.below = below
            }
            try body(change, folds?.isFolded[index] ?? false)
            // It is unknown whether these were moved with it.
            for (kind, beyond) in [(ChangeKind.removed, folding?.removed), (.added, folding?.added)] {
                let key = kind == .added ? change.new?.key : change.old?.key
                guard change.kinds.contains(.moved), let key, let more = beyond?[key] else { continue }
                var rest = Change(
                    kinds: [kind], old: kind == .removed ? change.old : nil, new: kind == .added ? change.new : nil)
                (rest.below, rest.isBelowAlone) = (more, true)
                try body(rest, false)
            }
        }
    }

    /// An entry that was removed, added, or both.
    private struct Place {
        var key: EntryKey
        var old: Int?
        var new: Int?
    }

    /// The folding of changes.
    private struct Folds {
        var below: [Int: FoldedEntries] = [:]
        var isFolded: [Bool]

        init(_ order: [Place], _ change: (Place) -> Change?) {
            isFolded = Array(repeating: false, count: order.count)
            var stack = FoldingStack()
            for (index, place) in order.enumerated() {
                guard let change = change(place), let entry = change.new ?? change.old else { continue }
                let way: FoldingStack.Way
                switch (change.kinds.last, change.old) {
                case (.moved, let old?): way = .moved(from: old.key)
                case (.added, _): way = .added
                case (.removed, _): way = .removed
                default: continue
                }
                let isPlain = change.kinds.count == 1
                let top = stack.fold(
                    place.key, way, isDirectory: entry.kind == .directory, isPlain: isPlain, place: index)
                guard let top else { continue }
                isFolded[index] = true
                below[top, default: FoldedEntries()].add(entry)
            }
        }
    }

    /// Finds the removed file that an added one was, among files that may grow: the same inode under another name of
    /// the same rule, or from elsewhere with the same size.
    private mutating func rotated(_ ruled: RuledFields, _ grown: inout GrownFiles) -> [Int: Int] {
        var partners: [Int: Int] = [:]
        var olds: [Identity: Int] = [:]
        if !added.contains(where: { ruled.growth($0) != nil }) { return [:] }
        for (index, entry) in removed.enumerated() where entry.kind == .file {
            if let identity = Self.identity(entry) { olds[identity] = index }
        }
        for index in added.indices {
            guard let rule = ruled.growth(added[index]), let identity = Self.identity(added[index]),
                let old = olds[identity], removed[old].key != added[index].key,
                removed[old].rule == rule || !removed[old].differsInSize(from: added[index])
            else { continue }
            if let before = removed[old].btime, let now = added[index].btime, before != now { continue }
            var new = added[index]
            guard ruled.compareBeginning(removed[old], &new, rule) == .same, new.errors.isEmpty else { continue }
            grown.count(removed[old], new)
            added[index] = new
            partners[index] = old
            // One of several hard links.
            olds[identity] = nil
        }
        return partners
    }

    /// Finds the removed entry that an added one was.
    ///
    /// - Parameter known: pairs found so far.
    private func partners(_ compared: ComparedFields, _ known: [Int: Int]) -> [Int: Int] {
        var partners = known
        var isTaken = Set(known.values)
        /// Pairs entries that have the same value, if only one on each side has it.
        func pair<Value: Hashable>(
            by value: (SnapshotEntry) -> Value?, _ isSame: (SnapshotEntry, SnapshotEntry) -> Bool
        ) {
            let before = Dictionary(grouping: removed.indices.filter { !isTaken.contains($0) }) { value(removed[$0]) }
            let after = Dictionary(grouping: added.indices.filter { partners[$0] == nil }) { value(added[$0]) }
            for (value, new) in after where value != nil && new.count == 1 {
                guard let old = before[value], old.count == 1, isSame(removed[old[0]], added[new[0]]) else { continue }
                partners[new[0]] = old[0]
                isTaken.insert(old[0])
            }
        }
        for algorithm in compared.algorithms { pairDirectories(by: algorithm, compared, &partners, &isTaken) }
        pair(by: Self.identity, compared.isSameInode)
        for algorithm in compared.algorithms {
            let empty = Self.emptyDigest(algorithm)
            pair(by: { Self.digest($0, algorithm, empty) }, compared.sameContent)
        }
        return partners
    }

    /// Pairs a removed and an added directory that alone have a certain digest, with everything below them, name by
    /// name. This also pairs entries that could not be paired by themselves, such as empty files and files with equal
    /// content.
    private func pairDirectories(
        by algorithm: DigestAlgorithm, _ compared: ComparedFields, _ partners: inout [Int: Int],
        _ isTaken: inout Set<Int>
    ) {
        func digest(_ entry: SnapshotEntry) -> [UInt8]? {
            entry.kind == .directory ? entry.digests[algorithm] : nil
        }
        let before = Dictionary(grouping: removed.indices.filter { !isTaken.contains($0) }) { digest(removed[$0]) }
        let after = Dictionary(grouping: added.indices.filter { partners[$0] == nil }) { digest(added[$0]) }
        // A directory comes before its contents, and is paired with them.
        for new in added.indices where partners[new] == nil {
            guard let digest = digest(added[new]), after[digest]?.count == 1, let old = before[digest], old.count == 1,
                !isTaken.contains(old[0]), hasContent(below: new)
            else { continue }
            pairTree(old[0], new, compared, &partners, &isTaken)
        }
    }

    /// All trees of empty files have the same digest.
    private func hasContent(below top: Int) -> Bool {
        added[top...].prefix { added[top].key.contains($0.key) }.contains { $0.kind == .file && $0.size ?? 0 > 0 }
    }

    private func pairTree(
        _ old: Int, _ new: Int, _ compared: ComparedFields, _ partners: inout [Int: Int], _ isTaken: inout Set<Int>
    ) {
        let (oldTop, newTop) = (removed[old].key, added[new].key)
        var left = old
        // Both are in the order of their keys.
        for right in added.indices[new...] {
            guard newTop.contains(added[right].key) else { break }
            let rest = added[right].key.bytes[newTop.bytes.count...]
            while left < removed.count, oldTop.contains(removed[left].key),
                removed[left].key.bytes[oldTop.bytes.count...].lexicographicallyPrecedes(rest)
            {
                left += 1
            }
            guard left < removed.count, oldTop.contains(removed[left].key),
                removed[left].key.bytes[oldTop.bytes.count...] == rest, partners[right] == nil,
                !isTaken.contains(left), compared.sameContent(removed[left], added[right])
            else { continue }
            partners[right] = left
            isTaken.insert(left)
        }
    }

    private struct Identity: Hashable {
        var kind: EntryKind
        var device: UInt64
        var inode: UInt64
    }

    private static func identity(_ entry: SnapshotEntry) -> Identity? {
        guard let kind = entry.kind, let device = entry.device, let inode = entry.inode else { return nil }
        return Identity(kind: kind, device: device, inode: inode)
    }

    /// Nil for empty files, which all have the same digest.
    private static func digest(
        _ entry: SnapshotEntry, _ algorithm: DigestAlgorithm, _ empty: [UInt8]?
    ) -> [UInt8]? {
        guard entry.kind == .file, let digest = entry.digests[algorithm], digest != empty else { return nil }
        return digest
    }

    /// Nil if OpenSSL on this machine lacks the algorithm.
    private static func emptyDigest(_ algorithm: DigestAlgorithm) -> [UInt8]? {
        guard let methods = try? DigestMethods(DigestSet([algorithm])) else { return nil }
        var digest = MultiDigest(methods)
        var row: [UInt8] = []
        digest.digest(UnsafeRawBufferPointer(start: nil, count: 0), appendingTo: &row)
        return row
    }
}

extension SnapshotEntry {
    /// Its approximate size in memory: the entry, its places in the tables of pairs, and everything it refers to.
    fileprivate var footprint: Int {
        var bytes = 512 + key.bytes.count + (target?.count ?? 0) + (mime?.utf8.count ?? 0) + (state?.count ?? 0)
        for item in digests.items { bytes += 32 + item.digest.count }
        for attribute in xattrs ?? [] { bytes += 64 + attribute.name.count + attribute.value.count }
        return bytes
    }
}
