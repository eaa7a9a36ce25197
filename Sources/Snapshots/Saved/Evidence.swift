// What tells that a saved scan is the one that was saved: 64 hex digits that somebody keeps elsewhere, and that bind
// everything a comparison looks at. docs/SCHEMA-2.md defines them, to the byte.
//
//   entries in the order of their keys
//     │
//     ├─ errors ──────────▶ one running hash
//     ├─ directory ───────▶ a running hash for each that is open ─┐ value, when it is complete
//     └─ other ───────────▶ value ──▶ the directory that is open  │
//                                     the whole, if it is a PATH ◀┘
//
// Whoever can write to the file can write to all of it. So the evidence is computed from the rows, as they are
// compared, and nothing in the file that is derived from other rows (Merkle values, totals, packed content) has a part
// in it.

import Bytes
import CLinux
package import Entries
package import Formats
import LinuxKernel
import ScanEngine

/// 32 bytes.
package struct Evidence: Equatable, Sendable {
    package let hex: String
    let bytes: [UInt8]

    fileprivate init(_ bytes: [UInt8]) {
        self.bytes = bytes
        var digits: [UInt8] = []
        digits.appendHex(bytes)
        hex = String(decoding: digits, as: UTF8.self)
    }
}

/// Computes the evidence of one scan from its entries, which come in the order of their keys.
///
/// Memory: a hash for each directory that is open, and one path. Nothing recurses: trees are as deep as paths are long.
package final class EvidenceComputation {
    /// A hash to which its parts come one by one.
    private struct Running: ~Copyable {
        private var digest: MultiDigest

        init(_ methods: DigestMethods) {
            digest = MultiDigest(methods)
            digest.beginLane(0)
        }

        mutating func begin() { digest.beginLane(0) }
        mutating func add(_ bytes: UnsafeRawBufferPointer) { digest.updateLane(0, bytes) }

        mutating func finish() -> [UInt8] {
            var value: [UInt8] = []
            digest.finishLane(0, appendingTo: &value)
            return value
        }
    }

    /// A directory whose entries are coming. Used again for others: there are as many as the tree is deep.
    private final class Directory {
        var hash: Running
        var entries: UInt64 = 0
        /// Of its key, which begins like `path`.
        var keyLength = 0

        init(_ methods: DigestMethods) { hash = Running(methods) }
    }

    private let scan: SavedScan
    private let file: [UInt8]
    private let roots: [[UInt8]]
    private let methods: DigestMethods
    private var encoder: EvidenceEncoder
    private var part = ByteBuffer(capacity: 512)

    private var whole: Running
    private var errors: Running
    private var errorCount: UInt64 = 0
    /// Of an entry that is no directory.
    private var single: Running
    /// The first `depth` of them are open, the innermost last.
    private var directories: [Directory] = []
    private var depth = 0
    /// The key of the innermost open directory.
    private var path: [UInt8] = []
    /// The roots before it have their values.
    private var nextRoot = 0

    /// - Parameter file: for messages.
    package init(_ scan: SavedScan, of file: [UInt8]) throws(SnapshotFailure) {
        do throws(DigestUnavailable) {
            methods = try DigestMethods(DigestSet([.sha256]))
        } catch {
            throw SnapshotFailure(path: nil, error.message)
        }
        self.scan = scan
        self.file = file
        roots = scan.absoluteRoots
        encoder = EvidenceEncoder(scan.options)
        whole = Running(methods)
        errors = Running(methods)
        single = Running(methods)
        part.append("fsscan-evidence/1")
        part.append(0)
        part.appendOptions(scan.options)
        part.append(number: UInt64(roots.count))
        part.drain { whole.add($0) }
    }

    /// - Throws: where the entry lies in no directory.
    package func add(_ entry: SnapshotEntry) throws(SnapshotFailure) {
        for error in entry.errors { add(error, at: entry.key) }
        if entry.kind == nil { return }
        let key = entry.key.bytes
        close(downTo: key)
        guard isInOpenDirectory(key) else {
            throw SnapshotFailure(path: file, "is damaged: an entry lies in no directory")
        }
        encoder.encode(entry)
        if entry.kind == .directory { return open(key) }
        single.begin()
        encoder.buffer.drain { single.add($0) }
        finished(key[...], single.finish())
    }

    /// To be called once, after the last entry.
    package func finish() -> Evidence {
        close(downTo: nil)
        finishRoots(upTo: roots.count)
        part.append(number: errorCount)
        part.drain { errors.add($0) }
        part.append(errors.finish())
        part.drain { whole.add($0) }
        return Evidence(whole.finish())
    }

    private func add(_ error: SnapshotEntryError, at key: EntryKey) {
        errorCount += 1
        part.append(number: UInt64(key.root))
        part.append(counted: key.path)
        for text in [error.operation, error.code, error.message] { part.append(counted: Array(text.utf8)) }
        part.drain { errors.add($0) }
    }

    // MARK: Open directories

    private func open(_ key: [UInt8]) {
        if depth == directories.count { directories.append(Directory(methods)) }
        let directory = directories[depth]
        depth += 1
        (directory.entries, directory.keyLength) = (0, key.count)
        directory.hash.begin()
        encoder.buffer.drain { directory.hash.add($0) }
        path = key
    }

    /// Ends the directories that `key` is not in.
    private func close(downTo key: [UInt8]?) {
        let common = key.map { path.isEmpty ? 0 : Self.commonLength($0, path) } ?? 0
        while depth > 0 {
            let directory = directories[depth - 1]
            let length = directory.keyLength
            if let key, length <= common, key.count > length, length == Self.rootLength || key[length] == 0 { return }
            depth -= 1
            part.append(number: directory.entries)
            part.drain { directory.hash.add($0) }
            finished(path[..<length], directory.hash.finish())
            path.removeLast(path.count - (depth == 0 ? 0 : directories[depth - 1].keyLength))
        }
    }

    /// A row whose parent has no row, or is no directory, would belong to no value.
    private func isInOpenDirectory(_ key: [UInt8]) -> Bool {
        if key.count == Self.rootLength { return true }
        return depth > 0 && !key[nameStart(of: key[...])...].contains(0)
    }

    /// Where the name begins that an entry has in the innermost open directory.
    private func nameStart(of key: ArraySlice<UInt8>) -> Int {
        let length = directories[depth - 1].keyLength
        return length == Self.rootLength ? length : length + 1
    }

    /// Hands the value of an entry to the directory that it is in.
    private func finished(_ key: ArraySlice<UInt8>, _ value: [UInt8]) {
        if key.count == Self.rootLength {
            let root = EntryKey(bytes: Array(key)).root
            finishRoots(upTo: root)
            return finishRoot(value)
        }
        let directory = directories[depth - 1]
        directory.entries += 1
        part.append(counted: key[nameStart(of: key)...])
        part.append(value)
        part.drain { directory.hash.add($0) }
    }

    /// PATHs that are missing.
    private func finishRoots(upTo root: Int) {
        while nextRoot < root { finishRoot([UInt8](repeating: 0, count: 32)) }
    }

    private func finishRoot(_ value: [UInt8]) {
        part.append(counted: roots[nextRoot])
        part.append(value)
        part.drain { whole.add($0) }
        nextRoot += 1
    }

    /// Of the key of a root: see `EntryKey`.
    private static let rootLength = 4

    private static func commonLength(_ one: [UInt8], _ other: [UInt8]) -> Int {
        one.withUnsafeBytes { one in
            other.withUnsafeBytes { other in
                // Most entries lie in the directory that is open.
                if one.count >= other.count, memcmp(one.baseAddress!, other.baseAddress!, other.count) == 0 {
                    return other.count
                }
                let limit = min(one.count, other.count)
                var length = 0
                while length < limit, one[length] == other[length] { length += 1 }
                return length
            }
        }
    }
}

/// Gives out what a saved scan says, and computes its evidence from just that.
package final class EvidenceSource: SnapshotSource {
    private let source: SavedScanSource
    private let computation: EvidenceComputation
    private var isWhole = true
    /// Nil until the source has been read to its end, and where parts of it were passed over.
    package private(set) var evidence: Evidence?

    package init(_ source: SavedScanSource) throws(SnapshotFailure) {
        self.source = source
        computation = try EvidenceComputation(source.scan, of: source.path)
    }

    package var description: SnapshotDescription { source.description }

    package func next() throws(SnapshotFailure) -> SnapshotEntry? {
        guard let entry = try source.next() else {
            if isWhole, evidence == nil { evidence = computation.finish() }
            return nil
        }
        if isWhole { try computation.add(entry) }
        return entry
    }

    package func skip(_ subtree: EntryKey) throws(SnapshotFailure) {
        isWhole = false
        try source.skip(subtree)
    }
}

extension SavedScans {
    /// Reads all rows of the scan: some microseconds each.
    package func evidence(of scan: SavedScan) throws(SnapshotFailure) -> Evidence {
        let source = try EvidenceSource(try SavedScanSource(self, scan))
        while try source.next() != nil {
            if clinux_stop_signal() != 0 { throw SnapshotFailure(path: nil, "stopped") }
        }
        guard let evidence = source.evidence else { preconditionFailure("the scan was read to its end") }
        return evidence
    }
}

extension SavedScan {
    /// The PATHs, behind the directory that they were relative to. Where that was not saved they are as they were
    /// given.
    package var absoluteRoots: [[UInt8]] {
        guard let directory = workingDirectory else { return options.paths }
        let slash: [UInt8] = directory.last == UInt8(ascii: "/") ? [] : [UInt8(ascii: "/")]
        return options.paths.map { $0.first == UInt8(ascii: "/") ? $0 : directory + slash + $0 }
    }
}
